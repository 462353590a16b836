"""The best view of each person: the frame in which the face is sharp, frontal and in the open.

It is kept in memory while a stage works from it, and never written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.appearance import freeness
from blanket.attributes import eye_distance, eye_opening, head_pose
from blanket.crop import face_matrix
from blanket.errors import InputError
from blanket.faces import Points
from blanket.picture import Picture
from blanket.roll import steady_roll

if TYPE_CHECKING:
    from blanket.analysis import Analysis, Placements

_MOST = 240
"""Sightings of a person that are weighed, spread evenly over the video."""
_SHORTLIST = 12
"""Of these, so many are looked at in the video."""
_APART = 5
"""Frames between two of them: the next frame is as blurred as this one."""
_BETTER = 1.1
"""A later frame is taken only where it is clearly better: the first such frame is wanted."""
_SIDE = 128


@dataclass(frozen=True)
class View:
    """One face in one frame. picture: the frame. mesh: ``[478, 3]`` in its pixels.
    occluded: ``[48, 48]`` float32 0..1 on the face crop of the mesh (`blanket.crop`). roll: of
    the head, degrees clockwise (`blanket.roll`)."""

    picture: Picture
    mesh: Points
    occluded: NDArray[np.float32]
    roll: float


def best_views(
    pictures: Iterable[Picture],
    analysis: Analysis,
    placements: Placements,
    at: float | None = None,
) -> dict[int, View]:
    """The best view of each person, by subject.

    pictures: the video from its start; read only as far as is needed. at: seconds, the
    frame to take instead of the best one for everybody who is seen in it.

    Raises:
        InputError: nobody is seen at that time.
    """
    # 1. Which frames to look at, by what the meshes tell.
    listed: dict[int, dict[int, float]] = {}
    for subject in {track.subject for track in analysis.tracks}:
        for frame, merit in _shortlist(analysis, subject):
            listed.setdefault(frame, {})[subject] = merit
    chosen = None if at is None else int(np.abs(analysis.times - at).argmin())
    if chosen is not None:
        listed.setdefault(chosen, {})
    # 2. How sharp the face is in them.
    views: dict[int, View] = {}
    best: dict[int, float] = {}
    for picture in pictures:
        merits = listed.pop(picture.index, None)
        if merits is not None:
            for placement in placements.at(picture.index):
                subject = placement.track.subject
                if placement.mesh is None or placement.occluded is None:
                    continue
                merit = merits.get(subject, 0.0) * _sharpness(picture, placement.mesh)
                if picture.index == chosen:
                    merit = np.inf
                if merit > _BETTER * best.get(subject, 0.0):
                    best[subject] = merit
                    roll = steady_roll(analysis, placement, picture.index)
                    views[subject] = View(picture.copy(), placement.mesh, placement.occluded, roll)
        if not listed:
            break
    if chosen is not None and np.inf not in best.values():
        raise InputError(f"no face is followed at {at:g} s: choose another time")
    return views


def _shortlist(analysis: Analysis, subject: int) -> list[tuple[int, float]]:
    """Frames, apart from each other, with their merit: the largest of all first."""
    sightings = [
        (frame, sighting)
        for track in analysis.tracks
        if track.subject == subject
        for frame, sighting in track.sightings.items()
        if sighting.packed is not None
    ]
    rows = [(f, s, s.mesh) for f, s in sightings[:: max(len(sightings) // _MOST, 1)]]
    seen = [(frame, sighting, mesh) for frame, sighting, mesh in rows if mesh is not None]
    if not seen:
        return []
    meshes = np.stack([mesh for _, _, mesh in seen])
    yaw, pitch, _ = head_pose(meshes).T
    trust = np.array([sighting.trust for _, sighting, _ in seen])
    free = np.array([freeness(sighting.occluded) for _, sighting, _ in seen])
    opening = eye_opening(meshes).mean(-1)
    wide = np.clip(opening / max(float(np.quantile(opening, 0.75)), 1e-6), 0.2, 1)
    size = eye_distance(meshes)
    merit = trust * free**2 * wide * (size / size.max())
    merit /= 1 + (yaw / 15) ** 2 + (pitch / 15) ** 2
    kept: list[tuple[int, float]] = []
    for position in np.argsort(-merit, kind="stable"):
        frame = seen[position][0]
        if all(abs(frame - other) >= _APART for other, _ in kept):
            kept.append((frame, float(merit[position])))
        if len(kept) == _SHORTLIST:
            break
    return kept


def _sharpness(picture: Picture, mesh: Points) -> float:
    """How much fine detail the face has, in levels, at one size for all frames."""
    crop = picture.sample(face_matrix(mesh, _SIDE, 1.0), (_SIDE, _SIDE))
    green = crop[..., 1].astype(np.float32)
    inside = _SIDE // 8
    return float(np.abs(cv2.Laplacian(green, cv2.CV_32F))[inside:-inside, inside:-inside].mean())
