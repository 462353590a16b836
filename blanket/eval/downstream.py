"""Downstream: do the estimators that a lab works with still see the same people and poses?

The predictions on the output are compared with those on the original, and where people have
marked some frames, both with these. Predictions come from RT-DETR and ViTPose (`predict`),
or from a file that any other estimator wrote (`blanket.eval.cocofile.read_results`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from blanket.errors import InputError
from blanket.eval.coco import (
    CATEGORY,
    KEYPOINTS,
    Dataset,
    Result,
    as_truth,
    only_images,
    person_results,
)
from blanket.eval.estimators import PersonDetector, PoseEstimator
from blanket.eval.precision import Kind, Precision, average_precision
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
    ``person`` boxes, of ``pose``, whichever the original's predictions have, or, where nobody
    was found there, the output's.

    images: the frames that were looked at; predictions for others are left out, and those
    that are not of a person. least_score: of the original's predictions that are taken for
    true; a file holds what its maker takes for true, while a detector's unsure guesses want
    0.5. sigmas: see `blanket.eval.precision.average_precision`.

    Raises:
        InputError: the output's have no boxes, or no keypoints, where the original's have
            them.
    """
    before, after = _within(_people(original), images), _within(_people(output), images)
    found = {}
    for kind, name in NAMES.items():
        truth, results = _having(kind, before), _having(kind, after)
        if truth and after and not results:
            raise InputError(
                f"the predictions on the original have {kind} and those on the output have none: "
                "give those of the same estimator for both"
            )
        if truth or (results and not before):
            reference = as_truth(truth, images, least_score)
            found[name] = average_precision(reference, results, kind, sigmas=sigmas)
    return found


def human_precision(
    annotations: Dataset,
    predictions: Sequence[Result],
    images: Collection[int],
    sigmas: Sequence[float] | None = None,
) -> dict[str, Precision]:
    """Average precision of predictions, on the original or on the output, against what people
    marked: of ``person`` boxes, of ``pose``, whichever both have.

    annotations: by frame, as `blanket.eval.coco.on_frames` gives them; frames that are not
    listed in them, and those not looked at (images), are left out. Of their categories only
    ``person``, in capitals or not, counts, or the only one there is. Predictions that are not
    of a person are left out. A pose of somebody who was marked without keypoints is neither
    right nor wrong, as with COCO's own annotations.

    Raises:
        InputError: nobody marked any of the frames that were looked at, or no category is
            that of the people.
    """
    truth = _of_people(only_images(annotations, images))
    marked = {image["id"] for image in truth["images"]}
    if not marked:
        raise InputError("the annotations are of none of the frames that were looked at")
    every = _people(predictions)
    found = {}
    for kind, name in NAMES.items():
        # Predictions without anybody have lost whatever was marked.
        if _having(kind, truth["annotations"]) and (_having(kind, every) or not every):
            reference = truth if kind == "bbox" else _with_keypoints(truth, sigmas)
            results = _within(_having(kind, every), marked)
            found[name] = average_precision(reference, results, kind, sigmas=sigmas)
    return found


def _of_people(truth: Dataset) -> Dataset:
    categories = truth["categories"]
    people = [one for one in categories if one.get("name", "").casefold() == "person"]
    if not people:
        if len(categories) != 1:
            raise InputError(
                f"the annotations have {'several' if categories else 'no'} categories and none is "
                "called 'person': call that of the people so"
            )
        people = categories
    ids = {one["id"] for one in people}
    return {
        **truth,
        "categories": [{"id": CATEGORY, "name": "person"}],
        "annotations": [
            {**one, "category_id": CATEGORY}
            for one in truth["annotations"]
            if one["category_id"] in ids
        ],
    }


def _people(results: Sequence[Result]) -> list[Result]:
    return [one for one in results if one["category_id"] == CATEGORY]


def _within(results: Sequence[Result], images: Collection[int]) -> list[Result]:
    kept = set(images)
    return [one for one in results if one["image_id"] in kept]


def _having(kind: Kind, results: Sequence[Result]) -> list[Result]:
    return [one for one in results if kind in one]


def _with_keypoints(truth: Dataset, sigmas: Sequence[float] | None) -> Dataset:
    """None are visible where none were marked: COCO's form of a person to be passed over."""
    count = KEYPOINTS if sigmas is None else len(sigmas)
    unmarked = {"keypoints": [0.0] * 3 * count, "num_keypoints": 0}
    return {
        **truth,
        "annotations": [
            one if "keypoints" in one else {**one, **unmarked} for one in truth["annotations"]
        ],
    }
