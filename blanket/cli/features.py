"""`blanket features`: what faces do, as a table without faces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import blanket
from blanket.clashes import refuse_clashes
from blanket.cli.console import console, say
from blanket.cli.options import Changes, Overwrite, PresetIfAny, Quiet
from blanket.extras import needs
from blanket.progress import shown


def features(
    source: Annotated[Path, typer.Argument(help="A video or a picture.")],
    output: Annotated[
        list[Path],
        typer.Option(
            "--output", "-o", help="A .csv, .parquet, .json (COCO) or .vtt file; may be repeated."
        ),
    ],
    preset: PresetIfAny = None,
    changes: Changes = None,
    analysis: Annotated[
        Path | None,
        typer.Option(metavar="YAML", help="Of this analysis, with its corrections."),
    ] = None,
    expect_faces: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="How many faces every frame shows.")
    ] = None,
    expression: Annotated[
        bool,
        typer.Option("--expression", help="Expressions, too, by a rough classifier of adults'."),
    ] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Write what the faces of a video do: place, pose, gaze, eyes and mouth, frame by frame."""
    from blanket.tablefile import refuse_unwritable

    refuse_clashes([source], output)
    for path in output:
        refuse_unwritable(path, overwrite)
    classifier = None
    if expression:
        with needs("eval", "the classifier of expressions"):
            from blanket.eval.affect import Affect
        classifier = Affect()
    expected = [] if expect_faces is None else [f"detect.expect_faces={expect_faces}"]
    with shown(console, quiet) as progress:
        table = blanket.features(
            source,
            preset,
            overrides=[*(changes or ()), *expected],
            analysis=analysis,
            expression=classifier,
            progress=progress,
        )
    for path in output:
        table.write(path, overwrite)
    if not quiet:
        say(str(table.summary))
