"""Where an audit looks, frame by frame, and what it takes an unchanged face there for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.analysis import Analysis, Placements
from blanket.attributes import eye_distance
from blanket.config import Settings
from blanket.crop import face_matrix
from blanket.detect import Detector, overlap
from blanket.faces import Face, Points
from blanket.mesh import MASK_SIDE, MeshNetwork
from blanket.picture import Picture, enlarge_points, fit
from blanket.swap.occlusion import drawn
from blanket.swap.raster import Raster
from blanket.timeline import Placement
from blanket.track import LONGEST_HIDDEN_GAP, Sighting, Track, mesh_box
from blanket.tracker import SMALLEST_EYES, SURE
from blanket.verdict import Reason

_BELIEVED = 0.5
"""Trust in a mesh from which it is of a face: real ones have 0.7 and more, fists up to 0.5."""
_VERY_SURE = 0.75
"""Score of a detection that needs no other to be a face; fists reach 0.6."""
_LIKELY = 0.45
"""Score, or trust, from which a place is worth a person's look."""
_WORN = 0.4
"""How far what is worn covers a face: so that no part is judged by it (`blanket.change`), but all
of it is. When it is taken off, a face is there."""
_DETECTED = ("no-mesh", "too-small")


@dataclass(frozen=True)
class Place:
    """Where a face is, or may be, in one frame of the original.

    box: ``[4]`` pixels. mesh: ``[478, 3]`` pixels or None. occluded: as in
    `blanket.timeline.Placement`. track: its number, None where it was not followed.
    untouched, reason: what is said where the output shows it as it was. seen: whether it was
    seen in this very frame, or only before and after.
    """

    box: Points
    mesh: Points | None
    occluded: NDArray[np.float32] | None
    track: int | None
    untouched: Literal["suspect", "leak"]
    reason: Reason
    seen: bool = True


class Witness:
    """Knows where the faces of an original are.

    analysis: as the output was made with it, or the only one. deeper: of a more thorough
    search, if there was one.
    """

    def __init__(self, analysis: Analysis, settings: Settings, deeper: Analysis | None) -> None:
        self._analysis = analysis
        self._absent = settings.track.max_gap
        # As read, not as smoothed: cheaper, and where the face is rather than where it was put.
        settings = settings.changed({"track.smoothing": 0.0})
        self._placements = Placements(analysis, settings)
        self._deeper = None if deeper is None else Placements(deeper, settings)
        self._sure: dict[int, bool] = {}
        self._sure_deeper: dict[int, bool] = {}

    def at(self, index: int) -> list[Place]:
        """The places of a frame."""
        left = self._left(index)
        places = list(_places(self._placements.at(index), index, self._sure))
        if self._deeper is not None:
            known_boxes = [one.box for one in places]
            for place in _places(self._deeper.at(index), index, self._sure_deeper):
                if _met(place.box, left):
                    continue
                known = _met(place.box, known_boxes)
                missed = place.untouched == "leak" and not known
                places.append(
                    Place(
                        place.box, place.mesh, place.occluded, None, place.untouched,
                        "missed" if missed else place.reason,
                    )
                )  # fmt: skip
        return places

    def searched(
        self, picture: Picture, detector: Detector, network: MeshNetwork, settings: Settings
    ) -> list[Place]:
        """What a search of one frame, small and in the mirror, finds and nobody knew."""
        small = picture.rgb(settings.track.analysis_side)
        full, size = (picture.width, picture.height), (small.shape[1], small.shape[0])
        wide = fit(*size, settings.detect.max_side // 2)
        copy = cv2.resize(small, wide, interpolation=cv2.INTER_AREA)
        known = [one.box for one in self._placements.at(picture.index)]
        known += self._left(picture.index)
        found: list[Place] = []
        for mirrored in detector.detect(np.ascontiguousarray(copy[:, ::-1])):
            face = _enlarged(_unmirrored(mirrored, wide[0]), wide, size)
            if _met(_enlarged(face, size, full).box, known):
                continue
            reading = network.find(small, face)
            read = reading.trust >= _BELIEVED and eye_distance(reading.mesh) >= SMALLEST_EYES
            mesh = None
            box = _enlarged(face, size, full).box
            if read:
                xy = enlarge_points(reading.mesh[:, :2], size, full)
                depth = reading.mesh[:, 2:] * np.float32(full[0] / size[0])
                mesh = np.concatenate([xy, depth], axis=1)
                box = mesh_box(mesh)
            if _met(box, known):
                continue
            # In a copy as small as this, fists look like faces.
            if read or face.score >= SURE:
                found.append(Place(box, mesh, None, None, "leak", "missed"))
        return found

    def _left(self, index: int) -> list[Points]:
        """Boxes of faces that are left as they are because somebody said so, where they are seen:
        at other times whoever is in their place is somebody else."""
        boxes = []
        for track in self._analysis.tracks:
            if index in track.dropped:
                near = (
                    frame
                    for step in range(self._absent + 1)
                    for frame in (index - step, index + step)
                )
                seen = next((frame for frame in near if frame in track.sightings), None)
                if seen is not None:
                    boxes.append(track.sightings[seen].box[:4])
        return boxes


def _places(placements: Sequence[Placement], index: int, sure: dict[int, bool]) -> Iterator[Place]:
    """What is to be looked at: faces, and of what may be none only what is likely."""
    for one in placements:
        track = one.track
        if track.number not in sure:
            sure[track.number] = is_face(track)
        # Where a face should be in between is not where it was seen.
        seen, known = _seen(track, index), (one.box[:4], one.mesh, _covered(one), track.number)
        if sure[track.number] and (seen or _bracketed(track, index)):
            yield Place(*known, "leak", "untouched", seen)
        elif sure[track.number] or _likely(track.sightings.get(index)):
            yield Place(*known, "suspect", "doubtful", seen)


def _covered(one: Placement) -> NDArray[np.float32] | None:
    """`Placement.occluded`, and what is worn all the time as what may be covered: the network
    does not see all of it, and it stays."""
    own = one.track.appearance
    if one.mesh is None or one.occluded is None or own is None or not own.worn.any():
        return one.occluded
    on_crop = align.apply(face_matrix(one.mesh, MASK_SIDE), one.mesh)
    worn = drawn(own.worn, Raster(MASK_SIDE).texture_positions(on_crop))
    return np.maximum(one.occluded, _WORN * worn)


def is_face(track: Track) -> bool:
    """Whether a track is a face beyond doubt: its meshes are believed, or detections were
    sure. The others are faces, knees, fists and folds of cloth."""
    sightings = track.sightings.values()
    trusts = [one.trust for one in sightings if one.packed is not None]
    if trusts and np.mean(trusts) >= _BELIEVED:
        return True
    if any(one.rule in ("by-hand", "picture", "leak") for one in sightings):
        return True
    scores = sorted((one.score for one in sightings if one.rule in _DETECTED), reverse=True)
    return bool(scores) and (scores[0] >= _VERY_SURE or (len(scores) > 1 and scores[1] >= SURE))


def _likely(sighting: Sighting | None) -> bool:
    """What was seen in this very frame is rather a face than not."""
    if sighting is None:
        return False
    if sighting.packed is not None:
        return sighting.trust >= _LIKELY
    return sighting.rule in _DETECTED and sighting.score >= _LIKELY


def _bracketed(track: Track, index: int) -> bool:
    """Seen shortly before and after, in much the same place."""
    before, after = (
        next(
            (f for step in range(1, LONGEST_HIDDEN_GAP) if _seen(track, f := index + sign * step)),
            None,
        )
        for sign in (-1, 1)
    )
    if before is None or after is None or after - before > LONGEST_HIDDEN_GAP:
        return False
    return overlap(track.sightings[before].box[:4], track.sightings[after].box[:4]) > 0.2


def _seen(track: Track, index: int) -> bool:
    """Whether a track was seen in a frame, and not only taken to be there."""
    sighting = track.sightings.get(index)
    return sighting is not None and sighting.rule != "gap"


def _met(box: Points, others: Sequence[Points]) -> bool:
    """Whether a box is one of others: they overlap, or its middle lies in one of them."""
    middle = (box[:2] + box[2:4]) / 2
    return any(
        overlap(box, other) > 0.2
        or bool((middle > other[:2]).all() and (middle < other[2:4]).all())
        for other in others
    )


def _unmirrored(face: Face, width: int) -> Face:
    box = face.box[[2, 1, 0, 3]] * np.array([-1, 1, -1, 1], np.float32)
    points = face.points[[1, 0, 2, 4, 3]] * np.array([-1, 1], np.float32)
    last = np.float32(width - 1)
    return Face(
        box + np.array([last, 0, last, 0], np.float32), face.score,
        points + np.array([last, 0], np.float32),
    )  # fmt: skip


def _enlarged(face: Face, small: tuple[int, int], full: tuple[int, int]) -> Face:
    box = enlarge_points(face.box.reshape(2, 2), small, full).ravel()
    return Face(box, face.score, enlarge_points(face.points, small, full))
