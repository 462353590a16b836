"""What is read off a mesh: head pose, gaze, eye and mouth opening."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.faces import Points
from blanket.topology import (
    LEFT_BROW,
    LEFT_EYE,
    LEFT_EYE_INNER,
    LEFT_EYE_OUTER,
    LOWER_LIP_INNER,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_EYE_INNER,
    RIGHT_EYE_OUTER,
    SURFACE,
    UPPER_LIP_INNER,
    load_topology,
)

Values = NDArray[np.float64]

_LIDS = np.array((((160, 144), (159, 145), (158, 153)), ((387, 373), (386, 374), (385, 380))))
_CORNERS = (LEFT_EYE_OUTER, LEFT_EYE_INNER), (RIGHT_EYE_INNER, RIGHT_EYE_OUTER)
_IRISES = 468, 473
_RIM = 0.15
"""How near the outline a vertex says less of the pose, in outer eye distances: nothing on it."""
_LIVELY, _LIVELY_WEIGHT = 0.08, 0.5
"""How near lids and brows a vertex says less of the pose, in outer eye distances, and how much
it says: a blink is no nod, and a raised brow is none."""
_DEPTH = 0.3
"""What depth counts for in the pose: two readings of one movement differ in it by about twice as
much as in the picture plane, so its square by three to five times."""
_ROUNDS, _SMALL = 5, 1e-4
"""Of the fit, at most; it ends when no turn, in radians, and no growth is larger."""


def eye_distance(mesh: Points) -> Values:
    """Distance between the outer eye corners ``[...]``, pixels, of meshes ``[..., 478, 3]``.

    In three dimensions, so that a turned head keeps its size.
    """
    return np.linalg.norm(mesh[..., RIGHT_EYE_OUTER, :] - mesh[..., LEFT_EYE_OUTER, :], axis=-1)


def eye_opening(mesh: Points) -> Values:
    """Gap between the lids over the width of the eye ``[..., 2]`` (left, right), about 0 to
    0.5: the eye aspect ratio of Soukupova & Cech (2016) with three pairs of points."""
    gaps = mesh[..., _LIDS[..., 0], :2] - mesh[..., _LIDS[..., 1], :2]
    return np.asarray(np.linalg.norm(gaps, axis=-1).mean(-1) / eye_widths(mesh))


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
    """``[468]``: how much each surface vertex says of the head's pose; the sum is 1.

    Less the nearer the outline, which lies where skin turns from view, on no point of the head
    in particular: its vertices are read three times less exactly than those inside. Less on
    lids and brows, too, which move by themselves.
    """
    mean = load_topology().mean[:SURFACE, :2]
    rim, lively = (
        np.linalg.norm(mean[:, None] - mean[list(ring)], axis=-1).min(1)
        for ring in (OVAL, LEFT_EYE + RIGHT_EYE + LEFT_BROW + RIGHT_BROW)
    )
    weights = (rim / _RIM).clip(0, 1) * np.where(lively > _LIVELY, 1.0, _LIVELY_WEIGHT)
    return np.asarray(weights / weights.sum())


def pose_fit(shape: Points, mesh: Points) -> tuple[Values, Values, Values]:
    """Rotations ``[..., 3, 3]``, scales ``[...]`` and shifts ``[..., 3]`` that bring a shape
    ``[478, 3]`` at rest, or a shape for each, nearest to meshes ``[..., 478, 3]``.

    Least squares over the vertices inside the outline, where depth, which a network only
    guesses, counts for less than a third of what is seen (Gauss-Newton from the fit of Umeyama
    1991). Points enter only by their second moments, so that a round costs next to nothing.
    """
    weights = pose_weights()
    source = shape[..., :SURFACE, :].astype(np.float64)
    target = mesh[..., :SURFACE, :].astype(np.float64)
    s_mean, t_mean = weights @ source, weights @ target
    s, t = source - s_mean[..., None, :], target - t_mean[..., None, :]
    weighted = np.swapaxes(weights[:, None] * s, -1, -2)
    own, shared = weighted @ s, weighted @ t
    u, singular, vt = np.linalg.svd(np.swapaxes(shared, -1, -2))
    flip = np.ones_like(singular)
    flip[..., 2] = np.sign(np.linalg.det(u @ vt))
    turn = (u * flip[..., None, :]) @ vt
    size = np.trace(own, axis1=-2, axis2=-1)
    scale = np.maximum((singular * flip).sum(-1) / np.maximum(size, 1e-12), 1e-12)
    for _ in range(_ROUNDS):
        # Of the turned shape with itself, and with what it is still off by.
        by = scale[..., None, None]
        moment = by**2 * (turn @ own @ np.swapaxes(turn, -1, -2))
        step = _pose_step(moment, by * (turn @ shared) - moment)
        turn, scale = _rotation(step[..., :3]) @ turn, scale * (1 + step[..., 3])
        if (np.abs(step) < _SMALL).all():
            break
    shift = t_mean - scale[..., None] * (turn @ s_mean[..., None])[..., 0]
    return turn, scale, shift


_MOVES = np.array(
    [
        ((0, 0, 0), (0, 0, -1), (0, 1, 0)),
        ((0, 0, 1), (0, 0, 0), (-1, 0, 0)),
        ((0, -1, 0), (1, 0, 0), (0, 0, 0)),
        ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ],
    np.float64,
)
"""How a point moves in a small turn about each axis, and as all grow: ``[4, 3, 3]``."""
_SEEN = np.swapaxes(_MOVES, 1, 2) * (1, 1, _DEPTH)
"""What is seen of these moves, transposed."""
_BOTH = np.einsum("iac,jcb->abij", _SEEN, _MOVES)
"""What is seen of two of them at once."""


def _pose_step(moment: Values, off: Values) -> Values:
    """The small turn about each axis, and the growth as a share, ``[..., 4]`` that bring points
    nearest to where they should be.

    moment, off: weighted sums ``[..., 3, 3]`` of the outer products of the points with
    themselves, and with what they are off by.
    """
    normal = np.tensordot(moment, _BOTH, 2)
    size = np.trace(moment, axis1=-2, axis2=-1)[..., None, None]
    towards = np.tensordot(off, _SEEN, ((-2, -1), (1, 2)))
    step = np.linalg.solve(normal + 1e-12 * size * np.eye(4), towards[..., None])
    return np.asarray(step[..., 0])


def _rotation(about: Values) -> Values:
    """The rotations ``[..., 3, 3]`` about vectors ``[..., 3]`` by their lengths (Rodrigues)."""
    angle = np.sqrt((about**2).sum(-1))[..., None, None]
    cross = np.tensordot(about, _MOVES[:3], 1) / np.maximum(angle, 1e-12)
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
    return head_angles(pose_fit(shape, mesh)[0])


def head_angles(turn: NDArray[np.floating]) -> Values:
    """Yaw, pitch, roll ``[..., 3]`` in degrees of rotations ``[..., 3, 3]``, as roll after pitch
    after yaw, so that roll is what is seen in the picture."""
    yaw = np.arctan2(turn[..., 2, 0], turn[..., 2, 2])
    pitch = np.arcsin(np.clip(turn[..., 2, 1], -1, 1))
    roll = np.arctan2(-turn[..., 0, 1], turn[..., 1, 1])
    return np.degrees(np.stack([yaw, pitch, roll], axis=-1))
