"""The figures of the page, as SVG that takes its colours from the page's style.

Every function returns one ``<svg>``. Colours are classes (`original`, `output`, `m0` to
`m13`), so that light, dark and print are the page's affair; texts are direct labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from blanket.eval.axis import Axis, label, spread
from blanket.eval.labels import Box, apart, place_labels, text_width
from blanket.eval.results import Better
from blanket.eval.svg import (
    grid_y,
    heading,
    line,
    losses,
    segment,
    svg,
    text,
    tick_label,
    time_axis,
)
from blanket.eval.traces import Values

COLOURS = 14
"""Colours of methods; from there on they come again."""
FEW = 8
"""So many names have room in a small plot of points."""
_LEAST, _LEAST_PERCENT = 0.1, 10.0
"""The least span of an axis, of distances and correlations, and of percentages."""


@dataclass(frozen=True)
class Quantity:
    """What an axis shows. title: with its unit. better: which way. percent: a percentage."""

    title: str
    better: Better
    percent: bool

    def axis(self, values: Sequence[float], start: float, end: float) -> Axis:
        """An axis around values, one or more, that does not blow up what hardly differs."""
        if not self.percent:
            return spread(values, start, end, least=_LEAST, margin=0.12)
        # It is widened within 0 to 100 where the values lie there: there is no 105 % of faces.
        middle, most = (min(values) + max(values)) / 2, max(*values, 100.0)
        low = min(max(middle - _LEAST_PERCENT / 2, 0.0), most - _LEAST_PERCENT)
        return spread(values, start, end, include=(low, low + _LEAST_PERCENT), margin=0.12)


@dataclass(frozen=True)
class Point:
    """A method in a scatter plot. x_sd, y_sd: standard deviations over videos, if any."""

    name: str
    x: float
    y: float
    x_sd: float | None
    y_sd: float | None
    colour: int


def trace(
    time: Values,
    original: Values,
    output: Values,
    title: str,
    unit: str,
    least: float,
    figures: str,
) -> str:
    """A signal of the original and of the output over time.

    time: ``[N]`` seconds, of two frames or more. original, output: ``[N]``, NaN where there
    was no face. least: the least span of the axis. figures: printed at the right of the title.
    """
    width, height = 280, 124
    x = Axis(*_ends(time), 34, width - 8)
    y = spread([*original, *output], height - 20, 24, least=least)
    parts = [
        heading(title, unit),
        text(width - 8, 12, figures, "note", "end"),
        *grid_y(y, x, 3),
        *time_axis(x, height - 20),
        f'<path class="original" d="{line(time, original, x, y)}"/>',
        f'<path class="output" d="{line(time, output, x, y)}"/>',
        *losses(time, np.isfinite(original) & ~np.isfinite(output), x, height - 20),
    ]
    return svg(width, height, parts, f"{title}, original and output over time")


def distance_over_time(
    time: Values,
    distance: Values,
    others: Sequence[tuple[Values, Values]],
    title: str,
    threshold: float,
    top: float,
    colour: int,
) -> str:
    """Identity distance of one method over time, those of the others behind it in grey.

    time: ``[K]`` seconds, of two looks or more. distance: ``[K]``.
    """
    width, height = 280, 124
    x = Axis(*_ends(time), 34, width - 8)
    y = Axis(0, top, height - 20, 24)
    parts = [
        heading(title, ""),
        *grid_y(y, x, 3),
        *time_axis(x, height - 20),
        *(f'<path class="behind" d="{line(t, d, x, y)}"/>' for t, d in others),
        segment(x.start, y(threshold), x.end, y(threshold), "threshold"),
        f'<path class="line m{colour % COLOURS}" d="{line(time, distance, x, y)}"/>',
    ]
    if len(time) < 40:
        parts += [
            f'<circle class="dot m{colour % COLOURS}" cx="{x(t):.1f}" cy="{y(d):.1f}" r="2"/>'
            for t, d in zip(time, distance, strict=True)
            if np.isfinite(d)
        ]
    return svg(width, height, parts, f"Identity distance over time, {title}")


def distributions(
    samples: Mapping[str, Values],
    title: str,
    unit: str,
    least: float,
    mark: tuple[float, str] | None,
) -> str:
    """How values spread, a row a method: half a violin over a box.

    samples: by method, ``[N]`` finite values of 0 or more; may be empty. least: the least span
    of the axis. mark: a value to draw a line at, and its label. The box is the quartiles with
    the median, the line the 5th to the 95th percentile; the cloud leaves out the outermost
    hundredths, lest a few stray values squeeze the rest.
    """
    width, row, top = 480, 44, 42 if mark else 30
    height = top + row * len(samples) + 32
    left = 14 + max((text_width(name, 12) for name in samples), default=0)
    clouds = {name: _cloud(found) for name, found in samples.items() if len(found)}
    ends = [end for cloud in clouds.values() for end in cloud[0][[0, -1]]]
    x = spread(ends, left, width - 12, (mark[0],) if mark else (), least=least, margin=0.03)
    floor = height - 28
    parts = [heading(title, unit)]
    for tick in x.ticks(5):
        parts.append(segment(x(tick), top - 4, x(tick), floor, "grid"))
        parts.append(text(x(tick), floor + 15, tick_label(tick, x, 5), "tick", "middle"))
    if mark:
        parts.append(segment(x(mark[0]), top - 8, x(mark[0]), floor, "threshold"))
        anchor = "end" if x(mark[0]) > width * 0.66 else "start"
        shift = -4 if anchor == "end" else 4
        parts.append(text(x(mark[0]) + shift, top - 8, mark[1], "note", anchor))
    for number, (name, found) in enumerate(samples.items()):
        base = top + row * (number + 1) - 14
        parts.append(text(left - 10, base, name, "label", "end"))
        if name in clouds:
            parts += _violin(found, clouds[name], x, base, row - 18, number)
        else:
            parts.append(text(left + 4, base, "no value", "note"))
    return svg(width, height, parts, f"{title}: distribution by method")


def scatter(points: Sequence[Point], across: Quantity, up: Quantity) -> str:
    """Methods in a plane, one or more, labelled; the corner that is best is marked."""
    width, height = (370, 310) if len(points) <= FEW else (520, 400)
    left, right, top, bottom = 48, width - 16, 26, height - 44
    reach = [(p.x - (p.x_sd or 0), p.x + (p.x_sd or 0)) for p in points]
    rise = [(p.y - (p.y_sd or 0), p.y + (p.y_sd or 0)) for p in points]
    x = across.axis([v for pair in reach for v in pair], left, right)
    y = up.axis([v for pair in rise for v in pair], bottom, top)
    parts = []
    for tick in x.ticks(5):
        parts.append(segment(x(tick), top, x(tick), bottom, "grid"))
        parts.append(text(x(tick), bottom + 16, tick_label(tick, x, 5), "tick", "middle"))
    for tick in y.ticks(5):
        parts.append(segment(left, y(tick), right, y(tick), "grid"))
        parts.append(text(left - 7, y(tick) + 4, tick_label(tick, y, 5), "tick", "end"))
    parts.append(text((left + right) / 2, height - 8, across.title, "axis", "middle"))
    parts.append(text(8, 13, up.title, "axis"))
    at_right, at_top = across.better == "higher", up.better == "higher"
    parts.append(
        text(
            right - 4 if at_right else left + 4,
            top + 13 if at_top else bottom - 6,
            "better \u2197" if at_right == at_top and at_right else _arrow(at_right, at_top),
            "better",
            "end" if at_right else "start",
        )
    )
    places = [(x(p.x), y(p.y)) for p in points]
    taken = [_corner(at_right, at_top, (left, top, right, bottom))]
    dots = []
    for point, (px, py) in zip(points, places, strict=True):
        kind = f"m{point.colour % COLOURS}"
        if point.x_sd:
            a, b = x(point.x - point.x_sd), x(point.x + point.x_sd)
            parts.append(segment(a, py, b, py, f"whisker {kind}"))
            taken.append((a, py - 1, b, py + 1))
        if point.y_sd:
            a, b = y(point.y - point.y_sd), y(point.y + point.y_sd)
            parts.append(segment(px, a, px, b, f"whisker {kind}"))
            taken.append((px - 1, b, px + 1, a))
        dots.append(f'<circle class="dot {kind}" cx="{px:.1f}" cy="{py:.1f}" r="5"/>')
    labels = place_labels([p.name for p in points], places, (left, top, right, bottom), taken)
    parts += [segment(*one.line, "leader") for one in labels if one.line is not None]
    parts += dots
    for point, one in zip(points, labels, strict=True):
        parts.append(text(one.x, one.y, point.name, "label halo", one.anchor))
    return svg(width, height, parts, f"{up.title} against {across.title}, by method")


def sweep(series: Mapping[str, Sequence[tuple[float, float]]], x_title: str, up: Quantity) -> str:
    """A figure over a setting, a line a method, labelled at its end."""
    width, height = 420, 280
    names = list(series)
    left, top, bottom = 48, 28, height - 44
    right = width - 16 - max((text_width(name, 12) for name in names), default=0)
    pairs = [pair for curve in series.values() for pair in curve]
    x = spread([a for a, _ in pairs], left, right, least=1e-3)
    y = up.axis([b for _, b in pairs], bottom, top)
    parts = [text(8, 13, up.title, "axis")]
    for tick in sorted({a for a, _ in pairs}):
        parts.append(text(x(tick), bottom + 16, label(tick, tick % 1 or 1), "tick", "middle"))
    for tick in y.ticks(5):
        parts.append(segment(left, y(tick), right, y(tick), "grid"))
        parts.append(text(left - 7, y(tick) + 4, tick_label(tick, y, 5), "tick", "end"))
    parts.append(text((left + right) / 2, height - 8, x_title, "axis", "middle"))
    ends = apart([y(curve[-1][1]) for curve in series.values()], 14, top, bottom)
    for number, (name, curve) in enumerate(series.items()):
        kind = f"m{number % COLOURS}"
        path = "M" + "L".join(f"{x(a):.1f},{y(b):.1f}" for a, b in curve)
        parts.append(f'<path class="line {kind}" d="{path}"/>')
        parts += [
            f'<circle class="dot {kind}" cx="{x(a):.1f}" cy="{y(b):.1f}" r="3"/>' for a, b in curve
        ]
        parts.append(text(x(curve[-1][0]) + 8, ends[number] + 4, name, f"label text-{kind}"))
    return svg(width, height, parts, f"{up.title} over {x_title}")


def _ends(time: Values) -> tuple[float, float]:
    low, high = float(time.min()), float(time.max())
    return low, max(high, low + 1e-3)


def _cloud(found: Values) -> tuple[Values, Values]:
    """Where a density is told, and the density, 1 at most: both ``[G]``, of values ``[N]``."""
    low, high = np.percentile(found, [1, 99], method="inverted_cdf")
    kept = found[(found >= low) & (found <= high)]
    q1, q3 = np.percentile(found, [25, 75])
    # Silverman's (1986) bandwidth, and one for values that are all the same.
    width = 0.9 * min(float(np.std(kept)), float(q3 - q1) / 1.34 or np.inf) * len(kept) ** -0.2
    width = max(width, 0.005 * float(high - low), 1e-3)
    counts, edges = np.histogram(kept, 120, (max(low - 3 * width, 0.0), high + 3 * width))
    sigma = max(width / (edges[1] - edges[0]), 1.0)
    reach = np.arange(-int(4 * sigma) - 1, int(4 * sigma) + 2)
    density = np.convolve(counts, np.exp(-0.5 * (reach / sigma) ** 2))
    density = density[len(reach) // 2 :][: len(counts)]
    return (edges[1:] + edges[:-1]) / 2, density / density.max()


def _violin(
    found: Values, cloud: tuple[Values, Values], x: Axis, base: float, tall: float, colour: int
) -> list[str]:
    kind = f"m{colour % COLOURS}"
    low, q1, median, q3, high = np.percentile(found, [5, 25, 50, 75, 95])
    outline = "L".join(
        f"{x(value):.1f},{base - 5 - tall * share:.1f}" for value, share in zip(*cloud, strict=True)
    )
    start, end = x(cloud[0][0]), x(cloud[0][-1])
    return [
        f'<path class="cloud {kind}" d="M{start:.1f},{base - 5:.1f}L{outline}L{end:.1f},'
        f'{base - 5:.1f}Z"/>',
        segment(x(low), base, x(high), base, f"whisker {kind}"),
        f'<rect class="box {kind}" x="{x(q1):.1f}" y="{base - 3:.1f}" '
        f'width="{max(x(q3) - x(q1), 1):.1f}" height="6"/>',
        segment(x(median), base - 5, x(median), base + 5, "median"),
    ]


def _corner(at_right: bool, at_top: bool, frame: Box) -> Box:
    """Where the best corner is marked."""
    left, top, right, bottom = frame
    wide = text_width("better \u2197", 11)
    x0 = right - 4 - wide if at_right else left + 4
    return (x0, top, x0 + wide, top + 16) if at_top else (x0, bottom - 18, x0 + wide, bottom - 2)


def _arrow(at_right: bool, at_top: bool) -> str:
    sign = {(True, False): "\u2198", (False, True): "\u2196", (False, False): "\u2199"}
    arrow = sign[(at_right, at_top)]
    return f"better {arrow}" if at_right else f"{arrow} better"
