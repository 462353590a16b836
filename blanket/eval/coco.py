"""Average precision as COCO counts it: faces, people and poses of the output against the
original's predictions, or against what people marked.

The counting is pycocotools' own; this file brings predictions into its form. Predictions are
in COCO's results format, one dictionary each: ``image_id``, ``category_id``, ``score``, and
``bbox`` (x, y, width, height) or ``keypoints`` (x, y, v for each) or both. ``image_id`` is
the number of the frame, or of the picture in order of name, from 0, unless human
annotations say otherwise.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from blanket.errors import InputError
from blanket.eval.persons import Person
from blanket.faces import Face

Kind = Literal["bbox", "keypoints"]
Result = dict[str, Any]
Dataset = dict[str, Any]

CATEGORY = 1
"""``person`` of COCO; of faces the only one."""
CONFIDENT = 0.5
"""Score from which a prediction counts as made, when missing and spurious ones are counted."""
KEYPOINTS = 17


@dataclass(frozen=True)
class Precision:
    """ap: mean over the thresholds 0.50, 0.55 .. 0.95 of intersection over union (boxes) or
    object keypoint similarity (poses); ap50, ap75: at one; ar: average recall. NaN where there
    is no truth. truth: objects to be found. missing: those that no confident prediction
    matches at 0.5. spurious: confident predictions that match none of them. images: how many
    were looked at."""

    ap: float
    ap50: float
    ap75: float
    ar: float
    truth: int
    missing: int
    spurious: int
    images: int


def average_precision(
    truth: Dataset,
    results: Sequence[Result],
    kind: Kind,
    confident: float = CONFIDENT,
    sigmas: Sequence[float] | None = None,
) -> Precision:
    """COCO's average precision (Lin et al. 2014; poses: Ronchi & Perona 2017).

    truth: annotations, as `as_truth` or `read_annotations` give them. Only predictions in its
    images may be given. confident: least score of the predictions that count as missing
    their object or as spurious; AP is over all scores. sigmas: the spread of each keypoint,
    where it is not COCO's 17.

    Raises:
        InputError: a prediction lies in another image, is of another category, or has not the
            keypoints of the truth.
    """
    annotations, images = truth["annotations"], {image["id"] for image in truth["images"]}
    strangers = sorted({str(one["image_id"]) for one in results} - {str(i) for i in images})
    if strangers:
        raise InputError(f"there are predictions for image {strangers[0]}, which has no truth")
    # pycocotools would pass over them in silence.
    unknown = {one["category_id"] for one in results} - {c["id"] for c in truth["categories"]}
    if unknown:
        raise InputError(
            f"there are predictions of category {min(unknown)}, of which the truth has none"
        )
    if kind == "keypoints":
        _check_keypoints([*annotations, *results], sigmas)
    judge = _dataset(truth)
    with contextlib.redirect_stdout(io.StringIO()):
        found = judge.loadRes(copy.deepcopy(list(results))) if results else _empty(truth)
        evaluation = COCOeval(judge, found, kind)
        if sigmas is not None:
            evaluation.params.kpt_oks_sigmas = np.asarray(sigmas, np.float64)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    # The last: average recall, of boxes with a hundred predictions an image, of poses with
    # twenty. Without an object all are -1.
    figures = evaluation.stats[[0, 1, 2, 8 if kind == "bbox" else 5]]
    objects, hits, misses = _at_half(evaluation, confident)
    ap, ap50, ap75, recall = (float(value) if objects else np.nan for value in figures)
    return Precision(ap, ap50, ap75, recall, objects, objects - hits, misses, len(images))


def as_truth(results: Sequence[Result], images: Iterable[int], least_score: float = 0.0) -> Dataset:
    """Predictions on the original as the truth for the output.

    images: all that were looked at, those without a prediction too, where any prediction is
    spurious. least_score: of the predictions to be taken. The area of an object, which the
    keypoint similarity is relative to, is that of its box, or of the bounds of its keypoints
    where it has no box, as pycocotools reckons it for predictions. Keypoints with v > 0
    count.
    """
    kept = copy.deepcopy([one for one in results if one.get("score", 1.0) >= least_score])
    truth: Dataset = {
        "images": [{"id": int(i)} for i in images],
        "annotations": [],
        "categories": [
            {"id": int(i), "name": str(i)}
            for i in sorted({one["category_id"] for one in results} | {CATEGORY})
        ],
    }
    if kept:
        strangers = {one["image_id"] for one in kept} - {one["id"] for one in truth["images"]}
        if strangers:
            raise InputError(f"there are predictions for image {min(strangers)}, out of range")
        with contextlib.redirect_stdout(io.StringIO()):
            truth["annotations"] = _dataset(truth).loadRes(kept).dataset["annotations"]
    for one in truth["annotations"]:
        one["iscrowd"] = 0
        one["num_keypoints"] = int((np.array(one.get("keypoints", ()))[2::3] > 0).sum())
    return truth


def read_results(path: Path) -> list[Result]:
    """Predictions in COCO's results format, from any estimator.

    Raises:
        InputError: the file cannot be read, or is not of that format.
    """
    results = _read_json(path)
    if not isinstance(results, list) or not all(isinstance(one, dict) for one in results):
        raise InputError(f"{path} is not in COCO's results format: a list of predictions")
    for number, one in enumerate(results):
        missing = {"image_id", "category_id", "score"} - set(one)
        if missing or not {"bbox", "keypoints"} & set(one):
            raise InputError(
                f"{path}: prediction {number} lacks {', '.join(sorted(missing)) or 'a bbox'}"
            )
        if not isinstance(one["image_id"], int):
            raise InputError(f"{path}: prediction {number} has an image_id that is no whole number")
        values = [one["score"], *one.get("bbox", ()), *one.get("keypoints", ())]
        if not np.isfinite(np.array(values, np.float64)).all():
            raise InputError(f"{path}: prediction {number} has a value that is not a number")
    return results


def read_annotations(path: Path) -> Dataset:
    """Human annotations, COCO's JSON of boxes or keypoints.

    Raises:
        InputError: the file cannot be read, or is not of that format.
    """
    dataset = _read_json(path)
    parts = ("images", "annotations", "categories")
    if not isinstance(dataset, dict) or not all(isinstance(dataset.get(p), list) for p in parts):
        raise InputError(f"{path} is no COCO annotation file: it needs {', '.join(parts)}")
    for one in dataset["annotations"]:
        lacking = {"id", "image_id", "category_id", "bbox", "area"} - set(one)
        if lacking:
            raise InputError(f"{path}: an annotation lacks {', '.join(sorted(lacking))}")
        one.setdefault("iscrowd", 0)
        if "keypoints" in one:
            visible = int((np.array(one["keypoints"])[2::3] > 0).sum())
            one.setdefault("num_keypoints", visible)
    return dataset


def on_frames(annotations: Dataset, frames: Mapping[str, int] | None = None) -> Dataset:
    """Annotations with the number of the frame for the ``id`` of every image.

    It is the image's ``frame_id``, as in annotations of videos; or, where frames are given
    (numbers by file name, for pictures of a folder), that of the last part of its
    ``file_name``; otherwise the ``id`` is the number already.

    Raises:
        InputError: an image names a file that is not there, or two are one frame.
    """
    numbers: dict[Any, int] = {}
    for image in annotations["images"]:
        number = image.get("frame_id", image["id"])
        if frames is not None:
            name = PurePath(str(image.get("file_name", ""))).name
            if name not in frames:
                raise InputError(f"the annotations name the picture {name!r}, which is not there")
            number = frames[name]
        numbers[image["id"]] = int(number)
    if len(set(numbers.values())) != len(numbers):
        raise InputError("two images of the annotations are the same frame")
    strangers = {one["image_id"] for one in annotations["annotations"]} - set(numbers)
    if strangers:
        raise InputError(f"an annotation is of image {min(strangers)}, which is not listed")
    return {
        **annotations,
        "images": [{**one, "id": numbers[one["id"]]} for one in annotations["images"]],
        "annotations": [
            {**one, "image_id": numbers[one["image_id"]]} for one in annotations["annotations"]
        ],
    }


def only_images(truth: Dataset, images: Iterable[int]) -> Dataset:
    """The truth of some images alone, where not every frame was looked at."""
    kept = set(images)
    return {
        **truth,
        "images": [one for one in truth["images"] if one["id"] in kept],
        "annotations": [one for one in truth["annotations"] if one["image_id"] in kept],
    }


def face_results(image: int, faces: Sequence[Face]) -> list[Result]:
    """What a `blanket.detect.Detector` found in one image, in COCO's results format."""
    return [
        {
            "image_id": image,
            "category_id": CATEGORY,
            "bbox": _corner_and_size(face.box),
            "score": float(face.score),
        }
        for face in faces
    ]


def person_results(image: int, persons: Sequence[Person]) -> list[Result]:
    """People found in one image, boxes and keypoints, in COCO's results format."""
    results = []
    for one in persons:
        result: Result = {
            "image_id": image,
            "category_id": CATEGORY,
            "bbox": _corner_and_size(one.box),
            "score": float(one.score),
        }
        if one.keypoints is not None:
            result["keypoints"] = np.asarray(one.keypoints, np.float64).ravel().tolist()
        results.append(result)
    return results


def _corner_and_size(box: Any) -> list[float]:
    x0, y0, x1, y1 = (float(edge) for edge in box)
    return [x0, y0, x1 - x0, y1 - y0]


def _at_half(evaluation: Any, confident: float) -> tuple[int, int, int]:
    """Objects, those matched at 0.5 by a confident prediction, confident ones that match none."""
    objects = hits = misses = 0
    # One entry a category, range of sizes and image; the first range is of all sizes.
    everything = tuple(evaluation.params.areaRng[0])
    for one in evaluation.evalImgs:
        if one is None or tuple(one["aRng"]) != everything:
            continue
        sure = np.array(one["dtScores"]) >= confident
        counted = sure & ~np.asarray(one["dtIgnore"][0], bool)
        matched = np.asarray(one["dtMatches"][0]) > 0
        objects += int((~np.asarray(one["gtIgnore"], bool)).sum())
        hits += int((counted & matched).sum())
        misses += int((counted & ~matched).sum())
    return objects, hits, misses


def _dataset(truth: Dataset) -> Any:
    judge = COCO()
    judge.dataset = copy.deepcopy(truth)
    with contextlib.redirect_stdout(io.StringIO()):
        judge.createIndex()
    return judge


def _empty(truth: Dataset) -> Any:
    # loadRes looks into the first prediction to learn what they are.
    return _dataset({**truth, "annotations": []})


def _check_keypoints(entries: Sequence[Result], sigmas: Sequence[float] | None) -> None:
    wanted = KEYPOINTS if sigmas is None else len(sigmas)
    for one in entries:
        count = len(one.get("keypoints", ()))
        if count != 3 * wanted:
            raise InputError(
                f"a person of image {one['image_id']} has {count / 3:g} keypoints where "
                f"{wanted} are expected; for others than COCO's give their sigmas"
            )


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
