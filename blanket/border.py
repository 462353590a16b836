"""What of a patch lies within the picture, and what is only its border, repeated."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from blanket import align


def lies_within(matrix: align.Matrix, side: int, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Which pixels ``[side, side]`` of a patch lie in a picture of some size (w, h).

    matrix: ``[2, 3]``, picture to patch.
    """
    back = align.invert(matrix)

    def within(points: NDArray[np.float32]) -> NDArray[np.bool_]:
        there = align.apply(back, points)
        return np.asarray(((there >= -0.5) & (there < np.array(size) - 0.5)).all(-1))

    grid = _grid(side)
    # If its corners do, all of it does: most faces are nowhere near the border.
    if within(grid[[0, side - 1, -side, -1]]).all():
        return np.ones((side, side), bool)
    return within(grid).reshape(side, side)


@cache
def _grid(side: int) -> NDArray[np.float32]:
    line = np.arange(side, dtype=np.float32)
    return np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
