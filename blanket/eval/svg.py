"""What the figures of the page are made of: texts, lines, axes, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from blanket.eval.axis import Axis, label, round_step
from blanket.eval.traces import Values

_BINS = 240
"""Most columns of a trace; in each the smallest and the largest value are drawn."""
_QUOTES = {'"': "&quot;"}


def svg(width: float, height: float, parts: Sequence[str], description: str) -> str:
    """An SVG of a size in pixels. description: for those who hear the page."""
    body = "".join(parts)
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(description, _QUOTES)}">{body}</svg>'
    )


def text(x: float, y: float, words: str, kind: str, anchor: str = "start") -> str:
    """A text at a place. kind: its class. anchor: which end of it lies there."""
    end = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}"{end}>{escape(words)}</text>'


def segment(x0: float, y0: float, x1: float, y1: float, kind: str) -> str:
    """A straight line. kind: its class."""
    return f'<line class="{kind}" x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"/>'


def heading(title: str, unit: str) -> str:
    """The title of a figure and its unit, at the top left."""
    of = f' <tspan class="note">{escape(unit)}</tspan>' if unit else ""
    return f'<text class="title" x="0" y="12">{escape(title)}{of}</text>'


def grid_y(y: Axis, x: Axis, about: int) -> list[str]:
    """Horizontal lines with their values, about so many."""
    parts = []
    for tick in y.ticks(about):
        parts.append(segment(x.start, y(tick), x.end, y(tick), "grid"))
        parts.append(text(x.start - 5, y(tick) + 3.5, tick_label(tick, y, about), "tick", "end"))
    return parts


def time_axis(x: Axis, floor: float) -> list[str]:
    """An axis of seconds."""
    parts = [segment(x.start, floor, x.end, floor, "base")]
    ticks = x.ticks(5)
    for tick in ticks:
        unit = " s" if tick == ticks[-1] else ""
        anchor = "end" if x(tick) > x.end - 12 else "middle"
        parts.append(text(x(tick), floor + 14, tick_label(tick, x, 5) + unit, "tick", anchor))
    return parts


def losses(time: Values, lost: NDArray[np.bool_], x: Axis, floor: float) -> list[str]:
    """A bar under the frames ``[N]``, two or more, in which the output has lost the face."""
    if not lost.any():
        return []
    step = float(np.median(np.diff(time)))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], lost, [False]]).astype(np.int8)))
    parts = []
    for start, end in edges.reshape(-1, 2):
        a, b = x(float(time[start])), x(min(float(time[end - 1]) + step, x.high))
        parts.append(
            f'<rect class="lost" x="{a:.1f}" y="{floor - 3:.1f}" '
            f'width="{max(b - a, 0.8):.1f}" height="3"/>'
        )
    return parts


def tick_label(value: float, axis: Axis, about: int) -> str:
    """The value of one of about so many ticks."""
    return label(value, round_step(axis.high - axis.low, about))


def line(time: Values, values: Values, x: Axis, y: Axis) -> str:
    """A path, broken where values are missing, with the extremes of every column of a long
    one."""
    time, values = thinned(time, values, _BINS)
    found, pen = [], "M"
    for t, v in zip(time, values, strict=True):
        if not np.isfinite(v):
            pen = "M"
            continue
        # A frame alone between gaps is a dot: a line of no length with round ends.
        found.append(f"{pen}{x(t):.1f},{y(v):.1f}{'h0' if pen == 'M' else ''}")
        pen = "L"
    return "".join(found) or "M0,0"


def thinned(time: Values, values: Values, bins: int) -> tuple[Values, Values]:
    """At most two values a bin: the smallest and the largest, in order of time; NaN where a
    bin has none."""
    if len(values) <= 2 * bins:
        return time, values
    times, kept = [], []
    for part in np.array_split(np.arange(len(values)), bins):
        inside = part[np.isfinite(values[part])]
        if len(inside):
            ends = {int(inside[values[inside].argmin()]), int(inside[values[inside].argmax()])}
            chosen = sorted(ends)
        else:
            chosen = [int(part[0])]
        times += [float(time[i]) for i in chosen]
        kept += [float(values[i]) for i in chosen]
    return np.array(times), np.array(kept)
