"""Pixel boost: a small swapper on a large crop.

The crop is taken apart into interleaved small ones, each of which shows the whole face, and
the swapped ones are put together again (FaceFusion's "pixel boost").
"""

from __future__ import annotations

from blanket.faces import Array


def apart(crops: Array, factor: int) -> Array:
    """Crops ``[N, factor * S, factor * S, C]`` as ``[N * factor**2, S, S, C]``: the pixels
    ``(y, x)`` of one crop go to its small crop ``(y % factor, x % factor)``, row by row."""
    count, height, width, channels = crops.shape
    grid = crops.reshape(count, height // factor, factor, width // factor, factor, channels)
    small = grid.transpose(0, 2, 4, 1, 3, 5)
    return small.reshape(-1, height // factor, width // factor, channels)


def together(small: Array, factor: int) -> Array:
    """What `apart` took apart."""
    count, height, width, channels = small.shape
    grid = small.reshape(-1, factor, factor, height, width, channels)
    return grid.transpose(0, 3, 1, 4, 2, 5).reshape(
        count // factor**2, height * factor, width * factor, channels
    )
