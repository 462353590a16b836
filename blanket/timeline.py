"""What to do with each track in each frame: replace it, or hide it, and by which rule."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.faces import Points
from blanket.report import Rule
from blanket.topology import SURFACE, load_topology
from blanket.track import LONGEST_HIDDEN_GAP, Sighting, Track

_EXACT = ("by-hand", "leak", "gap")
"""Rules of boxes that say in which frames the face is: a person's, the audit's, and those of
gaps that were filled before (`blanket.stretch`)."""
_BORDER = 0.02
"""Of the picture's side: a face as near as this to the border comes or goes there."""
_STILL = 0.01
"""Of its size a face must move in a frame to come or go: less is what readings are off by."""
REACH = 3
"""Frames to either side that the smoothing looks at."""
_CLOSE_BY = np.ones((9, 9), np.uint8)
"""Cells of the map of what lies in front that lie close by one."""


@dataclass(frozen=True)
class Placement:
    """One face in one frame. rule: None to replace it, else why it is hidden.

    box: ``[4]`` pixels. mesh: ``[478, 3]`` pixels, smoothed, where it is replaced.
    occluded: ``[48, 48]`` float32 0..1 on the face crop of `mesh` (`blanket.crop`).
    """

    track: Track
    box: Points
    trust: float
    rule: Rule | None = None
    mesh: Points | None = None
    occluded: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class _Reading:
    """What was read in one frame. mesh: ``[478, 3]`` pixels. cover: ``[48, 48]`` uint8. local:
    the mesh on the mean face. pose: ``[6]`` float64, the way back from there."""

    mesh: Points
    cover: NDArray[np.uint8]
    local: Points
    pose: NDArray[np.float64]


class Timeline:
    """The placements of one track, worked out as they are asked for, in constant memory.

    cuts: frames at which the scene changes. max_gap,
    smoothing: see `blanket.config.TrackSettings`. linger: frames at either end of a stretch
    of mere boxes that are hidden too, and at most before a face has come in at the border
    and after it has gone. size: of the picture (w, h), without which it has no border.
    """

    def __init__(
        self,
        track: Track,
        cuts: list[int],
        max_gap: int,
        smoothing: float,
        linger: int,
        size: tuple[int, int] | None = None,
    ) -> None:
        self.track, self._smoothing, self._max_gap = track, smoothing, max_gap
        self._frames = np.array(sorted(track.sightings))
        self._cuts, self._linger, self._size = cuts, linger, size
        self._cache: OrderedDict[int, _Reading] = OrderedDict()

    def covers(self, index: int) -> bool:
        """Whether there may be something to do in a frame."""
        first, last = self._frames[0], self._frames[-1]
        return bool(first - self._linger <= index <= last + max(self._linger, LONGEST_HIDDEN_GAP))

    def rest(self) -> None:
        """Forget what was read of the frames around, until the next one is asked for."""
        self._cache.clear()

    def at(self, index: int) -> Placement | None:
        """What to do in a frame; None where the track has no face there."""
        if index in self.track.dropped:
            return None
        placement = self._found(index)
        rule = self.track.hidden.get(index)
        return placement if placement is None or rule is None else replace(placement, rule=rule)

    def _found(self, index: int) -> Placement | None:
        sighting = self.track.sightings.get(index)
        if sighting is not None and sighting.packed is not None:
            return self._replace(index, sighting)
        after = int(np.searchsorted(self._frames, index))
        if sighting is not None:
            near = self._between(index, after, after + 1)
            return near or Placement(self.track, sighting.box[:4], sighting.trust, sighting.rule)
        return self._between(index, after, after)

    def _between(self, index: int, after: int, following: int) -> Placement | None:
        """A frame without a mesh: bridged, hidden, or left where no face is near in time."""
        before = after - 1
        has_before = before >= 0 and not self._cut(self._frames[before], index)
        has_after = following < len(self._frames) and not self._cut(index, self._frames[following])
        start = self._meshed(before, -1) if has_before else None
        end = self._meshed(following, 1) if has_after else None
        if (
            start is not None
            and end is not None
            and end - start - 1 <= self._max_gap
            and not self._cut(start, end)
        ):
            return self._bridge(index, start, end)
        if after != following:
            return None
        if has_before and has_after:
            a, b = int(self._frames[before]), int(self._frames[following])
            if b - a <= LONGEST_HIDDEN_GAP:
                share = (index - a) / (b - a)
                boxes = self.track.sightings[a].box[:4], self.track.sightings[b].box[:4]
                return Placement(self.track, boxes[0] * (1 - share) + boxes[1] * share, 0.0, "gap")
        for there, position in ((has_before, before), (has_after, following)):
            if not there:
                continue
            frame = int(self._frames[position])
            sighting = self.track.sightings[frame]
            linger = 0 if sighting.rule in _EXACT else self._linger
            if sighting.rule == "low-trust" and position == before:
                # Covered or turned away, but not gone as far as anybody knows.
                linger = max(linger, LONGEST_HIDDEN_GAP)
            if sighting.packed is None and abs(index - frame) <= linger:
                return Placement(self.track, sighting.box[:4], 0.0, sighting.rule)
        if has_before != has_after:
            return self._at_border(index, before if has_before else following, has_after)
        return None

    def _at_border(self, index: int, position: int, comes: bool) -> Placement | None:
        """Before a face was found that came in at the border, and after one was lost there,
        a part of it may show: it is hidden where its movement puts it."""
        frame = int(self._frames[position])
        away = abs(index - frame)
        told = self.track.sightings[frame].rule in _EXACT
        if self._size is None or told or away > self._linger:
            return None
        box, speed = self.track.sightings[frame].box[:4], np.zeros(4, np.float32)
        other = int(np.clip(position + (REACH if comes else -REACH), 0, len(self._frames) - 1))
        steps = abs(int(self._frames[other]) - frame)
        if 0 < steps <= 2 * REACH:
            inner = self.track.sightings[int(self._frames[other])].box[:4]
            moves = (box - inner).reshape(2, 2).mean(0) / steps
            moves[np.abs(moves) < _STILL * float((box[2:] - box[:2]).max())] = 0
            speed = np.tile(moves, 2)
        gone = self._beyond(box + speed * self._linger, 1.0)
        moved = (box + speed * away).astype(np.float32)
        if not (gone or self._beyond(box, 0.0)) or self._beyond(moved, 1.0):
            return None
        on_wall = self.track.hidden.get(frame) == "picture"
        return Placement(self.track, moved, 0.0, "picture" if on_wall else "border")

    def _beyond(self, box: Points, share: float) -> bool:
        """Whether some share of a box, across or down, is outside of the picture or nearly."""
        assert self._size is not None
        size = np.array(self._size, np.float32)
        low, high = box[:2], box[2:]
        inside = low + share * (high - low), high - share * (high - low)
        margin = _BORDER * size if share == 0 else 0
        return bool((inside[0] < margin).any() or (inside[1] > size - margin).any())

    def _cut(self, start: int, end: int) -> bool:
        return any(start < cut <= end for cut in self._cuts)

    def _meshed(self, position: int, step: int) -> int | None:
        """The nearest frame with a mesh, from a position in the list of sightings."""
        for _ in range(self._max_gap + 1):
            if not 0 <= position < len(self._frames):
                return None
            frame = int(self._frames[position])
            if self.track.sightings[frame].packed is not None:
                return frame
            position += step
        return None

    def _reading(self, index: int) -> _Reading | None:
        if index in self._cache:
            return self._cache[index]
        sighting = self.track.sightings.get(index)
        mesh = None if sighting is None else sighting.mesh
        if sighting is None or mesh is None:
            return None
        to_mean = align.similarity(mesh[:SURFACE, :2], load_topology().mean[:SURFACE, :2])
        pose = align.invert(to_mean).ravel().astype(np.float64)
        self._cache[index] = _Reading(mesh, sighting.occluded, align.apply(to_mean, mesh), pose)
        while len(self._cache) > 4 * REACH + 4:
            self._cache.popitem(last=False)
        return self._cache[index]

    def _bridge(self, index: int, start: int, end: int) -> Placement:
        first, last = self._smooth(start), self._smooth(end)
        share = (index - start) / (end - start)
        mesh = (first[0] * (1 - share) + last[0] * share).astype(np.float32)
        cover = np.maximum(first[1], last[1])
        box = np.concatenate([mesh[:SURFACE, :2].min(0), mesh[:SURFACE, :2].max(0)])
        trust = min(self.track.sightings[start].trust, self.track.sightings[end].trust)
        return Placement(self.track, box, trust, None, mesh, cover)

    def _replace(self, index: int, sighting: Sighting) -> Placement:
        mesh, cover = self._smooth(index)
        return Placement(self.track, sighting.box[:4], sighting.trust, None, mesh, cover)

    def _smooth(self, index: int) -> tuple[Points, NDArray[np.float32]]:
        """The mesh and its cover in a frame, averaged with what lies before and after.

        Place, scale and roll follow a parabola fitted over the neighbours (Savitzky & Golay
        1964), which does not lag behind steady or accelerated movement, and never leave the
        reading by more than its noise. What remains, the expression, is averaged only with
        neighbours that say nearly the same (Tomasi & Manduchi 1998, over time), so that a
        blink stays as fast as it is.
        """
        own = self._reading(index)
        assert own is not None
        if self._smoothing == 0:
            return own.mesh, (own.cover / np.float32(255)).astype(np.float32)
        near = [
            (offset, reading)
            for offset in range(-REACH, REACH + 1)
            if (reading := self._reading(index + offset)) is not None
            and not self._cut(min(index, index + offset), max(index, index + offset))
        ]
        offsets = np.array([offset for offset, _ in near], np.float64)
        cover = np.stack([reading.cover for _, reading in near]).astype(np.float32)
        in_time = np.exp(-0.5 * (offsets / 1.2) ** 2).astype(np.float32)
        steady = np.asarray(np.tensordot(in_time / in_time.sum(), cover, 1) / 255, np.float32)
        # No more than there is now, there or close by: what has gone bares the face.
        steady = np.minimum(steady, cv2.dilate(own.cover, _CLOSE_BY) / np.float32(255))
        if len(near) < 3:
            return own.mesh, steady
        local = np.stack([reading.local for _, reading in near])
        away = np.linalg.norm(local - own.local, axis=-1)
        alike = np.exp(-0.5 * (away / (0.024 * self._smoothing)) ** 2) * in_time[:, None]
        shape = (local * alike[..., None]).sum(0) / alike.sum(0)[:, None]
        fitted = own.pose
        if len(near) >= 5:
            design = np.stack([np.ones_like(offsets), offsets, offsets**2], 1)
            pose = np.stack([reading.pose for _, reading in near])
            fitted = np.linalg.lstsq(design, pose, rcond=None)[0][0]
        limit = 0.02 * self._smoothing * float(align.scale_of(own.pose.reshape(2, 3)))
        smooth = own.pose + (fitted - own.pose).clip(-limit, limit)
        return align.apply(smooth.reshape(2, 3), shape), steady
