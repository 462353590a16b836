"""One file through the pipeline, and the report on it: a video, or a picture."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import blanket
from blanket.config import Settings
from blanket.container import refuse_unfit
from blanket.image import Still, open_image, write_image
from blanket.inpaint.portrait import portrait
from blanket.live import Judge, Live
from blanket.media import is_image
from blanket.output import pending
from blanket.pipeline import Done, Paint, Run
from blanket.progress import telling
from blanket.report import Report, VideoReport
from blanket.verdict import AuditReport, frames_said
from blanket.video import Frame, Writer, probe, read


def work(run: Run, source: Path, draft: Path, target: Path, portrait_at: Path | None) -> Report:
    """From `source` to `draft`, which will be named `target`.

    portrait_at: where to save a picture of the new face, if anywhere.
    """
    through = _picture if is_image(source) else _video
    return through(run, source, draft, target, portrait_at)


def _video(run: Run, source: Path, draft: Path, target: Path, portrait_at: Path | None) -> Report:
    """A video, frame by frame: only a few are at hand at a time."""
    info, chosen = probe(source), run.settings.video
    refuse_unfit(target, info, chosen.codec)
    if info.interlaced:
        run.tally.warnings.append(
            "the video is interlaced: each picture shows two moments, and a fast face may "
            "still show in one of them: deinterlace it first (ffmpeg -i IN -vf bwdif OUT)"
        )
    codec, notes = "", list[str]()

    def pictures(stage: str) -> Iterator[Frame]:
        return telling(stage, read(source), info.frames, run.progress)

    def write(paint: Paint[Frame], judge: Judge | None) -> AuditReport | None:
        nonlocal codec, notes
        live = None if judge is None else Live(judge, info)
        writer = Writer(
            draft, info, chosen.codec, chosen.quality, chosen.preset, chosen.audio,
            _comment(run.settings), live.written if live else None,
        )  # fmt: skip
        originals = pictures("replace")
        with live or nullcontext(), writer:
            for frame in paint(live.originals(originals) if live else originals):
                writer.write(frame)
        codec, notes = writer.codec, writer.notes
        return live.verdict(draft) if live else None

    done = run.through(source, draft, target, pictures, write)
    run.tally.notes += notes
    video = VideoReport(
        width=info.width, height=info.height, frames=done.analysis.frames,
        duration=info.duration or 0.0, frame_rate=float(info.frame_rate or 0), codec=codec,
    )  # fmt: skip
    return _finish(run, source, target, video, done, portrait_at)


def _picture(run: Run, source: Path, draft: Path, target: Path, portrait_at: Path | None) -> Report:
    """A picture is a video of one frame."""
    image = open_image(source)
    still = Still(image.pixels)
    run.tally.notes += image.unkept(target)

    def write(paint: Paint[Still], judge: Judge | None) -> None:
        for picture in paint([still.copy()]):
            write_image(draft, picture.rgb(), image.alpha)

    done = run.through(source, draft, target, lambda stage: iter([still.copy()]), write)
    video = VideoReport(
        width=still.width, height=still.height, frames=1, duration=0.0, frame_rate=0.0,
        codec=target.suffix.lower().lstrip("."),
    )  # fmt: skip
    return _finish(run, source, target, video, done, portrait_at)


def _finish(
    run: Run,
    source: Path,
    target: Path,
    video: VideoReport,
    done: Done,
    portrait_at: Path | None,
) -> Report:
    tracks, identities, verdict = done.analysis.tracks, done.identities, done.verdict
    if not tracks:
        run.tally.warnings.append("no face was found; every picture is as it was")
    if verdict is None:
        run.tally.warnings.append("the output was not audited, as the settings ask")
    else:
        if verdict.leaks:
            run.tally.warnings.append(f"a face shows in {frames_said(verdict.leaks)}")
        if verdict.suspects:
            where = frames_said(verdict.suspects)
            run.tally.warnings.append(f"there may be a face in {where}: look there")
    if portrait_at is not None and not identities:
        run.tally.warnings.append("there is no new face to save")
    elif portrait_at is not None:
        first = min(identities)
        own = next(t.appearance for t in tracks if t.subject == first and t.appearance)
        with pending(portrait_at, run.overwrite) as draft:
            write_image(draft, portrait(identities[first], own.colour).pixels)
    used = run.backends
    return run.tally.report(
        source, target, run.preset, run.settings, video, used.report(), list(used.models()),
        None if run.saved else used.detector, tracks, identities, verdict,
    )  # fmt: skip


def _comment(settings: Settings) -> str:
    """What a file says of itself."""
    done = "synthetic" if settings.method.name == "blanket" else f"hidden ({settings.method.name})"
    return f"Faces in this video are {done} (BLANKET {blanket.__version__})"
