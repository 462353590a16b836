"""Tracks taken apart where a face was out of sight: who comes back may be somebody else.

Where everybody gets a new face this does not matter. Where somebody is left as they are, nobody
must be left in their stead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from blanket.analysis import Analysis
from blanket.looks import look_again
from blanket.picture import Picture
from blanket.subjects import assign_subjects
from blanket.track import LONGEST_HIDDEN_GAP, Sighting, Track

_UNSEEN = 3
"""Frames out of sight in which nobody changes places."""


def taken_apart(analysis: Analysis, pictures: Iterable[Picture], side: int) -> Analysis:
    """An analysis whose tracks are each of one person without doubt, and each a person of its
    own.

    What lies between two stretches of a track may be of either: both have it, to be hidden.
    pictures, side: as in `blanket.looks.look_again`.
    """
    tracks = [part for track in analysis.tracks for part in _stretches(track)]
    tracks.sort(key=lambda track: track.first)
    taken: dict[int, list[tuple[int, float]]] = {}
    for number, track in enumerate(tracks):
        taken[number] = _looks(track)
        track.number = track.subject = number
    look_again(tracks, taken, pictures, side)
    for track in tracks:
        track.album.close()
    return Analysis(analysis.width, analysis.height, analysis.times, analysis.cuts, tracks)


def joined(analysis: Analysis, names: Mapping[int, str]) -> dict[int, int]:
    """Give the stretches of one person one number again, in place.

    names: of who is known, by number. Returns the numbers of now by those of before.
    """
    before = {track.number: track.subject for track in analysis.tracks}
    named = [track for track in analysis.tracks if track.subject in names]
    left = [track for track in analysis.tracks if track.dropped >= track.sightings.keys()]
    others = [track for track in analysis.tracks if track not in named and track not in left]
    # Who is left is nobody else's twin.
    groups: dict[int, str | int] = {one.number: -1 - one.number for one in left}
    groups |= {one.number: names[one.subject] for one in named}
    assign_subjects(others)
    groups |= {one.number: one.subject for one in others}
    # Each by the number of its first stretch, which nobody else has.
    first: dict[str | int, int] = {}
    for track in analysis.tracks:
        track.subject = first.setdefault(groups[track.number], before[track.number])
    return {before[track.number]: track.subject for track in analysis.tracks}


def _looks(track: Track) -> list[tuple[int, float]]:
    """Those of its album that were taken within a stretch, or one where there was none."""
    meshed = sorted(track.meshed)
    taken = [(frame, clear) for frame, clear in track.album.taken if frame in track.meshed]
    if meshed and not taken:
        middle = meshed[len(meshed) // 2]
        taken = [(middle, track.sightings[middle].trust)]
    return taken


def _stretches(track: Track) -> list[Track]:
    """A track, or what it falls into."""
    meshed = np.array(sorted(track.meshed))
    ends = np.flatnonzero(np.diff(meshed) > _UNSEEN)
    if not len(ends):
        return [track]
    gaps = [(int(meshed[end]), int(meshed[end + 1])) for end in ends]
    filled = dict(track.sightings)
    for a, b in gaps:
        filled |= _between(track, a, b)
    parts = []
    afters, befores = [-1, *(a for a, _ in gaps)], [*(b for _, b in gaps), None]
    for after, before in zip(afters, befores, strict=True):
        frames = (f for f in filled if f > after and (before is None or f < before))
        sightings = {frame: filled[frame] for frame in sorted(frames)}
        parts.append(Track(0, sightings, 0, track.album, set(track.dropped), dict(track.hidden)))
    return parts


def _between(track: Track, a: int, b: int) -> dict[int, Sighting]:
    """Boxes for the frames between two, if they are near enough in time. They hold for their
    frames alone: what was seen there does not linger into the stretches beside."""
    if b - a > LONGEST_HIDDEN_GAP:
        return {}
    first, last = track.sightings[a].box[:4], track.sightings[b].box[:4]
    step = (last - first) / np.float32(b - a)
    boxes = {}
    for frame in range(a + 1, b):
        known = track.sightings.get(frame)
        box = known.box[:4] if known else first + step * np.float32(frame - a)
        if known is None or known.rule in ("low-trust", "no-mesh", "too-small"):
            boxes[frame] = Sighting(box, rule="gap")
    return boxes
