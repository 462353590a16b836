"""One place in the picture, and who is there when: faces that show briefly, and people who
change places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from clips import make_clip
from conftest import Demo

import blanket
from blanket.analysis import Analysis, analyse
from blanket.arrival import Arrival
from blanket.demo import INFANT, VISITOR
from blanket.errors import InputError, LeakError
from blanket.faces import Image
from blanket.image import write_image
from blanket.templates import box_matrix, cut
from blanket.video import read

SIDE, X, Y = 150, 85, 45
"""Of the seat, and where it is in pictures of 320x240."""
NOBODY = None


@pytest.fixture(scope="module")
def sitters(demo: Demo) -> dict[int, Image]:
    """Both people of the demo clip, cut out where they are seen best."""
    truth = demo.truth
    clear = truth.visible & (truth.occluded < 0.1) & (np.abs(truth.pose[..., 0]) < 30)
    frames = {frame.index: frame.rgb() for frame in read(demo.clip)}
    found = {}
    for who in (INFANT, VISITOR):
        seen = np.flatnonzero(clear[:, who])
        number = int(seen[len(seen) // 2])
        matrix = box_matrix(truth.mesh[number, who], SIDE, grow=1.7, square=True)
        found[who] = cut(frames[number], matrix, SIDE)
    return found


def seat(
    path: Path, sitters: Mapping[int, Image], sits: Sequence[tuple[int | None, int]], rate: int = 30
) -> Path:
    """A clip of an empty wall with somebody before it. sits: who, and for how many frames."""
    rng = np.random.default_rng(0)
    wall = np.full((240, 320, 3), 120, np.uint8)
    pictures = []
    for who, frames in sits:
        for _ in range(frames):
            picture = wall.copy()
            if who is not NOBODY:
                picture[Y : Y + SIDE, X : X + SIDE] = sitters[who]
            pictures.append(picture + rng.integers(0, 3, picture.shape, np.uint8))
    return make_clip(path, pictures, time_base=Fraction(1, rate), crf="12", preset="ultrafast")


def shown(original: Path, output: Path) -> list[int]:
    """Frames in which the middle of the seat is as it was."""
    part = slice(Y + 45, Y + 110), slice(X + 45, X + 105)
    return [
        a.index
        for a, b in zip(read(original), read(output), strict=True)
        if np.abs(a.rgb()[part].astype(int) - b.rgb()[part]).mean() < 3
    ]


@pytest.mark.parametrize(("before", "frames", "rate"), [(31, 4, 30), (37, 3, 30), (19, 5, 5)])
def test_a_face_that_shows_briefly_is_replaced(
    sitters: dict[int, Image], before: int, frames: int, rate: int, tmp_path: Path
) -> None:
    sits = [(NOBODY, before), (INFANT, frames), (NOBODY, 26)]
    clip, out = seat(tmp_path / "clip.mp4", sitters, sits, rate), tmp_path / "out.mp4"
    blanket.anonymize(clip, out)
    covered = set(range(before, before + frames)) - set(shown(clip, out))
    assert covered == set(range(before, before + frames))


def test_what_moves_is_no_arrival_where_a_face_is_followed() -> None:
    wall = np.full((18, 32, 3), 100, np.int16)
    moved = wall.copy()
    moved[6:12, 10:16] = 180
    boxes = [np.array([10 / 32, 6 / 18, 16 / 32, 12 / 18], np.float32)]
    for faces, arrived in (((), True), (boxes, False)):
        arrival = Arrival()
        assert not arrival(wall, faces)
        assert arrival(moved, faces) is arrived
        assert not arrival(moved, faces)


@pytest.fixture
def gallery(sitters: dict[int, Image], tmp_path: Path) -> Path:
    """Of the visitor alone."""
    home = tmp_path / "subjects" / "bea"
    home.mkdir(parents=True)
    write_image(home / "1.png", sitters[VISITOR])
    return home.parent


def test_who_takes_the_place_of_somebody_else_is_not_taken_for_them(
    sitters: dict[int, Image], gallery: Path, tmp_path: Path
) -> None:
    clip = seat(tmp_path / "clip.mp4", sitters, [(INFANT, 30), (NOBODY, 6), (VISITOR, 24)])
    out = tmp_path / "out.mp4"
    saved, again = tmp_path / "found.yaml", tmp_path / "again.mp4"
    report = blanket.anonymize(clip, out, gallery=gallery, faces="others", save_analysis=saved)
    left = [frame for frame in shown(clip, out) if frame not in range(30, 36)]
    assert set(left) <= set(range(36, 60)), "the infant is nobody of the gallery"
    assert len(left) >= 20, report.warnings
    # The analysis knows who was left, without the gallery.
    second = blanket.anonymize(clip, again, analysis=saved)
    assert second.left == report.left
    assert shown(clip, again) == shown(clip, out)
    with pytest.raises(InputError, match="leave the gallery out"):
        blanket.anonymize(clip, tmp_path / "x.mp4", analysis=saved, gallery=gallery)


def test_only_where_somebody_is_seen_are_they_left(
    sitters: dict[int, Image], gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blanket.tracker.LONGEST_UNSEARCHED", 1e9)
    monkeypatch.setattr(Arrival, "__call__", lambda *given: False)
    # The infant comes so late and so briefly that the audit alone can find them.
    sits = [(VISITOR, 14), (NOBODY, 52), (INFANT, 5), (NOBODY, 3)]
    clip, out = seat(tmp_path / "clip.mp4", sitters, sits), tmp_path / "out.mp4"
    blanket.anonymize(clip, out, gallery=gallery, faces="others", overrides=["detect.every=500"])
    bare = set(shown(clip, out))
    assert set(range(10)) < bare, "the visitor is a subject"
    assert not bare & set(range(66, 71))


def test_leaks_that_were_found_are_not_forgotten(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind(*given: object) -> Analysis:
        found = analyse(*given)  # type: ignore[arg-type]
        return Analysis(found.width, found.height, found.times, found.cuts, [])

    out, saved = tmp_path / "out.mp4", tmp_path / "found.yaml"
    with monkeypatch.context() as blinded:
        blinded.setattr("blanket.pipeline.analyse", blind)
        with pytest.raises(LeakError):
            blanket.anonymize(demo.clip, out, save_analysis=saved, overrides=["audit.repairs=0"])
    with pytest.raises(LeakError):
        blanket.anonymize(demo.clip, out, analysis=saved)
    assert not out.exists()


def test_a_wall_where_somebody_was_is_no_leak(sitters: dict[int, Image], tmp_path: Path) -> None:
    sits = [(INFANT, 30), (NOBODY, 10), (INFANT, 20)]
    clip = seat(tmp_path / "clip.mp4", sitters, sits)
    report = blanket.anonymize(clip, tmp_path / "out.mp4")
    assert report.totals.replaced == 50
    assert report.audit is not None and report.audit.verdict == "clean"
