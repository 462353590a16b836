"""Angles over time: head pose kept, in degrees."""

from __future__ import annotations

import numpy as np

from blanket.eval.traces import Agreement, Values, agreement, paired
from blanket.faces import Array


def angle_difference(original: Array, output: Array) -> Values:
    """Output less original, in degrees, the short way round: -180 to 180 ``[...]``."""
    return (np.asarray(output, np.float64) - original + 180) % 360 - 180


def unwrapped(degrees: Array) -> Values:
    """A trace ``[N]`` without the jumps of 360 degrees; NaN where it has none.

    Across frames without a value the shorter way is taken (Itoh 1982).
    """
    trace = np.array(degrees, np.float64)
    found = np.isfinite(trace)
    trace[found] = np.unwrap(trace[found], period=360)
    return trace


def angle_agreement(original: Array, output: Array) -> Agreement:
    """How two traces of an angle ``[N]``, degrees, agree: `blanket.eval.traces.Agreement`.

    179 and -179 degrees are 2 apart. The original is unwrapped, and the output is put on
    the turn that is nearest to it, so that both can be correlated.
    """
    original, output = paired(original, output)
    ahead = angle_difference(original, output)
    smooth = unwrapped(original)
    known = np.isfinite(original)
    followed = np.where(known, smooth + ahead, output)
    return agreement(smooth, followed)
