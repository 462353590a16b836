"""A face cut out of a picture, the same square of the original and of every output."""

from __future__ import annotations

import numpy as np

from blanket.faces import Image, Points
from blanket.picture import Picture
from blanket.topology import SURFACE


def closeup(picture: Picture, place: Points, side: int, room: float) -> Image:
    """The face at a place (a mesh ``[478, 3]`` in pixels of the picture), ``[side, side, 3]``.

    room: side of the square over the longer side of the face's box.
    """
    low, high = place[:SURFACE, :2].min(0), place[:SURFACE, :2].max(0)
    scale = side / (room * max(float((high - low).max()), 1.0))
    shift = (side - 1) / 2 - scale * (low + high) / 2
    return picture.sample(np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]), (side, side))
