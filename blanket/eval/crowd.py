"""Figures that need several people at once: who is it, of all who are in the recordings?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from blanket.eval.identification import identify
from blanket.eval.identity import same_face_across
from blanket.eval.observation import Observation
from blanket.eval.results import Estimate
from blanket.eval.verification import Interval, compare_all, verify
from blanket.recognise import Recogniser

Embeddings = NDArray[np.float32]
SEED = 0
"""Of the bootstrap."""


@dataclass(frozen=True)
class Looks:
    """A person in a video. before, after: embeddings ``[K, D]`` of original and output."""

    person: str
    video: str
    before: Embeddings
    after: Embeddings


def looks_at(observation: Observation, method: str) -> Iterator[Looks]:
    """The people of a video, with names.

    A video that lies in a folder, as ``anna/monday.mp4``, shows that folder's person, so that
    people can have several videos; any other video its own. Folders in folders are told apart
    by their whole path: ``site1/anna`` and ``site1/bob`` are two people. Where a video shows
    several people, each is one of its own.
    """
    several = len(set(observation.subjects)) > 1
    path = PurePosixPath(observation.video)
    for person in observation.people(method):
        if several:
            name = f"{path.as_posix()}#{person.number}"
        else:
            name = (path.parent if len(path.parts) > 1 else path).as_posix()
        if len(person.looked):
            before, after = person.looks_before["embedding"], person.looks_after["embedding"]
            yield Looks(name, observation.video, before, after)


def crowd_figures(recogniser: Recogniser, looks: list[Looks]) -> dict[str, Estimate]:
    """Verification, identification and the parrot attack, by key; empty with fewer than two
    people of whom there are two looks. Rank 5 takes more than five people, a rate of false
    accepts as many comparisons of two people as it takes to see one.

    The gallery is the first half of the looks at each person, by video and time, and the
    probes are the second half of the looks at the output: no probe meets its own frame.
    """
    people = sorted({one.person for one in looks})
    gallery, parrots, probes = _Faces(), _Faces(), _Faces()
    for person in people:
        own = sorted((one for one in looks if one.person == person), key=lambda one: one.video)
        before = np.concatenate([one.before for one in own])
        after = np.concatenate([one.after for one in own])
        half = (len(before) + 1) // 2
        gallery.add(person, before[:half])
        parrots.add(person, after[:half])
        probes.add(person, after[half:])
    figures: dict[str, Estimate] = {}
    if len(set(probes.names)) > 1:
        figures |= _against(recogniser, probes, gallery, "")
        figures |= _against(recogniser, probes, parrots, "parrot_")
    return figures | _same_face(recogniser, looks)


class _Faces:
    """Embeddings with the names of their people."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._parts: list[Embeddings] = []

    def add(self, name: str, embeddings: Embeddings) -> None:
        self.names += [name] * len(embeddings)
        self._parts.append(embeddings)

    @property
    def embeddings(self) -> Embeddings:
        return np.concatenate(self._parts)


def _against(
    recogniser: Recogniser, probes: _Faces, gallery: _Faces, prefix: str
) -> dict[str, Estimate]:
    who, whose = np.array(probes.names), np.array(gallery.names)
    pairs = compare_all(recogniser, probes.embeddings, who, gallery.embeddings, whose)
    verified = verify(pairs, np.random.default_rng(SEED))
    found = identify(recogniser, probes.embeddings, who, gallery.embeddings, whose)
    figures = {"rank1": _estimate(found.rank1), "eer": _interval(verified.eer)}
    if found.people > 5:
        figures["rank5"] = _estimate(found.rank5)
    # A rate of false accepts can only be told where there are comparisons enough.
    if verified.impostor >= 100:
        figures["tar_1e-2"] = _interval(verified.tar_at_1e_2)
    if verified.impostor >= 1000:
        figures["tar_1e-3"] = _interval(verified.tar_at_1e_3)
    return {prefix + key: one for key, one in figures.items()}


def _same_face(recogniser: Recogniser, looks: list[Looks]) -> dict[str, Estimate]:
    """Over people in several videos, the mean of how far their new faces lie apart."""
    apart, kept = [], []
    for person in sorted({one.person for one in looks}):
        videos = [one.after for one in looks if one.person == person]
        same = same_face_across(recogniser, videos)
        if np.isfinite(same.mean):
            apart.append(same.mean)
            kept.append(same.kept)
    if not apart:
        return {}
    return {
        "same_face_distance": Estimate(value=float(np.mean(apart)), low=None, high=None),
        "same_face_kept": _estimate(float(np.mean(kept))),
    }


def _interval(one: Interval) -> Estimate:
    return _estimate(one.value, one.low, one.high)


def _estimate(share: float, low: float = np.nan, high: float = np.nan) -> Estimate:
    """Of shares, in percent."""
    value, ends = 100 * share, [100 * end if np.isfinite(end) else None for end in (low, high)]
    return Estimate(value=value, low=ends[0], high=ends[1])
