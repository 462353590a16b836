"""Detectors: boxes and points worked out by hand, on files with the published interfaces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx", reason="onnx (extra train) makes the networks of these tests")

import networks

from blanket import align
from blanket.config import DetectSettings
from blanket.demo import INFANT, DemoClip
from blanket.detect import Detector, build_detector, detect_turned, overlap
from blanket.detect.retinaface import RetinaFace
from blanket.detect.scrfd import SCRFD
from blanket.detect.yunet import YuNet
from blanket.errors import BlanketError
from blanket.faces import Image
from blanket.templates import box_matrix, cut
from blanket.topology import five_points

SIZE = 160, 128
CELL = 4, 3
"""Column and row of the cell of 16 pixels that looks like a face."""


def picture(width: int = SIZE[0], height: int = SIZE[1], red: int = 255, blue: int = 0) -> Image:
    """Grey, but for one cell at stride 16."""
    pixels = np.full((height, width, 3), 100, np.uint8)
    x, y = 16 * CELL[0], 16 * CELL[1]
    pixels[y : y + 16, x : x + 16] = red, 100, blue
    return pixels


def test_scrfd_reads_scores_boxes_and_points(tmp_path: Path) -> None:
    detector = SCRFD(path=networks.scrfd(tmp_path / "a.onnx"))
    [face] = detector.detect(picture(red=255, blue=100))
    assert face.score == pytest.approx(1 / (1 + np.exp(8 - 8 * 155 / 128)), abs=1e-5)
    np.testing.assert_allclose(face.box, [64 - 24, 48 - 32, 64 + 40, 48 + 48], atol=1e-3)
    np.testing.assert_allclose(face.points, (64, 48) + 16 * networks.POINTS, atol=1e-3)


def test_retinaface_reads_scores_boxes_and_points(tmp_path: Path) -> None:
    detector = RetinaFace(path=networks.retinaface(tmp_path / "a.onnx"))
    [face] = detector.detect(picture(red=240, blue=100))
    assert face.score == pytest.approx(1 / (1 + np.exp(8 - 140 / 16)), abs=1e-5)
    # The second anchor at stride 16 is 128 pixels wide, around the middle of the cell.
    centre = np.array([72 + 64, 56 - 64])
    half = 64 * np.exp([0.2, 0.4])
    box = np.concatenate([centre - half, centre + half]).clip(0, [159, 127, 159, 127])
    np.testing.assert_allclose(face.box, box, atol=1e-3)
    np.testing.assert_allclose(face.points, (72, 56) + 25.6 * networks.POINTS, atol=1e-3)


def test_yunet_reads_scores_boxes_and_points(tmp_path: Path) -> None:
    detector = YuNet(path=networks.yunet(tmp_path / "a.onnx"))
    [face] = detector.detect(picture(red=240, blue=100))
    assert face.score == pytest.approx(np.sqrt(1 / (1 + np.exp(8 - 140 / 16))), abs=1e-4)
    centre = np.array([64 + 4, 48 + 8])
    np.testing.assert_allclose(face.box, [*(centre - (32, 40)), *(centre + (32, 40))], atol=1e-2)
    np.testing.assert_allclose(face.points, (64, 48) + 16 * networks.POINTS, atol=1e-2)


MAKERS: list[tuple[Callable[..., Path], type[SCRFD] | type[RetinaFace] | type[YuNet]]] = [
    (networks.scrfd, SCRFD),
    (networks.retinaface, RetinaFace),
    (networks.yunet, YuNet),
]


@pytest.mark.parametrize(("make", "kind"), MAKERS)
def test_nothing_is_found_where_nothing_is(
    make: Callable[..., Path], kind: type[SCRFD], tmp_path: Path
) -> None:
    detector = kind(path=make(tmp_path / "a.onnx"))
    assert detector.detect(np.full((128, 160, 3), 100, np.uint8)) == []
    assert detector.detect(np.zeros((1, 1, 3), np.uint8)) == []


@pytest.mark.parametrize(("make", "kind"), MAKERS)
def test_pictures_of_any_size_are_taken(
    make: Callable[..., Path], kind: type[SCRFD], tmp_path: Path
) -> None:
    detector = kind(path=make(tmp_path / "a.onnx"))
    whole = detector.detect(picture())
    for size in ((159, 127), (97, 81), (300, 200)):
        [face] = detector.detect(picture(*size))
        np.testing.assert_allclose(face.points, whole[0].points, atol=0.1)
        assert (face.box >= 0).all()
        assert (face.box[2:] < size).all()


@pytest.mark.parametrize(("make", "kind"), MAKERS)
def test_the_threshold_is_the_least_score(
    make: Callable[..., Path], kind: type[SCRFD], tmp_path: Path
) -> None:
    path = make(tmp_path / "a.onnx")
    [face] = kind(0.1, path).detect(picture(red=236, blue=100))
    assert kind(face.score - 0.01, path).detect(picture(red=236, blue=100))
    assert not kind(face.score + 0.01, path).detect(picture(red=236, blue=100))


@pytest.mark.parametrize(("make", "kind"), MAKERS[:2])
def test_a_file_of_fixed_size_is_given_that_size(
    make: Callable[..., Path], kind: type[SCRFD], tmp_path: Path
) -> None:
    whole = kind(path=make(tmp_path / "any.onnx")).detect(picture())
    fixed = kind(path=make(tmp_path / "fixed.onnx", (256, 320)))
    # Twice as large: a cell of 16 pixels is what one of 8 pixels was, so four cells see it.
    small = np.ascontiguousarray(cv2.resize(picture(), (80, 64), interpolation=cv2.INTER_AREA))
    large = np.ascontiguousarray(cv2.resize(picture(), None, fx=4, fy=4))
    for copy, ratio in ((small, 4), (large, 0.5)):
        faces = fixed.detect(copy)
        assert faces
        at = (faces[0].points.mean(0) + 0.5) * ratio - 0.5
        like = (whole[0].points.mean(0) + 0.5) * 2 - 0.5
        assert np.abs(at - like).max() < 33


def test_another_network_is_one_sentence(tmp_path: Path) -> None:
    other = networks.genderage(tmp_path / "other.onnx")
    bare = networks.scrfd(tmp_path / "bare.onnx", points=6)
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no network")
    for kind in (SCRFD, RetinaFace, YuNet):
        with pytest.raises(BlanketError, match=r"broken\.onnx"):
            kind(path=broken)
    for path in (other, bare):
        for kind in (SCRFD, RetinaFace):
            with pytest.raises(BlanketError, match=path.name):
                kind(path=path)


@pytest.mark.parametrize("name", ["scrfd", "retinaface", "yunet"])
def test_missing_weights_are_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLANKET_WEIGHTS", str(tmp_path / name))
    with pytest.raises(BlanketError, match="blanket weights pull"):
        build_detector(DetectSettings(backend=name))


def test_auto_takes_the_best_that_is_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLANKET_WEIGHTS", str(tmp_path))
    assert build_detector(DetectSettings(backend="auto")).name == "centerface"
    for name, make in (("retinaface_r34", networks.retinaface), ("scrfd_10g", networks.scrfd)):
        path = make(tmp_path / f"{name}.onnx")
        module = name.partition("_")[0]
        monkeypatch.setattr(f"blanket.detect.{module}.find", lambda _, path=path: path)
        assert build_detector(DetectSettings(backend="auto")).name == module


def test_mtcnn_finds_the_face_of_a_portrait() -> None:
    pytest.importorskip("facenet_pytorch", reason="MTCNN needs the extra facenet")
    detector = build_detector(DetectSettings(backend="mtcnn"))
    clip = DemoClip(seed=0, seconds=0.2, width=640, height=360, rate=15)
    frame = next(clip.frames())
    mesh = clip.truth().mesh[0, INFANT]
    matrix = box_matrix(mesh, 256, grow=2, square=True)
    found = detector.detect(cut(frame, matrix, 256))
    five = five_points(align.apply(matrix, mesh))
    assert np.abs(found[0].points - five).max() < 10
    assert overlap(found[0].box, np.array([64, 64, 191, 191])) > 0.5
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), np.uint8)
    for nothing in (np.zeros((120, 160, 3), np.uint8), np.zeros((8, 300, 3), np.uint8), noise):
        assert detector.detect(nothing) == []


def test_turned_copies_lead_back(tmp_path: Path) -> None:
    detector: Detector = SCRFD(path=networks.scrfd(tmp_path / "a.onnx"))
    upright = picture()
    [face] = detector.detect(upright)
    turned = np.ascontiguousarray(np.rot90(upright))
    back = detect_turned(detector, turned)
    middle = face.points.mean(0)
    expected = np.array([middle[1], SIZE[0] - 1 - middle[0]])
    assert min(np.abs(one.points.mean(0) - expected).max() for one in back) < 0.01
