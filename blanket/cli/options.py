"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from blanket.errors import InputError

Output = Annotated[Path, typer.Option("--output", "-o", help="What to write.")]
Folder = Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")]
Preset = Annotated[str, typer.Option(help="Name of the settings, or a .yaml file.")]
PresetIfAny = Annotated[
    str | None, typer.Option(help="Name of the settings (embedded), or a .yaml file.")
]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Change one setting."),
]
Seed = Annotated[int | None, typer.Option(min=0, help="The same seed gives the same new face.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing but warnings and errors.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
Recognise = Annotated[
    str, typer.Option("--recogniser", metavar="NAME", help="Who tells who is who; none for nobody.")
]
Every = Annotated[int, typer.Option(min=1, help="Read one in this many frames.")]
LookEvery = Annotated[
    int, typer.Option(min=1, help="Of those, recognise and detect in one in this many.")
]
Stills = Annotated[
    bool, typer.Option("--stills/--no-stills", help="Stills of originals in the page.")
]
Perceptual = Annotated[
    bool, typer.Option("--perceptual", help="LPIPS and FID too; their networks are fetched.")
]
Cache = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Keeps what was read in originals, embeddings of the faces too."
    ),
]
Predictions = Annotated[
    list[str] | None,
    typer.Option(
        "--predictions", metavar="NAME=PATH", help="COCO results on `original` and on a method."
    ),
]
Annotations = Annotated[
    Path | None, typer.Option("--annotations", metavar="PATH", help="What people marked, COCO.")
]


def named_paths(texts: list[str] | None) -> dict[str, Path]:
    """Options of the form NAME=PATH.

    Raises:
        InputError: one is not of that form.
    """
    found = {}
    for text in texts or ():
        name, _, path = text.partition("=")
        if not (name and path):
            raise InputError(f"{text!r} is not of the form name=path")
        found[name] = Path(path)
    return found
