"""Several detectors as one: what is kept, what is counted, and what the report says of it."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from conftest import Demo
from hypothesis import given, settings
from hypothesis import strategies as st

import blanket
from blanket.detect import overlap
from blanket.detect.ensemble import SAME, Ensemble
from blanket.document import frame_ranges
from blanket.faces import Face, Image
from blanket.report import Report

PICTURE = np.zeros((10, 10, 3), np.uint8)


def face(place: int, shift: float = 0.0, score: float = 0.9) -> Face:
    """Faces at different places do not overlap; a shift of 1 leaves an overlap of 0.67."""
    x = 20.0 * place + shift
    box = np.array([x, 0, x + 5, 10], np.float32)
    return Face(box, score, np.zeros((5, 2), np.float32))


class Made:
    """A detector that finds what it is told to."""

    def __init__(self, name: str, *found: Face) -> None:
        self.name, self.found, self.asked = name, list(found), 0

    def detect(self, picture: Image) -> list[Face]:
        self.asked += 1
        return self.found


def places(faces: list[Face]) -> list[int]:
    return sorted(int(one.box[0] // 20) for one in faces)


def test_a_union_keeps_what_any_finds() -> None:
    both = Ensemble([Made("a", face(0), face(1)), Made("b", face(1, 1.0), face(2))])
    assert places(both.detect(PICTURE)) == [0, 1, 2]
    assert both.name == "union(a, b)"


def test_an_intersection_keeps_what_all_find() -> None:
    both = Ensemble([Made("a", face(0), face(1)), Made("b", face(1, 1.0), face(2))], "intersection")
    [kept] = both.detect(PICTURE)
    assert kept.box[0] == 20, "boxes and points are those of the first detector"


@pytest.mark.parametrize(("found", "expected", "asked"), [(0, 1, 1), (1, 1, 0), (1, 2, 1)])
def test_a_cascade_goes_on_until_there_are_enough(found: int, expected: int, asked: int) -> None:
    fast, thorough = Made("fast", *(face(k) for k in range(found))), Made("thorough", face(5))
    faces = Ensemble([fast, thorough], "cascade", expected).detect(PICTURE)
    assert thorough.asked == asked
    assert places(faces) == [*range(found), *[5] * asked]


def test_one_detector_is_itself() -> None:
    alone = Ensemble([Made("a", face(0, score=0.5), face(1), face(1, 1.0))])
    assert alone.name == "a"
    assert places(alone.detect(PICTURE)) == [0, 1, 1]


def test_what_each_found_is_counted_by_frame() -> None:
    first, second = Made("a", face(0), face(1)), Made("b", face(1))
    both = Ensemble([first, second])
    both.detect(PICTURE)
    assert both.counts["a"].pictures == 0, "outside a video nothing is counted"
    both.frame = 3
    both.detect(PICTURE)
    first.found = second.found
    both.frame = 4
    both.detect(PICTURE)
    assert both.disputed == {3}
    counts = both.counts
    assert (counts["a"].pictures, counts["a"].faces, counts["a"].alone) == (2, 3, 1)
    assert (counts["b"].pictures, counts["b"].faces, counts["b"].alone) == (2, 2, 0)


found_by_each = st.lists(
    st.lists(
        st.tuples(st.integers(0, 6), st.floats(0, 1.5), st.floats(0, 1)),
        max_size=6,
        unique_by=lambda one: one[0],
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(found_by_each)
def test_sets_of_faces(found: list[list[tuple[int, float, float]]]) -> None:
    members = [Made(str(n), *(face(*one) for one in faces)) for n, faces in enumerate(found)]
    sets = [set(places(member.found)) for member in members]
    union, common = Ensemble(members), Ensemble(members, "intersection")
    union.frame = 0
    joined, shared = union.detect(PICTURE), common.detect(PICTURE)
    assert places(joined) == sorted(set.union(*sets))
    assert places(shared) == sorted(set.intersection(*sets))
    scores = [one.score for one in joined]
    assert scores == sorted(scores, reverse=True)
    assert all(overlap(a.box, b.box) <= SAME for n, a in enumerate(joined) for b in joined[:n]), (
        "no face twice"
    )
    assert bool(union.disputed) == any(one != sets[0] for one in sets)
    for count, mine in zip(union.counts.values(), sets, strict=True):
        assert (count.pictures, count.faces) == (1, len(mine))
    alone = [count.alone for count in union.counts.values()]
    others = [set().union(*(b for b in sets if b is not a)) for a in sets]
    expected = [len(a - b) for a, b in zip(sets, others, strict=True)]
    assert alone == (expected if len(sets) > 1 else [0])


@settings(max_examples=40, deadline=None)
@given(found_by_each, st.integers(1, 5))
def test_a_cascade_is_the_union_of_those_it_asks(
    found: list[list[tuple[int, float, float]]], expected: int
) -> None:
    members = [Made(str(n), *(face(*one) for one in faces)) for n, faces in enumerate(found)]
    kept = Ensemble(members, "cascade", expected).detect(PICTURE)
    asked = [member for member in members if member.asked]
    assert asked == members[: len(asked)]
    assert places(kept) == places(Ensemble(asked).detect(PICTURE))
    before = Ensemble(asked[:-1]).detect(PICTURE) if len(asked) > 1 else []
    assert len(before) < expected
    assert len(kept) >= expected or len(asked) == len(members)


@given(st.sets(st.integers(0, 30)))
def test_ranges_hold_the_same_frames(frames: set[int]) -> None:
    ranges = frame_ranges(frames)
    assert {n for first, last in ranges for n in range(first, last + 1)} == frames
    assert all(a[1] + 1 < b[0] for a, b in itertools.pairwise(ranges))


def test_expected_faces_are_counted_in_the_report(demo: Demo, tmp_path: Path) -> None:
    report = blanket.anonymize(demo.clip, tmp_path / "out.mp4", overrides=["detect.expect_faces=2"])
    detection = report.detection
    shown = demo.truth.visible.sum(1)
    suspect = {n for first, last in detection.fewer for n in range(first, last + 1)}
    sure = set(np.flatnonzero(shown == 0)) | set(np.flatnonzero(shown == 1))
    assert suspect, "the visitor is not there all the time"
    assert len(suspect ^ sure) <= 4, "up to the moments of coming and going"
    assert detection.expected_faces == 2
    assert any("fewer faces" in warning for warning in report.warnings)
    [only] = detection.detectors
    assert only.detector == "centerface"
    assert only.pictures >= 4
    assert only.faces >= only.pictures // 4
    assert only.alone == 0
    assert detection.disputed == []
    assert Report.model_validate_json(report.to_json()) == report
