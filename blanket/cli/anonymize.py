"""`blanket anonymize`: the main job, for a file or a folder."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import blanket
from blanket.clashes import files_of, refuse_clashes
from blanket.cli.console import console, say
from blanket.cli.options import Changes, Output, Overwrite, PresetIfAny, Quiet, Seed
from blanket.errors import InputError, about, counted
from blanket.output import pending
from blanket.progress import shown

if TYPE_CHECKING:
    from blanket.report import FolderReport, Report


def anonymize(
    source: Annotated[Path, typer.Argument(help="A video, a picture, or a folder of them.")],
    output: Output,
    preset: PresetIfAny = None,
    changes: Changes = None,
    seed: Seed = None,
    identity: Annotated[
        Path | None, typer.Option(metavar="IMAGE", help="Use the face in this picture.")
    ] = None,
    identity_at: Annotated[
        float | None,
        typer.Option(min=0, metavar="SECONDS", help="Invent the new face from this frame."),
    ] = None,
    save_identity: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Write a picture of the new face.")
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Who is seen largest: the same new face in all videos."),
    ] = None,
    gallery: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Known people: DIR/ID/*.jpg.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The key that decides on their new faces.")
    ] = None,
    faces: Annotated[
        Literal["all", "subjects", "others", "largest"] | None,
        typer.Option(help="Whom to anonymise; in doubt a face is replaced."),
    ] = None,
    audio: Annotated[
        Literal["drop", "keep"] | None,
        typer.Option(help="Leave the sound out (the default: a voice identifies) or copy it."),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="blanket, a new face (the default), or a baseline: blur, feature-blur, "
            "top-blur, motion-blur, pixelate, downsample, blackbox, inpaint.",
        ),
    ] = None,
    analysis: Annotated[
        Path | None,
        typer.Option(metavar="YAML", help="Render from this analysis, with its corrections."),
    ] = None,
    save_analysis: Annotated[
        Path | None,
        typer.Option(metavar="YAML", help="Write who is where, to correct and render again."),
    ] = None,
    expect_faces: Annotated[
        int | None,
        typer.Option(min=1, help="How many faces every frame shows; with fewer it is suspect."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="JSON", help="Write what was done to each face.")
    ] = None,
    overwrite: Overwrite = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Hide whatever may be a face, too.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Replace every face in a video, a picture, or a folder of them.

    Exit status: 0 done, 2 wrong usage or input, 3 done but a face had to be blurred out
    where it could not be replaced, 4 a face would still show (there is no output), 1 failure.
    """
    if quiet:
        logging.getLogger("blanket").setLevel(logging.WARNING)
    read = [source, identity, gallery, key_file]
    if report:
        from blanket.presets import load_settings

        # Of the other outputs the job itself knows what they may not replace.
        read += files_of(preset, load_settings(preset or "embedded", changes or ()))
    refuse_clashes(read, [output, save_identity, report], analysis, save_analysis)
    expected = [] if expect_faces is None else [f"detect.expect_faces={expect_faces}"]
    options: dict[str, Any] = {
        "overrides": [*(changes or ()), *expected, *(["audit.strict=true"] if strict else [])],
        "seed": seed,
        "identity": identity,
        "identity_at": identity_at,
        "subject": subject,
        "gallery": gallery,
        "key_file": key_file,
        "faces": faces,
        "audio": audio,
        "method": method,
        "overwrite": overwrite,
    }
    with ExitStack() as stack:
        # Opened first, so that a place that cannot be written is known before the work.
        draft = stack.enter_context(pending(report, overwrite)) if report else None
        result: Report | FolderReport
        with shown(console, quiet) as progress:
            if source.is_dir():
                for name, given in (
                    ("--save-identity", save_identity),
                    ("--analysis", analysis),
                    ("--save-analysis", save_analysis),
                ):
                    if given:
                        raise InputError(f"{name} works on one file, not on a folder")
                result = blanket.anonymize_folder(
                    source, output, preset, progress=progress, **options
                )
            else:
                result = blanket.anonymize(
                    source,
                    output,
                    preset,
                    save_identity=save_identity,
                    analysis=analysis,
                    save_analysis=save_analysis,
                    progress=progress,
                    **options,
                )
        if draft:
            draft.write_text(result.to_json(), encoding="utf-8")
    _tell(result, quiet)
    raise typer.Exit(result.exit_status)


def _tell(result: Report | FolderReport, quiet: bool) -> None:
    from blanket.report import Report

    reports = {result.target: result} if isinstance(result, Report) else result.files
    for name, report in reports.items():
        for warning in report.warnings:
            say(f"warning: {name}: {warning}")
        if not quiet:
            for note in report.notes:
                say(f"{name}: {note}")
            sums = report.totals
            done = "replaced" if report.method == "blanket" else f"treated by {report.method}"
            say(
                f"{name}: {counted(sums.frames, 'frame')} with {counted(sums.faces, 'face')}, "
                f"{sums.replaced} {done} and {sums.hidden} hidden"
            )
    if not isinstance(result, Report):
        for name, failure in result.failed.items():
            say(f"error: {about(name, failure.message)}")
