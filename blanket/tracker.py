"""Who is whom: faces followed through the video, forwards and backwards.

The mesh network follows a face from frame to frame; the detector only finds new ones, at
intervals and wherever something was lost. A face that is found late is followed back
through the last frames. What remains uncertain is kept as a box, to be hidden.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanket.appearance import Look, clearness
from blanket.arrival import Arrival
from blanket.attributes import eye_distance, head_pose
from blanket.config import Settings
from blanket.copies import Copy
from blanket.detect import Detector, overlap
from blanket.faces import Face, Image, Points
from blanket.finder import Finder
from blanket.mesh import Aim, MeshNetwork, Reading
from blanket.picture import enlarge_mesh, enlarge_points
from blanket.report import Rule
from blanket.track import LONGEST_HIDDEN_GAP, Shelf, Sighting, Track, mesh_box

SMALLEST_EYES = 5.0
"""Outer eye corners nearer than this many pixels of the analysis copy: too small to read."""
NO_FACE = 0.05
"""Below this trust the network says that there is no face at all."""
SURE = 0.6
"""Score of a detection that is hidden even where no other search confirms it."""
CUT_OFF, BORDER = 0.5, 3.0
"""Trust in the mesh of a face at the border below which it is hidden, and how near that is, in
pixels of the analysis copy."""
LONGEST_UNSEARCHED = 0.5
"""Seconds between two searches: at few frames a second, more of them are searched."""
_SOON = 3
"""Frames from one search to the next where something comes in."""


@dataclass
class _Live:
    """A track that is being followed. mesh: its last, in pixels of the analysis copy. aim: for
    its next reading."""

    track: Track
    mesh: Points
    aim: Aim | None = None
    lost: int = 0


class Tracker:
    """Follows every face of a video: `step` for each picture's copy in turn, then `finish`.

    detector, network: what finds and what reads faces. settings: of the run.
    """

    def __init__(self, detector: Detector, network: MeshNetwork, settings: Settings) -> None:
        self._finder = Finder(detector, settings.detect.max_side)
        self._network, self._settings = network, settings
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
            reading = self._network.follow(small, live.mesh, live.aim)
            if self._good(reading):
                live.mesh, live.aim, live.lost = reading.mesh, reading.aim, 0
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

    def _search(self, index: int, small: Image, turned: bool, closely: bool, leaning: int) -> None:
        faces = self._finder.everywhere(small, leaning)
        if closely:
            self._last_close = index
            for face in self._finder.closely(small):
                self._meet(index, small, face)
        else:
            self._look_closer(index, small)
        if turned and self._settings.detect.turned and not self._explained(faces):
            faces += self._finder.turned(small)
        for face in faces:
            self._meet(index, small, face)

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
            for face in self._finder.around(small, box):
                self._meet(index, small, face)

    def _explained(self, faces: list[Face]) -> bool:
        """Every lost track has a detection where it was, and there is a face at all."""
        lost = [live for live in self._live if live.lost]
        return bool(faces) and all(
            any(overlap(mesh_box(live.mesh), face.box) > 0.2 for face in faces) for live in lost
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
        live.mesh, live.aim, live.lost = reading.mesh, reading.aim, 0
        self._sight(track, index, small, reading)
        self._follow_back(track, index, reading)

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

    def _follow_back(self, track: Track, index: int, last: Reading) -> None:
        """From its first frame backwards through what is remembered. Where it cannot be
        followed any more it may have moved too far: there it is searched, once."""
        searched = False
        for past, picture in reversed(self._past):
            known = track.sightings.get(past)
            if past >= index or (known is not None and known.packed is not None):
                continue
            reading = self._network.follow(picture, last.mesh, last.aim)
            if not self._good(reading) and not searched:
                searched = True
                reading = self._near(picture, last.mesh) or reading
            place = self._enlarged_box(mesh_box(reading.mesh))
            taken = any(
                past in other.sightings and overlap(other.sightings[past].box[:4], place) > 0.35
                for other in self.tracks
                if other is not track
            )
            if taken or not self._good(reading):
                break
            last = reading
            self._sight(track, past, picture, reading)

    def _near(self, small: Image, mesh: Points) -> Reading | None:
        """What a search of the picture finds within a face's size of a mesh."""
        before = mesh_box(mesh)
        span = float((before[2:] - before[:2]).max())
        for found in self._finder.everywhere(small):
            box = found.box.reshape(2, 2)
            away = np.abs(box.mean(0) - (before[:2] + before[2:]) / 2).max()
            likely = 0.5 < float((box[1] - box[0]).max()) / span < 2
            if away < 1.5 * span and likely:
                return self._network.find(small, found)
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
            seen = Look.taken(index, small, mine, clearness(reading), sighting.occluded)
            track.album.add(seen)

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
