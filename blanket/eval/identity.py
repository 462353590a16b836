"""Identity: how far the faces of the output are from the person, and whether they stay one.

All of it is about embeddings ``[N, D]`` of a `Recogniser`, one row a frame, a row of NaN
where no face was found. Distances are those of `blanket.recognise.distances`: Euclidean, or
1 - cosine, so that a cosine similarity `s` is a distance of 1 - s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from blanket.eval.traces import Values, paired
from blanket.faces import Array
from blanket.recognise import Recogniser, distances

HOLD = 3
"""Frames in a row that a new identity has to last: one odd frame is an outlier."""


@dataclass(frozen=True)
class IdentityDistance:
    """How far the output is from the person; mean and the least favourable tail.

    mean, low (5th percentile): over frames found in both, NaN where there are none.
    accepted: share of the original's frames in which the output passes for the same person
    at the recogniser's threshold; a lost frame cannot be compared and is not accepted, as a
    failure to acquire is a false non-match (ISO/IEC 19795-1).
    """

    mean: float
    low: float
    accepted: float


def same_frame_distances(recogniser: Recogniser, original: Array, output: Array) -> Values:
    """Distance of the output to the original in each frame, ``[N]``, of embeddings
    ``[N, D]``; NaN where either has no face."""
    before, after = paired(original, output)
    return distances(recogniser, before, after)


def pairwise_distances(recogniser: Recogniser, a: Array, b: Array) -> Values:
    """Every distance between embeddings ``[N, D]`` and ``[M, D]``: ``[N, M]``, NaN where
    either has no face."""
    others = np.asarray(b, np.float64)
    rows = [distances(recogniser, one[None], others) for one in np.asarray(a, np.float64)]
    return np.stack(rows) if rows else np.empty((0, len(others)))


def across_frame_distances(recogniser: Recogniser, original: Array, output: Array) -> Values:
    """Distance of each frame of the output to the nearest frame of the original, ``[M]``:
    an attacker compares with the best picture there is. NaN where there is no face.

    original: ``[N, D]``, output: ``[M, D]``.
    """
    rows = [
        pairwise_distances(recogniser, one[None], original)[0]
        for one in np.asarray(output, np.float64)
    ]
    return np.array([np.nanmin(row) if np.isfinite(row).any() else np.nan for row in rows])


def identity_distance(
    recogniser: Recogniser, values: Array, original_found: Array, threshold: float | None = None
) -> IdentityDistance:
    """Summary of distances ``[N]``, by the same frame or across frames.

    original_found: ``[N]`` bool, where the original has a face. threshold: nearer than this
    passes for the same person; the recogniser's own by default.
    """
    bound = recogniser.threshold if threshold is None else threshold
    known = np.asarray(original_found, bool)
    apart, _ = paired(values, known)
    found = apart[known & np.isfinite(apart)]
    frames = int(known.sum())
    return IdentityDistance(
        mean=float(found.mean()) if len(found) else np.nan,
        low=float(np.quantile(found, 0.05)) if len(found) else np.nan,
        accepted=float((found < bound).sum() / frames) if frames else np.nan,
    )


def identity_variance(recogniser: Recogniser, embeddings: Array) -> float:
    """How much the identity wavers within a video: the total variance (the trace of the
    covariance) of embeddings ``[N, D]``,

    v = mean over frames |e - mean e|^2

    of unit vectors where the recogniser compares by cosine (there v = 1 - R^2, with R the
    mean resultant length, Mardia & Jupp 2000). Half the mean squared distance of two
    frames. NaN where no face was found; 0 for a single frame.
    """
    e = _directions(recogniser, embeddings)
    return float(((e - e.mean(0)) ** 2).sum(-1).mean()) if len(e) else np.nan


def identity_switches(recogniser: Recogniser, embeddings: Array, hold: int = HOLD) -> int:
    """How often a face turns into another within a video, of embeddings ``[N, D]`` in order
    of time.

    In the sense of the identity switches of multi-object tracking (Bernardin & Stiefelhagen
    2008), with the recogniser as the judge: a switch is where the frames, from one on and
    for at least `hold` of them, are farther from the mean of the present identity than the
    recogniser's threshold. Frames without a face are passed over.
    """
    e = _directions(recogniser, embeddings)
    switches, apart = 0, 0
    total, count = np.zeros(e.shape[-1]), 0
    for i, one in enumerate(e):
        if count == 0 or distances(recogniser, one, total / count) < recogniser.threshold:
            total, count, apart = total + one, count + 1, 0
            continue
        apart += 1
        if apart == hold:
            total, count = e[i + 1 - hold : i + 1].sum(0), hold
            switches, apart = switches + 1, 0
    return switches


@dataclass(frozen=True)
class SameFace:
    """Whether one subject has the same new face in all videos. mean: distance between the
    mean faces of two videos, over all pairs. kept: share of the pairs nearer than the
    recogniser's threshold. NaN where fewer than two videos have a face."""

    mean: float
    kept: float


def same_face_across(recogniser: Recogniser, videos: Sequence[Array]) -> SameFace:
    """Whether the outputs of several videos of one subject show the same new face.

    videos: embeddings ``[N, D]`` of each, NaN where no face was found.
    """
    usual = [_directions(recogniser, one) for one in videos]
    means = np.array([e.mean(0) for e in usual if len(e)])
    if len(means) < 2:
        return SameFace(np.nan, np.nan)
    apart = pairwise_distances(recogniser, means, means)[np.triu_indices(len(means), 1)]
    return SameFace(float(apart.mean()), float((apart < recogniser.threshold).mean()))


def _directions(recogniser: Recogniser, embeddings: Array) -> Values:
    """The embeddings of frames with a face, of unit length where only directions count."""
    e = np.asarray(embeddings, np.float64)
    e = e[np.isfinite(e).all(-1)]
    if recogniser.metric == "cosine":
        e = e / np.maximum(np.linalg.norm(e, axis=-1, keepdims=True), 1e-12)
    return e
