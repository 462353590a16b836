"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Output = Annotated[Path, typer.Option("--output", "-o", help="What to write.")]
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
Cache = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER", help="Keeps what was read in originals, embeddings of the faces too."
    ),
]
