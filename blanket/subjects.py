"""Which tracks are of one person."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blanket.inpaint.morphable import load_likeness
from blanket.likeness import describe
from blanket.track import Track

SAME = 0.30
"""Foreseen embeddings nearer than this are one person. Two tracks of one face lie at 0.1 to
0.25, two people at 0.3 and more; taking two people for one is no leak, only a twin."""


def assign_subjects(tracks: Sequence[Track], known: Sequence[Track] = ()) -> None:
    """Give each track the number of its person, in place.

    A track joins the nearest earlier person who is not in the picture at the same time and
    looks like it; a track without a clear view of its face is a person of its own.
    known: tracks that have their numbers.
    """
    people = _People()
    for track in known:
        people.join(track, track.subject)
    for track in tracks:
        track.subject = people.nearest(track)
        people.join(track, track.subject)


class _People:
    """Who has been seen, where in time, and what their faces are like."""

    def __init__(self) -> None:
        self._likeness = load_likeness()
        self._seen: list[tuple[int, NDArray[np.float32]]] = []
        self._frames: dict[int, set[int]] = {}

    def nearest(self, track: Track) -> int:
        """The person of a track: somebody known, or the next number."""
        best, nearest = max(self._frames, default=-1) + 1, SAME
        embedding = self._embedding(track)
        for subject, other in self._seen:
            if embedding is None or self._frames[subject] & track.seen:
                continue
            distance = float(np.linalg.norm(embedding - other))
            if distance < nearest:
                best, nearest = subject, distance
        return best

    def join(self, track: Track, subject: int) -> None:
        """A track is of a person."""
        self._frames.setdefault(subject, set()).update(track.seen)
        embedding = self._embedding(track)
        if embedding is not None:
            self._seen.append((subject, embedding))

    def _embedding(self, track: Track) -> NDArray[np.float32] | None:
        own = track.appearance
        return None if own is None else self._likeness.embed(describe(own.flat, own.shape))
