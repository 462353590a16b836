"""One face followed: where it was seen, frame by frame, in little memory."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import cached_property
from mmap import mmap

import numpy as np
from numpy.typing import NDArray

from blanket.appearance import Album
from blanket.faces import Appearance, Points
from blanket.mesh import MASK_SIDE, Reading
from blanket.report import Rule
from blanket.topology import POINTS, SURFACE

LONGEST_HIDDEN_GAP = 45
"""Frames between two sightings of a face over which it is taken to be still there."""


class Shelf:
    """Keeps packed meshes side by side in blocks of their own pages: between pictures and
    layers of networks that come and go, what stays would leave holes all over the memory."""

    _ROWS = 512

    def __init__(self) -> None:
        self._block, self._used = self._empty(), 0

    def _empty(self) -> NDArray[np.int16]:
        size = (self._ROWS, POINTS, 3)
        return np.frombuffer(mmap(-1, 2 * int(np.prod(size))), np.int16).reshape(size)

    def put(self, packed: NDArray[np.int16]) -> NDArray[np.int16]:
        """A copy ``[478, 3]`` that stays."""
        if self._used == self._ROWS:
            self._block, self._used = self._empty(), 0
        self._block[self._used] = packed
        self._used += 1
        return self._block[self._used - 1]


@dataclass(frozen=True, slots=True)
class Sighting:
    """One track in one frame. box: ``[4]`` pixels. A mesh, packed, or only the box with the
    rule for which the face will have to be hidden ("no-mesh", "low-trust", "too-small").
    score: of the detection behind a mere box."""

    box: Points
    trust: float = 0.0
    rule: Rule | None = None
    packed: NDArray[np.int16] | None = None
    cover: bytes = b""
    score: float = 1.0

    @classmethod
    def of_reading(cls, reading: Reading, mesh: Points, shelf: Shelf | None = None) -> Sighting:
        """From a reading, with its mesh in pixels of the full picture, kept on a shelf."""
        low, high = mesh.min(0), mesh.max(0)
        span = float((high - low).max())
        packed = ((mesh - low) * (60_000 / span) - 30_000).round().astype(np.int16)
        box = np.concatenate([mesh_box(mesh), low, [span]]).astype(np.float32)
        # Eight levels are enough for what is smoothed in time and place later.
        cover = zlib.compress((reading.occluded & 0xE0).tobytes(), 1)
        return cls(box, reading.trust, None, shelf.put(packed) if shelf else packed, cover)

    @property
    def mesh(self) -> Points | None:
        """``[478, 3]`` pixels, to a few thousandths of the face's size."""
        if self.packed is None:
            return None
        low, span = self.box[4:7], self.box[7]
        return ((self.packed.astype(np.float32) + 30_000) * (span / 60_000) + low).astype(
            np.float32
        )

    @property
    def occluded(self) -> NDArray[np.uint8]:
        """``[48, 48]`` uint8, as in `blanket.mesh.Reading`."""
        if not self.cover:
            return np.zeros((MASK_SIDE, MASK_SIDE), np.uint8)
        return np.frombuffer(zlib.decompress(self.cover), np.uint8).reshape(MASK_SIDE, MASK_SIDE)


@dataclass
class Track:
    """One face from when it comes to when it goes.

    number: from 0, in order of appearance. sightings: by frame. subject: number of the
    person, the same for all tracks of one person. album: looks at it (`blanket.appearance`).
    dropped: frames in which a person says that it is no face. hidden: frames in which it is
    to be hidden instead of replaced, with the rule.
    """

    number: int
    sightings: dict[int, Sighting] = field(default_factory=dict)
    subject: int = 0
    album: Album = field(default_factory=Album)
    dropped: set[int] = field(default_factory=set)
    hidden: dict[int, Rule] = field(default_factory=dict)

    @property
    def first(self) -> int:
        return min(self.sightings)

    @property
    def last(self) -> int:
        return max(self.sightings)

    @property
    def meshed(self) -> set[int]:
        """The frames in which its mesh was read."""
        return {frame for frame, one in self.sightings.items() if one.packed is not None}

    @property
    def seen(self) -> set[int]:
        """The frames in which it was seen at all, and not only taken to be there."""
        return {frame for frame, one in self.sightings.items() if one.rule != "gap"}

    @cached_property
    def appearance(self) -> Appearance | None:
        """What the face looks like on the whole; None where it was never seen well."""
        return self.album.appearance()


def mesh_box(mesh: Points) -> Points:
    """``[4]``: the bounds of a mesh."""
    return np.concatenate([mesh[:SURFACE, :2].min(0), mesh[:SURFACE, :2].max(0)])
