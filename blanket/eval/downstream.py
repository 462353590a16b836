"""Downstream: do the estimators that a lab works with still see the same people and poses?

The predictions on the output are compared with those on the original, and where people have
marked some frames, both with these. Predictions come from RT-DETR and ViTPose (`predict`),
or from a file that any other estimator wrote (`blanket.eval.coco.read_results`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from blanket.errors import InputError
from blanket.eval.coco import (
    Dataset,
    Kind,
    Precision,
    Result,
    as_truth,
    average_precision,
    only_images,
    person_results,
)
from blanket.eval.persons import PersonDetector, PoseEstimator
from blanket.picture import Picture

NAMES: dict[Kind, str] = {"bbox": "person", "keypoints": "pose"}


def predict(
    pictures: Iterable[Picture],
    detector: PersonDetector,
    estimator: PoseEstimator | None = None,
    every: int = 1,
) -> list[Result]:
    """The people in the pictures of a video, in COCO's results format, with the number of the
    frame as ``image_id``. Poses are looked for in the boxes that the detector finds in the
    same picture: what is compared is all that a lab would run.

    every: frames from one that is looked at to the next.
    """
    results: list[Result] = []
    for picture in pictures:
        if picture.index % every:
            continue
        pixels = picture.rgb()
        persons = detector.detect(pixels)
        if estimator is not None:
            persons = estimator.estimate(pixels, persons)
        results += person_results(picture.index, persons)
    return results


def downstream_precision(
    original: Sequence[Result],
    output: Sequence[Result],
    images: Collection[int],
    least_score: float = 0.0,
    sigmas: Sequence[float] | None = None,
) -> dict[str, Precision]:
    """Average precision of the output's predictions with the original's as the truth: of
    ``person`` boxes, of ``pose``, whichever the original's predictions have.

    images: the frames that were looked at; predictions for others are left out. least_score:
    of the original's predictions that are taken for true; a file holds what its maker takes
    for true, while a detector's unsure guesses want 0.5. sigmas: see
    `blanket.eval.coco.average_precision`.
    """
    before, after = _within(original, images), _within(output, images)
    truth = as_truth(before, images, least_score)
    return {
        NAMES[kind]: average_precision(truth, after, kind, sigmas=sigmas)
        for kind in _kinds(before, after)
    }


def human_precision(
    annotations: Dataset,
    predictions: Sequence[Result],
    images: Collection[int],
    sigmas: Sequence[float] | None = None,
) -> dict[str, Precision]:
    """Average precision of predictions, on the original or on the output, against what people
    marked: of ``person`` boxes, of ``pose``, whichever both have.

    annotations: by frame, as `blanket.eval.coco.on_frames` gives them; frames that are not
    listed in them, and those not looked at (images), are left out. Where one of their
    categories is ``person``, only that counts, in the annotations and in the predictions.

    Raises:
        InputError: nobody marked any of the frames that were looked at.
    """
    truth = only_images(annotations, images)
    marked = {image["id"] for image in truth["images"]}
    if not marked:
        raise InputError("the annotations are of none of the frames that were looked at")
    found = _within(predictions, marked)
    people = [one for one in truth["categories"] if one.get("name") == "person"]
    if people:
        ids = {one["id"] for one in people}
        marks = [one for one in truth["annotations"] if one["category_id"] in ids]
        truth = {**truth, "categories": people, "annotations": marks}
        found = [one for one in found if one["category_id"] in ids]
    return {
        NAMES[kind]: average_precision(truth, found, kind, sigmas=sigmas)
        for kind in _kinds(truth["annotations"], found)
    }


def _within(results: Sequence[Result], images: Collection[int]) -> list[Result]:
    kept = set(images)
    return [one for one in results if one["image_id"] in kept]


def _kinds(truth: Sequence[Result], results: Sequence[Result]) -> list[Kind]:
    """What the truth has; an output without any prediction has lost it all."""
    kinds: tuple[Kind, ...] = ("bbox", "keypoints")
    return [
        kind
        for kind in kinds
        if any(kind in one for one in truth) and (not results or any(kind in r for r in results))
    ]
