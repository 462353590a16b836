"""What is read off a mesh: head pose, gaze, eye and mouth opening."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.faces import Points
from blanket.topology import (
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    LOWER_LIP_INNER,
    RIGHT_EYE_INNER,
    RIGHT_EYE_OUTER,
    SURFACE,
    UPPER_LIP_INNER,
    load_topology,
)

Values = NDArray[np.float64]

_LIDS = ((160, 144), (159, 145), (158, 153)), ((387, 373), (386, 374), (385, 380))
_CORNERS = (LEFT_EYE_OUTER, LEFT_EYE_INNER), (RIGHT_EYE_INNER, RIGHT_EYE_OUTER)
_IRISES = 468, 473


def eye_distance(mesh: Points) -> Values:
    """Distance between the outer eye corners ``[...]``, pixels, of meshes ``[..., 478, 3]``.

    In three dimensions, so that a turned head keeps its size.
    """
    return np.linalg.norm(mesh[..., RIGHT_EYE_OUTER, :] - mesh[..., LEFT_EYE_OUTER, :], axis=-1)


def eye_opening(mesh: Points) -> Values:
    """Gap between the lids over the width of the eye ``[..., 2]`` (left, right), about 0 to
    0.5: the eye aspect ratio of Soukupova & Cech (2016) with three pairs of points."""
    sides = []
    for pairs, (start, end) in zip(_LIDS, _CORNERS, strict=True):
        gaps = [mesh[..., up, :2] - mesh[..., low, :2] for up, low in pairs]
        gap = np.mean([np.linalg.norm(g, axis=-1) for g in gaps], axis=0)
        width = np.linalg.norm(mesh[..., end, :2] - mesh[..., start, :2], axis=-1)
        sides.append(gap / np.maximum(width, 1e-6))
    return np.stack(sides, axis=-1)


def mouth_opening(mesh: Points) -> Values:
    """Gap between the inner lips over the distance of the outer eye corners ``[...]``."""
    gap = mesh[..., LOWER_LIP_INNER, :2] - mesh[..., UPPER_LIP_INNER, :2]
    return np.linalg.norm(gap, axis=-1) / np.maximum(eye_distance(mesh), 1e-6)


def iris_position(mesh: Points) -> Values:
    """Where the iris lies between the corners of the eye ``[..., 2, 2]``: (left, right eye) x
    (along, across), 0 in the middle, along from -0.5 to 0.5 towards the picture's right."""
    sides = []
    for iris, (start, end) in zip(_IRISES, _CORNERS, strict=True):
        a, b = mesh[..., start, :2], mesh[..., end, :2]
        axis = b - a
        away = mesh[..., iris, :2] - (a + b) / 2
        length = np.maximum((axis**2).sum(-1), 1e-6)
        along = (away * axis).sum(-1) / length
        across = (axis[..., 0] * away[..., 1] - axis[..., 1] * away[..., 0]) / length
        sides.append(np.stack([along, across], axis=-1))
    return np.stack(sides, axis=-2)


def head_pose(mesh: Points) -> Values:
    """Yaw, pitch, roll ``[..., 3]`` in degrees, from the rotation that brings the mean face
    onto the mesh. Yaw is positive towards the picture's right, pitch downwards, roll
    clockwise."""
    if mesh.ndim > 2:
        return np.stack([head_pose(one) for one in mesh])
    turn, _, _ = align.rigid_fit(load_topology().mean[:SURFACE], mesh[:SURFACE])
    # The turn as roll after pitch after yaw, so that roll is what is seen in the picture.
    yaw = np.arctan2(turn[2, 0], turn[2, 2])
    pitch = np.arcsin(np.clip(turn[2, 1], -1, 1))
    roll = np.arctan2(-turn[0, 1], turn[1, 1])
    return np.degrees([yaw, pitch, roll])
