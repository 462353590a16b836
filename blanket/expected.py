"""Frames that show fewer faces than are known to be there: one of them may have been missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from blanket.config import Settings
from blanket.track import Track
from blanket.witness import is_face

_SEEN = ("no-mesh", "too-small", "by-hand")
"""Rules of boxes that a detector found, or a person added."""


def frames_with_fewer(tracks: Sequence[Track], frames: int, settings: Settings) -> list[int]:
    """The frames, of so many, in which fewer faces were seen than `detect.expect_faces`.

    tracks: of all faces. A face counts where it was seen: not in a gap of its track, though it
    is bridged or hidden there, and not where it may be none or is said to be a picture.
    """
    expected = settings.detect.expect_faces
    if expected is None:
        return []
    # Whoever is left as they are is dropped throughout, but is a face.
    leaves = settings.subjects.faces != "all"
    counts: Counter[int] = Counter()
    for track in tracks:
        if is_face(track):
            left = leaves and len(track.dropped) == frames
            counts.update(_seen(track, settings.detect.every) - (set() if left else track.dropped))
    return [frame for frame in range(frames) if counts[frame] < expected]


def _seen(track: Track, every: int) -> set[int]:
    """The frames in which a face was seen. every: frames from one search to the next."""
    meshed = {
        frame: one.packed is not None
        for frame, one in sorted(track.sightings.items())
        if one.packed is not None or one.rule in _SEEN
    }
    seen = set(meshed)
    for start, end in pairwise(meshed):
        # What no mesh follows is looked for at the searches only.
        if not meshed[start] and not meshed[end] and end - start <= every:
            seen.update(range(start, end))
    return {frame for frame in seen if track.hidden.get(frame) != "picture"}
