"""Frames: what is seen and painted upright agrees with the picture that was filmed."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import BT601, BT709, FULL, LIMITED, LOSSLESS, make_clip, psnr, scene, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from blanket.faces import Image
from blanket.frame import Frame
from blanket.picture import Picture, enlarge_points
from blanket.resample import blend
from blanket.video import read

FORMATS = [f"yuv{kind}p{depth}" for kind in (420, 422, 444) for depth in ("", "10le")]


Matrix = NDArray[np.float32]


def first(path: Path) -> Frame:
    frames = read(path)
    frame = next(frames)
    frames.close()  # type: ignore[attr-defined]
    return frame


def affine(scale: float, degrees: float, centre: tuple[float, float], size: int) -> Matrix:
    """Centre of the picture to the centre of the patch."""
    matrix = np.asarray(cv2.getRotationMatrix2D(centre, degrees, scale), np.float32)
    matrix[:, 2] += np.float32((size - 1) / 2) - np.array(centre, np.float32)
    return matrix


def reference(picture: Image, matrix: Matrix, size: tuple[int, int]) -> Image:
    warped = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(warped, np.uint8)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_sample_agrees_with_a_warp_of_the_filmed_picture(
    tmp_path: Path, rotation: int, pixel_format: str
) -> None:
    filmed = scene(160, 120)
    path = make_clip(
        tmp_path / "a.mp4",
        [stored(filmed, rotation, Fraction(1))],
        pixel_format=pixel_format,
        rotation=rotation,
    )
    frame = first(path)
    assert (frame.width, frame.height) == (160, 120)
    matrix = affine(1.2, 25, (80, 60), 64)
    assert psnr(frame.sample(matrix, (64, 64)), reference(filmed, matrix, (64, 64))) > 44
    assert psnr(frame.rgb(), filmed) > 38


@pytest.mark.parametrize("rotation", [0, 90])
def test_pixel_aspect_is_undone(tmp_path: Path, rotation: int) -> None:
    aspect = Fraction(64, 45)
    filmed = scene(256, 128)
    path = make_clip(
        tmp_path / "a.mp4", [stored(filmed, rotation, aspect)], rotation=rotation, aspect=aspect
    )
    frame = first(path)
    assert abs(frame.width - 256) <= 1
    assert abs(frame.height - 128) <= 1
    matrix = affine(0.9, -15, (128, 64), 96)
    assert psnr(frame.sample(matrix, (96, 96)), reference(filmed, matrix, (96, 96))) > 40


@pytest.mark.parametrize("matrix_code", [BT601, BT709])
@pytest.mark.parametrize("color_range", [LIMITED, FULL])
@pytest.mark.parametrize("depth", ["", "10le"])
def test_colours_are_right(tmp_path: Path, matrix_code: int, color_range: int, depth: str) -> None:
    filmed = np.zeros((64, 64, 3), np.uint8)
    filmed[:] = (200, 40, 90)
    path = make_clip(
        tmp_path / "a.mp4",
        [filmed],
        pixel_format=f"yuv420p{depth}",
        matrix=matrix_code,
        color_range=color_range,
    )
    frame = first(path)
    patch = frame.sample(affine(1, 0, (32, 32), 16), (16, 16))
    assert np.abs(patch.astype(int) - filmed[0, 0]).max() <= 2
    assert np.abs(frame.rgb().astype(int) - filmed[0, 0]).max() <= 3
    frame.paste(np.full((16, 16, 3), (10, 220, 130), np.uint8), *solid(16))
    inner = frame.rgb()[28:36, 28:36].astype(int)
    assert np.abs(inner - (10, 220, 130)).max() <= 4


def solid(size: int) -> tuple[NDArray[np.uint8], Matrix]:
    return np.full((size, size), 255, np.uint8), affine(1, 0, (32, 32), size)


@pytest.mark.parametrize(("codec", "color_range"), [("ffv1", LIMITED), ("ffv1", FULL), ("png", 0)])
def test_gray(tmp_path: Path, codec: str, color_range: int) -> None:
    filmed = np.repeat(scene()[..., :1], 3, axis=2)
    path = make_clip(
        tmp_path / LOSSLESS[codec],
        [filmed],
        codec=codec,
        pixel_format="gray",
        color_range=color_range,
    )
    frame = first(path)
    assert psnr(frame.sample(affine(1, 0, (80, 60), 64), (64, 64)), filmed[28:92, 48:112]) > 38
    frame.paste(np.full((20, 20, 3), 128, np.uint8), np.ones((20, 20), np.float32), shift(40, 40))
    assert abs(int(frame.rgb()[50, 50, 0]) - 128) <= 2


def shift(x: float, y: float) -> Matrix:
    """A patch whose top-left pixel lies on (x, y)."""
    return np.array([[1, 0, -x], [0, 1, -y]], np.float32)


@pytest.mark.parametrize("pixel_format", ["rgb24", "gbrp10le", "bgr0", "yuv411p", "yuv420p12le"])
def test_other_formats_are_converted_on_reading(tmp_path: Path, pixel_format: str) -> None:
    filmed = scene()
    codec = "png" if pixel_format == "rgb24" else "ffv1"
    path = make_clip(tmp_path / LOSSLESS[codec], [filmed], codec=codec, pixel_format=pixel_format)
    frame = first(path)
    matrix = affine(1, 10, (80, 60), 64)
    assert psnr(frame.sample(matrix, (64, 64)), reference(filmed, matrix, (64, 64))) > 38


@pytest.fixture(scope="module", params=["yuv420p", "yuv422p", "yuv444p10le"])
def clip(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Frame:
    picture = scene(160, 120)
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    make_clip(path, [stored(picture, 90, Fraction(1))], pixel_format=request.param, rotation=90)
    return first(path)


AFFINES = st.builds(
    affine,
    st.floats(0.4, 3),
    st.floats(-180, 180),
    st.tuples(st.floats(-20, 180), st.floats(-20, 140)),
    st.just(64),
)
QUICK = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@QUICK
@given(matrix=AFFINES)
def test_pasting_what_was_sampled_changes_little(clip: Frame, matrix: Matrix) -> None:
    frame = clip.copy()
    frame.paste(frame.sample(matrix, (64, 64)), np.full((64, 64), 255, np.uint8), matrix)
    assert psnr(frame.rgb(), clip.rgb()) > 38


@QUICK
@given(matrix=AFFINES)
def test_alpha_zero_keeps_every_bit(clip: Frame, matrix: Matrix) -> None:
    frame = clip.copy()
    patch = np.full((64, 64, 3), 255, np.uint8)
    frame.paste(patch, np.zeros((64, 64), np.float32), matrix)
    for new, old in zip(frame.planes, clip.planes, strict=True):
        assert np.array_equal(new, old)


def test_nothing_changes_outside_the_patch(clip: Frame) -> None:
    frame = clip.copy()
    patch = np.zeros((20, 20, 3), np.uint8)
    frame.paste(patch, np.full((20, 20), 255, np.uint8), shift(100, 10))
    changed = np.abs(frame.rgb().astype(int) - clip.rgb()).max(-1) > 0
    rows, columns = np.nonzero(changed)
    assert columns.min() >= 97
    assert columns.max() <= 122
    assert rows.min() >= 7
    assert rows.max() <= 32
    assert frame.rgb()[12:28, 102:118].max() <= 3


@pytest.mark.parametrize("hard", [True, False])
@pytest.mark.parametrize("rotation", [0, 90, 180])
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_no_sample_of_a_pixel_outside_the_mask_changes(
    tmp_path: Path, pixel_format: str, rotation: int, hard: bool
) -> None:
    filmed = stored(scene(90, 71), rotation, Fraction(1))
    path = tmp_path / "a.mkv"
    make_clip(path, [filmed], codec="ffv1", pixel_format=pixel_format, rotation=rotation)
    frame = first(path)
    before = frame.copy()
    # A patch whose pixels are those of the picture, so that the mask is known in every one.
    mask = np.zeros((64, 64), np.float32)
    cv2.circle(mask, (31, 30), 23, 1.0, cv2.FILLED)
    cv2.rectangle(mask, (40, 33), (60, 35), 1.0, cv2.FILLED)
    if not hard:
        mask *= cv2.GaussianBlur(mask, (0, 0), 3)
    colour = np.full((64, 64, 3), (250, 10, 240), np.uint8)
    frame.paste(colour, mask, shift(11, 3))
    known = np.zeros((frame.height, frame.width, 3), np.uint8)
    known[3:67, 11:75] = (mask > 0)[..., None]
    outside = stored(known, rotation, Fraction(1))[..., 0] == 0
    for new, old in zip(frame.planes, before.planes, strict=True):
        down, across = (
            -(-full // part) for full, part in zip(outside.shape, new.shape, strict=True)
        )
        changed = np.kron((new != old).astype(np.uint8), np.ones((down, across), np.uint8))
        changed = changed[: outside.shape[0], : outside.shape[1]] > 0
        assert changed.sum() > 800
        assert not (changed & outside).any()


def test_a_patch_beside_the_picture_does_nothing(clip: Frame) -> None:
    frame = clip.copy()
    frame.paste(np.zeros((9, 9, 3), np.uint8), np.full((9, 9), 255, np.uint8), shift(500, 500))
    assert np.array_equal(frame.rgb(), clip.rgb())
    assert frame.sample(shift(500, 500), (8, 8)).std(axis=(0, 1)).max() < 3


def test_a_copy_is_independent(clip: Frame) -> None:
    frame = clip.copy()
    frame.paste(np.zeros((64, 64, 3), np.uint8), np.full((64, 64), 255, np.uint8), shift(20, 20))
    twin = frame.copy()
    twin.paste(np.full((64, 64, 3), 255, np.uint8), np.ones((64, 64), np.float32), shift(20, 20))
    assert frame.rgb()[50, 50].max() <= 3
    assert twin.rgb()[50, 50].min() >= 252
    assert clip.rgb()[50, 50].max() > 3


def test_large_faces_are_not_aliased(tmp_path: Path) -> None:
    fine = np.indices((512, 512)).sum(0) % 2 * 255
    picture = np.repeat(fine[..., None], 3, 2).astype(np.uint8)
    frame = first(make_clip(tmp_path / "a.mp4", [picture], pixel_format="yuv444p"))
    patch = frame.sample(affine(1 / 6, 20, (256, 256), 64), (64, 64))
    assert np.abs(patch.astype(int) - 127).max() < 12


def test_tiny_faces_are_not_aliased(tmp_path: Path) -> None:
    frame = first(make_clip(tmp_path / "a.mp4", [np.zeros((96, 96, 3), np.uint8)]))
    fine = np.indices((256, 256)).sum(0) % 2 * 255
    patch = np.repeat(fine[..., None], 3, 2).astype(np.uint8)
    frame.paste(patch, np.full((256, 256), 255, np.uint8), affine(8, 20, (48, 48), 256))
    assert np.abs(frame.rgb()[40:56, 40:56].astype(int) - 127).max() < 12


def test_small_copies_map_back(tmp_path: Path) -> None:
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[100:120, 200:220] = 255
    frame: Picture = first(
        make_clip(tmp_path / "a.mp4", [stored(picture, 270, Fraction(1))], rotation=270)
    )
    small = frame.rgb(max_side=80)
    assert small.shape == (60, 80, 3)
    weight = small[..., 1].astype(np.float64)
    rows, columns = np.indices(weight.shape)
    point = np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()
    back = enlarge_points(point.astype(np.float32), (80, 60), (320, 240))
    assert np.abs(back - (209.5, 109.5)).max() < 0.5
    assert frame.rgb(max_side=1000).shape == (240, 320, 3)


def test_the_decoder_s_own_picture_is_never_painted_on(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", [scene()] * 12, preset="medium", crf="10")
    before = [frame.rgb() for frame in read(clip)]
    black, cover = np.zeros((160, 160, 3), np.uint8), np.full((160, 160), 255, np.uint8)
    for frame, clean in zip(read(clip), before, strict=True):
        assert np.array_equal(frame.rgb(), clean)
        frame.paste(black, cover, shift(0, 0))


@given(st.floats(-180, 180), st.floats(0.6, 1.4), st.floats(-0.5, 0.5))
@settings(deadline=None, max_examples=25)
def test_a_patch_reaches_to_its_border_as_it_is(roll: float, scale: float, shift: float) -> None:
    plane = np.full((120, 120), 100, np.uint8)
    turn = np.eye(3)
    turn[:2] = cv2.getRotationMatrix2D((60, 60), roll, scale)
    turn[:2, 2] += shift - 30
    patch, alpha = np.full((60, 60), 200, np.uint8), np.ones((60, 60), np.float32)
    touched = blend([plane], [patch], alpha, turn)
    assert plane.min() == 100, "nothing dark is mixed in at the border"
    assert plane.max() == 200
    assert (plane[touched == 0] == 100).all()
