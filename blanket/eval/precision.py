"""Average precision as COCO counts it: faces, people and poses of the output against the
original's predictions, or against what people marked. The counting is pycocotools' own.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from blanket.errors import InputError
from blanket.eval.coco import KEYPOINTS, Dataset, Result, with_area

Kind = Literal["bbox", "keypoints"]

CONFIDENT = 0.5
"""Score from which a prediction counts as made, when missing and spurious ones are counted."""


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

    truth: annotations, as `blanket.eval.coco.as_truth` or
    `blanket.eval.cocofile.read_annotations` give them. Only predictions in its images may be
    given. confident: least score of the predictions that count as missing their object or as
    spurious; AP is over all scores. sigmas: the spread of each keypoint, where it is not
    COCO's 17.

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
    found = _dataset({**truth, "annotations": [with_area(one) for one in results]})
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


def _check_keypoints(entries: Sequence[Result], sigmas: Sequence[float] | None) -> None:
    wanted = KEYPOINTS if sigmas is None else len(sigmas)
    for one in entries:
        count = len(one.get("keypoints", ()))
        if count != 3 * wanted:
            raise InputError(
                f"a person of image {one['image_id']} has {count / 3:g} keypoints where "
                f"{wanted} are expected; for others than COCO's give their sigmas"
            )
