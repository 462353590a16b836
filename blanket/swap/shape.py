"""From one face's shape to another's, without touching outline, lids and lips."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from blanket.faces import Points
from blanket.topology import (
    INNER_LIPS,
    LEFT_EYE,
    OUTER_LIPS,
    OVAL,
    RIGHT_EYE,
    SURFACE,
    load_topology,
)


@cache
def freedom() -> NDArray[np.float32]:
    """``[478]``: how far each vertex may move, 0..1.

    0 on the outline, where a change would open a seam, and on lids, irises and lips, whose
    movement is what the research reads; rising with the distance from those.
    """
    mean = load_topology().mean
    fixed = [(OVAL, 0.12), (LEFT_EYE + RIGHT_EYE, 0.06), (OUTER_LIPS + INNER_LIPS, 0.06)]
    free = np.ones(len(mean), np.float32)
    for ring, reach in fixed:
        away = np.linalg.norm(mean[:, None, :2] - mean[list(ring), :2], axis=-1).min(1)
        share = (away / reach).clip(0, 1)
        free *= share**2 * (3 - 2 * share)
    free[SURFACE:] = 0
    return free


def shape_change(own: Points, new: Points) -> NDArray[np.float32]:
    """What to add to the mean face's vertices, ``[478, 3]``, to turn one shape into another.

    own, new: ``[478, 3]`` on the mean face, at rest.
    """
    change = (new - own) * freedom()[:, None]
    # Beyond a quarter of the eye distance triangles begin to fold over their neighbours.
    length = np.linalg.norm(change, axis=1, keepdims=True)
    return (change * (0.25 * np.tanh(length / 0.25) / np.maximum(length, 1e-9))).astype(np.float32)
