"""People and poses of an evaluation, from the files of any estimator (`blanket predict`, too)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np

from blanket.errors import InputError, counted
from blanket.eval.coco import Dataset, Result, on_frames
from blanket.eval.cocofile import read_annotations, read_results
from blanket.eval.downstream import downstream_precision, human_precision
from blanket.eval.precision import Precision
from blanket.media import is_image

ORIGINAL = "original"


@dataclass(frozen=True)
class PeopleFiles:
    """Files of other estimators, and what people marked.

    predictions: COCO results by ``original`` or method; annotations: COCO annotations. Each is
    a file, for a single video, or a folder that has for ``child/monday.mp4`` a
    ``child/monday.json``. Annotations of several pictures can be one file.
    """

    predictions: Mapping[str, Path] = field(default_factory=dict)
    annotations: Path | None = None

    def check(self, methods: Sequence[str]) -> None:
        """Raise InputError where the files cannot give a figure: a name is none of the methods,
        predictions on the original or on any output are missing, or a path leads nowhere."""
        if not self.predictions:
            if self.annotations is not None:
                raise InputError(
                    f"annotations are compared with predictions: give {ORIGINAL}=FILE and those "
                    f"of a method ({', '.join(methods)})"
                )
            return
        for name in self.predictions:
            if name != ORIGINAL and name not in methods:
                raise InputError(
                    f"there are predictions for {name!r}: name {ORIGINAL} or a method "
                    f"({', '.join(methods)})"
                )
        if ORIGINAL not in self.predictions:
            raise InputError(f"predictions on the original are needed too: {ORIGINAL}=FILE")
        if len(self.predictions) == 1:
            raise InputError(
                f"predictions on the output of a method ({', '.join(methods)}) are needed too: "
                "NAME=FILE"
            )
        for path in (*self.predictions.values(), self.annotations):
            if path is not None and not path.exists():
                raise InputError(f"there is no file or folder {path}")

    def check_video(self, video: str, method: str) -> None:
        """Raise InputError where a file for a method in a video cannot be read: that is known
        before the video is looked at."""
        if method in self.predictions:
            self.of(ORIGINAL, video)
            self.of(method, video)
            self.marked(video)

    def of(self, name: str, video: str) -> list[Result]:
        """The predictions for the original or a method in a video."""
        try:
            return read_results(_beside(self.predictions[name], video))
        except InputError as error:
            raise InputError(f"the predictions on {name}: {error}") from error

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
    predictions: Mapping[str, str | Path] | None,
    annotations: str | Path | None,
    videos: Collection[str],
) -> PeopleFiles:
    """The files of an evaluation's options. videos: the names of all that is evaluated.

    Raises:
        InputError: there are several videos, and one file for all of them.
    """
    files = PeopleFiles(
        {name: Path(path) for name, path in (predictions or {}).items()},
        None if annotations is None else Path(annotations),
    )
    shared = list(files.predictions.values())
    if files.annotations is not None and not all(is_image(Path(video)) for video in videos):
        shared.append(files.annotations)
    for path in shared:
        if len(videos) > 1 and path.is_file():
            raise InputError(
                f"{path} is one file for {len(videos)} videos: name a folder that has one for each"
            )
    return files


def _beside(path: Path, video: str) -> Path:
    if not path.is_dir():
        return path
    own = path / PurePath(video).with_suffix(".json")
    if not own.is_file():
        raise InputError(f"{path} has no {own.relative_to(path)} for {video}")
    return own


def people_figures(
    original: Sequence[Result], output: Sequence[Result], images: Sequence[int]
) -> dict[str, float]:
    """Figures of people and poses by key; what a file holds, its maker takes for true. images:
    the frames of the video.

    Raises:
        InputError: a prediction is of another frame, or see
            `blanket.eval.downstream.downstream_precision`.
    """
    for name, results in (("original", original), ("output", output)):
        others = {one["image_id"] for one in results} - set(images)
        if others:
            raise InputError(
                f"there are predictions on the {name} for frame {min(others)} of a video that has "
                f"{counted(len(images), 'frame')}: they are counted from 0"
            )
    return _figures(downstream_precision(original, output, images), len(images))


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
