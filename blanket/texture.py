"""The texture frame: every face's pixels laid out on the mean face.

A texture is ``[320, 320, 3]``; the mean face (`blanket.topology`) lies in it upright and
centred, hull and all. Since the layout never changes, which triangle covers which texel,
and where in it, is worked out once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.crop import placement
from blanket.faces import Array, Points
from blanket.nearest import nearest
from blanket.topology import OVAL, SURFACE, load_topology

TEXTURE_SIDE = 320
TEXTURE_HALF = 1.06


@dataclass(frozen=True)
class Atlas:
    """Where each texel lies. corners: ``[S, S, 3]`` int, the vertices around it;
    shares: ``[S, S, 3]`` float32, its barycentric coordinates (some below 0 outside the
    hull, where the nearest triangle is continued); inside: ``[S, S]`` bool, in the hull."""

    corners: NDArray[np.int32]
    shares: NDArray[np.float32]
    inside: NDArray[np.bool_]


def texture_points(side: int = TEXTURE_SIDE) -> Points:
    """The mean face in texture pixels, ``[478, 3]``."""
    return align.apply(placement(side, TEXTURE_HALF, (0.0, -0.02)), load_topology().mean)


@cache
def atlas(side: int = TEXTURE_SIDE) -> Atlas:
    """The atlas of a texture of `side` pixels (eyes and mouth closed over)."""
    topology = load_topology()
    points = texture_points(side)[:, :2].astype(np.float64)
    triangles = topology.closed
    owner = np.full((side, side), -1, np.int32)
    for i, corners in enumerate(np.round(points[triangles] * 16).astype(np.int32)):
        cv2.fillConvexPoly(owner, corners, i, cv2.LINE_8, 4)
    hull = np.zeros((side, side), np.uint8)
    cv2.fillPoly(hull, [np.round(points[list(OVAL)]).astype(np.int32)], 1)
    # Outside, the triangle of the nearest covered texel continues.
    owner = owner.ravel()[nearest(owner >= 0)[0]]
    corners = triangles[owner]
    a, b, c = (points[corners[..., i]] for i in range(3))
    yy, xx = np.mgrid[:side, :side]
    p = np.stack([xx, yy], -1)
    area = _cross(b - a, c - a)
    area = np.where(np.abs(area) < 1e-6, 1e-6, area)
    shares = np.stack([_cross(b - p, c - p), _cross(c - p, a - p), _cross(a - p, b - p)], -1)
    shares = (shares / area[..., None]).clip(-3, 3)
    shares /= shares.sum(-1, keepdims=True)
    return Atlas(corners.astype(np.int32), shares.astype(np.float32), hull.astype(bool))


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def texel_positions(mesh: Points, side: int = TEXTURE_SIDE) -> NDArray[np.float32]:
    """Where each texel of the texture lies in the picture of a mesh, ``[S, S, 2]`` pixels."""
    return laid_out(mesh[:SURFACE, :2].astype(np.float32), side)


def laid_out(values: NDArray[np.float32], side: int = TEXTURE_SIDE) -> NDArray[np.float32]:
    """What is known of each surface vertex ``[468, D]``, over the texture ``[S, S, D]``."""
    layout = atlas(side)
    return np.einsum("hwc,hwcd->hwd", layout.shares, values.take(layout.corners, 0))


def unwrap(picture: Array, mesh: Points, side: int = TEXTURE_SIDE) -> Array:
    """The texture ``[S, S, C]`` of the face in a picture ``[H, W, C]`` under a mesh.

    Beyond the outline the texture continues what lies beyond the face in the picture.
    """
    where = texel_positions(mesh, side)
    return cv2.remap(picture, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def hulls(rings: Iterable[Points], wider: int = 0) -> NDArray[np.uint8]:
    """``[320, 320]``: 1 in the convex hulls of points ``[N, 2]`` of the texture, and up to `wider`
    texels around them."""
    canvas = np.zeros((TEXTURE_SIDE, TEXTURE_SIDE), np.uint8)
    for ring in rings:
        cv2.fillConvexPoly(canvas, cv2.convexHull(np.round(ring).astype(np.int32)), 1)
    return cv2.dilate(canvas, np.ones((2 * wider + 1, 2 * wider + 1), np.uint8))
