"""Still pictures."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import psnr, scene, with_orientation

from blanket.errors import BlanketError, InputError
from blanket.image import Still, open_image, read_image, write_image
from blanket.media import media_in
from blanket.picture import Picture


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".jpeg", ".webp", ".PNG"])
def test_round_trip(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"ü {suffix}"
    write_image(path, scene())
    assert psnr(read_image(path), scene()) > 38
    assert b"Exif" not in path.read_bytes()


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 1), (8, 3)])
def test_exif_orientation(tmp_path: Path, orientation: int, turns: int) -> None:
    path = tmp_path / "a.jpg"
    write_image(path, np.ascontiguousarray(np.rot90(scene(), turns)))
    with_orientation(path, orientation)
    assert psnr(read_image(path), scene()) > 35


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff"])
def test_files_that_are_no_pictures(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match="not a picture"):
        read_image(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_image(tmp_path / "none.png")


def test_unknown_suffixes_and_sizes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="must end in"):
        write_image(tmp_path / "a.gif", scene())
    with pytest.raises(BlanketError, match=r"choose \.png"):
        write_image(tmp_path / "a.webp", np.zeros((1, 20000, 3), np.uint8))


def test_one_pixel_and_deep_and_transparent_pictures(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_image(path, np.full((1, 1, 3), 7, np.uint8))
    still = Still(read_image(path))
    assert still.sample(np.eye(2, 3, dtype=np.float32), (4, 4)).tolist() == [[[7, 7, 7]] * 4] * 4
    cv2.imwrite(str(path), np.full((5, 5, 4), 40000, np.uint16))
    assert read_image(path).shape == (5, 5, 3)
    assert read_image(path).dtype == np.uint8


def chunk(kind: bytes, data: bytes) -> bytes:
    """Of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def cut_out(path: Path, orientation: int = 1) -> Path:
    """A picture whose left half is clear; what was there is still in the file."""
    alpha = np.full((120, 160, 1), 255, np.uint8)
    alpha[:, :80] = 0
    picture = np.dstack([scene()[..., ::-1], alpha])
    stored = np.rot90(picture) if orientation == 6 else picture
    _, data = cv2.imencode(path.suffix, stored, [cv2.IMWRITE_WEBP_QUALITY, 101])
    exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0" + bytes([orientation, 0, 0])
    content = data.tobytes()
    if path.suffix == ".png":
        content = content[:33] + chunk(b"eXIf", exif + bytes(4)) + content[33:]
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(("name", "orientation"), [("a.png", 1), ("a.png", 6), ("a.webp", 1)])
@pytest.mark.parametrize("target", ["b.png", "b.webp", "b.jpg"])
def test_what_was_cut_out_does_not_come_back(
    tmp_path: Path, name: str, orientation: int, target: str
) -> None:
    path = tmp_path / target
    image = open_image(cut_out(tmp_path / name, orientation))
    assert psnr(image.pixels[:, 80:], scene()[:, 80:]) > 45
    # Even where something is painted there, it is not written.
    write_image(path, scene(), image.alpha)
    after = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert after[:, :72, :3].max() <= 3
    assert after[:, 88:, :3].mean() > 50
    if target == "b.jpg":
        (note,) = image.unkept(path)
        assert "transparency" in note
    else:
        assert (after[:, :80, 3] == 0).all()
        assert (after[:, 80:, 3] == 255).all()
        assert image.unkept(path) == []
    assert read_image(path)[:, :72].max() <= 3


def test_what_a_picture_loses_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), scene().astype(np.uint16) * 257)
    image = open_image(path)
    assert psnr(image.pixels[..., ::-1], scene()) > 45
    (note,) = image.unkept(path)
    assert "16 bits" in note
    write_image(path, scene())
    assert open_image(path).unkept(path) == []
    data = path.read_bytes()
    path.write_bytes(data[:33] + chunk(b"acTL", struct.pack(">II", 1, 0)) + data[33:])
    (note,) = open_image(path).unkept(path)
    assert "animated" in note
    frames = cv2.Animation()
    frames.frames, frames.durations = [scene(), scene(phase=1.0)], [100, 100]
    cv2.imwriteanimation(str(tmp_path / "a.webp"), frames)
    (note,) = open_image(tmp_path / "a.webp").unkept(path)
    assert "animated" in note


def test_a_still_is_sampled_and_painted_like_a_frame() -> None:
    picture: Picture = Still(scene())
    assert (picture.width, picture.height, picture.index, picture.time) == (160, 120, 0, 0.0)
    matrix = np.array([[0.8, -0.3, 5], [0.3, 0.8, -12]], np.float32)
    patch = picture.sample(matrix, (64, 64))
    warped = cv2.warpAffine(scene(), matrix, (64, 64), borderMode=cv2.BORDER_REPLICATE)
    assert psnr(patch, np.asarray(warped, np.uint8)) > 45
    twin = picture.copy()
    twin.paste(patch, np.full((64, 64), 255, np.uint8), matrix)
    assert psnr(twin.rgb(), scene()) > 40
    twin.paste(np.zeros_like(patch), np.zeros((64, 64), np.float32), matrix)
    picture.paste(np.zeros_like(patch), np.ones((64, 64), np.float32), matrix)
    assert psnr(twin.rgb(), scene()) > 40
    assert psnr(picture.rgb(), scene()) < 20
    assert picture.rgb(max_side=40).shape == (30, 40, 3)


def test_media_are_found_in_order_and_hidden_ones_left_out(tmp_path: Path) -> None:
    names = ["b/x.MP4", "a.jpg", "b/.cache/y.mp4", ".z.png", "b/notes.txt", "c.webm"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [path.relative_to(tmp_path).as_posix() for path in media_in(tmp_path)]
    assert found == ["a.jpg", "b/x.MP4", "c.webm"]
