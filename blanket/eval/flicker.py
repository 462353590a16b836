"""Flicker: whether the new face holds still while the old one moves.

The warping error of Lai et al. (2018), along the optical flow of the original, for the
original and for the output: what the flow cannot explain in the original (noise, light,
motion that it misses) is in both.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.eval.fidelity import Mask, check_sizes
from blanket.faces import Image

Flow = NDArray[np.float32]


@dataclass(frozen=True)
class WarpingError:
    """Of two frames that follow each other. original, output: mean squared error of the
    first against the second warped onto it, colours 0 to 1, over `pixels` pixels; NaN
    where there is none, as at a cut."""

    original: float
    output: float
    pixels: int


def optical_flow(first: Image, second: Image) -> Flow:
    """Where each pixel of the first frame lies in the second, less where it was: ``[H, W, 2]``
    pixels. Dense inverse search (Kroeger et al. 2016), OpenCV's medium preset."""
    search = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = (cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (first, second))
    return search.calc(*grey, None)


def warping_error(
    original: tuple[Image, Image], output: tuple[Image, Image], region: Mask
) -> WarpingError:
    """The warping error of a pair of frames within a region ``[H, W]`` (the face):

    E = sum over p of M(p) |V_t(p) - V_t+1(p + w(p))|^2 / sum over p of M(p)

    (Lai et al. 2018, equation 10), with the mean over the colours in |.|^2. w: the original's
    flow. M: the region, less what the flow does not hold for by the rules of Ruder et al.
    (2016): forward and backward flow disagree, |w + w'|^2 > 0.01 (|w|^2 + |w'|^2) + 0.5, or
    the motion has an edge, |grad u|^2 + |grad v|^2 > 0.01 |w|^2 + 0.002.

    original, output: RGB frames ``[H, W, 3]`` at t and t + 1.

    Raises:
        InputError: the frames differ in size.
    """
    for one in (original[1], *output):
        check_sizes(original[0], one)
    window = _bounds(region)
    if window is None:
        return WarpingError(np.nan, np.nan, 0)
    first, second = (np.ascontiguousarray(one[window]) for one in original)
    forward, backward = optical_flow(first, second), optical_flow(second, first)
    height, width = first.shape[:2]
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)
    target = grid + forward
    back = cv2.remap(backward, target[..., 0], target[..., 1], cv2.INTER_LINEAR)
    power = (forward**2).sum(-1)
    holds = ((forward + back) ** 2).sum(-1) <= 0.01 * (power + (back**2).sum(-1)) + 0.5
    edges = sum(one**2 for part in np.moveaxis(forward, -1, 0) for one in np.gradient(part))
    holds &= edges <= 0.01 * power + 0.002
    inside = (target >= 0).all(-1) & (target <= (width - 1, height - 1)).all(-1)
    used = holds & inside & region[window]
    if not used.any():
        return WarpingError(np.nan, np.nan, 0)
    errors = []
    for before, after in (original, output):
        warped = cv2.remap(
            after[window].astype(np.float32), target[..., 0], target[..., 1], cv2.INTER_LINEAR
        )
        away = (before[window] - warped)[used] / 255
        errors.append(float((away.astype(np.float64) ** 2).mean()))
    return WarpingError(errors[0], errors[1], int(used.sum()))


def flicker(errors: list[WarpingError]) -> float:
    """Output over original: root of the ratio of the warping errors of a video, each pair of
    frames weighted by its pixels. 1: as steady as the original. Below 1 is not better by
    itself, since a blurred face and a black box do not flicker. NaN where no pair could be
    measured, or the original does not change at all."""
    used = [one for one in errors if one.pixels]
    before = sum(one.original * one.pixels for one in used)
    after = sum(one.output * one.pixels for one in used)
    return float(np.sqrt(after / before)) if before > 0 else np.nan


def _bounds(region: Mask, margin: int = 24) -> tuple[slice, slice] | None:
    """The rows and columns around a region; a flow needs some more than it."""
    if not region.any():
        return None
    spans = []
    for axis in (1, 0):
        at = np.flatnonzero(region.any(axis))
        spans.append(slice(max(int(at[0]) - margin, 0), int(at[-1]) + margin + 1))
    return spans[0], spans[1]
