"""Files of predictions and annotations, as COCO and many tools write them, checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, FiniteFloat, ValidationError, model_validator

from blanket.errors import InputError
from blanket.eval.coco import Dataset, Result, visible


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
            one.setdefault("num_keypoints", visible(one["keypoints"]))
    return {
        "images": _checked(path, "image", _Image, dataset["images"]),
        "annotations": annotations,
        "categories": _checked(path, "category", _Category, dataset["categories"]),
    }


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
