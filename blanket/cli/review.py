"""`blanket review`: a page on this machine to look at an analysis and correct it."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from blanket.cli.console import say


def review(
    analysis: Annotated[
        Path, typer.Argument(metavar="YAML", help="What --save-analysis has written.")
    ],
    original: Annotated[
        Path | None, typer.Option(help="The video, if it is not beside the analysis.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Its anonymised copy, if not beside the analysis."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Look at original and output side by side, correct what was found, render again.

    The page is served to this machine alone, until it is interrupted (Ctrl-C).
    """
    from blanket.review.desk import Desk
    from blanket.review.server import ReviewServer

    with ReviewServer(Desk(analysis, original, output), port) as server:
        say(f"review: {server.address} (Ctrl-C ends it)")
        if browser:
            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("review: closed")
