"""Scales and ticks of a plot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

STEPS = (1, 2, 2.5, 5, 10)
"""Ticks lie at these times a power of ten (Wilkinson 2005, without the optimisation)."""


@dataclass(frozen=True)
class Axis:
    """A linear scale. low, high: values at its ends. start, end: where they are drawn."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where a value is drawn."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int = 4) -> list[float]:
        """Round values within the scale, about so many."""
        step = round_step(self.high - self.low, about)
        first = int(np.ceil(self.low / step - 1e-9))
        last = int(np.floor(self.high / step + 1e-9))
        return [count * step for count in range(first, last + 1)]


def round_step(span: float, about: int) -> float:
    """A round distance of ticks, about so many over a span."""
    rough = span / max(about, 1)
    power = 10.0 ** np.floor(np.log10(rough))
    return float(next(power * step for step in STEPS if power * step >= rough * 0.999))


def spread(
    values: Iterable[float],
    start: float,
    end: float,
    include: tuple[float, ...] = (),
    least: float = 1e-6,
    margin: float = 0.06,
) -> Axis:
    """An axis around all finite values and those to include.

    least: its span is at least this, so that noise in a constant is not blown up. margin:
    room at either end, of the span.
    """
    found = np.asarray([*values, *include], np.float64)
    found = found[np.isfinite(found)]
    low, high = (float(found.min()), float(found.max())) if len(found) else (0.0, 1.0)
    middle, span = (low + high) / 2, max(high - low, least)
    half = span * (0.5 + margin)
    return Axis(middle - half, middle + half, start, end)


def label(value: float, step: float | None = None) -> str:
    """A number as a plot shows it: as many decimals as the step of its ticks, a true minus."""
    decimals = 0
    if step is not None:
        while decimals < 6 and abs(step * 10**decimals - round(step * 10**decimals)) > 1e-6:
            decimals += 1
    text = f"{value:.{decimals}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "\N{MINUS SIGN}")
