"""What makes a frame worth a look, whatever was done in it: where programs go wrong."""

from __future__ import annotations

from itertools import combinations, pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.analysis import Analysis
from blanket.attributes import eye_opening, head_pose, mouth_opening
from blanket.faces import Points
from blanket.picture import Picture, enlarge_points
from blanket.topology import POINTS, SURFACE
from blanket.track import LONGEST_HIDDEN_GAP, Track
from blanket.verdict import FLAGS, Flag

Flags = NDArray[np.uint16]
"""``[N]``, a bit for each of `FLAGS`, by frame."""

_TINY = 32.0  # pixels across
_BORDER = 0.01  # of the picture's side
_PROFILE = 40.0  # degrees of yaw as it is read, of about 45: what is turned so far is read short
_TURNING = 30.0  # degrees of yaw with which a head turns away
_TOGETHER = 25  # frames that two faces or a still one must be seen
_ALIKE = 0.85  # correlation of the openings of two faces that are one
_STILL = 0.004  # of the face's size
_COPY = 640
"""Pixels of the longer side of the copy in which frames around a face are looked for."""
_LOOKS = 250  # frames of a track that are looked at, however long it is
_NONE = np.zeros((POINTS, 3), np.float32)


def bit(flag: Flag) -> np.uint16:
    """The bit of a flag."""
    return np.uint16(1 << FLAGS.index(flag))


def flags_of(value: int) -> list[Flag]:
    """The flags of a frame."""
    return [flag for flag in FLAGS if value & int(bit(flag))]


def flagged(analysis: Analysis) -> Flags:
    """What tracks and cuts tell; `framed` and `blurred` need the pictures."""
    flags = np.zeros(analysis.frames, np.uint16)
    for cut in analysis.cuts:
        if cut > 0:
            _mark(flags, "cut", cut - 1, cut)
    for track in analysis.tracks:
        _ends(flags, track, analysis)
        _views(flags, track, analysis)
        if _is_still(track):
            _mark(flags, "still", track.first, track.last)
    for one, other in combinations(analysis.tracks, 2):
        shared = sorted(one.sightings.keys() & other.sightings.keys())
        if len(shared) >= _TOGETHER and _moves_with(one, other, shared):
            _mark(flags, "mirror", shared[0], shared[-1])
    return flags


def _mark(flags: Flags, flag: Flag, first: int, last: int) -> None:
    flags[max(first, 0) : max(last + 1, 0)] |= bit(flag)


def _ends(flags: Flags, track: Track, analysis: Analysis) -> None:
    """Where a face comes, goes, or turns away."""
    first, last = track.first, track.last
    if first > 0 and first not in analysis.cuts:
        _mark(flags, "entry", first - 1, first + 1)
    if last < analysis.frames - 1 and last + 1 not in analysis.cuts:
        _mark(flags, "exit", last - 1, last + 1)
    frames = [*sorted(track.sightings), analysis.frames]
    for before, after in pairwise(frames):
        mesh = track.sightings[before].mesh
        if after - before < 2 or mesh is None or abs(head_pose(mesh)[0]) < _TURNING:
            continue
        until = min([after - 1, before + LONGEST_HIDDEN_GAP, *_cuts_after(before, analysis)])
        _mark(flags, "back-of-head", before + 1, until)


def _cuts_after(frame: int, analysis: Analysis) -> list[int]:
    return [cut - 1 for cut in analysis.cuts if cut > frame]


def _views(flags: Flags, track: Track, analysis: Analysis) -> None:
    """Frames in which a face is small, at the border, or seen from the side."""
    frames = np.array(sorted(track.sightings))
    boxes = np.stack([track.sightings[int(frame)].box[:4] for frame in frames])
    size = np.array([analysis.width, analysis.height])
    low, high = boxes[:, :2], boxes[:, 2:]
    at_border = (low < _BORDER * size).any(1) | (high > (1 - _BORDER) * size - 1).any(1)
    flags[frames[at_border]] |= bit("border")
    flags[frames[(high - low).min(1) < _TINY]] |= bit("tiny")
    for some in np.array_split(frames, -(-len(frames) // _LOOKS)):
        read = [(f, mesh) for f in some if (mesh := track.sightings[int(f)].mesh) is not None]
        if read:
            seen, meshes = (np.stack(one) for one in zip(*read, strict=True))
            flags[seen[np.abs(head_pose(meshes)[:, 0]) > _PROFILE]] |= bit("profile")


def _is_still(track: Track) -> bool:
    """Neither the head nor anything in the face moves: a picture of a face."""
    meshes = _some(track, sorted(track.sightings))
    if len(meshes) < _TOGETHER:
        return False
    places = meshes[:, :SURFACE, :2].mean(1)
    span = float(np.ptp(meshes[0, :SURFACE, :2], axis=0).max())
    return bool(places.std(0).max() < _STILL * span and mouth_opening(meshes).std() < 0.02)


def _moves_with(one: Track, other: Track, frames: list[int]) -> bool:
    """Eyes and mouth of two faces open together: a face and its mirror image, or a screen
    that shows what the camera sees."""
    both = [f for f in frames if one.sightings[f].packed is not None]
    both = [f for f in both if other.sightings[f].packed is not None]
    if len(both) < _TOGETHER:
        return False
    first, second = _some(one, both), _some(other, both)
    series = [
        (mouth_opening(first), mouth_opening(second)),
        (eye_opening(first).mean(-1), eye_opening(second).mean(-1)),
    ]
    moved = [(a, b) for a, b in series if min(a.std(), b.std()) > 0.03]
    return bool(moved) and all(np.corrcoef(a, b)[0, 1] > _ALIKE for a, b in moved)


def _some(track: Track, frames: list[int]) -> Points:
    """Meshes ``[n, 478, 3]`` of a track in some of the frames, spread over all of them."""
    step = -(-len(frames) // _LOOKS)
    found = [track.sightings[frame].mesh for frame in frames[::step]]
    return np.stack([mesh for mesh in found if mesh is not None] or [_NONE])


def is_framed(picture: Picture, box: Points) -> bool:
    """Whether a rectangle surrounds a face: a picture on the wall, a screen, a mirror.

    box: ``[4]`` pixels, the face's.
    """
    small = picture.rgb(_COPY)
    size = (small.shape[1], small.shape[0])
    box = enlarge_points(box[:4].reshape(2, 2), (picture.width, picture.height), size).ravel()
    edges = cv2.Canny(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), 40, 120)
    closed = cv2.dilate(edges, np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(closed, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    face = float(np.prod(box[2:] - box[:2]))
    most = min(25 * face, 0.6 * size[0] * size[1])
    corners = box[[0, 1, 2, 1, 2, 3, 0, 3]].reshape(4, 2).tolist()
    for contour in contours:
        outline = cv2.approxPolyDP(contour, 0.03 * cv2.arcLength(contour, True), True)
        if len(outline) != 4 or not cv2.isContourConvex(outline):
            continue
        holds = all(cv2.pointPolygonTest(outline, corner, False) > 0 for corner in corners)
        if holds and 1.1 * face < cv2.contourArea(outline) < most:
            return True
    return False
