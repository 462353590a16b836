"""Where the labels of a figure go, so that few of them touch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np

Box = tuple[float, float, float, float]
_LETTER = 0.56
"""Mean width of a letter over the size of the font."""


def place_labels(
    names: Sequence[str],
    places: Sequence[tuple[float, float]],
    frame: Box,
) -> list[tuple[float, float, str]]:
    """Where to write the names of points so that few touch: x, y, anchor.

    Each in turn takes the one of eight places around its point that overlaps least with the
    points, the names placed before, and the frame (x0, y0, x1, y1).
    """
    taken = [(px - 6, py - 6, px + 6, py + 6) for px, py in places]
    found: list[tuple[float, float, str]] = []
    for name, (px, py) in zip(names, places, strict=True):
        wide = text_width(name, 12)
        options = [
            (px + 9, py + 4, "start"), (px - 9, py + 4, "end"),
            (px, py - 10, "middle"), (px, py + 18, "middle"),
            (px + 7, py - 7, "start"), (px - 7, py - 7, "end"),
            (px + 7, py + 15, "start"), (px - 7, py + 15, "end"),
            (px + 9, py - 18, "start"), (px + 9, py + 26, "start"),
            (px - 9, py - 18, "end"), (px - 9, py + 26, "end"),
        ]  # fmt: skip

        x0, y0, x1, y1 = frame
        within = (x0, y0 - 10, x1 + 14, y1)
        # Of places that are as good, the first.
        best = min(options, key=partial(_cost, wide=wide, taken=taken, within=within))
        taken.append(_box(best, wide))
        found.append(best)
    return found


def _box(option: tuple[float, float, str], wide: float) -> Box:
    lx, ly, anchor = option
    left = lx - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
    return left, ly - 10, left + wide, ly + 3


def _cost(option: tuple[float, float, str], wide: float, taken: list[Box], within: Box) -> float:
    """How much of a label overlaps with others, or lies outside."""
    box = _box(option, wide)
    outside = (box[2] - box[0]) * (box[3] - box[1]) - _shared(box, within)
    return sum(_shared(box, other) for other in taken) + 2 * outside


def _shared(a: Box, b: Box) -> float:
    across = min(a[2], b[2]) - max(a[0], b[0])
    down = min(a[3], b[3]) - max(a[1], b[1])
    return max(across, 0.0) * max(down, 0.0)


def apart(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places moved as little as it takes to lie a gap apart, in the same order."""
    order = np.argsort(places)
    moved = np.array(places, np.float64)
    for _ in range(40):
        for a, b in pairwise(order):
            near = gap - (moved[b] - moved[a])
            if near > 0:
                moved[a] -= near / 2
                moved[b] += near / 2
        moved = moved.clip(low, high)
    return [float(place) for place in moved]


def text_width(text: str, size: float) -> float:
    """About how wide a text is, pixels, in a font of a size."""
    return len(text) * size * _LETTER
