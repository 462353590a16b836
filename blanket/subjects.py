"""Which tracks are of one person."""

from __future__ import annotations

import numpy as np

from blanket.inpaint.likeness import describe
from blanket.inpaint.morphable import load_likeness
from blanket.track import Track

SAME = 0.30
"""Foreseen embeddings nearer than this are one person. Two tracks of one face lie at 0.1 to
0.25, two people at 0.3 and more; taking two people for one is no leak, only a twin."""


def assign_subjects(tracks: list[Track]) -> None:
    """Give each track the number of its person, in place.

    A track joins the nearest earlier person who is not in the picture at the same time and
    looks like it; a track without a clear view of its face is a person of its own.
    """
    likeness = load_likeness()
    seen: list[tuple[int, np.ndarray]] = []
    frames: dict[int, set[int]] = {}
    count = 0
    for track in tracks:
        own = track.appearance
        mine = set(track.sightings)
        embedding = None if own is None else likeness.embed(describe(own.flat, own.shape))
        best, nearest = None, SAME
        for subject, other in seen:
            if embedding is None or frames[subject] & mine:
                continue
            distance = float(np.linalg.norm(embedding - other))
            if distance < nearest:
                best, nearest = subject, distance
        if best is None:
            best, count = count, count + 1
        track.subject = best
        frames.setdefault(best, set()).update(mine)
        if embedding is not None:
            seen.append((best, embedding))
