"""What was read in one video: the original, and beside it what each method made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from blanket.eval.flicker import WarpingError
from blanket.eval.reading import Original, Seen
from blanket.eval.traces import Values
from blanket.faces import Face, Points
from blanket.topology import POINTS


class Meshes:
    """Meshes one after another in large blocks: a list of small arrays would scatter them."""

    _ROWS = 256

    def __init__(self) -> None:
        self._blocks: list[Points] = []
        self._count = 0

    def append(self, mesh: Points) -> None:
        """Add a mesh ``[478, 3]``."""
        if self._count == self._ROWS * len(self._blocks):
            self._blocks.append(np.empty((self._ROWS, POINTS, 3), np.float32))
        self._blocks[-1][self._count % self._ROWS] = mesh
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> Points:
        return self._blocks[row // self._ROWS][row % self._ROWS]


@dataclass
class Party:
    """What was read in the original, or in one output, a row a face. meshes, trusts: of each
    row. looks: by name and row, see `blanket.eval.reading.Seen`. detections: by frame that was
    looked at."""

    meshes: Meshes = field(default_factory=Meshes)
    trusts: list[float] = field(default_factory=list)
    looks: dict[str, dict[int, NDArray[np.float32]]] = field(default_factory=dict)
    detections: dict[int, list[Face]] = field(default_factory=dict)

    def add(self, seen: Seen) -> None:
        """The next row."""
        for name, found in seen.looks.items():
            self.looks.setdefault(name, {})[len(self.trusts)] = found
        self.meshes.append(seen.mesh)
        self.trusts.append(seen.trust)


@dataclass(frozen=True)
class Subject:
    """One person of one video, over all frames that were read.

    number: of the subject. rows: ``[N]`` int, the row of each frame, -1 where the person is
    not seen. before, after: meshes ``[N, 478, 3]`` of original and output, NaN where no face
    was found. looked: ``[K]``, which of the N frames were looked at closer. looks_before,
    looks_after: what was found there, ``[K, ...]`` by name (`blanket.eval.reading.Seen`).
    """

    number: int
    rows: NDArray[np.int64]
    before: Points
    after: Points
    looked: NDArray[np.int64]
    looks_before: dict[str, NDArray[np.float32]]
    looks_after: dict[str, NDArray[np.float32]]

    def found_looks(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What closer looks found of a name, NaN where no face was found."""
        sides = []
        for looks, meshes in ((self.looks_before, self.before), (self.looks_after, self.after)):
            found = looks[name].copy()
            found[~np.isfinite(meshes[self.looked, 0, 0])] = np.nan
            sides.append(found)
        return sides[0], sides[1]


class Observation:
    """One video. min_trust: of a mesh that counts as a face, 0..1. least_score: of a
    detection that the detector is sure of, 0..1.

    frames, times: number and seconds of every frame that was read. looked: of these, the
    ones in which recogniser and detector looked and pictures were compared. tracks, subjects,
    positions: of each row, the last an index into frames. pictures: by method and frame,
    figures of whole pictures (`blanket.eval.whole`) by their name. warping: by method and
    frame, that of the frame and the next.
    """

    def __init__(
        self, video: str, methods: list[str], min_trust: float, least_score: float
    ) -> None:
        self.video, self.min_trust, self.least_score = video, min_trust, least_score
        self.frames: list[int] = []
        self.times: list[float] = []
        self.looked: set[int] = set()
        self.count = 0
        self.tracks: list[int] = []
        self.subjects: list[int] = []
        self.positions: list[int] = []
        self.original = Party()
        self.outputs = {name: Party() for name in methods}
        self.pictures: dict[str, dict[int, dict[str, float]]] = {name: {} for name in methods}
        self.warping: dict[str, dict[int, WarpingError]] = {name: {} for name in methods}

    def add_faces(self, faces: list[Original], outputs: dict[str, list[Seen]]) -> None:
        """The faces of the last frame, in the original and, in the same order, in outputs."""
        for face in faces:
            self.tracks.append(face.track)
            self.subjects.append(face.subject)
            self.positions.append(len(self.frames) - 1)
            self.original.add(face.seen)
        for name, seen in outputs.items():
            for one in seen:
                self.outputs[name].add(one)

    def people(self, method: str) -> Iterator[Subject]:
        """Each person in turn, as the original and a method's output show them."""
        party, count = self.outputs[method], len(self.frames)
        subjects, positions = np.array(self.subjects), np.array(self.positions)
        for number in sorted(set(self.subjects)):
            rows = np.full(count, -1)
            own = np.flatnonzero(subjects == number)
            rows[positions[own]] = own
            before = np.full((count, POINTS, 3), np.nan, np.float32)
            after = before.copy()
            for position, row in enumerate(rows):
                if row >= 0 and self.original.trusts[row] >= self.min_trust:
                    before[position] = self.original.meshes[row]
                if row >= 0 and party.trusts[row] >= self.min_trust:
                    after[position] = party.meshes[row]
            known = party.looks.get("expression", {})
            looked = np.array([p for p, row in enumerate(rows) if int(row) in known], np.int64)
            looks = [
                {name: np.stack([found[int(r)] for r in rows[looked]]) for name, found in names}
                if len(looked)
                else {}
                for names in (self.original.looks.items(), party.looks.items())
            ]
            yield Subject(number, rows, before, after, looked, looks[0], looks[1])

    def lost(self, method: str) -> tuple[int, int]:
        """How many faces the original shows, and how many of them the output has lost."""
        known = np.array(self.original.trusts) >= self.min_trust
        found = np.array(self.outputs[method].trusts) >= self.min_trust
        return int(known.sum()), int((known & ~found).sum())

    def picture_values(self, method: str, name: str) -> Values:
        """A figure of whole pictures ``[N]``, NaN in frames that were not looked at."""
        figures = self.pictures[method]
        return np.array([figures.get(frame, {}).get(name, np.nan) for frame in self.frames])
