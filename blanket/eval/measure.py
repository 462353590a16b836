"""The figures of one video: what was read goes through the pure functions of this package."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from blanket.eval.blinks import blinks, match_events, too_few_for_blinks
from blanket.eval.coco import as_truth, face_results
from blanket.eval.demographics import demographic_agreement
from blanket.eval.expression import expression_agreement
from blanket.eval.fidelity import psnr
from blanket.eval.flicker import flicker
from blanket.eval.gaze import gaze_error
from blanket.eval.identity import (
    across_frame_distances,
    identity_distance,
    identity_switches,
    identity_variance,
    same_frame_distances,
)
from blanket.eval.landmarks import SCHEMES, landmark_agreement
from blanket.eval.observation import Observation, Subject
from blanket.eval.people import ORIGINAL, PeopleFiles, marked_figures, people_figures
from blanket.eval.precision import average_precision
from blanket.eval.signals import SIGNALS, read_signals
from blanket.eval.traces import Values
from blanket.genderage import GenderAge
from blanket.recognise import Recogniser

Figures = dict[str, float]

HIGHEST = 100.0
"""Decibels that are given where nothing changed at all, which has no number."""


def measure(
    observation: Observation, method: str, recogniser: Recogniser | None, files: PeopleFiles
) -> dict[str, float | None]:
    """Every figure of a video by its key, None where it has no value.

    files: predictions and annotations of people and poses.

    What is measured person by person is averaged over people, each weighed by the frames in
    which the figure could have a value: those in which the original has the face, and for
    identity those in which the recogniser looked, at whatever is there.
    """
    times = np.array(observation.times)
    parts: list[tuple[int, Figures]] = []
    for person in observation.people(method):
        known, looks = int(np.isfinite(person.before[:, 0, 0]).sum()), len(person.looked)
        parts.append((known, dict(_attributes(person, times))))
        if looks:
            parts.append((known, _groups(person)))
            if recogniser is not None:
                parts.append((looks, _identity(person, recogniser)))
    values = _weighed(parts)
    known, lost = observation.lost(method)
    values["faces_kept"] = 100 * (known - lost) / known if known else np.nan
    values |= _detection(observation, method)
    values |= _people(observation, method, files)
    values |= _pictures(observation, method)
    return {key: _plain(value) for key, value in values.items()}


def _attributes(person: Subject, times: Values) -> Iterator[tuple[str, float]]:
    before, after = read_signals(person.before), read_signals(person.after)
    for key, signal in SIGNALS.items():
        agrees = signal.agreement(before[key], after[key])
        yield f"{key}_r", agrees.correlation
        yield f"{key}_error", agrees.error
    yield "gaze_error", gaze_error(person.before, person.after)
    if not too_few_for_blinks(times):
        events = match_events(blinks(before["eye"], times), blinks(after["eye"], times))
        yield "blink_recall", 100 * events.recall
        yield "blink_precision", 100 * events.precision
    for points in SCHEMES:
        marks = landmark_agreement(person.before, person.after, points)
        yield f"landmarks_{points}_error", 100 * marks.error
        yield f"landmarks_{points}_r", marks.correlation
        if points == 68:
            yield "landmarks_within", 100 * marks.within
            yield "landmarks_in_face_r", marks.correlation_in_face


def _groups(person: Subject) -> Figures:
    """Expression, age and gender, from the frames that were looked at closer."""
    expression = expression_agreement(*person.found_looks("expression"))
    groups = demographic_agreement(
        *(GenderAge(man=one[:, 1], years=one[:, 0]) for one in person.found_looks("demographics"))
    )
    return {
        "expression_kept": 100 * expression.agreement,
        "expression_cosine": expression.cosine,
        "age_error": groups.age_error,
        "gender_kept": 100 * groups.gender_kept,
    }


def _identity(person: Subject, recogniser: Recogniser) -> Figures:
    before, after = person.looks_before["embedding"], person.looks_after["embedding"]
    apart = same_frame_distances(recogniser, before, after)
    found = identity_distance(recogniser, apart, np.ones(len(apart), bool))
    return {
        "identity_distance": found.mean,
        "identity_distance_low": found.low,
        "identity_distance_nearest": float(
            across_frame_distances(recogniser, before, after).mean()
        ),
        "verified": 100 * found.accepted,
        "identity_variance": identity_variance(recogniser, after),
        "identity_switches": identity_switches(recogniser, after),
    }


def _detection(observation: Observation, method: str) -> Figures:
    """The detector on the output, against what it was sure of in the original."""
    images = sorted(observation.looked)
    least = observation.least_score
    found = [
        [one for frame in images for one in face_results(frame, party.detections[frame])]
        for party in (observation.original, observation.outputs[method])
    ]
    if not images:
        return {}
    precision = average_precision(as_truth(found[0], images, least), found[1], "bbox", least)
    return {
        "face_ap": 100 * precision.ap,
        "face_ap50": 100 * precision.ap50,
        "faces_missing": 100 * precision.missing / precision.truth if precision.truth else np.nan,
        "faces_spurious": 100 * precision.spurious / len(images),
    }


def _people(observation: Observation, method: str, files: PeopleFiles) -> Figures:
    """People and poses, of all frames that the files have."""
    if method not in files.predictions:
        return {}
    video, images = observation.video, list(range(observation.count))
    original, output = files.of(ORIGINAL, video), files.of(method, video)
    figures = people_figures(original, output, images)
    marks = files.marked(video)
    return figures if marks is None else figures | marked_figures(marks, original, output, images)


def _pictures(observation: Observation, method: str) -> Figures:
    ssim, seams, lpips = (
        observation.picture_values(method, name) for name in ("ssim_outside", "seam", "lpips")
    )
    return {
        "psnr_outside": min(psnr(observation.picture_values(method, "error_outside")), HIGHEST),
        "ssim_outside": _mean(ssim),
        "seam": _mean(seams),
        **({"lpips": _mean(lpips)} if np.isfinite(lpips).any() else {}),
        "flicker": flicker(list(observation.warping[method].values())),
    }


def _mean(values: Values) -> float:
    found = values[np.isfinite(values)]
    return float(found.mean()) if len(found) else np.nan


def _weighed(parts: list[tuple[int, Figures]]) -> Figures:
    """The mean over people of each figure, over those who have it.

    parts: figures of one person and their weight, each figure once a person.
    """
    values = {}
    for key in dict.fromkeys(key for _, figures in parts for key in figures):
        pairs = [(w, f[key]) for w, f in parts if key in f and np.isfinite(f[key]) and w > 0]
        weight = sum(w for w, _ in pairs)
        values[key] = sum(w * v for w, v in pairs) / weight if weight else np.nan
    return values


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
