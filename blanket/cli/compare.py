"""`blanket compare`: every method on every input, timed, evaluated, in one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

import blanket
from blanket.cli.console import console, say
from blanket.cli.options import (
    Annotations,
    Cache,
    Changes,
    Every,
    Folder,
    LookEvery,
    Overwrite,
    Perceptual,
    Predictions,
    Preset,
    Recognise,
    Seed,
    Stills,
    named_paths,
)
from blanket.errors import about
from blanket.progress import shown


def compare(
    inputs: Annotated[list[Path], typer.Argument(help="Videos, pictures, folders of them.")],
    output: Folder,
    methods: Annotated[
        str, typer.Option(metavar="NAME,NAME,...", help="What to compare.")
    ] = "blanket,blur,pixelate,blackbox",
    add: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FOLDER", help="Outputs of another tool, named as the inputs."),
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option(metavar="SETTING=VALUE,...", help="Run each method with each value."),
    ] = None,
    deepprivacy2: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="A checkout of DeepPrivacy2, for the method."),
    ] = None,
    deepprivacy2_python: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The Python with DeepPrivacy2's packages."),
    ] = None,
    deepprivacy2_config: Annotated[
        Literal["face", "face_fdf128"],
        typer.Option(help="DeepPrivacy2's configuration; the second is for small faces."),
    ] = "face",
    preset: Preset = "embedded",
    changes: Changes = None,
    seed: Seed = None,
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
    """Run methods on the same inputs with the same faces, time them and evaluate them.

    Writes the outputs, a table (Markdown, CSV, LaTeX), and what `blanket eval` writes:
    results.json, frames.parquet and report.html, a page that shows stills of original faces
    unless --no-stills is given.

    Exit status: 0 done, 2 wrong usage or input, 1 failure; of several the worst, 1 before 2.
    """
    from blanket.eval.compare import parse_sweep
    from blanket.eval.deepprivacy2 import DeepPrivacy2

    tool = None
    if deepprivacy2 is not None:
        python = deepprivacy2_python or Path("python3")
        tool = DeepPrivacy2(deepprivacy2, python, deepprivacy2_config)
    with shown(console) as progress:
        results = blanket.compare(
            inputs, output, [name.strip() for name in methods.split(",") if name.strip()], preset,
            add=named_paths(add),
            sweep=None if sweep is None else parse_sweep(sweep), deepprivacy2=tool,
            overrides=changes or (),
            seed=seed, recogniser=None if recogniser == "none" else recogniser, every=every,
            look_every=look_every, stills=stills, perceptual=perceptual, cache=cache,
            predictions=named_paths(predictions),
            annotations=annotations, overwrite=overwrite,
            progress=progress,
        )  # fmt: skip
    for warning in results.warnings:
        say(f"warning: {warning}")
    failed: dict[str, list[str]] = {}
    for method in results.methods:
        for video, why in method.failed.items():
            failed.setdefault(about(video, why), []).append(method.name)
    for why, names in failed.items():
        # What stops every method is of the input.
        of = "" if len(names) == len(results.methods) else f"{', '.join(names)}: "
        say(f"error: {of}{why}")
    say(f"done: open {output / 'report.html'}, or {output / 'table.md'}")
    raise typer.Exit(results.exit_status)
