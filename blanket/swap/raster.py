"""From a mesh in a patch to where each pixel of the patch lies in the texture."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Points
from blanket.texture import texture_points
from blanket.topology import load_topology

_NOWHERE = -1000.0


@cache
def _triangles() -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """All triangles ``[T, 3]`` and their corners in the texture, ``[T, 3, 2]``."""
    topology = load_topology()
    triangles = np.vstack([topology.triangles, topology.eyes, topology.mouth])
    return triangles, texture_points()[triangles, :2].astype(np.float64)


class Raster:
    """Draws meshes into patches of `side` pixels, at half that resolution: the map from
    patch to texture is smooth, and is enlarged after it is drawn."""

    def __init__(self, side: int) -> None:
        self._side = side
        self._step = 2 if side >= 128 else 1

    def texture_positions(self, mesh: Points) -> NDArray[np.float32]:
        """``[side, side, 2]`` float32: texture pixels for each pixel of the patch.

        mesh: ``[478, 3]`` pixels of the patch. Triangles are painted from the farthest to
        the nearest, under all of them those that face away; outside the mesh the positions
        lie outside the texture's hull.
        """
        size = -(-self._side // self._step)
        triangles, corners = _triangles()
        points = mesh.astype(np.float64).copy()
        points[:, :2] = (points[:, :2] + 0.5) / self._step - 0.5
        flat = points[triangles, :2]
        a, b = flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0]
        area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
        ahead = area * _orientation()
        seen = np.flatnonzero(np.abs(ahead) > 1e-3)
        depth = points[triangles[seen], 2].mean(1)
        # Those that face away come first: they close the cracks between the others.
        order = seen[np.lexsort((-depth, ahead[seen] > 0))]
        # Patch to texture, an affine map for each triangle, by its two edges.
        a, b, area = a[order], b[order], area[order]
        ta = corners[order, 1] - corners[order, 0]
        tb = corners[order, 2] - corners[order, 0]
        along_x = (ta * b[:, 1:] - tb * a[:, 1:]) / area[:, None]
        along_y = (tb * a[:, :1] - ta * b[:, :1]) / area[:, None]
        start = corners[order, 0] - along_x * flat[order, 0, :1] - along_y * flat[order, 0, 1:]
        affine = np.concatenate([along_x, along_y, start], axis=1).astype(np.float32)
        outside = np.array([[0, 0, 0, 0, _NOWHERE, _NOWHERE]], np.float32)
        affine = np.concatenate([affine, outside])
        owner = np.full((size, size), len(order), np.int32)
        fixed = np.round(flat[order] * 16).astype(np.int32)
        for number, corner in enumerate(fixed):
            cv2.fillConvexPoly(owner, corner, number, cv2.LINE_8, 4)
        mine = np.ascontiguousarray(affine.T)[:, owner]
        x = np.arange(size, dtype=np.float32)
        y = x[:, None]
        # One coordinate after the other: long rows are what NumPy is fast at.
        where = cv2.merge([mine[axis] * x + mine[2 + axis] * y + mine[4 + axis] for axis in (0, 1)])
        if self._step == 1:
            return where
        return _enlarged(where, owner == len(order), self._side)


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


@cache
def _orientation() -> NDArray[np.float64]:
    """The sign of each triangle's area in the texture."""
    _, corners = _triangles()
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.sign(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
