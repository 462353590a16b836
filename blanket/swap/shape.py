"""From one face's shape to another's, in a picture: features move.

Eyes, brows, nose and mouth move as blocks, by a smooth warp of the picture, so that what is
read off them (gaze, opening, expression) goes along with them. The outline stays: moving it
makes nobody else of a face to a recogniser, and head pose is read off it.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.attributes import pose_fit
from blanket.faces import Points
from blanket.topology import (
    LEFT_BROW,
    LEFT_EYE,
    OUTER_LIPS,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
    SURFACE,
    load_topology,
)

Float = NDArray[np.float64]

# The vertices whose middle a block moves with, those that carry the warp, and how far out
# from the middle they carry it: around the eyes, so that lids and corners keep their form.
_BLOCKS = (
    (LEFT_EYE, LEFT_EYE[::2], 1.35),
    (RIGHT_EYE, RIGHT_EYE[::2], 1.35),
    (LEFT_BROW, (70, 105, 107), 1.0),
    (RIGHT_BROW, (300, 334, 336), 1.0),
    ((1, 2, 98, 327, 64, 294), (1, 4, 2, 98, 327, 64, 294), 1.0),
    (OUTER_LIPS, (61, 291, 0, 17), 1.1),
)
_LEFT_EYE, _RIGHT_EYE, _LEFT_BROW, _RIGHT_BROW, _NOSE, _MOUTH = range(len(_BLOCKS))
# Vertices that move by themselves: bridge of the nose, cheeks, chin.
_SINGLE = (6, 168, 50, 280, 205, 425, 199)
_RIM = OVAL[::2]
FARTHEST = 0.16
"""The largest move, in distances between the outer eye corners."""
MARGIN = 1.12
"""How far the warp reaches, over the size of the face's own outline."""
_STEEPEST = 0.8
"""The largest move over the distance to the margin: from 1 on the picture would fold, and what
moves be seen twice."""
_NEAR = 0.5
"""How near a point of the outline may come to a feature, over how near it is at rest, before it
gives way."""
_ACROSS, _UNSEEN = 0.5, 0.0054
"""The largest move across the face's outline, over the distance to it, and how much more, in
sides of the patch, is no dent that is seen."""
_STILL = 24
"""Points at the margin that stay where they are."""
_MOVING = sum(len(vertices) for _, vertices, _ in _BLOCKS) + len(_SINGLE)
_OUTLINE = slice(_MOVING, _MOVING + len(_RIM))
_GRID = 28
_FADE = 112


class ShapeChange:
    """What turns one shape into another, or into several others: where its features move.

    own: ``[478, 3]``, new: ``[..., 478, 3]`` on the mean face, at rest. share: how much of the
    way to go.
    """

    def __init__(self, own: Points, new: Points, share: float = 1.0) -> None:
        # Both symmetric and in one pose: else a turn of the head would pass for a shape.
        own, new = _symmetric(own), _symmetric(new)
        turn, scale, shift = pose_fit(new, own)
        turned = scale[..., None, None] * new @ np.swapaxes(turn, -1, -2)
        moved = turned + shift[..., None, :] - own
        # Depth is only guessed; what is seen from the front is what moves.
        moved[..., 2] = 0
        shifts = np.stack([moved[..., list(ring), :].mean(-2) for ring, _, _ in _BLOCKS], -2)
        # A brow that comes down on its eye goes half of the way with it: lowered, it reads as a
        # frown.
        for brow, eye in ((_LEFT_BROW, _LEFT_EYE), (_RIGHT_BROW, _RIGHT_EYE)):
            shifts[..., brow, 1] -= (shifts[..., brow, 1] - shifts[..., eye, 1]).clip(0) / 2
        # The mouth goes half of the way with the nose: a lip that is squeezed or stretched
        # reads as a nod.
        shifts[..., _MOUTH, :] = (shifts[..., _MOUTH, :] + shifts[..., _NOSE, :]) / 2
        moves = share * np.concatenate([shifts, moved[..., list(_SINGLE), :]], -2)
        length = np.linalg.norm(moves, axis=-1, keepdims=True)
        moves *= FARTHEST * np.tanh(length / FARTHEST) / np.maximum(length, 1e-9)
        carried = [len(vertices) for _, vertices, _ in _BLOCKS]
        each = np.repeat(moves, carried + [1] * len(_SINGLE), axis=-2)
        still = np.zeros((*each.shape[:-2], len(_RIM) + _STILL, 3))
        self.moves: Float = np.concatenate([each, still], -2)
        """``[..., K, 3]``, of what carries the warp (`carriers`), on the mean face."""


def _symmetric(shape: Points) -> Points:
    return ((shape + shape[..., load_topology().mirror, :] * (-1, 1, 1)) / 2).astype(np.float32)


def carriers(mesh: NDArray[np.floating]) -> Float:
    """The points of a mesh ``[478, 2 or 3]`` that carry the warp, ``[K, 2]``."""
    points = []
    for ring, vertices, reach in _BLOCKS:
        middle = mesh[list(ring), :2].mean(0)
        points.append(middle + reach * (mesh[list(vertices), :2] - middle))
    edge = margin(mesh)
    closed = np.vstack([edge, edge[:1]])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    steps = np.linspace(0, along[-1], _STILL, endpoint=False)
    still = np.stack([np.interp(steps, along, closed[:, axis]) for axis in (0, 1)], 1)
    return np.vstack([*points, mesh[list(_SINGLE + _RIM), :2], still]).astype(np.float64)


def _hull(mesh: NDArray[np.floating]) -> Points:
    """The outline ``[n, 2]`` of a mesh as it is seen, without its hollows."""
    return np.asarray(cv2.convexHull(mesh[:SURFACE, :2].astype(np.float32))[:, 0], np.float32)


def margin(mesh: NDArray[np.floating]) -> Points:
    """The polygon ``[n, 2]`` at which the warp of a mesh ends."""
    hull = _hull(mesh)
    middle = (hull.min(0) + hull.max(0)) / 2
    return np.asarray(middle + MARGIN * (hull - middle), np.float32)


def _looseness(places: Float) -> Float:
    """``[K]``: how loosely a spline holds to carriers ``[K, 2]``, in units of the mean face.

    The outline is fixed, but on a head that is turned far its other side lies behind the far
    eye in the picture: what is not seen must not hold what is.
    """
    loose = np.zeros(len(places))
    near = _NEAR / np.maximum(_apart(places) / _usually_apart(), 0.05)
    loose[_OUTLINE] = (near**6 - 1).clip(0)
    return loose


def _apart(places: Float) -> Float:
    """How far each point of the outline is from the nearest that moves."""
    moving = places[: _OUTLINE.start]
    return np.asarray(np.linalg.norm(places[_OUTLINE, None] - moving, axis=-1).min(1))


@cache
def _usually_apart() -> Float:
    return _apart(carriers(load_topology().mean))


def spline(points: Float, values: Float, at: Float, loose: Float | float = 0.0) -> Float:
    """A thin-plate spline (Bookstein 1989) through `values` ``[K, D]`` at `points` ``[K, 2]``,
    at other places ``[M, 2]``: ``[M, D]``.

    Places are in units of about 1; a slight smoothing keeps near points from tearing, more
    of it where points are loose (``[K]``, in shares of the usual).
    """

    def kernel(a: Float, b: Float) -> Float:
        squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
        squares = squares.clip(1e-12)
        return np.asarray(squares * np.log(squares))

    count = len(points)
    affine = np.column_stack([np.ones(count), points])
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = kernel(points, points) + 1e-4 * np.diag(np.ones(count) + loose)
    system[:count, count:] = affine
    system[count:, :count] = affine.T
    weights = np.linalg.solve(system, np.vstack([values, np.zeros((3, values.shape[1]))]))
    basis = np.column_stack([kernel(at, points), np.ones(len(at)), at])
    return np.asarray(basis @ weights)


def reshape(
    side: int, mesh: Points, change: ShapeChange
) -> tuple[NDArray[np.float32], Points, NDArray[np.float32]]:
    """Bring the face in a patch of `side` pixels to its new shape.

    mesh: ``[478, 3]`` pixels of the patch. Returns where in the patch each pixel of the new
    shape comes from (``[S, S, 2]``, as `cv2.remap` takes it), the mesh there, and how far each
    pixel belongs to what was changed (``[S, S]`` float32 0..1).
    """
    turn, scale, _ = pose_fit(load_topology().mean, mesh)
    moves = (scale * change.moves @ turn.T)[:, :2]
    # The way back, from the new places to the old ones, is what drawing needs.
    line = (np.arange(_GRID) + 0.5) / _GRID - 0.5 / side
    grid = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    places = carriers(mesh)
    coarse = spline((places + moves) / side, moves, grid, _looseness(places / scale))
    # It gives way towards the margin.
    inside = np.zeros((_FADE, _FADE), np.uint8)
    cv2.fillConvexPoly(inside, _drawable(margin(mesh), side), 1, cv2.LINE_8, 4)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 3) / _FADE
    room = _STEEPEST * cv2.resize(depth, (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    coarse = coarse.reshape(_GRID, _GRID, 2)
    length = np.linalg.norm(coarse, axis=-1) / side
    coarse *= np.minimum(room / np.maximum(length, 1e-9), 1)[..., None]
    small = side * _along_outline(coarse / side, mesh, side)
    field = cv2.resize(small.astype(np.float32), (side, side), interpolation=cv2.INTER_CUBIC)
    moved = mesh.copy()
    for _ in range(4):
        at = moved[None, :, :2]
        step = cv2.remap(field, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        moved[:, :2] = mesh[:, :2] + step[0]
    touched = cv2.resize((depth / 0.012).clip(0, 1), (side, side), interpolation=cv2.INTER_LINEAR)
    return _pixels(side) - field, moved, touched


def _along_outline(field: Float, mesh: Points, side: int) -> Float:
    """A field ``[G, G, 2]`` in sides of the patch without what would dent the face's outline:
    near it, what moves moves along it."""
    elsewhere = np.ones((_FADE, _FADE), np.uint8)
    cv2.polylines(elsewhere, [_drawable(_hull(mesh), side)], True, 0, 1, cv2.LINE_8, 4)
    away = cv2.distanceTransform(elsewhere, cv2.DIST_L2, 5) / _FADE
    away = cv2.resize(away, (_GRID, _GRID), interpolation=cv2.INTER_AREA)
    down, right = np.gradient(cv2.GaussianBlur(away, (0, 0), 0.7))
    across = np.dstack([right, down]).astype(np.float64)
    across /= np.maximum(np.linalg.norm(across, axis=-1, keepdims=True), 1e-6)
    part = (field * across).sum(-1, keepdims=True)
    most = _ACROSS * away[..., None] + _UNSEEN
    return np.asarray(field + (part.clip(-most, most) - part) * across)


def _drawable(ring: Points, side: int) -> NDArray[np.int32]:
    """A polygon on a patch of `side` pixels as OpenCV draws it on `_FADE`, in sixteenths."""
    return np.round(((ring + 0.5) * (_FADE / side) - 0.5) * 16).astype(np.int32)


@cache
def _pixels(side: int) -> NDArray[np.float32]:
    line = np.arange(side, dtype=np.float32)
    return np.dstack(np.meshgrid(line, line))


def worn(own: Points, change: ShapeChange) -> Points:
    """The shapes ``[..., 478, 3]`` on the mean face that a face at rest takes by changes."""
    moves = change.moves
    columns = np.moveaxis(moves, -2, 0)
    found = spline(
        carriers(own), columns.reshape(len(columns), -1), own[:SURFACE, :2].astype(np.float64)
    )
    moved = np.broadcast_to(own, (*moves.shape[:-2], *own.shape)).copy()
    moved[..., :SURFACE, :] += np.moveaxis(found.reshape(SURFACE, *columns.shape[1:]), 0, -2)
    return moved
