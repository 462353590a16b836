"""`blanket predict`: the people in a video and their poses, for `blanket score`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from blanket.clashes import refuse_clashes
from blanket.cli.console import console, say
from blanket.cli.options import Every, Output, Overwrite
from blanket.errors import counted
from blanket.extras import needs
from blanket.output import pending
from blanket.progress import shown, telling


def predict(
    source: Annotated[Path, typer.Argument(help="A video or a picture.")],
    output: Output,
    detector: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="RT-DETR in transformers' form.")
    ] = None,
    pose: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="ViTPose in transformers' form.")
    ] = None,
    poses: Annotated[bool, typer.Option(help="Look for poses, not for boxes alone.")] = True,
    every: Every = 1,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where to run.")] = "cpu",
    overwrite: Overwrite = False,
) -> None:
    """Write the people in a video and their poses as predictions in COCO's results format.

    By RT-DETR and ViTPose, which `blanket weights pull rtdetr vitpose` fetches.
    """
    with needs("downstream", "finding people and poses"):
        from blanket.eval import downstream, estimators
        from blanket.footage import pictures

    refuse_clashes([source], [output])
    with pending(output, overwrite) as draft:
        finder = estimators.build_person_detector(detector, device)
        estimator = estimators.build_pose_estimator(pose, device) if poses else None
        with shown(console) as progress:
            told = telling("predict", pictures(source), None, progress)
            found = downstream.predict(told, finder, estimator, every)
        draft.write_text(json.dumps(found), encoding="utf-8")
    say(f"done: {counted(len(found), 'prediction')}")
