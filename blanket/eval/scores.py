"""The scores of files of predictions: the file that `blanket score` writes (docs/score.md)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, NonNegativeInt

from blanket.document import Document, FileName, Part
from blanket.errors import InputError
from blanket.eval.coco import CATEGORY, on_frames
from blanket.eval.cocofile import read_annotations, read_results
from blanket.eval.downstream import downstream_precision, human_precision
from blanket.eval.precision import Precision


class Score(Part):
    """How well predictions agree with a truth: `blanket.eval.precision.Precision`."""

    ap: float | None = Field(description="average precision, 0 to 1; null without any truth")
    ap50: float | None = Field(description="the same at a similarity of 0.50")
    ap75: float | None = Field(description="the same at a similarity of 0.75")
    ar: float | None = Field(description="average recall")
    truth: NonNegativeInt = Field(description="objects to be found")
    missing: NonNegativeInt = Field(
        description="objects that no prediction of a score of 0.5 or more matches at 0.50"
    )
    spurious: NonNegativeInt = Field(description="such predictions that match no object at 0.50")
    images: NonNegativeInt = Field(description="images that were compared")

    @classmethod
    def of(cls, precision: Precision) -> Score:
        """Not a number becomes null."""
        return cls.model_validate(
            {
                name: None if isinstance(value, float) and math.isnan(value) else value
                for name, value in vars(precision).items()
            }
        )


class Scores(Document):
    """Predictions on an output against those on its original, and both against annotations.

    Each by what was scored: ``person`` boxes, ``pose``.
    """

    original: FileName = Field(description="file of the predictions on the original")
    output: FileName = Field(description="file of the predictions on the output")
    least_score: float = Field(
        description="least score of the original's predictions that were taken for true"
    )
    against_original: dict[str, Score] = Field(
        description="the output's predictions, with the original's as the truth"
    )
    annotations: FileName | None = Field(description="file of human annotations; null without one")
    original_against_annotations: dict[str, Score] = Field(
        description="the original's predictions, with the annotations as the truth"
    )
    output_against_annotations: dict[str, Score] = Field(
        description="the output's predictions, with the annotations as the truth"
    )


def score(
    original: Path,
    output: Path,
    annotations: Path | None = None,
    least_score: float = 0.0,
    sigmas: Sequence[float] | None = None,
) -> Scores:
    """Score predictions on an output, files in COCO's results format.

    The images are those in which either file has a prediction. annotations: COCO's JSON of
    what people marked; its images are frames as `blanket.eval.coco.on_frames` says.
    least_score: of the original's predictions to be taken for true. sigmas: of the keypoints,
    where they are not COCO's 17.

    Raises:
        InputError: a file cannot be used, the files do not go together, or no prediction is
            of a person.
    """
    before, after = read_results(original), read_results(output)
    kinds = {one["category_id"] for one in (*before, *after)}
    if kinds and CATEGORY not in kinds:
        raise InputError(f"no prediction is of a person, which is category_id {CATEGORY}")
    images = {one["image_id"] for one in (*before, *after)}
    agreed = downstream_precision(before, after, images, least_score, sigmas)
    human: list[dict[str, Precision]] = [{}, {}]
    if annotations is not None:
        marked = on_frames(read_annotations(annotations))
        listed = {image["id"] for image in marked["images"]}
        human = [human_precision(marked, one, listed, sigmas) for one in (before, after)]
    return Scores(
        original=original.name,
        output=output.name,
        least_score=least_score,
        against_original=_scores(agreed),
        annotations=None if annotations is None else annotations.name,
        original_against_annotations=_scores(human[0]),
        output_against_annotations=_scores(human[1]),
    )


def read_sigmas(text: str) -> list[float]:
    """Sigmas that a user gave, parted by commas.

    Raises:
        InputError: one is not a number above 0.
    """
    try:
        sigmas = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"sigmas are numbers parted by commas, not {text!r}") from error
    if not all(0 < one < math.inf for one in sigmas):
        raise InputError("every sigma must be above 0")
    return sigmas


def _scores(found: dict[str, Precision]) -> dict[str, Score]:
    return {name: Score.of(one) for name, one in found.items()}
