"""Brows of the colour of the wearer's hair: black ones under fair hair look drawn."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.appearance import SIDE
from blanket.faces import Array, Image
from blanket.inpaint.clean import Zones
from blanket.inpaint.young import soft
from blanket.light import flatten
from blanket.texture import hulls, texture_points
from blanket.topology import LEFT_BROW, RIGHT_BROW

_YEARS = 3.0, 8.0
"""From the first age to the second, brows come to tell the colour of hair."""
_LEAST = 0.7
"""Share of its depth, as a logarithm, that any brow keeps."""
_WIDER, _SOFT = 8, 4.0
"""How far hairs stand beyond the outline, and over how much this fades, in texels."""


def dyed(texture: Image, flat: NDArray[np.float32], years: float) -> Image:
    """A texture ``[320, 320, 3]`` uint8 with brows no darker, in red, green and blue each, than
    those of the wearer, who is so many years old.

    flat: ``[64, 64, 3]``, the wearer's texture without the light (`Appearance.flat`).
    """
    shades = flatten(texture)
    skin, theirs = _skin_and_brows(shades)
    own_skin, mine = _skin_and_brows(flat)
    depth = np.log(theirs / skin).clip(max=-1e-3)
    power = (np.log(mine / own_skin) / depth).clip(_LEAST, 1)
    power = 1 + (power - 1) * np.interp(years, _YEARS, (0, 1))
    lighter = (shades / skin).clip(0.02, 1) ** (power - 1)
    changed = texture * (1 + _around_brows() * (lighter - 1))
    return np.clip(changed, 0, 255).astype(np.uint8)


def _skin_and_brows(flat: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Colour ``[3]`` of the skin around brows, and that of the darker hairs in them."""
    small = cv2.resize(flat, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    brows, skin = _compared()
    return np.median(small[skin], axis=0), np.percentile(small[brows], 20, axis=0)


@cache
def _compared() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Texels ``[64, 64]`` of brows, and of the bare skin near them."""
    brows, bare = (
        cv2.resize(mask.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for mask in (_brows(), Zones.build().skin)
    )
    near = cv2.dilate((brows > 0).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    return brows > 0.5, near & (bare > 0.9)


@cache
def _around_brows() -> NDArray[np.float32]:
    """``[320, 320, 1]``: 1 in brows, falling to 0 around them."""
    return soft(_brows(_WIDER), _SOFT)


def _brows(wider: int = 0) -> NDArray[np.uint8]:
    points = texture_points()[:, :2]
    return hulls([points[list(brow)] for brow in (LEFT_BROW, RIGHT_BROW)], wider)
