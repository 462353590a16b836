"""Gaze: where the eyes look, from the irises of the mesh, and how well that is kept.

An eyeball is a sphere about whose centre the iris turns. The gap between the corners of the
eye is about 2.5 radii of it (30 mm and 12 mm in adults: Gray's Anatomy; both are smaller in
infants), so an iris that lies a share `s` of the gap off the middle has turned by
asin(2.5 s). It is a reader for comparing two pictures of one face, with an error of its own
that cancels there, not a calibrated eye tracker.
"""

from __future__ import annotations

import numpy as np

from blanket.attributes import eye_opening, eye_widths, iris_position, pose_fit
from blanket.eval.traces import Values, paired, read_found
from blanket.faces import Array, Points
from blanket.topology import load_topology

RADII = 2.5
"""The gap between the corners of an eye, in radii of the eyeball."""
CLOSED = 0.1
"""Eye opening (`blanket.attributes.eye_opening`) below which an iris cannot be seen."""


def eye_angles(meshes: Points) -> Values:
    """Horizontal and vertical angle of the eyes in the head ``[N, 2]``, degrees, positive to
    the picture's right and downwards when the head is upright: the mean of the open eyes of
    meshes ``[N, 478, 3]``, each weighted by the square of its width as in
    `blanket.attributes.horizontal_gaze`, NaN where both are closed."""
    place = iris_position(meshes)
    angles = np.degrees(np.arcsin(np.clip(RADII * place, -1, 1)))
    # With one eye open it is that one; with none it is 0 / 0.
    seen = (eye_opening(meshes) >= CLOSED) * eye_widths(meshes) ** 2
    with np.errstate(invalid="ignore"):
        return (angles * seen[..., None]).sum(1) / seen.sum(1, keepdims=True)


def gaze_direction(meshes: Points) -> Values:
    """Unit vectors ``[N, 3]`` (x right, y down, z away from the camera) of where the eyes
    look, head and eyes together, of meshes ``[N, 478, 3]``; NaN where both are closed."""
    mean = load_topology().mean
    yaw, pitch = np.radians(eye_angles(meshes)).T
    in_head = np.stack([np.sin(yaw) * np.cos(pitch), np.sin(pitch), -np.cos(yaw) * np.cos(pitch)])
    turns, _, _ = pose_fit(mean, meshes)
    return np.einsum("nij,jn->ni", turns, in_head)


def angle_between(a: Array, b: Array) -> Values:
    """Degrees ``[...]`` between directions ``[..., 3]``: atan2(|a x b|, a . b), which keeps
    its accuracy near 0 and 180, where the arc cosine loses it. NaN where either is."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1)))


def gaze_error(original: Points, output: Points) -> float:
    """The mean angle between the gaze of original and output, degrees, over the frames with
    open eyes in both; NaN without any. Meshes ``[N, 478, 3]`` pixels, NaN where no face was
    found."""
    original, output = paired(original, output)
    before, after = (read_found(gaze_direction, meshes) for meshes in (original, output))
    angles = angle_between(before, after)
    found = np.isfinite(angles)
    return float(angles[found].mean()) if found.any() else np.nan
