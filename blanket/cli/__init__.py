"""The commands. What they do is elsewhere; here are their options, messages and statuses."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Annotated, NoReturn

import typer

import blanket
from blanket.cli.anonymize import anonymize
from blanket.cli.audit import audit
from blanket.cli.compare import compare
from blanket.cli.console import Messages, say
from blanket.cli.demo import demo
from blanket.cli.doctor import doctor
from blanket.cli.eval import evaluate
from blanket.cli.features import features
from blanket.cli.key import key
from blanket.cli.predict import predict
from blanket.cli.review import review
from blanket.cli.score import score
from blanket.cli.train import train
from blanket.cli.weights import weights
from blanket.errors import BlanketError

log = logging.getLogger(__name__)
app = typer.Typer(
    help="Replaces faces in research video by faces that belong to nobody.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(anonymize)
app.command()(audit)
app.command()(compare)
app.command()(demo)
app.command()(doctor)
app.command("eval")(evaluate)
app.command()(features)
app.command()(predict)
app.command()(review)
app.command()(score)
app.add_typer(key, name="key")
app.add_typer(train, name="train")
app.add_typer(weights, name="weights")

_INTERRUPTED = 130
_TERMINATED = 143


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    0 done, 1 failure, 2 wrong usage or input, 3 done but something had to be hidden, 4 a face
    got out, 130 interrupted. arguments: default those of the process.
    """
    # A run that is told to end tidies up like an interrupted one.
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app(sys.argv[1:] if arguments is None else list(arguments))
        return 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        status = _INTERRUPTED
    except BlanketError as error:
        log.debug("where it happened:", exc_info=True)
        say(f"error: {error}")
        return error.exit_status
    except Exception as error:
        log.debug("where it happened:", exc_info=True)
        say(_unexpected(error))
        return 1
    if status in (_INTERRUPTED, _TERMINATED):
        say("interrupted")
    return status


def _unexpected(error: Exception) -> str:
    text = " ".join(str(error).split())
    # OpenCV's wheels for Linux leave these two to the system, and containers lack them.
    if isinstance(error, ImportError) and ("libGL" in text or "libgthread" in text):
        return f"error: {text}: install libGL and GLib (apt-get install libgl1 libglib2.0-0)"
    name = type(error).__name__
    return f"Internal error: {name}: {text}, please report (`blanket --debug ...` shows where)"


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(_TERMINATED)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"blanket {blanket.__version__}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where errors happen.")] = False,
) -> None:
    root = logging.getLogger("blanket")
    root.handlers = [Messages()]
    root.setLevel(logging.DEBUG if debug else logging.INFO)
