"""Predictions and annotations as COCO writes them, as dictionaries.

Predictions are in COCO's results format, one dictionary each: ``image_id``, ``category_id``,
``score``, and ``bbox`` (x, y, width, height) or ``keypoints`` (x, y, v for each) or both.
``image_id`` is the number of the frame, from 0; a picture is frame 0 of a file of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from blanket.errors import InputError
from blanket.eval.estimators import Person
from blanket.faces import Face

Result = dict[str, Any]
Dataset = dict[str, Any]

CATEGORY = 1
"""``person`` of COCO; of faces the only one."""
KEYPOINTS = 17


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
            {**with_area(one), "num_keypoints": visible(one.get("keypoints", ()))} for one in kept
        ],
        "categories": [
            {"id": int(i), "name": str(i)}
            for i in sorted({one["category_id"] for one in results} | {CATEGORY})
        ],
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


def with_area(one: Result) -> Result:
    """A prediction with box and area as pycocotools' ``loadRes`` adds them, which takes either
    all or none of a file to have boxes."""
    box = one.get("bbox")
    if box is None:
        x, y = np.array(one["keypoints"][0::3]), np.array(one["keypoints"][1::3])
        box = [float(edge) for edge in (x.min(), y.min(), np.ptp(x), np.ptp(y))]
    return {**one, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}


def visible(keypoints: Sequence[float]) -> int:
    """How many keypoints count: v > 0."""
    return int((np.array(keypoints)[2::3] > 0).sum())
