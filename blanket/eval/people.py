"""People and poses of an evaluation: found on the way, or read from files of other tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np

from blanket.errors import InputError
from blanket.eval.coco import (
    Dataset,
    Precision,
    Result,
    on_frames,
    person_results,
    read_annotations,
    read_results,
)
from blanket.eval.downstream import downstream_precision, human_precision
from blanket.eval.persons import (
    PersonDetector,
    PoseEstimator,
    build_person_detector,
    build_pose_estimator,
)
from blanket.faces import Image
from blanket.media import is_image

ORIGINAL = "original"
SURE = 0.5
"""Score from which what an estimator finds in the original is taken for true."""


@dataclass(frozen=True)
class PeopleFiles:
    """Files of other estimators, and what people marked.

    predictions: COCO results by ``original`` or method; annotations: COCO annotations. Each is
    a file, for a single video, or a folder that has for ``child/monday.mp4`` a
    ``child/monday.json``.
    """

    predictions: Mapping[str, Path] = field(default_factory=dict)
    annotations: Path | None = None

    def check(self, methods: Sequence[str]) -> None:
        """Raise InputError where a name is none of the methods, or the original's are missing."""
        if not self.predictions:
            return
        for name in self.predictions:
            if name != ORIGINAL and name not in methods:
                raise InputError(
                    f"there are predictions for {name!r}: name {ORIGINAL} or a method "
                    f"({', '.join(methods)})"
                )
        if ORIGINAL not in self.predictions:
            raise InputError(f"predictions on the original are needed too: {ORIGINAL}=FILE")

    def of(self, name: str, video: str) -> list[Result]:
        """The predictions for the original or a method in a video."""
        return read_results(_beside(self.predictions[name], video))

    def marked(self, video: str) -> Dataset | None:
        """What people marked in a video, by frame."""
        if self.annotations is None:
            return None
        marks = read_annotations(_beside(self.annotations, video))
        if not is_image(Path(video)):
            return on_frames(marks)
        # One file can hold the marks of many pictures.
        name = PurePath(video).name
        own = [one for one in marks["images"] if PurePath(one.get("file_name", "")).name == name]
        kept = {one["id"] for one in own}
        marks["annotations"] = [one for one in marks["annotations"] if one["image_id"] in kept]
        return on_frames({**marks, "images": own}, {name: 0})


def people_files(
    predictions: Mapping[str, str | Path] | None, annotations: str | Path | None
) -> PeopleFiles:
    """The files of an evaluation's options."""
    return PeopleFiles(
        {name: Path(path) for name, path in (predictions or {}).items()},
        None if annotations is None else Path(annotations),
    )


def _beside(path: Path, video: str) -> Path:
    if not path.is_dir():
        return path
    own = path / PurePath(video).with_suffix(".json")
    if not own.is_file():
        raise InputError(f"{path} has no {own.relative_to(path)} for {video}")
    return own


class Estimators:
    """RT-DETR and ViTPose on the frames that are looked at.

    detector, pose: a folder with a model, or ``rtdetr`` and ``vitpose`` for those that
    `blanket weights pull` fetches; pose None for boxes alone.
    """

    def __init__(self, detector: str, pose: str | None) -> None:
        self._detector: PersonDetector = build_person_detector(_folder(detector, "rtdetr"))
        self._pose: PoseEstimator | None = None
        if pose is not None:
            self._pose = build_pose_estimator(_folder(pose, "vitpose"))
        names = [self._detector.name, *([] if self._pose is None else [self._pose.name])]
        self.name = " and ".join(names)

    def find(self, frame: int, picture: Image) -> list[Result]:
        """The people in a frame ``[H, W, 3]``, in COCO's results format."""
        persons = self._detector.detect(picture)
        if self._pose is not None:
            persons = self._pose.estimate(picture, persons)
        return person_results(frame, persons)


def _folder(model: str, fetched: str) -> Path | None:
    return None if model == fetched else Path(model)


def people_figures(
    original: Sequence[Result], output: Sequence[Result], images: Sequence[int], least: float
) -> dict[str, float]:
    """Figures of people and poses by key. images: frames that were looked at. least: score of
    the original's predictions that are taken for true."""
    return _figures(downstream_precision(original, output, images, least), len(images))


def marked_figures(
    marks: Dataset, original: Sequence[Result], output: Sequence[Result], images: Sequence[int]
) -> dict[str, float]:
    """The same against what people marked, for the output and, beside it, for the original."""
    found = {}
    for name, results in (("", output), ("_original", original)):
        for kind, one in human_precision(marks, results, images).items():
            found[f"{kind}_ap_marked{name}"] = 100 * one.ap
    return found


def _figures(found: Mapping[str, Precision], images: int) -> dict[str, float]:
    figures = {}
    for kind, one in found.items():
        figures[f"{kind}_ap"] = 100 * one.ap
        figures[f"{kind}_ap50"] = 100 * one.ap50
        figures[f"{kind}_missing"] = 100 * one.missing / one.truth if one.truth else np.nan
        figures[f"{kind}_spurious"] = 100 * one.spurious / images if images else np.nan
    return figures
