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

RIM, EYES, LIPS = 0.2, 0.18, 0.08
"""Distances from the outline, from lids, and from lips at which a vertex is free: the outline
must not tear, gaze is read off the corners of the eyes."""
FARTHEST = 0.25
"""The largest change, in distances between the outer eye corners."""


@cache
def freedom() -> NDArray[np.float32]:
    """``[478]``: how far each vertex may move, in units of the mean face.

    0 on the outline, where a change would open a seam, and on lids, irises and lips, whose
    movement is what the research reads; rising with the distance from those.
    """
    mean = load_topology().mean

    def away(ring: tuple[int, ...]) -> NDArray[np.float32]:
        return np.linalg.norm(mean[:, None, :2] - mean[list(ring), :2], axis=-1).min(1)

    rim, eyes, lips = away(OVAL), away(LEFT_EYE + RIGHT_EYE), away(OUTER_LIPS + INNER_LIPS)
    free = FARTHEST * _smooth(rim / RIM) * _smooth(eyes / EYES) * _smooth(lips / LIPS)
    # Never past what is fixed: there triangles would fold over one another.
    free = np.minimum.reduce([free, 0.6 * rim, 1.2 * eyes, 1.2 * lips])
    free[SURFACE:] = 0
    return free.astype(np.float32)


def _smooth(share: NDArray[np.float32]) -> NDArray[np.float32]:
    share = share.clip(0, 1)
    return share**2 * (3 - 2 * share)


@cache
def _neighbours() -> NDArray[np.float32]:
    """``[478, 478]``: each row the mean over a vertex and those it shares an edge with."""
    topology = load_topology()
    near = np.eye(len(topology.mean), dtype=np.float32)
    for a, b, c in topology.triangles:
        for one, other in ((a, b), (b, c), (c, a)):
            near[one, other] = near[other, one] = 1
    return near / near.sum(1, keepdims=True)


def shape_change(own: Points, new: Points) -> NDArray[np.float32]:
    """What to add to the mean face's vertices, ``[478, 3]``, to turn one shape into another.

    own, new: ``[478, 3]`` on the mean face, at rest. Each vertex goes as far as `freedom`
    lets it; neighbours are made to agree, so that no triangle folds over the next.
    """
    change = new - own
    free = freedom()[:, None]
    length = np.linalg.norm(change, axis=1, keepdims=True)
    limited = free * np.tanh(length / np.maximum(free, 1e-6)) / np.maximum(length, 1e-9)
    return (_neighbours() @ (change * limited) * (free > 0)).astype(np.float32)
