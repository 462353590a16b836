"""The commands. What they do is elsewhere; here are their options, messages and statuses."""

from __future__ import annotations

import logging
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console

import blanket
from blanket.errors import BlanketError, InputError
from blanket.output import pending, refuse_same_file
from blanket.progress import shown
from blanket.weights import weights_folder

if TYPE_CHECKING:
    from blanket.report import FolderReport, Report

log = logging.getLogger(__name__)
console = Console(stderr=True)
app = typer.Typer(
    help="Replaces faces in research video by faces that belong to nobody.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
train = typer.Typer(help="Makes the files in weights/ anew.", no_args_is_help=True)
app.add_typer(train, name="train")

_INTERRUPTED = 130
_TERMINATED = 143

Output = Annotated[Path, typer.Option("--output", "-o", help="What to write.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that exist.")]
Data = Annotated[Path, typer.Option("--data", help="Folder of labelled faces.")]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    0 done, 1 failure, 2 wrong usage or input, 3 done but something had to be hidden, 130
    interrupted. arguments: default those of the process.
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
        _say(f"error: {error}")
        return error.exit_status
    except Exception as error:
        log.debug("where it happened:", exc_info=True)
        _say(_unexpected(error))
        return 1
    if status in (_INTERRUPTED, _TERMINATED):
        _say("interrupted")
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


def _say(text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


class _Messages(logging.Handler):
    """Log records on the console, above a progress bar rather than through it."""

    def emit(self, record: logging.LogRecord) -> None:
        _say(self.format(record))


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
    root.handlers = [_Messages()]
    root.setLevel(logging.DEBUG if debug else logging.INFO)


@app.command()
def anonymize(
    source: Annotated[Path, typer.Argument(help="A video, a picture, or a folder of them.")],
    output: Output,
    preset: Annotated[str, typer.Option(help="Name of the settings, or a .yaml file.")] = (
        "embedded"
    ),
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SECTION.FIELD=VALUE", help="Change one setting."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same new face.")
    ] = None,
    identity: Annotated[
        Path | None, typer.Option(metavar="IMAGE", help="Use the face in this picture.")
    ] = None,
    save_identity: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Write a picture of the new face.")
    ] = None,
    audio: Annotated[
        Literal["drop", "keep"] | None,
        typer.Option(help="Leave the sound out (the default: a voice identifies) or copy it."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="JSON", help="Write what was done to each face.")
    ] = None,
    overwrite: Overwrite = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Say nothing but warnings and errors.")
    ] = False,
) -> None:
    """Replace every face in a video, a picture, or a folder of them.

    Exit status: 0 done, 2 wrong usage or input, 3 done but a face had to be blurred out
    where it could not be replaced, 1 failure.
    """
    if quiet:
        logging.getLogger("blanket").setLevel(logging.WARNING)
    _refuse_clashes([source, identity], [output, save_identity, report])
    options: dict[str, Any] = {
        "overrides": changes or (),
        "seed": seed,
        "identity": identity,
        "audio": audio,
        "overwrite": overwrite,
    }
    with ExitStack() as stack:
        # Opened first, so that a place that cannot be written is known before the work.
        draft = stack.enter_context(pending(report, overwrite)) if report else None
        result: Report | FolderReport
        with shown(console, quiet) as progress:
            if source.is_dir():
                if save_identity:
                    raise InputError("--save-identity works on one file, not on a folder")
                result = blanket.anonymize_folder(
                    source, output, preset, progress=progress, **options
                )
            else:
                result = blanket.anonymize(
                    source,
                    output,
                    preset,
                    save_identity=save_identity,
                    progress=progress,
                    **options,
                )
        if draft:
            draft.write_text(result.to_json(), encoding="utf-8")
    _tell(result, quiet)
    raise typer.Exit(result.exit_status)


@app.command()
def demo(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")],
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
    _say(f"done: look at {sheet}")


@train.command("mesh")
def train_mesh(
    data: Data,
    run: Annotated[Path, typer.Option(help="Folder of checkpoints; resumed from there.")] = Path(
        "runs/mesh"
    ),
    steps: Annotated[int | None, typer.Option(min=1, help="Number of batches.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Faces in a batch.")] = None,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where to train.")] = "cpu",
) -> None:
    """Train the networks that find the 478 points of a face."""
    with _extra_train():
        from blanket.train import mesh

    sizes = {key: value for key, value in (("steps", steps), ("batch", batch)) if value}
    training = mesh.MeshTraining(
        data=data, run=run, output=weights_folder(), device=device, **sizes
    )
    for name, error in mesh.train_mesh(training).items():
        _say(f"held-out error, {name}: {error:.2%} of the distance between the outer eye corners")


@train.command("morphable")
def train_morphable(data: Data) -> None:
    """Build the statistical model that new faces are drawn from."""
    with _extra_train():
        from blanket.train import morphable

    morphable.build_morphable(data, weights_folder())


def _refuse_clashes(inputs: Sequence[Path | None], outputs: Sequence[Path | None]) -> None:
    written = [path for path in outputs if path]
    for path in written:
        for source in inputs:
            if source:
                refuse_same_file(source, path)
    if len({path.resolve() for path in written}) < len(written):
        raise InputError("the output, the report and the saved identity need different names")


@contextmanager
def _extra_train() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "blanket").partition(".")[0]
        if missing == "blanket":
            raise
        raise BlanketError(
            f"training needs {missing}, which is not installed: pip install 'blanket[train]'"
        ) from error


def _tell(result: Report | FolderReport, quiet: bool) -> None:
    from blanket.report import Report

    reports = {result.target: result} if isinstance(result, Report) else result.files
    for name, report in reports.items():
        for warning in report.warnings:
            _say(f"warning: {name}: {warning}")
        if not quiet:
            for note in report.notes:
                _say(f"{name}: {note}")
            sums = report.totals
            _say(
                f"{name}: {sums.frames} frames with {sums.faces} faces, "
                f"{sums.replaced} replaced and {sums.hidden} hidden"
            )
    if not isinstance(result, Report):
        for name, failure in result.failed.items():
            _say(f"error: {name}: {failure.message}")
