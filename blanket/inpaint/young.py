"""Textures of small children: smooth skin, down for brows, no lashes to be seen below the eyes."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Image
from blanket.inpaint.clean import Zones
from blanket.texture import hulls, texture_points
from blanket.topology import (
    LEFT_BROW,
    LEFT_EYE,
    LEFT_EYE_OUTER,
    NOSE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_EYE_OUTER,
)

_YEARS = 3.0, 8.0
"""From the first age to the second, all of this fades."""
_BROWS, _NOSE, _SKIN, _LASHES = (0.8, 2.5), (0.6, 2.0), (0.7, 3.0), (0.9, 3.0)
"""How much detail is taken away from brows (hairs), the nose (the line around its wings), bare
skin (creases) and what is below the eyes, and the standard deviation in texels below which it
is detail."""
_BELOW = 0.15
"""How far down lashes reach, in distances between the outer eye corners."""


def young(texture: Image, years: float) -> Image:
    """A texture ``[320, 320, 3]`` uint8 as a child of so many years has it.

    That of an older child, on an infant, else looks drawn.
    """
    share = np.float32(np.interp(years, _YEARS, (1, 0)))
    if not share:
        return texture
    whole = texture.astype(np.float32)
    for where, (most, sigma) in _parts():
        whole += share * most * where * (cv2.GaussianBlur(whole, (0, 0), sigma) - whole)
    return np.clip(whole, 0, 255).astype(np.uint8)


@cache
def _parts() -> list[tuple[NDArray[np.float32], tuple[float, float]]]:
    """Parts of the texture, ``[320, 320, 1]``, 1 falling to 0 around them, and what is done."""
    points = texture_points()[:, :2].astype(np.float32)
    unit = float(np.linalg.norm(points[LEFT_EYE_OUTER] - points[RIGHT_EYE_OUTER]))
    lower = np.array((0, _BELOW * unit), np.float32)
    brows = [points[list(brow)] for brow in (LEFT_BROW, RIGHT_BROW)]
    eyes = [points[list(eye)] for eye in (LEFT_EYE, RIGHT_EYE)]
    skin = Zones.build().skin.astype(np.uint8)
    # How far a mouth is open is read off the edges of its lips.
    spared = 1 - soft(hulls([points[list(OUTER_LIPS)]], 15), 5)
    return [
        (spared * soft(skin, 3), _SKIN),
        (soft(hulls([np.vstack([eye, eye + lower]) for eye in eyes]), 2), _LASHES),
        (soft(hulls(brows, 8), 4), _BROWS),
        (spared * soft(hulls([points[list(NOSE)]], 4), 3), _NOSE),
    ]


def soft(mask: NDArray[np.uint8], sigma: float) -> NDArray[np.float32]:
    """A mask ``[H, W]`` that falls softly to 0, ``[H, W, 1]``."""
    fading = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma)
    return np.asarray(fading, np.float32)[..., None]
