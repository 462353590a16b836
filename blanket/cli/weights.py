"""`blanket weights`: what others made, fetched, checked and found."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blanket.cli.console import console, say
from blanket.errors import BlanketError, InputError
from blanket.progress import shown

weights = typer.Typer(help="Fetches and checks the weights that others made.", no_args_is_help=True)


@weights.command("list")
def list_weights() -> None:
    """List every weights file that BLANKET can use, its licence, and whether it is here."""
    from blanket.manifest import manifest
    from blanket.store import present

    rows = [("name", "here", "MB", "licence", "for, by")]
    for one in manifest().values():
        size = "" if one.bytes_to_fetch is None else f"{one.bytes_to_fetch / 1e6:.1f}"
        here = "yes" if present(one) else "no"
        rows.append((one.name, here, size, one.licence, f"{one.purpose}, by {one.maker}"))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        cells = [
            cell.rjust(width) if column == 2 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        typer.echo("  ".join(cells).rstrip())


@weights.command()
def pull(
    names: Annotated[list[str] | None, typer.Argument(help="Names, see `list`.")] = None,
    preset: Annotated[str | None, typer.Option(help="All that this preset needs.")] = None,
    accept_licence: Annotated[
        bool,
        typer.Option("--accept-licence", help="Accept licences that forbid commercial use."),
    ] = False,
) -> None:
    """Fetch weights; what broke off goes on, what is there is only checked."""
    from blanket.manifest import entry, needed
    from blanket.presets import presets
    from blanket.store import pull as fetch

    wanted = [entry(name) for name in names or ()]
    if preset is not None:
        if preset not in presets():
            raise InputError(f"there is no preset {preset!r}: choose {', '.join(presets())}")
        wanted += [one for one in needed(preset) if one not in wanted]
        if not wanted:
            say(f"the preset {preset} needs nothing that does not come with BLANKET")
    elif not wanted:
        raise InputError("name the weights to fetch, or a preset by --preset")
    for one in wanted:
        say(f"{one.name}: {one.purpose}, by {one.maker}, {one.licence}")
    with shown(console) as progress:
        paths = fetch(wanted, accept_licence, progress)
    for one, path in zip(wanted, paths, strict=True):
        say(f"{one.name}: {path}")


@weights.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Default: all that are here.")] = None,
) -> None:
    """Check the checksums of the weights on this machine."""
    from blanket.manifest import entry, manifest
    from blanket.store import find, present

    chosen = [entry(name) for name in names or ()] or [
        one for one in manifest().values() if present(one)
    ]
    find.cache_clear()
    bad = 0
    for one in chosen:
        try:
            find(one.name)
        except BlanketError as error:
            bad += 1
            say(f"{one.name}: {error}")
        else:
            kept = "kept by the Hub's cache" if one.hub else "as it should be"
            say(f"{one.name}: {kept}")
    if bad:
        raise BlanketError(f"missing or damaged: {bad} of {len(chosen)}")


@weights.command()
def path(
    name: Annotated[str | None, typer.Argument(help="Default: the folder of them all.")] = None,
) -> None:
    """Print where weights lie."""
    from blanket.store import find, store_folder

    found: Path = store_folder() if name is None else find(name)
    typer.echo(found)
