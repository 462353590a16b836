"""Hiding a face that cannot be replaced: a blur of which nothing comes back."""

from __future__ import annotations

import cv2
import numpy as np

from blanket import align
from blanket.faces import Points
from blanket.picture import Picture

_SIDE = 64
_CELLS = 6  # across the patch, so about three across the face
# In axes of the hidden ellipse: the soft edge begins and ends, and the patch ends.
_SOLID, _CLEAR, _MARGIN = 1.05, 1.15, 1.25


def hide(picture: Picture, box: Points, angle: float = 0.0, grow: float = 1.6) -> None:
    """Blur the head out of a picture, in place.

    box: ``[4]`` float32, x0, y0, x1, y1 in pixels: the face, upright before it is turned
    about the middle of the box. angle: that turn, its roll, in radians, clockwise as seen.
    grow: >= 1, the axes of the hidden ellipse over those of the one inscribed in the box;
    all of it is hidden, and its edge is soft on the outside, to 1.15 times as far.

    Raises:
        ValueError: box or angle is not finite, so nobody can tell what to hide.
    """
    matrix = _to_patch(box, angle, grow)
    patch = picture.sample(matrix, (_SIDE, _SIDE))
    cells = cv2.resize(patch, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(cells, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC)
    blurred = cv2.GaussianBlur(smooth, (0, 0), _SIDE / _CELLS / 2, borderType=cv2.BORDER_REPLICATE)
    picture.paste(np.asarray(blurred, np.uint8), _alpha(), matrix)


def _to_patch(box: Points, angle: float, grow: float) -> align.Matrix:
    """From the picture to the patch, whose half side is `_MARGIN` times the hidden ellipse."""
    x0, y0, x1, y1 = (float(value) for value in box)
    if not np.isfinite([x0, y0, x1, y1, angle]).all():
        raise ValueError(f"box {box} and angle {angle} must be finite")
    cos, sin = np.cos(angle), np.sin(angle)
    upright = np.array([[cos, sin], [-sin, cos]])
    # A box of less than a pixel still hides the pixel that it is in.
    half = np.maximum([abs(x1 - x0) / 2, abs(y1 - y0) / 2], 1.0) * max(grow, 1.0) * _MARGIN
    linear = (_SIDE / 2 / half)[:, None] * upright
    middle = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    shift = (_SIDE - 1) / 2 - linear @ middle
    return np.column_stack([linear, shift]).astype(np.float32)


def _alpha() -> Points:
    """``[64, 64]``: 1 in the hidden ellipse, falling to 0 outside it."""
    across = (np.arange(_SIDE) - (_SIDE - 1) / 2) / (_SIDE / 2) * _MARGIN
    distance = np.hypot(across[None, :], across[:, None])
    fading = ((_CLEAR - distance) / (_CLEAR - _SOLID)).clip(0, 1)
    return np.asarray(fading, np.float32)
