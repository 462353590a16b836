"""Brows of small children: down, in which no hair is seen."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Image
from blanket.texture import TEXTURE_SIDE, texture_points
from blanket.topology import LEFT_BROW, RIGHT_BROW

_YEARS, _SHARE = (3.0, 8.0), (0.7, 0.0)
"""From the first age to the second, how much of a brow's hairs is taken away."""
_HAIR = 1.5
"""Standard deviation in texels below which detail of a brow is hair."""


def downy(texture: Image, years: float) -> Image:
    """A texture ``[320, 320, 3]`` uint8 with the brows of a child of so many years.

    The texture of an older child, on an infant, else has brows that look drawn.
    """
    share = np.float32(np.interp(years, _YEARS, _SHARE))
    if not share:
        return texture
    whole = texture.astype(np.float32)
    soft = cv2.GaussianBlur(whole, (0, 0), _HAIR)
    return np.clip(whole + share * _brows() * (soft - whole), 0, 255).astype(np.uint8)


@cache
def _brows() -> NDArray[np.float32]:
    """``[320, 320, 1]``: 1 on the brows, falling to 0 around them."""
    canvas = np.zeros((TEXTURE_SIDE, TEXTURE_SIDE), np.uint8)
    for brow in (LEFT_BROW, RIGHT_BROW):
        ring = np.round(texture_points()[list(brow), :2]).astype(np.int32)
        cv2.fillConvexPoly(canvas, cv2.convexHull(ring), 1)
    wide = cv2.dilate(canvas, np.ones((17, 17), np.uint8)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(wide, (0, 0), 4), np.float32)[..., None]
