"""Traces: one value a frame, read off the original and off the output, and how they agree.

Everywhere in `blanket.eval` a frame in which no face was found is NaN. A frame is *lost*
where the original has a value and the output has none; how it is scored stands with each
figure.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanket.errors import InputError, counted
from blanket.faces import Array, Points

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """How well the trace of the output follows that of the original.

    correlation: Pearson's, -1 to 1, lost frames scored as `correlation` says; NaN where the
    original does not vary. error: mean absolute difference over the frames found in both, in
    the trace's unit.
    """

    correlation: float
    error: float


def agreement(original: Array, output: Array) -> Agreement:
    """How two traces ``[N]`` agree.

    Raises:
        InputError: the traces differ in length.
    """
    original, output = paired(original, output)
    if original.ndim != 1:
        raise ValueError("a trace has one value a frame")
    found = np.isfinite(original) & np.isfinite(output)
    away = np.abs(output - original)[found]
    return Agreement(
        correlation=float(correlation(original, output)),
        error=float(away.mean()) if len(away) else np.nan,
    )


def correlation(original: Array, output: Array) -> Values:
    """Pearson's correlation over time ``[...]`` of traces ``[N, ...]``.

    r = sum((x - mean x)(y - mean y)) / sqrt(sum((x - mean x)^2) sum((y - mean y)^2))

    over the frames in which the original has a value. In a lost frame the output is taken
    to be at its own mean: a reader who sees no face guesses the usual. So r is that of the
    frames found in both, times the square root of their share if the original varies in
    them as elsewhere. It is 0 where the output is constant or all lost, and NaN where the
    original is constant, as it is in a single frame: there is nothing to follow.

    Raises:
        InputError: the traces differ in length.
    """
    original, output = paired(original, output)
    known = np.isfinite(original)
    found = known & np.isfinite(output)
    x = _centred(original, known)
    y = _centred(output, found)
    with np.errstate(invalid="ignore", divide="ignore"):
        r = (x * y).sum(0) / np.sqrt((x**2).sum(0) * (y**2).sum(0))
    follows = (y**2).sum(0) > 0
    varies = (x**2).sum(0) > 0
    return np.where(varies, np.where(follows, r.clip(-1, 1), 0.0), np.nan)


def paired(original: Array, output: Array) -> tuple[Array, Array]:
    """Both as float64, the same frames side by side.

    Raises:
        InputError: they differ in length or in size.
    """
    a, b = np.asarray(original, np.float64), np.asarray(output, np.float64)
    if len(a) != len(b):
        raise InputError(
            f"the original has {counted(len(a), 'frame')} and the output {len(b)}: only a video "
            "with the same frames can be compared"
        )
    if a.shape != b.shape:
        raise InputError(f"what is compared differs in size: {a.shape[1:]} and {b.shape[1:]}")
    return a, b


def read_found(read: Callable[[Points], Array], meshes: Points) -> Values:
    """What `read` gives for each mesh ``[N, 478, 3]``, NaN where there is no mesh: ``[N, ...]``.

    read: from meshes ``[K, 478, 3]`` to values ``[K, ...]``, as in `blanket.attributes`.
    """
    found = np.isfinite(meshes).all(axis=(1, 2))
    if not found.any():
        # The shape of one value is learnt on a mesh that is only there to be read.
        sample = np.asarray(read(np.zeros((1, *meshes.shape[1:]), np.float32)))
        return np.full((len(meshes), *sample.shape[1:]), np.nan)
    values = np.asarray(read(meshes[found]), np.float64)
    filled = np.full((len(meshes), *values.shape[1:]), np.nan)
    filled[found] = values
    return filled


def _centred(values: Values, used: NDArray[np.bool_]) -> Values:
    """Values less their mean over the used frames, 0 in the others and where constant."""
    count = np.maximum(used.sum(0), 1)
    kept = np.where(used, values, 0.0)
    away = np.where(used, kept - kept.sum(0) / count, 0.0)
    # Rounding must not pass for motion.
    still = np.abs(away).max(0, initial=0) <= 1e-9 * np.abs(kept).max(0, initial=0)
    return np.where(still, 0.0, away)
