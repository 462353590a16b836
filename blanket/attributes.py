"""What is read off a mesh: head pose, gaze, eye and mouth opening."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.faces import Points
from blanket.topology import (
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    LOWER_LIP_INNER,
    OVAL,
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
_RIM = 0.08
"""How near the outline a vertex is left out of the pose, in outer eye distances."""
_DEPTH = 0.2
"""What depth counts for in the pose: two readings of one movement differ in it by about twice as
much as in the picture plane, so its square by four to five times."""
_ROUNDS = 5
_SETTLED = 1e-5
"""Radians by which a round of the fit still turns a head that needs no other."""


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


def eye_widths(mesh: Points) -> Values:
    """Distance between the corners of each eye as seen ``[..., 2]`` (left, right), pixels."""
    starts, ends = zip(*_CORNERS, strict=True)
    return np.maximum(np.linalg.norm(mesh[..., ends, :2] - mesh[..., starts, :2], axis=-1), 1e-6)


def horizontal_gaze(mesh: Points) -> Values:
    """Where both eyes look, along the eye ``[...]``: `iris_position` of the two, each by the
    precision with which it can be read.

    A pixel's error in iris or corners counts for less the wider the eye is seen: the variance
    goes with 1 / width^2, so each eye is weighted by width^2. On a turned head the near eye
    speaks.
    """
    weights = eye_widths(mesh) ** 2
    return (iris_position(mesh)[..., 0] * weights).sum(-1) / weights.sum(-1)


@cache
def pose_weights() -> Values:
    """``[468]``: how much each surface vertex says of the head's pose.

    0 near the outline, which lies where skin turns from view, on no point of the head in
    particular: its vertices are read three times less exactly than those inside.
    """
    mean = load_topology().mean[:SURFACE, :2]
    rim = np.linalg.norm(mean[:, None] - mean[list(OVAL)], axis=-1).min(1)
    return (rim > _RIM).astype(np.float64)


def pose_fit(shape: Points, mesh: Points) -> tuple[Values, float, Values]:
    """Rotation ``[3, 3]``, scale and shift ``[3]`` that bring a shape ``[478, 3]`` at rest
    nearest to a mesh ``[478, 3]``.

    Least squares over the vertices inside the outline, where depth, which a network only
    guesses, counts for a fifth of what is seen (Gauss-Newton from the fit of Umeyama 1991).
    """
    weights = pose_weights() / pose_weights().sum()
    source, target = shape[:SURFACE].astype(np.float64), mesh[:SURFACE].astype(np.float64)
    s_mean, t_mean = weights @ source, weights @ target
    s, t = source - s_mean, target - t_mean
    turn, scale, _ = align.rigid_fit(s[weights > 0], t[weights > 0])
    each = np.outer(weights, (1, 1, _DEPTH)).ravel()
    for _ in range(_ROUNDS):
        turned = scale * s @ turn.T
        x, y, z = turned.T
        none = np.zeros_like(x)
        # What a small turn about each axis, and growth, do to x, y and z.
        slope = np.stack(
            [none, z, -y, x / scale, -z, none, x, y / scale, y, -x, none, z / scale], axis=1
        ).reshape(-1, 3, 4)
        # Rows: vertex by vertex, its three coordinates.
        jacobian = slope.reshape(-1, 4)
        left = (jacobian * each[:, None]).T
        step = np.linalg.solve(left @ jacobian + 1e-12 * np.eye(4), left @ (t - turned).ravel())
        turn, scale = _rotation(step[:3]) @ turn, scale + float(step[3])
        if np.abs(step[:3]).max() < _SETTLED:
            break
    return turn, scale, t_mean - scale * turn @ s_mean


def _rotation(about: Values) -> Values:
    """The rotation about a vector by its length (Rodrigues)."""
    angle = float(np.linalg.norm(about))
    a, b, c = about / max(angle, 1e-12)
    cross = np.array([[0, -c, b], [c, 0, -a], [-b, a, 0]])
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)


def rest_shape(meshes: Points) -> Points:
    """The shape ``[478, 3]`` on the mean face of a face seen in meshes ``[N, 478, 3]``: the
    median over all of them, made symmetric."""
    topology = load_topology()
    shape = np.median([align.rigid(mesh, topology.mean) for mesh in meshes], axis=0)
    return ((shape + shape[topology.mirror] * (-1, 1, 1)) / 2).astype(np.float32)


def head_pose(mesh: Points, shape: Points | None = None) -> Values:
    """Yaw, pitch, roll ``[..., 3]`` in degrees, from the rotation that brings a face at rest
    onto the mesh (`pose_fit`). Yaw is positive towards the picture's right, pitch downwards,
    roll clockwise.

    shape: ``[478, 3]``, the face's own (`rest_shape`), where it is known: a long nose is else
    taken for a nod. Default: the mean face.
    """
    if shape is None:
        shape = load_topology().mean
    if mesh.ndim > 2:
        return np.stack([head_pose(one, shape) for one in mesh])
    turn, _, _ = pose_fit(shape, mesh)
    # The turn as roll after pitch after yaw, so that roll is what is seen in the picture.
    yaw = np.arctan2(turn[2, 0], turn[2, 2])
    pitch = np.arcsin(np.clip(turn[2, 1], -1, 1))
    roll = np.arctan2(-turn[0, 1], turn[1, 1])
    return np.degrees([yaw, pitch, roll])
