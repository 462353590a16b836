"""Several detectors as one, and what each of them found."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from blanket.detect import Detector, overlap
from blanket.faces import Face, Image

SAME = 0.3
"""Boxes of two detectors that overlap by more than this are of one face. No two detectors draw
quite the same box."""


@dataclass
class Count:
    """What one detector did. pictures: that it searched, turned copies too. faces: that it
    found in them. alone: of these, those that another detector looked for and did not find.
    seconds: that this took."""

    pictures: int = 0
    faces: int = 0
    alone: int = 0
    seconds: float = 0.0


class Ensemble:
    """See `blanket.detect.Detector`; one detector is an ensemble too.

    members: the detectors, the one first whose boxes and points are taken where several found
    a face. combine: every face that any finds (union), only those that all find
    (intersection), or one detector after another until `expected` faces are found (cascade:
    a fast one first, thorough ones where that is not enough).

    A union and an intersection cost what all members cost together; a cascade costs what the
    first one does as long as that finds enough.

    frame: number of the frame that is being searched, set by whom it concerns; what is found
    is counted only while there is one. counts: by name of the member. disputed: frames in
    which some detector missed what another found.
    """

    def __init__(
        self,
        members: Sequence[Detector],
        combine: Literal["union", "intersection", "cascade"] = "union",
        expected: int = 1,
    ) -> None:
        self._members, self._combine, self._expected = tuple(members), combine, expected
        names = [member.name for member in members]
        self.name = names[0] if len(names) == 1 else f"{combine}({', '.join(names)})"
        self.frame: int | None = None
        self.counts = {name: Count() for name in names}
        self.disputed: set[int] = set()

    def detect(self, picture: Image) -> list[Face]:
        """The faces in a picture ``[H, W, 3]``, best first."""
        # For each face, what the members that found it say.
        faces: list[dict[str, Face]] = []
        asked = []
        for member in self._members:
            start = time.perf_counter()
            found = member.detect(picture)
            asked.append((member.name, len(found), time.perf_counter() - start))
            _join(faces, member.name, found)
            if self._combine == "cascade" and len(faces) >= self._expected:
                break
        if self.frame is not None:
            self._count(self.frame, asked, faces)
        everybody = self._combine == "intersection"
        kept = [face for face in faces if not everybody or len(face) == len(self._members)]
        return sorted((next(iter(face.values())) for face in kept), key=lambda face: -face.score)

    def _count(
        self, frame: int, asked: list[tuple[str, int, float]], faces: list[dict[str, Face]]
    ) -> None:
        for name, found, seconds in asked:
            count = self.counts[name]
            count.pictures += 1
            count.faces += found
            count.seconds += seconds
            if len(asked) > 1:
                count.alone += sum(list(face) == [name] for face in faces)
        if any(len(face) < len(asked) for face in faces):
            self.disputed.add(frame)


def _join(faces: list[dict[str, Face]], name: str, found: list[Face]) -> None:
    """Enter what a detector found, each face where it overlaps most with one entered before."""
    before = len(faces)
    for face in found:
        free = [one for one in faces[:before] if name not in one]
        best = max(free, key=lambda one: _overlap(one, face), default=None)
        if best is not None and _overlap(best, face) > SAME:
            best[name] = face
        else:
            faces.append({name: face})


def _overlap(known: dict[str, Face], face: Face) -> float:
    return max(overlap(one.box, face.box) for one in known.values())
