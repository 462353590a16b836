"""From a mesh in a patch to where each pixel of the patch lies in the texture."""

from __future__ import annotations

from functools import cache
from math import pi

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Image, Points
from blanket.swap.horizon import beyond_horizon
from blanket.texture import texture_points
from blanket.topology import load_topology

_NOWHERE = -1000.0
_JUMP = 32.0
"""Texels from one drawn pixel to the next that no surface which is seen has between them."""
_SOFT, _AROUND = 1.5, 3
"""Standard deviation of their blur in pixels of the patch, and how many drawn pixels around
them it reaches."""
_DEPTH = 1e-3
"""Depth of the scene over its distance: so little that there is no perspective in it."""


@cache
def _triangles() -> NDArray[np.int32]:
    """All triangles ``[T, 3]``."""
    return load_topology().closed.astype(np.int32)


@cache
def _texels() -> NDArray[np.float32]:
    """Where each vertex lies in the texture, ``[478, 3]``, as colours are given (the third is
    not used)."""
    flat = texture_points()[:, :2]
    return np.column_stack([flat, np.zeros(len(flat))]).astype(np.float32)


def drawn_step(side: int) -> int:
    """How many pixels of a patch of `side` go to one that is drawn, across and down."""
    return 2 if side >= 128 else 1


class Raster:
    """Draws meshes into patches of `side` pixels, large ones at half the resolution: the map
    from patch to texture is smooth, and is enlarged after it is drawn."""

    def __init__(self, side: int) -> None:
        self._side = side
        self._step = drawn_step(side)

    def texture_positions(self, mesh: Points) -> NDArray[np.float32]:
        """``[side, side, 2]`` float32: texture pixels for each pixel of the patch.

        mesh: ``[478, 3]`` pixels of the patch. What is nearest is seen, under all of it what
        faces away; outside the mesh the positions lie outside the texture's hull.
        """
        return self._whole(self._drawn(mesh))

    def with_horizon(
        self, mesh: Points, patch: Image
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """The same, going on over skin beyond the mesh's horizon, and ``[side, side]``, how far
        brow and eye have come to their end there (`beyond_horizon`).

        patch: ``[side, side, 3]``.
        """
        where = self._drawn(mesh)
        ended = beyond_horizon(where, patch)
        if ended is not None and self._step > 1:
            ended = cv2.resize(ended, (self._side, self._side), interpolation=cv2.INTER_LINEAR)
        return self._whole(where), ended

    def _drawn(self, mesh: Points) -> NDArray[np.float32]:
        """Texture positions as coarsely as they are drawn."""
        size = -(-self._side // self._step)
        # A camera that looks down -z sees -1..1 across, y upwards, at the distance of 1.
        x, y = ((mesh[:, :2] + 0.5) * (2 / (size * self._step)) - 1).T
        depth = mesh[:, 2] - mesh[:, 2].min()
        away = 1 + depth * (_DEPTH / max(float(depth.max()), 1e-6))
        points = np.column_stack([x * away, -y * away, -away]).astype(np.float32)
        drawn = np.full((size, size, 3), _NOWHERE, np.float32)
        ahead = _areas(mesh) * _orientation() > 0
        # Those that face away come first: they close the cracks between the others.
        for facing in (~ahead, ahead):
            if facing.any():
                cv2.triangleRasterizeColor(
                    points, _triangles()[facing], _texels(), drawn, np.eye(4)[:3], pi / 2,
                    1 - _DEPTH, 1 + 2 * _DEPTH, _smooth(),
                )  # fmt: skip
        return np.ascontiguousarray(drawn[..., :2])

    def _whole(self, where: NDArray[np.float32]) -> NDArray[np.float32]:
        if self._step == 1:
            return where
        return _enlarged(where, where[..., 0] == _NOWHERE, self._side)


@cache
def _smooth() -> cv2.TriangleRasterizeSettings:
    settings = cv2.TriangleRasterizeSettings()
    # In Python they start as zeros, which would draw everything white.
    settings.setShadingType(cv2.RASTERIZE_SHADING_SHADED)
    settings.setCullingMode(cv2.RASTERIZE_CULLING_NONE)
    return settings


def _enlarged(
    where: NDArray[np.float32], empty: NDArray[np.bool_], side: int
) -> NDArray[np.float32]:
    # Where the mesh ends, positions inside must not mix with "nowhere": continue them.
    ring = empty & (cv2.dilate((~empty).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    inside = (~empty).astype(np.float32)
    share = cv2.blur(inside, (3, 3))[ring]
    known = np.where(empty[..., None], np.float32(0), where)
    where[ring] = cv2.blur(known, (3, 3))[ring] / np.maximum(share, 1e-6)[:, None]
    return cv2.resize(where, (side, side), interpolation=cv2.INTER_LINEAR)


def soften_edges(face: Image, where: NDArray[np.float32]) -> None:
    """Take the stairs out of a drawn face ``[S, S, 3]`` where one part of it hides another, as
    a nose does a cheek, in place. where: ``[S, S, 2]``, what it was drawn by."""
    step = drawn_step(face.shape[0])
    edges = _edges(np.ascontiguousarray(where[::step, ::step]))
    x, y, width, height = cv2.boundingRect(edges)
    if not width:
        return
    x, y = max(x - _AROUND, 0), max(y - _AROUND, 0)
    near = edges[y : y + height + 2 * _AROUND, x : x + width + 2 * _AROUND]
    rows, columns = near.shape
    part = face[y * step : (y + rows) * step, x * step : (x + columns) * step]
    near = cv2.dilate(near, np.ones((3, 3), np.uint8)).astype(np.float32)
    near = cv2.GaussianBlur(near, (0, 0), 0.7)
    near = cv2.resize(near, part.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    part[:] = cv2.blendLinear(cv2.GaussianBlur(part, (0, 0), _SOFT), part, near, 1 - near)


def _edges(where: NDArray[np.float32]) -> NDArray[np.uint8]:
    """``[S, S]``: 1 at the edges at which one part of a face hides another."""
    beside = np.ones((2, 2), np.uint8)
    least, most = cv2.erode(where, beside), cv2.dilate(where, beside)
    across, down = cv2.split(most - least)
    edges = cv2.max(across, down) > _JUMP
    # Where the mesh ends is no such edge, nor is where it is about to.
    edges &= cv2.erode(cv2.extractChannel(least, 0), np.ones((9, 9), np.uint8)) >= 0
    return edges.astype(np.uint8)


@cache
def _orientation() -> NDArray[np.float32]:
    """The sign of each triangle's area in the texture."""
    return np.sign(_areas(_texels()))


def _areas(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Twice the signed area of each triangle, ``[T]``."""
    corners = points[_triangles(), :2]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], np.float32)
