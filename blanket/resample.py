"""Moving patches out of planes and into planes, by affine maps, without aliasing.

A plane is a ``[h, w]`` or ``[h, w, c]`` array of uint8 or uint16; maps are ``[3, 3]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.layout import Affine

_FLAGS = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_BAND = 16384  # samples
_DEPTH = {np.dtype(np.uint8): cv2.CV_8U, np.dtype(np.uint16): cv2.CV_16U}

Array = NDArray[Any]


def as_affine(matrix: NDArray[np.floating[Any]]) -> Affine:
    """``[2, 3]`` as ``[3, 3]``."""
    return np.vstack([np.asarray(matrix, np.float64), (0.0, 0.0, 1.0)])


def invert(affine: Affine) -> Affine:
    """The way back."""
    return np.asarray(np.linalg.inv(affine), np.float64)


def extract(plane: Array, to_plane: Affine, size: tuple[int, int]) -> Array:
    """A patch of a plane, ``[h, w(, c)]`` for ``size`` (w, h), borders repeated.

    to_plane: from patch pixels to plane samples.
    """
    steps = _steps(to_plane)
    # Two samples of margin for the interpolation, in shrunk samples.
    x0, y0, x1, y1 = _bounds(to_plane, size, (2 * steps[0], 2 * steps[1]))
    height, width = plane.shape[:2]
    x0, x1 = _clip(x0, x1, width)
    y0, y1 = _clip(y0, y1, height)
    region, shrink = _shrink(plane[y0:y1, x0:x1], steps, cv2.BORDER_REPLICATE)
    path = shrink @ _shift(-x0, -y0) @ to_plane
    return cv2.warpAffine(region, path[:2], size, flags=_FLAGS, borderMode=cv2.BORDER_REPLICATE)


def blend(
    planes: Sequence[Array],
    patches: Sequence[Array],
    alpha: NDArray[np.float32],
    to_patch: Affine,
    within: NDArray[np.bool_] | None = None,
) -> NDArray[np.uint8]:
    """Blend patches into planes of one size, in place.

    planes, patches: pairs of one dtype. alpha: ``[h, w]``, 0..1, of the patches; samples
    where it is 0, and those beyond the patch, keep every bit. to_patch: from plane samples
    to patch pixels. within: ``[h, w]`` of the planes, True where they may change at all.

    Returns ``[h, w]`` of the planes: 255 where alpha is not 0.
    """
    height, width = planes[0].shape[:2]
    touched = np.zeros((height, width), np.uint8)
    steps = _steps(to_patch)
    left, top, wide, high = cv2.boundingRect((alpha > 0).view(np.uint8))
    # As far as interpolation carries what is painted.
    to_plane = invert(to_patch) @ _shift(left - steps[0], top - steps[1])
    size = wide + 2 * steps[0], high + 2 * steps[1]
    x0, y0, x1, y1 = _bounds(to_plane, size, (1, 1))
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    if not wide or x0 >= x1 or y0 >= y1:
        return touched
    alpha, shrink = _shrink(alpha, steps, cv2.BORDER_CONSTANT)
    # One sample is repeated beyond the border; farther out there is no weight, and a border of
    # nothing costs half as much as one that goes on.
    patches = [
        cv2.copyMakeBorder(
            _shrink(patch, steps, cv2.BORDER_REPLICATE)[0], 1, 1, 1, 1, cv2.BORDER_REPLICATE
        )
        for patch in patches
    ]
    # In bands, so that the float32 intermediates stay in the processor's cache.
    band = max(1, _BAND // (x1 - x0))
    for top in range(y0, y1, band):
        path = (shrink @ to_patch @ _shift(x0, top))[:2]
        to_bordered = path + ((0, 0, 1), (0, 0, 1))
        size = (x1 - x0, min(band, y1 - top))
        weight = cv2.warpAffine(alpha, path, size, flags=_FLAGS, borderMode=cv2.BORDER_CONSTANT)
        here = slice(top, top + size[1]), slice(x0, x1)
        if within is not None:
            weight *= within[here]
        if not cv2.hasNonZero(weight):
            continue
        touched[here] = (weight > 0).view(np.uint8) * np.uint8(255)
        for plane, patch in zip(planes, patches, strict=True):
            new = cv2.warpAffine(
                patch, to_bordered, size, flags=_FLAGS, borderMode=cv2.BORDER_CONSTANT
            )
            old = plane[here]
            change = cv2.subtract(new, old, dtype=cv2.CV_32F)
            cv2.multiply(change, _like(weight, change), dst=change)
            cv2.add(old, change, dst=old, dtype=_DEPTH[old.dtype])
    return touched


def whole(touched: NDArray[np.uint8], steps: tuple[int, int]) -> NDArray[np.bool_]:
    """Of each box of samples whether all of them are touched: what `blend` returned, 255 or
    0, ``[h, w]``, for boxes of ``steps`` (across, down), those at the border cut short."""
    return np.asarray(_shrink(touched, steps, cv2.BORDER_REPLICATE)[0] == 255)


def _like(weight: Array, change: Array) -> Array:
    return weight if change.ndim == 2 else cv2.merge([weight] * change.shape[2])


def _shift(x: float, y: float) -> Affine:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)


def _steps(affine: Affine) -> tuple[int, int]:
    """How many samples, across and down, one pixel of the target spans.

    Whole numbers, because box filters of whole steps are many times faster; the
    interpolation copes with what is left, between two thirds and one and a half.
    """
    across, down = np.hypot(affine[:2, 0], affine[:2, 1])
    return max(1, round(across)), max(1, round(down))


def _bounds(
    affine: Affine, size: tuple[int, int], margin: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The half-open box that holds a patch of ``size`` (w, h) after ``affine``."""
    x, y = size[0] - 0.5, size[1] - 0.5
    corners = affine @ np.array([[-0.5, x, x, -0.5], [-0.5, -0.5, y, y], [1, 1, 1, 1]])
    x0, y0 = np.floor(corners[:2].min(axis=1)).astype(int) - margin
    x1, y1 = np.ceil(corners[:2].max(axis=1)).astype(int) + margin + 1
    return int(x0), int(y0), int(x1), int(y1)


def _clip(low: int, high: int, size: int) -> tuple[int, int]:
    """The part of ``low:high`` inside ``0:size``; where none is, the nearest sample."""
    low = min(max(low, 0), size - 1)
    return low, min(max(high, low + 1), size)


def _shrink(array: Array, steps: tuple[int, int], border: int) -> tuple[Array, Affine]:
    """The array averaged over boxes of ``steps`` (across, down), and the map to it."""
    if steps == (1, 1):
        return array, np.eye(3)
    height, width = array.shape[:2]
    right, bottom = -width % steps[0], -height % steps[1]
    if right or bottom:
        array = cv2.copyMakeBorder(array, 0, bottom, 0, right, border)
    size = (array.shape[1] // steps[0], array.shape[0] // steps[1])
    small = cv2.resize(array, size, interpolation=cv2.INTER_AREA)
    x, y = 1 / steps[0], 1 / steps[1]
    return small, np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1]])
