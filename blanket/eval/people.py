"""People and poses of an evaluation, from the files of any estimator (`blanket predict`, too)."""

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
    read_annotations,
    read_results,
)
from blanket.eval.downstream import downstream_precision, human_precision
from blanket.media import is_image

ORIGINAL = "original"


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


def people_figures(
    original: Sequence[Result], output: Sequence[Result], images: Sequence[int]
) -> dict[str, float]:
    """Figures of people and poses by key; what a file holds, its maker takes for true. images:
    the frames of the video."""
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
