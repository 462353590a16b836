"""Verification: one face against one person, and how many false ones that costs.

A pair is genuine where the probe (a face of the output) is compared with its own person,
and impostor where it is compared with somebody else. A pair is accepted where its distance
is at most the threshold. The terms are those of ISO/IEC 19795-1. A probe in which no face
was found has an infinite distance, given as NaN: it is never accepted and always counted,
as a failure to acquire is a false non-match there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanket.errors import InputError
from blanket.eval.identity import pairwise_distances
from blanket.eval.traces import Values
from blanket.faces import Array
from blanket.recognise import Recogniser

ROUNDS = 1000


@dataclass(frozen=True)
class Pairs:
    """Distances of probes to people. genuine ``[P]``, impostor ``[Q]``, NaN where the probe
    has no face; genuine_of, impostor_of: the probe's subject for each."""

    genuine: Values
    impostor: Values
    genuine_of: NDArray[np.str_]
    impostor_of: NDArray[np.str_]


@dataclass(frozen=True)
class Roc:
    """The operating points of a recogniser ``[T]``, by rising threshold, from nothing
    accepted to every face accepted. false_accept, true_accept: rates, 0 to 1."""

    thresholds: Values
    false_accept: Values
    true_accept: Values


@dataclass(frozen=True)
class Interval:
    """An estimate with its bootstrap interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Verification:
    """tar_at_1e_2, tar_at_1e_3: true-accept rates at those false-accept rates. eer: equal
    error rate. impostor: how many pairs are of two people."""

    tar_at_1e_2: Interval
    tar_at_1e_3: Interval
    eer: Interval
    impostor: int


def compare_all(
    recogniser: Recogniser,
    probes: Array,
    probe_subjects: Array,
    gallery: Array,
    gallery_subjects: Array,
) -> Pairs:
    """All comparisons of probes with people.

    The distance to a person is that to the nearest of his or her pictures in the gallery.
    probes: embeddings ``[P, D]``, NaN where no face was found; gallery: ``[G, D]``;
    subjects: names ``[P]`` and ``[G]``. Gallery pictures without a face are left out.

    Raises:
        InputError: no gallery picture has a face, or one name was not given for each row.
    """
    who, people, nearest = nearest_by_subject(
        recogniser, probes, probe_subjects, gallery, gallery_subjects
    )
    own = who[:, None] == people[None]
    of = np.broadcast_to(who[:, None], own.shape)
    return Pairs(nearest[own], nearest[~own], of[own], of[~own])


def nearest_by_subject(
    recogniser: Recogniser,
    probes: Array,
    probe_subjects: Array,
    gallery: Array,
    gallery_subjects: Array,
) -> tuple[NDArray[np.str_], NDArray[np.str_], Values]:
    """The probes' subjects ``[P]``, the gallery's people ``[S]``, each once, and the distance
    of each probe to the nearest picture of each of them ``[P, S]``. As `compare_all`."""
    probes, gallery = np.asarray(probes, np.float64), np.asarray(gallery, np.float64)
    who, whose = np.asarray(probe_subjects, np.str_), np.asarray(gallery_subjects, np.str_)
    if len(probes) != len(who) or len(gallery) != len(whose):
        raise InputError("every probe and every gallery picture needs the name of its subject")
    seen = np.isfinite(gallery).all(-1) if len(gallery) else np.zeros(0, bool)
    if not seen.any():
        raise InputError("there is no face in the gallery")
    apart = pairwise_distances(recogniser, probes, gallery[seen])
    people = np.unique(whose[seen])
    columns = [apart[:, whose[seen] == one].min(axis=1, initial=np.inf) for one in people]
    return who, people, np.stack(columns, axis=1)


def roc(genuine: Array, impostor: Array) -> Roc:
    """The receiver operating characteristic of distances ``[P]`` and ``[Q]``.

    FAR(t) = share of impostor <= t, TAR(t) = share of genuine <= t, at every distance t
    that occurs. What has no face is accepted at no finite threshold.

    Raises:
        InputError: there is no genuine or no impostor pair.
    """
    yes, no = _sorted(genuine), _sorted(impostor)
    if not len(yes) or not len(no):
        raise InputError("verification needs pairs of one person and pairs of two people")
    finite = np.unique(np.concatenate([yes[np.isfinite(yes)], no[np.isfinite(no)]]))
    thresholds = np.concatenate([[-np.inf], finite])
    return Roc(
        thresholds,
        np.searchsorted(no, thresholds, "right") / len(no),
        np.searchsorted(yes, thresholds, "right") / len(yes),
    )


def true_accept_rate(curve: Roc, false_accept: float) -> float:
    """TAR at FAR: the largest true-accept rate whose false-accept rate is at most that. No
    interpolation: with fewer than 1 / FAR impostor pairs none of them may pass."""
    return float(curve.true_accept[curve.false_accept <= false_accept].max())


def equal_error_rate(curve: Roc) -> float:
    """Where false accepts and false rejects (1 - TAR) are equally frequent, on the straight
    line between the two operating points around it. 0.5 is chance, 0 a perfect recogniser;
    probes without a face push it up to 1."""
    far = np.append(curve.false_accept, 1.0)
    reject = 1 - np.append(curve.true_accept, 1.0)
    return float(np.interp(0.0, far - reject, far))


def bootstrap(
    pairs: Pairs,
    figures: Mapping[str, Callable[[Roc], float]],
    rng: np.random.Generator,
    rounds: int = ROUNDS,
    level: float = 0.95,
) -> dict[str, Interval]:
    """Figures of the operating points, with their percentile intervals (Efron 1979).

    Subjects are drawn, not pairs, with all the pairs of their probes: pairs of one subject
    are alike, and drawn singly they would make the interval too narrow (the subsets bootstrap
    of Bolle et al. 2004). With a single subject there is nothing to draw: the ends are NaN.

    Raises:
        InputError: there is no genuine or no impostor pair.
    """
    curve = roc(pairs.genuine, pairs.impostor)
    values = {name: figure(curve) for name, figure in figures.items()}
    people = np.unique(pairs.genuine_of)
    if len(people) < 2:
        return {name: Interval(value, np.nan, np.nan) for name, value in values.items()}
    yes = [pairs.genuine[pairs.genuine_of == one] for one in people]
    no = [pairs.impostor[pairs.impostor_of == one] for one in people]
    drawn = []
    for _ in range(rounds):
        picked = rng.integers(len(people), size=len(people))
        curve = roc(
            np.concatenate([yes[i] for i in picked]), np.concatenate([no[i] for i in picked])
        )
        drawn.append([figure(curve) for figure in figures.values()])
    tail = 50 * (1 - level)
    ends = np.percentile(np.array(drawn), [tail, 100 - tail], axis=0).T
    return {
        name: Interval(value, float(low), float(high))
        for (name, value), (low, high) in zip(values.items(), ends, strict=True)
    }


def verify(pairs: Pairs, rng: np.random.Generator, rounds: int = ROUNDS) -> Verification:
    """TAR at FAR 1e-2 and 1e-3 and EER with bootstrap intervals.

    Raises:
        InputError: there is no genuine or no impostor pair.
    """
    figures: dict[str, Callable[[Roc], float]] = {
        "tar_at_1e_2": lambda curve: true_accept_rate(curve, 1e-2),
        "tar_at_1e_3": lambda curve: true_accept_rate(curve, 1e-3),
        "eer": equal_error_rate,
    }
    return Verification(**bootstrap(pairs, figures, rng, rounds), impostor=len(pairs.impostor))


def _sorted(distances: Array) -> Values:
    return np.sort(np.nan_to_num(np.asarray(distances, np.float64), nan=np.inf, posinf=np.inf))
