"""Where the samples of each plane lie in the upright, square-pixel picture."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from blanket.yuv import Colour, PixelFormat

Affine = NDArray[np.float64]
"""``[3, 3]``, acting on column vectors (x, y, 1) of pixels."""


@dataclass(frozen=True)
class Layout:
    """The stored planes seen from the upright picture.

    form: of the planes. colour: of their samples. to_luma, to_chroma: affine maps from
    pixels of the upright picture to samples of the planes.
    """

    form: PixelFormat
    colour: Colour
    to_luma: Affine
    to_chroma: Affine


def upright_size(width: int, height: int, rotation: int, aspect: Fraction) -> tuple[int, int]:
    """The size (w, h) of the picture as shown.

    width, height: of the stored picture. rotation: degrees clockwise, a multiple of 90.
    aspect: width of a stored pixel over its height.
    """
    square = max(1, round(width * aspect))
    return (height, square) if rotation % 180 else (square, height)


def luma_map(width: int, height: int, rotation: int, aspect: Fraction) -> Affine:
    """From the upright picture to the stored one; arguments as in `upright_size`."""
    square = max(1, round(width * aspect))
    turn = {
        0: [[1, 0, 0], [0, 1, 0]],
        90: [[0, 1, 0], [-1, 0, height - 1]],
        180: [[-1, 0, square - 1], [0, -1, height - 1]],
        270: [[0, -1, square - 1], [1, 0, 0]],
    }[rotation % 360]
    ratio = width / square
    stretch = np.array([[ratio, 0, ratio / 2 - 0.5], [0, 1, 0], [0, 0, 1]], np.float64)
    return stretch @ np.array([*turn, [0, 0, 1]], np.float64)


def chroma_map(form: PixelFormat, centred: bool) -> Affine:
    """From luma samples to chroma samples.

    centred: chroma lies in the middle of its luma samples (JPEG, MPEG-1); otherwise it
    shares the column of the left one (MPEG-2 and everything since).
    """
    across = (form.step_x - 1) / 2 if centred else 0.0
    down = (form.step_y - 1) / 2
    return np.array(
        [
            [1 / form.step_x, 0, -across / form.step_x],
            [0, 1 / form.step_y, -down / form.step_y],
            [0, 0, 1],
        ],
        np.float64,
    )
