"""`blanket eval`: how well identities are gone, and how much of the use is left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import blanket
from blanket.cli.console import console, say
from blanket.cli.options import (
    Annotations,
    Cache,
    Changes,
    Every,
    LookEvery,
    Overwrite,
    Perceptual,
    Predictions,
    Preset,
    Recognise,
    Stills,
    named_paths,
)
from blanket.errors import about
from blanket.progress import shown


def evaluate(
    original: Annotated[Path, typer.Argument(help="A video, a picture, or a folder of them.")],
    anonymized: Annotated[Path, typer.Argument(help="What a method made of it.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write to.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the method, in tables.")] = None,
    preset: Preset = "embedded",
    changes: Changes = None,
    recogniser: Recognise = "dlib",
    every: Every = 1,
    look_every: LookEvery = 5,
    stills: Stills = True,
    perceptual: Perceptual = False,
    cache: Cache = None,
    predictions: Predictions = None,
    annotations: Annotations = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure an anonymised video, picture or folder against its original.

    Writes results.json, frames.parquet and report.html, a page that shows stills of original
    faces unless --no-stills is given; without a folder to write to, prints the table.

    Exit status: 0 done, 2 wrong usage or input, 1 failure; for a folder the worst of its files.
    """
    with shown(console) as progress:
        results = blanket.evaluate(
            original, anonymized, output, preset, name=name, overrides=changes or (),
            recogniser=None if recogniser == "none" else recogniser, every=every,
            look_every=look_every, stills=stills, perceptual=perceptual, cache=cache,
            predictions=named_paths(predictions),
            annotations=annotations, overwrite=overwrite,
            progress=progress,
        )  # fmt: skip
    for warning in results.warnings:
        say(f"warning: {warning}")
    for video, why in results.methods[0].failed.items():
        say(f"error: {about(video, why)}")
    if output is None:
        from blanket.eval.tables import markdown

        typer.echo(markdown(results), nl=False)
    else:
        say(f"done: open {output / 'report.html'}")
    raise typer.Exit(results.exit_status)
