"""Who is whom: faces followed through the video, forwards and backwards.

The mesh network follows a face from frame to frame; the detector only finds new ones, at
intervals and wherever something was lost. A face that is found late is followed back
through the last frames. What remains uncertain is kept as a box, to be hidden.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from mmap import mmap

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.appearance import Album, Look, clearness
from blanket.arrival import Arrival
from blanket.attributes import eye_distance, head_pose
from blanket.config import Settings
from blanket.copies import Copy
from blanket.detect import Detector, detect_turned, overlap
from blanket.faces import Appearance, Face, Image, Points
from blanket.mesh import MASK_SIDE, MeshNetwork, Reading
from blanket.picture import enlarge_mesh, enlarge_points, fit
from blanket.report import Rule
from blanket.topology import POINTS, SURFACE

SMALLEST_EYES = 5.0
"""Outer eye corners nearer than this many pixels of the analysis copy: too small to read."""
NO_FACE = 0.05
"""Below this trust the network says that there is no face at all."""
SURE = 0.6
"""Score of a detection that is hidden even where no other search confirms it."""
CLOSER = 2.0
"""How much larger than usual the copy of a close search is: for small faces."""
SMALL = 64.0
"""Pixels of the analysis copy across a face up to which it may be missed in the usual copy."""
CUT_OFF, BORDER = 0.5, 3.0
"""Trust in the mesh of a face at the border below which it is hidden, and how near that is, in
pixels of the analysis copy."""
LONGEST_HIDDEN_GAP = 45
"""Frames between two sightings of a face over which it is taken to be still there."""
LONGEST_UNSEARCHED = 0.5
"""Seconds between two searches: at few frames a second, more of them are searched."""
_SOON = 3
"""Frames from one search to the next where something comes in."""


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


@dataclass
class _Live:
    """A track that is being followed. mesh: its last, in pixels of the analysis copy."""

    track: Track
    mesh: Points
    lost: int = 0


class Tracker:
    """Follows every face of a video: `step` for each picture's copy in turn, then `finish`.

    detector, network: what finds and what reads faces. settings: of the run.
    """

    def __init__(self, detector: Detector, network: MeshNetwork, settings: Settings) -> None:
        self._detector, self._network, self._settings = detector, network, settings
        self.tracks: list[Track] = []
        self.cuts: list[int] = []
        self._live: list[_Live] = []
        self._past: deque[tuple[int, Image]] = deque(maxlen=settings.track.lookback)
        self._thumb: NDArray[np.int16] | None = None
        self._last_search = self._last_close = -(10**9)
        self._searched_at = -np.inf
        self._arrival, self._arrived = Arrival(), False
        self._steps = self._searches = 0
        self._shelf = Shelf()
        self._size = self._full = (0, 0)

    def finish(self) -> list[Track]:
        """The tracks of all faces in the pictures so far, in order of appearance."""
        if self._past and self._past[-1][0] != self._last_search:
            # Who came after the last search shows to the end.
            index, small = self._past[-1]
            for leaning in {0, self._leaning()}:
                self._search(index, small, False, False, leaning)
        found = [track for track in self.tracks if self._confirmed(track)]
        for track in found:
            track.album.close()
        for number, track in enumerate(sorted(found, key=lambda one: one.first)):
            track.number = number
        return sorted(found, key=lambda one: one.number)

    def _confirmed(self, track: Track) -> bool:
        """Not a single doubtful box: those are knees, dolls and folds of cloth. A face that
        is there is found by the next search too, or is a sure find."""
        sightings = list(track.sightings.values())
        meshed = any(one.packed is not None for one in sightings)
        searched_once = self._steps <= self._settings.detect.every
        return bool(sightings) and (
            meshed or searched_once or len(sightings) > 1 or sightings[0].score >= SURE
        )

    def step(self, copy: Copy, found: Sequence[Face] = ()) -> None:
        """Take the copy of the next picture of the video. found: faces in it, in the picture's
        own pixels, that others found."""
        self._steps += 1
        index, small = copy.index, copy.pixels
        if copy.size != self._size:
            self._past.clear()
        self._full, self._size = copy.full, copy.size
        cut = self._is_cut(copy.thumb)
        if cut:
            # What is remembered stays: what looks like a cut may be a fast movement, and a
            # face is followed back over a cut only where it lies in the same place.
            self.cuts.append(index)
            self._live.clear()
        lost = self._follow(index, small)
        sides = np.tile(np.array(self._size, np.float32), 2)
        faces = [mesh_box(live.mesh) / sides for live in self._live]
        self._arrived |= self._arrival(copy.thumb, faces)
        if cut or lost or self._due(copy):
            self._last_search, self._searched_at = index, copy.time
            self._arrived = False
            closely = cut or index - self._last_close >= self._settings.detect.closely
            self._searches += 1
            leaning = 0 if cut or lost or closely or self._searches % 2 else self._leaning()
            self._search(index, small, lost or not self._live, closely, leaning)
        for face in found:
            box = enlarge_points(face.box.reshape(2, 2), self._full, self._size).ravel()
            points = enlarge_points(face.points, self._full, self._size)
            self._meet(index, small, Face(box, face.score, points))
        self._past.append((index, small))

    def _due(self, copy: Copy) -> bool:
        """Whether it is time for a search."""
        since = copy.index - self._last_search
        return (
            since >= self._settings.detect.every
            or copy.time - self._searched_at >= LONGEST_UNSEARCHED
            or (self._arrived and since >= _SOON)
        )

    def _is_cut(self, thumb: NDArray[np.int16]) -> bool:
        before, self._thumb = self._thumb, thumb
        return before is None or float(np.abs(thumb - before).mean()) > 28

    def _follow(self, index: int, small: Image) -> bool:
        """Read every live track in the frame; True where one has just been lost."""
        settings = self._settings.track
        lost = False
        for live in list(self._live):
            reading = self._network.follow(small, live.mesh)
            if self._good(reading):
                live.mesh, live.lost = reading.mesh, 0
                self._sight(live.track, index, small, reading)
                continue
            live.lost += 1
            lost = lost or live.lost in (1, 3)
            if reading.trust > NO_FACE and live.lost <= settings.max_gap:
                box = self._enlarged_box(mesh_box(live.mesh))
                live.track.sightings[index] = Sighting(box, reading.trust, "low-trust")
            elif live.lost > settings.max_gap:
                self._live.remove(live)
        self._drop_doubles(index)
        return lost

    def _good(self, reading: Reading) -> bool:
        inside = mesh_box(reading.mesh)
        centre = (inside[:2] + inside[2:]) / 2
        return bool(
            reading.trust >= self._settings.track.min_trust
            and eye_distance(reading.mesh) >= SMALLEST_EYES
            and (centre >= -0.1 * (inside[2:] - inside[:2])).all()
            and (centre <= np.array(self._size) + 0.1 * (inside[2:] - inside[:2])).all()
        )

    def _drop_doubles(self, index: int) -> None:
        """Two tracks that have come to lie on one face: the younger one ends."""
        for live in sorted(self._live, key=lambda one: one.track.number, reverse=True):
            for other in self._live:
                older = other.track.number < live.track.number
                if older and overlap(mesh_box(live.mesh), mesh_box(other.mesh)) > 0.5:
                    live.track.sightings.pop(index, None)
                    live.track.album.forget(index)
                    self._live.remove(live)
                    self._keep_behind(live.track, index, other)
                    break

    def _keep_behind(self, track: Track, index: int, front: _Live) -> None:
        """A face whose mesh has slipped onto the one in front of it is where it was."""
        if not track.sightings:
            return
        last = track.sightings[track.last]
        beside = overlap(last.box[:4], self._enlarged_box(mesh_box(front.mesh))) < 0.35
        if beside:
            track.sightings[index] = Sighting(last.box[:4], 0.0, "low-trust")

    def _leaning(self) -> int:
        """How far the heads that are followed are rolled, clockwise, in quarters of a turn.
        Where a camera lies on its side, whoever comes in does so too."""
        if not self._live:
            return 0
        rolls = np.radians([head_pose(live.mesh)[2] for live in self._live])
        mean = np.arctan2(np.sin(rolls).mean(), np.cos(rolls).mean())
        return round(float(np.degrees(mean)) / 90) % 4

    def _search(
        self, index: int, small: Image, turned: bool, closely: bool, leaning: int = 0
    ) -> None:
        size = fit(small.shape[1], small.shape[0], self._settings.detect.max_side)
        copy = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
        if leaning:
            faces = detect_turned(self._detector, copy, [leaning])
        else:
            faces = self._detector.detect(copy)
        if closely:
            self._last_close = index
            self._look_everywhere(index, small)
        else:
            self._look_closer(index, small)
        if turned and self._settings.detect.turned and not self._explained(faces, size):
            faces += detect_turned(self._detector, copy)
        for face in faces:
            self._meet(index, small, self._enlarged(face, size, np.zeros(2, np.float32)))

    def _look_everywhere(self, index: int, small: Image) -> None:
        """Search for small faces in a larger copy, a quarter at a time: at once it would take
        four times the memory."""
        side = round(CLOSER * self._settings.detect.max_side)
        size = fit(small.shape[1], small.shape[0], side)
        copy = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
        # They overlap by more than a small face.
        wide, high = (-(-length // 2) + round(SMALL) for length in size)
        for left in (0, max(size[0] - wide, 0)):
            for top in (0, max(size[1] - high, 0)):
                quarter = np.ascontiguousarray(copy[top : top + high, left : left + wide])
                for face in self._detector.detect(quarter):
                    corner = np.array([left, top], np.float32)
                    self._meet(index, small, self._enlarged(face, size, corner))

    def _enlarged(self, face: Face, size: tuple[int, int], corner: Points) -> Face:
        """A face of a part of a smaller copy, in pixels of the analysis copy. size: of the whole
        copy (w, h). corner: where the part begins, ``[2]``."""
        box = enlarge_points(face.box.reshape(2, 2) + corner, size, self._size).ravel()
        points = enlarge_points(face.points + corner, size, self._size)
        return Face(box, face.score, points)

    def _look_closer(self, index: int, small: Image) -> None:
        """Search again, enlarged, where small faces were that no mesh follows."""
        live = {one.track.number for one in self._live}
        since = max([*self.cuts[-1:], index - 2 * self._settings.detect.every])
        for track in self.tracks:
            if track.number in live or not track.sightings or track.last < since:
                continue
            box = enlarge_points(
                track.sightings[track.last].box[:4].reshape(2, 2), self._full, self._size
            )
            span = float((box[1] - box[0]).max())
            if span > SMALL:
                continue
            middle, half = box.mean(0), max(1.5 * span, 32.0)
            low = np.clip(middle - half, 0, np.array(self._size) - 1).astype(int)
            high = np.clip(middle + half, low + 1, self._size).astype(int)
            window = np.ascontiguousarray(small[low[1] : high[1], low[0] : high[0]])
            larger = min(2.0, 256 / max(window.shape[:2]))
            size = (round(larger * window.shape[1]), round(larger * window.shape[0]))
            copy = cv2.resize(window, size, interpolation=cv2.INTER_CUBIC)
            for face in self._detector.detect(copy):
                shrunk = (
                    enlarge_points(points, size, (window.shape[1], window.shape[0])) + low
                    for points in (face.box.reshape(2, 2), face.points)
                )
                bounds, points = (one.astype(np.float32) for one in shrunk)
                self._meet(index, small, Face(bounds.ravel(), face.score, points))

    def _explained(self, faces: list[Face], size: tuple[int, int]) -> bool:
        """Every lost track has a detection where it was, and there is a face at all."""
        boxes = [enlarge_points(f.box.reshape(2, 2), size, self._size).ravel() for f in faces]
        lost = [live for live in self._live if live.lost]
        return bool(boxes) and all(
            any(overlap(mesh_box(live.mesh), box) > 0.2 for box in boxes) for live in lost
        )

    def _meet(self, index: int, small: Image, face: Face) -> None:
        """A detection: of a track that is being followed, of a lost one, or of a new one."""
        for other in self._live:
            if not other.lost and _same_place(mesh_box(other.mesh), face.box):
                return
        reading = self._network.find(small, face)
        good = self._good(reading)
        place = mesh_box(reading.mesh) if good else face.box
        for other in self._live:
            if not other.lost and overlap(mesh_box(other.mesh), place) > 0.35:
                return
        live = self._lost_at(place)
        if live is None:
            track = self._waiting(index, place) or Track(len(self.tracks))
            if track not in self.tracks:
                self._close_albums(index)
                self.tracks.append(track)
        else:
            track = live.track
        if not good:
            small_eyes = eye_distance(reading.mesh) < SMALLEST_EYES
            rule: Rule = "too-small" if reading.trust > 0.3 and small_eyes else "no-mesh"
            box = self._enlarged_box(face.box)
            track.sightings[index] = Sighting(box, reading.trust, rule, score=face.score)
            return
        if live is None:
            live = _Live(track, reading.mesh)
            self._live.append(live)
        live.mesh, live.lost = reading.mesh, 0
        self._sight(track, index, small, reading)
        self._follow_back(track, index, reading.mesh)

    def _lost_at(self, box: Points) -> _Live | None:
        for live in self._live:
            if live.lost and _same_place(mesh_box(live.mesh), box):
                return live
        return None

    def _waiting(self, index: int, box: Points) -> Track | None:
        """A track that ended here not long ago, or has so far been only boxes."""
        following = {live.track.number for live in self._live}
        for track in reversed(self.tracks):
            if track.number in following or not track.sightings or self._is_over(track, index):
                continue
            last = track.sightings[track.last]
            if overlap(last.box[:4], self._enlarged_box(box)) > 0.15:
                return track
        return None

    def _is_over(self, track: Track, index: int) -> bool:
        """Whether a track that is not followed ended too long ago to go on."""
        last = track.last
        return index - last > LONGEST_HIDDEN_GAP or any(last < c <= index for c in self.cuts)

    def _close_albums(self, index: int) -> None:
        """Nobody looks again at a face that is gone."""
        following = {live.track.number for live in self._live}
        for track in self.tracks:
            if track.number not in following and track.sightings and self._is_over(track, index):
                track.album.close()

    def _follow_back(self, track: Track, index: int, mesh: Points) -> None:
        """From its first frame backwards through what is remembered. Where it cannot be
        followed any more it may have moved too far: there it is searched, once."""
        searched = False
        for past, picture in reversed(self._past):
            known = track.sightings.get(past)
            if past >= index or (known is not None and known.packed is not None):
                continue
            reading = self._network.follow(picture, mesh)
            if not self._good(reading) and not searched:
                searched = True
                reading = self._near(picture, mesh) or reading
            place = self._enlarged_box(mesh_box(reading.mesh))
            taken = any(
                past in other.sightings and overlap(other.sightings[past].box[:4], place) > 0.35
                for other in self.tracks
                if other is not track
            )
            if taken or not self._good(reading):
                break
            mesh = reading.mesh
            self._sight(track, past, picture, reading)

    def _near(self, small: Image, mesh: Points) -> Reading | None:
        """What a search of the picture finds within a face's size of a mesh."""
        before = mesh_box(mesh)
        span = float((before[2:] - before[:2]).max())
        size = fit(small.shape[1], small.shape[0], self._settings.detect.max_side)
        copy = cv2.resize(small, size, interpolation=cv2.INTER_AREA)
        for found in self._detector.detect(copy):
            box = enlarge_points(found.box.reshape(2, 2), size, self._size)
            away = np.abs(box.mean(0) - (before[:2] + before[2:]) / 2).max()
            likely = 0.5 < float((box[1] - box[0]).max()) / span < 2
            if away < 1.5 * span and likely:
                points = enlarge_points(found.points, size, self._size)
                return self._network.find(small, Face(box.ravel(), found.score, points))
        return None

    def _sight(self, track: Track, index: int, small: Image, reading: Reading) -> None:
        if self._misread(reading):
            box = self._enlarged_box(mesh_box(reading.mesh))
            track.sightings[index] = Sighting(box, reading.trust, "low-trust")
            return
        mesh = enlarge_mesh(reading.mesh, self._size, self._full)
        sighting = Sighting.of_reading(reading, mesh, self._shelf)
        track.sightings[index] = sighting
        if track.album.due(index):
            # Under the mesh that is kept, so that the same look can be taken again from it.
            kept = sighting.mesh
            assert kept is not None
            mine = enlarge_mesh(kept, self._full, self._size)
            track.album.add(Look.taken(index, small, mine, clearness(reading)))

    def _misread(self, reading: Reading) -> bool:
        """Whether a face that the border cuts off may have been read as a smaller one that is
        whole: good enough to be followed, not to be painted by."""
        low, high = mesh_box(reading.mesh).reshape(2, 2)
        beyond = (low < BORDER).any() or (high > np.array(self._size) - BORDER).any()
        return bool(beyond) and reading.trust < CUT_OFF

    def _enlarged_box(self, box: Points) -> Points:
        return enlarge_points(box.reshape(2, 2), self._size, self._full).ravel()


def _same_place(a: Points, b: Points) -> bool:
    middle = (b[:2] + b[2:]) / 2
    return overlap(a, b) > 0.2 or bool((middle > a[:2]).all() and (middle < a[2:]).all())
