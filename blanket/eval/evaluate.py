"""The evaluation of any anonymiser's output against the originals."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from blanket.cores import one_core_a_call
from blanket.errors import BlanketError
from blanket.eval.evaluation import Evaluation, Looking
from blanket.eval.pairs import paired
from blanket.eval.people import people_files
from blanket.eval.results import Results
from blanket.presets import load_settings
from blanket.progress import Callback


@one_core_a_call()
def evaluate(
    original: str | Path,
    anonymized: str | Path,
    output: str | Path | None = None,
    preset: str | Path = "embedded",
    *,
    name: str | None = None,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    recogniser: str | None = "dlib",
    every: int = 1,
    look_every: int = 5,
    stills: bool = True,
    perceptual: bool = False,
    cache: str | Path | None = None,
    predictions: Mapping[str, str | Path] | None = None,
    annotations: str | Path | None = None,
    overwrite: bool = False,
    progress: Callback | None = None,
) -> Results:
    """Measure how well identities are gone and how much of the use is left.

    original, anonymized: two videos, two pictures, or two folders paired by name; an original
    without an output counts for nothing, which a warning says. output: a folder for
    ``results.json``, ``frames.parquet`` and ``report.html``; None writes nothing.
    preset, overrides: how the originals' faces are found, see `blanket.presets.load_settings`.
    name: of the method, in tables; that of the output by default. recogniser: see
    `blanket.recognise.build_recogniser`; None for no figures on identity. every: read every
    this many frames. look_every: of these, give every this many to recogniser and detector.
    stills: put stills of the worst frames, originals too, into the page. perceptual: also LPIPS and
    FID, whose networks are fetched at first use. cache: a folder that
    keeps what was read in originals, embeddings of their faces too, for the next evaluation.
    predictions: of people and poses, by any estimator, in COCO's results format,
    by ``original`` and name of the method: a file, or a folder with one for each video.
    annotations: what people marked, in COCO's format, likewise.

    Raises:
        InputError: a file or setting that cannot be used; no original has an output; two files
            that do not belong together: other sizes, other numbers of frames.
    """
    original, anonymized = Path(original), Path(anonymized)
    settings = load_settings(preset, overrides)
    pairs, alone = paired(original, anonymized)
    looking = Looking(
        recogniser, every, look_every, stills, perceptual, None if cache is None else Path(cache),
        people_files(predictions, annotations, pairs),
    )  # fmt: skip
    # Of its whole path: `.` has no name.
    method = name or Path(os.path.abspath(anonymized)).stem
    with Evaluation(
        settings, None if output is None else Path(output), [method], looking,
        [original, anonymized], overwrite=overwrite, progress=progress,
    ) as evaluation:  # fmt: skip
        if alone:
            evaluation.warnings.append(
                f"without an output, and so counted for nothing: {', '.join(alone)} "
                f"({len(alone)} of {len(pairs) + len(alone)} inputs)"
            )
        for video, (before, after) in pairs.items():
            if len(pairs) == 1:
                evaluation.video(video, before, {method: after})
                continue
            try:
                evaluation.video(video, before, {method: after})
            except BlanketError as error:
                evaluation.fail(video, error)
        return evaluation.finish({method: None})
