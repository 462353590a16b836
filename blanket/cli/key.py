"""`blanket key`: keys that decide on the new faces of known people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blanket.cli.console import say

key = typer.Typer(help="Keys that decide on the new faces of known people.", no_args_is_help=True)


@key.callback()
def _group() -> None:
    """Keeps the name of the one command there is."""


@key.command("new")
def new(
    output: Annotated[Path, typer.Option("--output", "-o", help="A new file for the key.")],
) -> None:
    """Make a key in a file that only its owner can read. It is never shown.

    Whoever has the key and a subject's ID can make that subject's new face again, and try IDs
    on a video; who loses it cannot make the same faces again.
    """
    from blanket.key import write_key

    write_key(output)
    say(f"{output.name}: a new key; keep it, and keep it to yourself")
