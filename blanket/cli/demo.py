"""`blanket demo`: the program on a synthetic clip."""

from __future__ import annotations

from typing import Annotated

import typer

from blanket.cli.console import console, say
from blanket.cli.options import Folder, Overwrite
from blanket.progress import shown


def demo(
    output: Folder,
    seed: Annotated[int, typer.Option(min=0, help="Another seed, another clip.")] = 0,
    seconds: Annotated[float, typer.Option(min=0.1, help="Length of the clip.")] = 8.0,
    overwrite: Overwrite = False,
) -> None:
    """Make a clip of a synthetic infant, replace its face, and show both side by side."""
    from blanket.demo import make_demo

    with shown(console) as progress:
        sheet = make_demo(
            output, seed=seed, seconds=seconds, overwrite=overwrite, progress=progress
        )
    say(f"done: look at {sheet}")
