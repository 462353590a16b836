"""All commands together: how they start, and how they end."""

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
_SIGNALLED = 128
"""And the number of the signal: what a shell calls the status of a process that it ended."""


def run(arguments: Sequence[str] | None) -> int:
    """See `blanket.cli.main`."""
    _tidy_up_when_ended()
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
    if status > _SIGNALLED:
        say("interrupted")
    return status


def _unexpected(error: Exception) -> str:
    text = " ".join(str(error).split())
    # OpenCV's wheels for Linux leave these two to the system, and containers lack them.
    if isinstance(error, ImportError) and ("libGL" in text or "libgthread" in text):
        return f"error: {text}: install libGL and GLib (apt-get install libgl1 libglib2.0-0)"
    name = type(error).__name__
    return f"Internal error: {name}: {text}, please report (`blanket --debug ...` shows where)"


def _tidy_up_when_ended() -> None:
    """A run that is told to end, or whose terminal is closed, ends like an interrupted one."""
    signal.signal(signal.SIGTERM, _end)
    # What was started with nohup goes on; Windows has no such signal.
    if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _end)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(_SIGNALLED + number)


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
