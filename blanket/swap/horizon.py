"""Beyond the horizon of a turned head: skin that is seen there and that no mesh covers.

On the far side of a head its mesh ends within the picture of its skin. What lies between would
stay the child's: a fold beside the eye, half of a brow.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Image
from blanket.nearest import nearest
from blanket.texture import TEXTURE_SIDE, atlas, texture_points
from blanket.topology import (
    LEFT_BROW,
    LEFT_EYE,
    LEFT_EYE_OUTER,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_EYE_OUTER,
)

_REACH = 0.085
"""How far beyond the mesh skin is looked for, in sides of the patch."""
_RIM = 0.03
"""How far inside the mesh that skin lies, in sides of the patch."""
_ALIKE = 40.0
"""Levels by which a pixel may differ from the skin that is nearest, in any channel: folds differ
by 30, the dark line at which a face ends by 60."""
_END = 0.025
"""How far beyond the mesh a brow has come to its end, in sides of the patch: drawn on and on, it
is a smear."""
_FREE = 0.05
"""How far from brows and eyes skin is bare, in distances between the outer eye corners."""
_BROAD = 9.0
"""Texels (standard deviation) over which skin is taken from around them."""
_DEEP = 6.0
"""Texels from the texture's outline: farther inside, it is not where a face ends."""


def beyond_horizon(where: NDArray[np.float32], patch: Image) -> NDArray[np.float32] | None:
    """Continue texture positions over skin beyond the mesh, in place.

    where: ``[H, W, 2]``, below 0 outside of the mesh. patch: ``[S, S, 3]``, of the same place.
    Where the mesh ends at the outline of the texture nothing is done: there a face ends.

    Returns:
        ``[H, W]``, how far brow and eye have come to their end (`featureless`): 0 within the
        mesh, 1 well beyond. None if nothing goes on.
    """
    drawn = where[..., 0] >= 0
    reach = max(round(_REACH * where.shape[0]), 1)
    area = _around_horizon(where, drawn, reach + 2)
    if area is None:
        return None
    inside, part = np.ascontiguousarray(drawn[area]), where[area]
    inner, away = nearest(inside)
    continued = part.reshape(-1, 2)[inner]
    open_ = ~inside & (away <= reach) & _deep(continued)
    skin = inside | (open_ & (_unlike(patch, where.shape[0], area, inside, inner) < _ALIKE))
    # Single pixels are noise either way.
    skin = inside | (cv2.blur(skin.astype(np.float32), (5, 5)) > 0.5)
    # Skin beyond something else is somebody's, but not this face's.
    count, pieces = cv2.connectedComponents(skin.astype(np.uint8))
    joined = np.bincount(pieces[inside], minlength=count) > 0
    new = joined[pieces] & skin & open_
    if not new.any():
        return None
    part[new] = continued[new]
    ended = np.zeros(where.shape[:2], np.float32)
    ended[area] = np.where(new, (away / (_END * where.shape[0])).clip(0, 1), 0)
    return ended


def featureless(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """A texture ``[320, 320, 3]`` without brows and eyes: skin as it is around them."""
    skin = _bare()
    around = cv2.GaussianBlur(flat * skin[..., None], (0, 0), _BROAD)
    around /= np.maximum(cv2.GaussianBlur(skin, (0, 0), _BROAD), 1e-3)[..., None]
    soft = (2 * cv2.GaussianBlur(skin, (0, 0), _BROAD / 3) - 1).clip(0)[..., None]
    return np.asarray(around + soft * (flat - around), np.float32)


def _around_horizon(
    where: NDArray[np.float32], drawn: NDArray[np.bool_], reach: int
) -> tuple[slice, slice] | None:
    """What lies around the horizon, if there is one."""
    rim = drawn & (cv2.erode(drawn.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    x, y, width, height = cv2.boundingRect((rim & _deep(where)).astype(np.uint8))
    if not width:
        return None
    return (
        slice(max(y - reach, 0), y + height + reach),
        slice(max(x - reach, 0), x + width + reach),
    )


def _deep(where: NDArray[np.float32]) -> NDArray[np.bool_]:
    """``[H, W]``: whether texture positions ``[H, W, 2]`` lie well inside the texture's outline."""
    return np.asarray(cv2.remap(_depth(), where, None, cv2.INTER_NEAREST) > 0)


@cache
def _bare() -> NDArray[np.float32]:
    """``[320, 320]``: 1 where the texture is neither brow nor eye."""
    points = texture_points()[:, :2]
    unit = float(np.linalg.norm(points[LEFT_EYE_OUTER] - points[RIGHT_EYE_OUTER]))
    bare = np.ones((TEXTURE_SIDE, TEXTURE_SIDE), np.float32)
    for ring in (LEFT_BROW, RIGHT_BROW, LEFT_EYE, RIGHT_EYE):
        outline = cv2.convexHull(np.round(points[list(ring)]).astype(np.int32))
        cv2.fillConvexPoly(bare, outline, 0)
        cv2.polylines(bare, [outline], True, 0, round(2 * _FREE * unit))
    return bare


@cache
def _depth() -> NDArray[np.uint8]:
    inside = atlas(TEXTURE_SIDE).inside.astype(np.uint8)
    return (cv2.distanceTransform(inside, cv2.DIST_L2, 5) > _DEEP).astype(np.uint8)


def _unlike(
    patch: Image,
    side: int,
    area: tuple[slice, slice],
    inside: NDArray[np.bool_],
    inner: NDArray[np.int64],
) -> NDArray[np.float32]:
    """How far each pixel of an area is from the skin inside the mesh that is nearest, in levels."""
    small = cv2.resize(patch, (side, side), interpolation=cv2.INTER_AREA)
    near = small[area].astype(np.float32)
    # Where its outline was pulled in, the rim of a mesh lies over what is behind the face.
    rim = 2 * round(_RIM * side) + 1
    weight = cv2.erode(inside.astype(np.uint8), np.ones((rim, rim), np.uint8)).astype(np.float32)
    window = (2 * round(_REACH * side / 2) + 1,) * 2
    usual = cv2.blur(near * weight[..., None], window)
    usual /= np.maximum(cv2.blur(weight, window), 1e-3)[..., None]
    red, green, blue = cv2.split(cv2.absdiff(near, usual.reshape(-1, 3)[inner]))
    return np.asarray(cv2.max(cv2.max(red, green), blue))
