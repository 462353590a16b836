"""`blanket score`: do detectors and pose estimators still see what they saw?"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from blanket.clashes import refuse_clashes
from blanket.cli.console import say
from blanket.cli.options import Overwrite
from blanket.errors import counted
from blanket.extras import needs
from blanket.output import pending

if TYPE_CHECKING:
    from blanket.eval.scores import Score


def score(
    original: Annotated[Path, typer.Argument(help="Predictions on the original, COCO results.")],
    anonymized: Annotated[Path, typer.Argument(help="Predictions on what was made of it.")],
    annotations: Annotated[
        Path | None, typer.Option(metavar="JSON", help="What people marked, COCO annotations.")
    ] = None,
    least_score: Annotated[
        float, typer.Option(help="Of predictions on the original to be taken for true.")
    ] = 0.0,
    sigmas: Annotated[
        str | None,
        typer.Option(metavar="S,S,...", help="Of the keypoints, where they are not COCO's 17."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="JSON", help="Write the scores.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Average precision of predictions on an output, with those on the original as the truth.

    For the estimators of a lab: the files are in COCO's results format, as most of them write.
    """
    with needs("eval", "scoring predictions"):
        from blanket.eval import scores

    spread = None if sigmas is None else scores.read_sigmas(sigmas)
    refuse_clashes([original, anonymized, annotations], [output])
    with ExitStack() as stack:
        draft = stack.enter_context(pending(output, overwrite)) if output else None
        found = scores.score(original, anonymized, annotations, least_score, spread)
        if draft:
            draft.write_text(found.to_json(), encoding="utf-8")
    if not found.against_original:
        say("warning: neither file has a prediction")
    _say("against the original's predictions", found.against_original)
    if annotations:
        _say("the original against the annotations", found.original_against_annotations)
        _say("the output against the annotations", found.output_against_annotations)


def _say(title: str, found: dict[str, Score]) -> None:
    for name, one in found.items():
        ap = "no value" if one.ap is None else f"{one.ap:.4f}"
        say(
            f"{title}, {name}: AP {ap}, {one.missing} of {one.truth} missing, "
            f"{one.spurious} spurious, in {counted(one.images, 'image')}"
        )
