"""Average precision as COCO counts it: faces, people and poses of the output against the
original's predictions, or against what people marked.

The counting is pycocotools' own; this file brings predictions into its form. Predictions are
in COCO's results format, one dictionary each: ``image_id``, ``category_id``, ``score``, and
``bbox`` (x, y, width, height) or ``keypoints`` (x, y, v for each) or both. ``image_id`` is
the number of the frame, from 0; a picture is frame 0 of a file of its own.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, Self

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pydantic import BaseModel, Field, FiniteFloat, ValidationError, model_validator

from blanket.errors import InputError
from blanket.eval.estimators import Person
from blanket.faces import Face

Kind = Literal["bbox", "keypoints"]
Result = dict[str, Any]
Dataset = dict[str, Any]

CATEGORY = 1
"""``person`` of COCO; of faces the only one."""
CONFIDENT = 0.5
"""Score from which a prediction counts as made, when missing and spurious ones are counted."""
KEYPOINTS = 17


class _Entry(BaseModel):
    """An entry of a file. What is scored is checked, and the rest left out.

    Numbers may be written as 1.0 or "1", as some tools do.
    """


_Box = Annotated[list[FiniteFloat], Field(min_length=4, max_length=4)]
_Keypoints = Annotated[list[FiniteFloat], Field(min_length=3)]


class _Prediction(_Entry):
    image_id: int
    category_id: int
    score: FiniteFloat
    bbox: _Box = []
    keypoints: _Keypoints = []

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if not (self.bbox or self.keypoints):
            raise ValueError("lacks a bbox or keypoints")
        return self


class _Image(_Entry):
    id: int
    file_name: str = ""
    frame_id: int = 0


class _Annotation(_Entry):
    image_id: int
    category_id: int
    bbox: _Box
    area: FiniteFloat
    iscrowd: int = 0
    keypoints: _Keypoints = []
    num_keypoints: int = 0


class _Category(_Entry):
    id: int
    name: str = ""


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
    found = _dataset({**truth, "annotations": [_with_area(one) for one in results]})
    with contextlib.redirect_stdout(io.StringIO()):
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
    kept = [one for one in results if one.get("score", 1.0) >= least_score]
    listed = [int(i) for i in images]
    strangers = {one["image_id"] for one in kept} - set(listed)
    if strangers:
        raise InputError(f"there are predictions for image {min(strangers)}, out of range")
    return {
        "images": [{"id": i} for i in listed],
        "annotations": [
            {**_with_area(one), "num_keypoints": _visible(one.get("keypoints", ()))} for one in kept
        ],
        "categories": [
            {"id": int(i), "name": str(i)}
            for i in sorted({one["category_id"] for one in results} | {CATEGORY})
        ],
    }


def read_results(path: Path) -> list[Result]:
    """Predictions in COCO's results format, from any estimator.

    Raises:
        InputError: the file cannot be read, or is not of that format.
    """
    results = _read_json(path)
    if not _is_list(results):
        raise InputError(f"{path} is not in COCO's results format: a list of predictions")
    return _checked(path, "prediction", _Prediction, results)


def read_annotations(path: Path) -> Dataset:
    """Human annotations, COCO's JSON of boxes or keypoints.

    Raises:
        InputError: the file cannot be read, or is not of that format.
    """
    dataset = _read_json(path)
    parts = ("images", "annotations", "categories")
    if not isinstance(dataset, dict) or not all(_is_list(dataset.get(part)) for part in parts):
        raise InputError(f"{path} is no COCO annotation file: it needs {', '.join(parts)}")
    annotations = _checked(path, "annotation", _Annotation, dataset["annotations"])
    for one in annotations:
        one.setdefault("iscrowd", 0)
        if "keypoints" in one:
            one.setdefault("num_keypoints", _visible(one["keypoints"]))
    return {
        "images": _checked(path, "image", _Image, dataset["images"]),
        "annotations": annotations,
        "categories": _checked(path, "category", _Category, dataset["categories"]),
    }


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
    # pycocotools notes the number of what was matched, 0 for nothing, and needs them distinct.
    entries = [{**one, "id": number} for number, one in enumerate(truth["annotations"], 1)]
    judge = COCO()
    judge.dataset = {**truth, "annotations": entries}
    with contextlib.redirect_stdout(io.StringIO()):
        judge.createIndex()
    return judge


def _with_area(one: Result) -> Result:
    """A prediction with box and area as pycocotools' ``loadRes`` adds them, which takes either
    all or none of a file to have boxes."""
    box = one.get("bbox")
    if box is None:
        x, y = np.array(one["keypoints"][0::3]), np.array(one["keypoints"][1::3])
        box = [float(edge) for edge in (x.min(), y.min(), np.ptp(x), np.ptp(y))]
    return {**one, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}


def _visible(keypoints: Sequence[float]) -> int:
    return int((np.array(keypoints)[2::3] > 0).sum())


def _check_keypoints(entries: Sequence[Result], sigmas: Sequence[float] | None) -> None:
    wanted = KEYPOINTS if sigmas is None else len(sigmas)
    for one in entries:
        count = len(one.get("keypoints", ()))
        if count != 3 * wanted:
            raise InputError(
                f"a person of image {one['image_id']} has {count / 3:g} keypoints where "
                f"{wanted} are expected; for others than COCO's give their sigmas"
            )


def _is_list(values: Any) -> bool:
    return isinstance(values, list) and all(isinstance(one, dict) for one in values)


def _checked(path: Path, noun: str, model: type[_Entry], values: list[Any]) -> list[Result]:
    found = []
    for number, value in enumerate(values):
        # Some tools write null, or an empty list, for what they have not.
        given = {key: one for key, one in value.items() if one is not None and one != []}
        try:
            found.append(model.model_validate(given).model_dump(exclude_unset=True))
        except ValidationError as error:
            raise InputError(f"{path}: {noun} {number}{_explain(error)}") from error
    return found


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f" lacks {field}"
    if first["type"] == "value_error":
        return f" {first['msg'].removeprefix('Value error, ')}"
    return f": {field}: {first['msg'].removeprefix('Input ')}"


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON: {error}") from error
