"""`blanket audit`: does an output still show a face of the original?"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer

import blanket
from blanket.clashes import preset_file, refuse_clashes
from blanket.cli.console import console, say
from blanket.cli.options import Changes, Overwrite, Preset, Quiet
from blanket.errors import counted
from blanket.output import pending
from blanket.progress import shown


def audit(
    original: Annotated[Path, typer.Argument(help="The video or picture that was anonymised.")],
    anonymized: Annotated[Path, typer.Argument(help="What an anonymiser made of it.")],
    preset: Preset = "embedded",
    changes: Changes = None,
    effort: Annotated[
        Literal["quick", "thorough"],
        typer.Option(help="How hard to look for faces in the original."),
    ] = "thorough",
    report: Annotated[
        Path | None, typer.Option(metavar="JSON", help="Write the verdict on every frame.")
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
) -> None:
    """Compare an output, of this program or of any other, with its original.

    Exit status: 0 no face of the original shows, 3 a person should look at some frames, 4 a
    face shows, 2 wrong usage or input.
    """
    from blanket.verdict import frames_said, numbers_said

    if quiet:
        logging.getLogger("blanket").setLevel(logging.WARNING)
    refuse_clashes([original, anonymized, preset_file(preset)], [report])
    with ExitStack() as stack:
        # Opened first, so that a place that cannot be written is known before the work.
        draft = stack.enter_context(pending(report, overwrite)) if report else None
        with shown(console, quiet) as progress:
            result = blanket.audit(
                original, anonymized, preset, overrides=changes or (), effort=effort,
                progress=progress,
            )  # fmt: skip
        if draft:
            draft.write_text(result.to_json(), encoding="utf-8")
    name = anonymized.name
    if result.leaks:
        say(f"error: {name}: a face shows in {frames_said(result.leaks)}")
    if result.suspects:
        say(f"warning: {name}: look at {frames_said(result.suspects)}")
    if result.fewer:
        where = numbers_said(result.fewer)
        say(f"warning: {name}: fewer faces than are expected were seen in {where}")
    if not quiet:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in result.totals.items())
        say(f"{name}: {counted(result.frames, 'frame')}: {counts}")
    raise typer.Exit(result.exit_status)
