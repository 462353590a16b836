"""Landmarks: where the points of the face are, at 5, 68 and 478 points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from blanket import align
from blanket.attributes import eye_distance
from blanket.eval.traces import Values, correlation, paired, read_found
from blanket.faces import Array, Points
from blanket.topology import IBUG, five_points, load_topology

Scheme = Literal[5, 68, 478]
SCHEMES: tuple[Scheme, ...] = (5, 68, 478)

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
    `TOLERANCE`; a lost frame is not.
    """

    correlation: float
    correlation_in_face: float
    error: float
    within: float


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
        correlation=_mean_correlation(landmarks(before, points), landmarks(after, points)),
        correlation_in_face=_mean_correlation(*in_face),
        error=float(errors[found].mean()) if found.any() else np.nan,
        within=float((errors[found] <= TOLERANCE).sum() / known.sum()) if known.any() else np.nan,
    )


def _laid(meshes: Points) -> Points:
    return np.stack([align.rigid(mesh, load_topology().mean) for mesh in meshes])


def _mean_correlation(before: Points, after: Points) -> float:
    """NaN where no coordinate of the original varies."""
    r = correlation(before, after)
    return float(np.nanmean(r)) if np.isfinite(r).any() else np.nan
