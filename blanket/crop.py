"""The crops that the mesh networks look at: the whole face, each eye, the lips.

All are squares, roll-normalised, placed by the mean face of `blanket.topology`, whose unit
is the distance between the outer eye corners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.faces import Points
from blanket.topology import (
    INNER_LIPS,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    SURFACE,
    Topology,
    load_topology,
)

FACE_SIDE = 192
FACE_HALF = 1.25
PART_SIDE = 64


@dataclass(frozen=True)
class Part:
    """A region that a second network looks at again.

    vertices: ``[n]`` int. weights: ``[n]`` float32 0..1, how far the second look replaces
    the first (1 on lids, iris and lips, fading to 0 at the border of the crop). centre:
    vertices whose mean is the middle of the crop. half: half the crop's side, in units.
    """

    vertices: NDArray[np.int64]
    weights: NDArray[np.float32]
    centre: tuple[int, ...]
    half: float


def placement(side: int, half: float, centre: tuple[float, float] = (0.0, 0.0)) -> align.Matrix:
    """Mean-face coordinates to crop pixels, for a crop of `side` pixels, ``[2, 3]``."""
    scale = side / (2 * half)
    offset = (side - 1) / 2
    return np.array(
        [[scale, 0, offset - scale * centre[0]], [0, scale, offset - scale * centre[1]]],
        np.float32,
    )


def face_matrix(mesh: Points, side: int = FACE_SIDE, half: float = FACE_HALF) -> align.Matrix:
    """Picture to face crop ``[..., 2, 3]``, from meshes ``[..., 478, 2 or 3]`` in pixels."""
    mean = load_topology().mean[:SURFACE]
    to_mean = align.similarity(mesh[..., :SURFACE, :2], mean[:, :2])
    return align.compose(placement(side, half), to_mean)


def part_middles(mesh: Points, parts: Sequence[Part], to_mean: align.Matrix) -> Points:
    """Where the middles of parts lie on the mean face ``[n, 2]``."""
    middles = [align.apply(to_mean, mesh[list(part.centre), :2]).mean(0) for part in parts]
    return np.stack(middles)


def part_matrices(
    middles: Points, parts: Sequence[Part], to_mean: align.Matrix
) -> list[align.Matrix]:
    """Picture to each part's crop ``[2, 3]``: the face's roll and scale, centred on `middles`
    ``[n, 2]`` of the mean face. to_mean: picture to mean face ``[2, 3]``."""
    return [
        align.compose(placement(PART_SIDE, part.half, (middle[0], middle[1])), to_mean)
        for part, middle in zip(parts, middles, strict=True)
    ]


@cache
def eye_part() -> Part:
    """The left eye with its brow; the right eye is its mirror image."""
    return _part(load_topology(), LEFT_EYE, LEFT_EYE + LEFT_IRIS, LEFT_EYE, 0.17, 0.30, 0.32)


@cache
def lips_part() -> Part:
    """The lips and the skin around them."""
    core = OUTER_LIPS + INNER_LIPS
    return _part(load_topology(), OUTER_LIPS, core, OUTER_LIPS, 0.30, 0.44, 0.46)


def _part(
    topology: Topology,
    ring: tuple[int, ...],
    core: tuple[int, ...],
    centre: tuple[int, ...],
    inner: float,
    outer: float,
    half: float,
) -> Part:
    middle = topology.mean[list(ring), :2].mean(0)
    distance = np.linalg.norm(topology.mean[:, :2] - middle, axis=1)
    weight = ((outer - distance) / (outer - inner)).clip(0, 1)
    weight = weight**2 * (3 - 2 * weight)
    weight[SURFACE:] = 0
    weight[list(core)] = 1
    vertices = np.flatnonzero(weight > 0)
    return Part(vertices, weight[vertices].astype(np.float32), centre, half)
