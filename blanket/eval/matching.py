"""Which face of the output is which of the original, in one frame."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from blanket.faces import Array

LEAST = 0.3
"""Intersection over union below which two boxes are not one face: a detector's box on a
changed face may be drawn otherwise, two faces seldom overlap by so much."""


def match_boxes(original: Array, output: Array, least: float = LEAST) -> list[tuple[int, int]]:
    """Pairs (i, j) of boxes ``[N, 4]`` and ``[M, 4]`` (x0, y0, x1, y1) that are one face.

    The one-to-one assignment with the largest sum of intersection over union (Kuhn 1955),
    pairs below `least` left out. A box without a partner is missing or spurious.
    """
    shared = overlaps(original, output)
    rows, columns = linear_sum_assignment(-shared)
    return [(int(i), int(j)) for i, j in zip(rows, columns, strict=True) if shared[i, j] >= least]


def overlaps(a: Array, b: Array) -> Array:
    """Intersection over union ``[N, M]`` of boxes ``[N, 4]`` and ``[M, 4]``."""
    a = np.asarray(a, np.float64).reshape(-1, 1, 4)
    b = np.asarray(b, np.float64).reshape(1, -1, 4)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = sides.clip(0).prod(-1)
    areas = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1)
    return shared / np.maximum(areas - shared, 1e-12)
