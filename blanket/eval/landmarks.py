"""Landmarks: where the points of the face are, at 5, 68 and 478 points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from blanket import align
from blanket.attributes import eye_distance
from blanket.eval.traces import Values, correlation, paired, read_found
from blanket.faces import Array, Points
from blanket.topology import five_points, load_topology

Scheme = Literal[5, 68, 478]
SCHEMES: tuple[Scheme, ...] = (5, 68, 478)

IBUG = (
    127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 195, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
"""The vertices of the mesh nearest to the 68 points of iBUG 300-W (Sagonas et al. 2013), in
their order: jaw from the left of an upright picture, brows, nose, eyes, outer and inner lips.

Of the vertices of the same part (the oval, the brows, the rings of eyes and lips), the one
that was nearest on average to dlib's 68 points on 625 upright, frontal faces of One Million
Impressions and Labeled Faces in the Wild, chosen together with its mirror image; the inner
eye corners are the mesh's own. The mean distance is 4 % of that of the outer eye corners: 8 %
on the jaw, where a point has no place of its own along the line, 2 to 3 % elsewhere.
"""

TOLERANCE = 0.08
"""Share of the distance between the outer eye corners: a larger mean error is a failure, as
in the failure rate on 300-W (Kowalski et al. 2017)."""


@dataclass(frozen=True)
class LandmarkAgreement:
    """How well the points of the output follow those of the original.

    correlation: over time, mean over points and both coordinates, in the picture, where the
    motion of the head is most of it; correlation_in_face: the same with every mesh laid onto
    the mean face first, where only expression and errors are left. Lost frames are scored as
    in `blanket.eval.traces.correlation`. error: mean over frames found in both of
    `normalised_error`. within: share of the original's frames in which it is at most
    `tolerance`; a lost frame is not. frames, lost, spurious: see `blanket.eval.traces`.
    """

    points: int
    correlation: float
    correlation_in_face: float
    error: float
    within: float
    tolerance: float
    frames: int
    lost: int
    spurious: int


def landmarks(meshes: Points, points: Scheme) -> Points:
    """The 5 (`blanket.topology.five_points`), 68 (`IBUG`) or 478 points ``[..., P, 2]``
    of meshes ``[..., 478, 3]``, pixels."""
    if points == 5:
        return five_points(meshes)
    return meshes[..., list(IBUG), :2] if points == 68 else meshes[..., :2]


def normalised_error(original: Points, output: Points, points: Scheme) -> Values:
    """The normalised mean error of each frame ``[N]``:

    NME = mean over points |output - original| / d

    d: the distance between the original's outer eye corners, as in 300-W (Sagonas et al.
    2013), but in three dimensions, so that a turned head does not make errors look large.
    NaN where either has no face. original, output: meshes ``[N, 478, 3]`` pixels.
    """
    before, after = paired(original, output)
    away = np.linalg.norm(landmarks(after, points) - landmarks(before, points), axis=-1)
    return away.mean(-1) / np.maximum(eye_distance(before), 1e-6)


def landmark_agreement(original: Points, output: Points, points: Scheme) -> LandmarkAgreement:
    """How landmarks agree; meshes ``[N, 478, 3]`` pixels, NaN where no face was found."""
    before, after = paired(original, output)
    errors = normalised_error(original, output, points)
    known, seen = (np.isfinite(meshes).all(axis=(1, 2)) for meshes in (before, after))
    found = known & seen
    laid: list[Array] = [read_found(_laid, meshes) for meshes in (before, after)]
    in_face = [landmarks(meshes, points) for meshes in laid]
    return LandmarkAgreement(
        points=points,
        correlation=_mean_correlation(landmarks(before, points), landmarks(after, points)),
        correlation_in_face=_mean_correlation(*in_face),
        error=float(errors[found].mean()) if found.any() else np.nan,
        within=float((errors[found] <= TOLERANCE).sum() / known.sum()) if known.any() else np.nan,
        tolerance=TOLERANCE,
        frames=int(known.sum()),
        lost=int((known & ~seen).sum()),
        spurious=int((seen & ~known).sum()),
    )


def _laid(meshes: Points) -> Points:
    return np.stack([align.rigid(mesh, load_topology().mean) for mesh in meshes])


def _mean_correlation(before: Points, after: Points) -> float:
    """NaN where no coordinate of the original varies."""
    r = correlation(before, after)
    return float(np.nanmean(r)) if np.isfinite(r).any() else np.nan
