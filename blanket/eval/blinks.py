"""Blinks: short closures of both eyes, and how many of them are kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanket.errors import InputError
from blanket.faces import Array

OPEN_QUANTILE = 0.9
"""The eye opening that counts as open is this quantile of the person's own trace."""
SHUT = 0.6
"""Share of it below which the eyes are shut: 0.2, the usual threshold, of an open eye's 0.33. A
reader sees lashes and lids of a closed eye as open by about half of that. From 0.5 to 0.65 all
blinks of drawn clips are found, and nothing else."""
LONGEST = 0.5
"""Seconds: longer closures are not blinks. Blinks last 0.1 to 0.4 s (Schiffman 2001)."""
TOLERANCE = 0.1
"""Seconds within which a blink of the output is one of the original."""

LEAST_RATE = 15.0
"""Frames a second below which blinks fall between the frames."""


@dataclass(frozen=True)
class EventAgreement:
    """Events of the output against those of the original.

    precision: share of the output's events that are the original's, NaN where the output has
    none. recall: share of the original's that the output has, NaN where the original has
    none.
    """

    precision: float
    recall: float


def too_few_for_blinks(times: Array) -> bool:
    """Whether frames at some times ``[N]``, seconds, are too far apart to tell blinks by."""
    when = np.asarray(times, np.float64)
    return len(when) > 1 and float(np.median(np.diff(when))) > 1.01 / LEAST_RATE


def blinks(opening: Array, times: Array) -> NDArray[np.float64]:
    """When the eyes blink: the times ``[K]`` of the narrowest frame of every blink, seconds.

    opening: ``[N]`` mean eye opening of both eyes (the eye aspect ratio of Soukupova & Cech
    2016, `blanket.attributes.eye_opening`), NaN where there is no face. times: ``[N]``
    seconds, rising.

    A blink is a run of frames in which the opening is below 0.6 of the open eye's (its
    ninth decile over the trace: eyes differ, so a fixed ratio does not do), no longer than
    half a second, with open frames on both sides: where the face is lost during a closure, or
    the recording begins or ends in it, its length is unknown and it is no blink.

    Raises:
        InputError: as many openings as times were not given.
    """
    trace, when = np.asarray(opening, np.float64), np.asarray(times, np.float64)
    if trace.shape != when.shape or trace.ndim != 1:
        raise InputError(f"{trace.shape} eye openings and {when.shape} times do not go together")
    seen = np.isfinite(trace)
    if not seen.any():
        return np.empty(0)
    shut = seen & (trace < SHUT * np.quantile(trace[seen], OPEN_QUANTILE))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], shut, [False]]).astype(np.int8)))
    found = []
    for start, end in edges.reshape(-1, 2):
        framed = start > 0 and end < len(trace) and seen[start - 1] and seen[end]
        # From half way into the first shut frame to half way out of the last.
        if framed and (when[end] + when[end - 1] - when[start] - when[start - 1]) / 2 <= LONGEST:
            found.append(when[start + int(np.argmin(trace[start:end]))])
    return np.array(found)


def match_events(original: Array, output: Array, tolerance: float = TOLERANCE) -> EventAgreement:
    """How many events ``[K]`` and ``[L]``, seconds, are the same.

    An event is matched to at most one other, no farther than `tolerance`. Taking each
    in order of time with the earliest one that is near enough matches as many as possible.
    """
    first, second = np.sort(np.asarray(original, float)), np.sort(np.asarray(output, float))
    matched = i = j = 0
    while i < len(first) and j < len(second):
        # Times of frames are sums of rounded steps.
        if abs(first[i] - second[j]) <= tolerance + 1e-9:
            matched, i, j = matched + 1, i + 1, j + 1
        elif first[i] < second[j]:
            i += 1
        else:
            j += 1
    return EventAgreement(
        precision=matched / len(second) if len(second) else np.nan,
        recall=matched / len(first) if len(first) else np.nan,
    )
