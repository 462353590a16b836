"""How a face's relief catches the light: Lambert's law on the normals of its mesh.

What is smaller than broad light can show, the sides of a nose above all, is lit by where it
faces. The light is fitted to what is seen: an even part and one direction (the first order of
spherical harmonics; Basri & Jacobs 2003).
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Points
from blanket.texture import laid_out
from blanket.topology import SURFACE, load_topology

Float = NDArray[np.float32]

SHARE = 0.7
"""How much of the predicted shading is believed: depth is only guessed by the mesh network."""
_FLATTENING = 0.02
"""Ridge on the direction, for a face that is lit evenly or seen in part."""
_PACE = 0.2
"""How much of each frame's fit is taken over, where the face is free."""
_FREE = 0.4
"""Mean weight of the texels of a face that is seen whole."""
_DARKEST, _BRIGHTEST = 0.5, 1.6
_SMOOTH = 1.0  # texels of the light map


class Relief:
    """The shading of one face over time, steady."""

    def __init__(self) -> None:
        self._light = np.array((1.0, 0.0, 0.0, 0.0))
        self._pace = 1.0

    def __call__(self, luma: Float, weight: Float, mesh: Points) -> Float:
        """How much brighter or darker than an even face it is, ``[S, S]``, about 1.

        luma: ``[S, S]``, the face's as a texture. weight: ``[S, S]``, 0 where it is not seen.
        mesh: ``[478, 3]``, as it is turned in the picture, in any unit.
        """
        side = luma.shape[0]
        facing = laid_out(normals(mesh), side)
        terms = np.column_stack([np.ones(side * side, np.float32), facing.reshape(-1, 3)])
        known = weight.ravel() / max(float(weight.sum()), 1e-6)
        usual = max(float(known @ luma.ravel()), 1e-3)
        weighted = (terms * known[:, None]).T
        normal = weighted @ terms + np.diag((1e-6, *3 * [_FLATTENING]))
        now = np.linalg.solve(normal, weighted @ (luma.ravel() / usual))
        # The less is seen, the less it says.
        self._light += min(float(weight.mean()) / _FREE, 1) * self._pace * (now - self._light)
        self._pace = _PACE
        smooth = cv2.GaussianBlur(facing, (0, 0), _SMOOTH)
        lit = 1 + SHARE * (self._light[0] + smooth @ self._light[1:] - 1)
        return np.asarray(lit.clip(_DARKEST, _BRIGHTEST), np.float32)


def normals(mesh: Points) -> Float:
    """The unit normals ``[468, 3]`` of a mesh ``[478, 3]``: those of the triangles around each
    vertex, by their areas. They point away from the viewer where the face is seen."""
    points = mesh[:SURFACE].astype(np.float32)
    a, b, c = (points[corners] for corners in _triangles().T)
    around, starts = _fans()
    found = np.add.reduceat(np.cross(b - a, c - a)[around], starts)
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9))


@cache
def _triangles() -> NDArray[np.int32]:
    return load_topology().closed


@cache
def _fans() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The triangles around each vertex, one vertex after another, and where each begins."""
    corners = _triangles().T.ravel()
    order = np.argsort(corners, kind="stable")
    starts = np.searchsorted(corners[order], np.arange(SURFACE))
    return order % len(_triangles()), starts
