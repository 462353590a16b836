"""Where the labels of a figure go, so that none of them touch where there is room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the figure."""
_LETTER = 0.6
"""Mean width of a letter over the size of the font, of a wide one."""
_SIZE = 12.0
"""Of the labels' font, pixels."""
_DOT = 6.0
"""Half the side of what a point covers, pixels."""
_FAR = range(26, 150, 8)
"""How far from its point a label may be that is led to by a line, pixels."""
_MISLEADS = 60.0
"""What it costs that a label is nearer to another point, in square pixels of overlap."""


@dataclass(frozen=True)
class Label:
    """Where the name of a point is written. x, y, anchor: as SVG's. box: what it covers. line:
    from the point to the name, x0, y0, x1, y1; None where the name is beside the point."""

    x: float
    y: float
    anchor: str
    box: Box
    line: Box | None = None


def place_labels(
    names: Sequence[str],
    places: Sequence[tuple[float, float]],
    frame: Box,
    drawn: Sequence[Box] = (),
) -> list[Label]:
    """Where to write the names of points so that few touch.

    Each in turn, those with most room first, takes of many places around its point the one
    that overlaps least with the points, with what else is drawn, with the names before it and
    their lines, and with the outside of the frame; of those that are as good the nearest.
    """
    taken = [(px - _DOT, py - _DOT, px + _DOT, py + _DOT) for px, py in places]
    taken += drawn
    x0, y0, x1, y1 = frame
    within = (x0, y0 - 10, x1 + 14, y1)
    names_taken: list[Box] = []
    found: dict[int, Label] = {}
    for number in _roomiest_first(places):
        best, least = None, float("inf")
        for option in _options(places[number], text_width(names[number], _SIZE)):
            cost = _cost(option, taken, names_taken, within)
            if _misleads(option, number, places):
                cost += _MISLEADS
            if cost < least:
                best, least = option, cost
            if cost == 0:
                break
        assert best is not None
        found[number] = best
        names_taken.append(best.box)
        taken += [best.box, *_steps(best.line)]
    return [found[number] for number in range(len(names))]


def _roomiest_first(places: Sequence[tuple[float, float]]) -> list[int]:
    points = np.array(places, np.float64).reshape(-1, 2)
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    np.fill_diagonal(apart, np.inf)
    room = apart.min(axis=1, initial=np.inf)
    return [int(number) for number in np.argsort(-room, kind="stable")]


def _options(place: tuple[float, float], wide: float) -> Iterator[Label]:
    """The places beside a point, then those around it that take a line, the near ones first."""
    px, py = place
    for dx, dy, anchor in (
        (9, 4, "start"), (-9, 4, "end"), (0, -10, "middle"), (0, 18, "middle"),
        (7, -7, "start"), (-7, -7, "end"), (7, 15, "start"), (-7, 15, "end"),
    ):  # fmt: skip
        yield _label(px + dx, py + dy, anchor, wide)
    for far in _FAR:
        for turn in np.linspace(0, 2 * np.pi, 24, endpoint=False):
            along, down = float(np.cos(turn)), float(np.sin(turn))
            anchor = "middle" if abs(along) < 0.2 else "start" if along > 0 else "end"
            beside = _label(px + far * along, py + far * down + 4, anchor, wide)
            bx0, by0, bx1, by1 = beside.box
            end = min(max(px, bx0), bx1), min(max(py, by0), by1)
            long = max(float(np.hypot(end[0] - px, end[1] - py)), 1e-6)
            start = px + (end[0] - px) * 5 / long, py + (end[1] - py) * 5 / long
            yield Label(beside.x, beside.y, anchor, beside.box, (*start, *end))


def _label(x: float, y: float, anchor: str, wide: float) -> Label:
    left = x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor]
    return Label(x, y, anchor, (left, y - 10, left + wide, y + 3))


def _cost(one: Label, taken: list[Box], names: list[Box], within: Box) -> float:
    """How much of a label overlaps with others, or lies outside, and how much its line does."""
    x0, y0, x1, y1 = one.box
    outside = (x1 - x0) * (y1 - y0) - _shared(one.box, within)
    over = sum(_shared(one.box, other) for other in taken)
    # Over a dot or a line a name can still be read, over another name neither.
    over += 20 * sum(_shared(one.box, name) for name in names)
    crossed = sum(_shared(step, name) for step in _steps(one.line) for name in names)
    return over + 2 * outside + 4 * crossed


def _misleads(one: Label, number: int, places: Sequence[tuple[float, float]]) -> bool:
    """Whether a label is clearly nearer to another point than to its own."""
    x0, y0, x1, y1 = one.box
    points = np.array(places, np.float64)
    nearest = points.clip((x0, y0), (x1, y1))
    away = np.linalg.norm(points - nearest, axis=1)
    return bool(away.min() < min(away[number] - 1.5, 2 * _DOT))


def _steps(line: Box | None) -> list[Box]:
    """What a line covers, in small boxes."""
    if line is None:
        return []
    x0, y0, x1, y1 = line
    count = max(int(np.hypot(x1 - x0, y1 - y0) // 3), 1)
    middles = [(x0 + (x1 - x0) * k / count, y0 + (y1 - y0) * k / count) for k in range(count)]
    return [(x - 1.5, y - 1.5, x + 1.5, y + 1.5) for x, y in middles]


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
