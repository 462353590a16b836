"""Identification: who is it, of the people that an attacker has pictures of.

Closed-set: every probe's person is in the gallery. The naive attacker has originals in the
gallery; the parrot attacker (Newton et al. 2005) knows the method, and anonymises the
gallery in the same way before comparing (`parrot`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from blanket.errors import InputError
from blanket.eval.verification import nearest_by_subject
from blanket.faces import Array
from blanket.recognise import Recogniser


@dataclass(frozen=True)
class Identification:
    """rank1, rank5: share of the probes whose person is the nearest, or among the five
    nearest; a probe in which no face was found names nobody and counts as a miss. people: how
    many there are in the gallery."""

    rank1: float
    rank5: float
    people: int


def identify(
    recogniser: Recogniser,
    probes: Array,
    probe_subjects: Array,
    gallery: Array,
    gallery_subjects: Array,
) -> Identification:
    """Closed-set identification of probes (faces of the output) in a gallery.

    People are ranked by the nearest of their pictures. Among people equally near the order
    is by chance, so a recogniser that sees the same in everybody does as well as a guess.
    For the parrot attack give a gallery of anonymised pictures.

    probes: embeddings ``[P, D]``, NaN where no face was found; gallery: ``[G, D]``; subjects:
    names ``[P]`` and ``[G]``.

    Raises:
        InputError: there is no probe, no face in the gallery, or somebody is not in it.
    """
    who, people, nearest = nearest_by_subject(
        recogniser, probes, probe_subjects, gallery, gallery_subjects
    )
    if not len(who):
        raise InputError("there is nobody to identify")
    missing = sorted(set(who) - set(people))
    if missing:
        raise InputError(f"not in the gallery: {', '.join(missing)}; closed-set needs everybody")
    own = who[:, None] == people[None]
    mine = nearest[own][:, None]
    nearer = (nearest < mine).sum(1)
    tied = ((nearest == mine) & ~own).sum(1)
    found = np.isfinite(mine[:, 0])
    ranks = np.arange(1, len(people) + 1)
    # A tie is broken by chance: with t others as near, each of t + 1 places is as likely.
    chance = ((ranks - nearer[:, None]) / (tied[:, None] + 1)).clip(0, 1)
    # The cumulative match characteristic: the share at every rank.
    cmc = (chance * found[:, None]).mean(0)
    return Identification(
        rank1=float(cmc[0]),
        rank5=float(cmc[min(5, len(people)) - 1]),
        people=len(people),
    )
