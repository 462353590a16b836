"""The main job: video in, the same video with faces that belong to nobody out.

    detect -> track -> mesh -> inpaint -> swap -> write + report

Two passes over the file, in constant memory: the first finds and follows every face, the
second replaces them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

import blanket
from blanket.analysis import Analysis, Placements, analyse
from blanket.analysisfile import SavedAnalysis, load_analysis, refuse_clash, save_analysis
from blanket.baseline import BaselineRenderer
from blanket.config import Settings, load_settings
from blanket.corrections import told
from blanket.detect import build_detector
from blanket.detect.ensemble import Ensemble
from blanket.errors import BlanketError, InputError
from blanket.faces import Identity
from blanket.image import Still, read_image, write_image
from blanket.inpaint import IdentityGenerator, build_generator
from blanket.inpaint.portrait import portrait
from blanket.media import is_image, is_video, media_in
from blanket.mesh import MeshNetwork
from blanket.output import pending, refuse_same_file
from blanket.picture import Picture
from blanket.progress import Callback
from blanket.render import Renderer
from blanket.report import BackendsReport, Failure, FolderReport, Report, VideoReport
from blanket.swap import build_methods
from blanket.tally import Tally
from blanket.video import Frame, Writer, probe, read
from blanket.view import View, best_views


def anonymize(
    source: str | Path,
    target: str | Path,
    preset: str | Path | None = None,
    *,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    seed: int | None = None,
    identity: str | Path | None = None,
    identity_at: float | None = None,
    save_identity: str | Path | None = None,
    audio: Literal["drop", "keep"] | None = None,
    method: str | None = None,
    analysis: str | Path | None = None,
    save_analysis: str | Path | None = None,
    overwrite: bool = False,
    progress: Callback | None = None,
) -> Report:
    """Replace every face in a video or a picture.

    source, target: files; the target appears when it is complete. preset, overrides: see
    `blanket.config.load_settings`; None is ``embedded``, or the settings of the analysis.
    seed: the same one gives the same new faces. identity: a picture whose face is used
    instead. identity_at: seconds, the frame from which a face is invented, by a generator
    that starts from one. save_identity: where to save a picture of the new face (of the
    first person). audio: leave the sound out or copy it. method: ``blanket``, or a baseline
    in its place (`blanket.config.MethodSettings`). analysis: of an earlier run on the
    same file, with its corrections, so that nothing is detected again. save_analysis: where
    to save this one; see docs/analysis.md for both. progress: called with stage, done, total.

    Raises:
        InputError: a file or setting that cannot be used.
        BlanketError: anything else that one sentence explains. Nothing is left under the
            target's name on any error.
    """
    source, target = Path(source), Path(target)
    saved = None if analysis is None else load_analysis(Path(analysis))
    if saved is not None and preset is not None:
        raise InputError(
            f"{saved.path.name} has its own settings: leave the preset out, "
            "and change single settings by name"
        )
    base = saved.settings.model_dump() if saved else preset or "embedded"
    settings = _settings(base, overrides, seed, identity, identity_at, audio, method)
    refuse_same_file(source, target)
    if not source.exists():
        raise InputError(f"there is no file {source}")
    if is_image(source) != is_image(target):
        raise InputError(f"{source.name} and {target.name} must both be pictures or both videos")
    if saved is not None:
        saved.refuse_other(source)
    if save_analysis is not None:
        refuse_clash(Path(save_analysis), source, overwrite)
    name = saved.preset if saved else Path(preset or "embedded").name
    run = Run(settings, name, overwrite, progress, saved, save_analysis)
    portrait_at = None if save_identity is None else Path(save_identity)
    with pending(target, overwrite) as draft:
        if is_image(source):
            return run.picture(source, draft, target, portrait_at)
        return run.video(source, draft, target, portrait_at)


def anonymize_folder(
    source: str | Path,
    target: str | Path,
    preset: str | Path | None = None,
    *,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    seed: int | None = None,
    identity: str | Path | None = None,
    identity_at: float | None = None,
    audio: Literal["drop", "keep"] | None = None,
    method: str | None = None,
    overwrite: bool = False,
    progress: Callback | None = None,
) -> FolderReport:
    """Replace every face in every video and picture of a folder, into a folder like it.

    A file that fails does not stop the others. Arguments as in `anonymize`.
    """
    source, target = Path(source), Path(target)
    # A wrong setting is told once, not once a file.
    _settings(preset or "embedded", overrides, seed, identity, identity_at, audio, method)
    if target.resolve().is_relative_to(source.resolve()):
        raise InputError("the output folder must lie outside the input folder")
    files: dict[str, Report] = {}
    failed: dict[str, Failure] = {}
    media = media_in(source)
    if not media:
        raise InputError(f"there is no video or picture in {source}")
    for path in media:
        name = path.relative_to(source)
        out = written_as(target / name)
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            files[name.as_posix()] = anonymize(
                path, out, preset, overrides=overrides, seed=seed, identity=identity,
                identity_at=identity_at, audio=audio, method=method,
                overwrite=overwrite, progress=progress,
            )  # fmt: skip
        except (BlanketError, OSError) as error:
            status: Literal[1, 2] = 2 if isinstance(error, InputError) else 1
            failed[name.as_posix()] = Failure(message=str(error), exit_status=status)
    return FolderReport(files=files, failed=failed)


def written_as(path: Path) -> Path:
    """A path to write to: with the suffix .mp4 where a video of its own cannot be written."""
    if not is_video(path):
        return path
    writable = {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi"}
    return path if path.suffix.lower() in writable else path.with_suffix(".mp4")


def _settings(
    preset: str | Path | Mapping[str, Any],
    overrides: Sequence[str] | Mapping[str, Any],
    seed: int | None,
    identity: str | Path | None,
    identity_at: float | None,
    audio: str | None,
    method: str | None,
) -> Settings:
    settings = load_settings(preset, overrides)
    given: dict[str, Any] = {}
    if seed is not None:
        given["identity.seed"] = seed
    if identity is not None:
        given["identity.image"] = str(identity)
    if identity_at is not None:
        given["identity.at"] = identity_at
    if audio is not None:
        given["video.audio"] = audio
    if method is not None:
        given["method.name"] = method
    return settings.changed(given) if given else settings


def _comment(settings: Settings) -> str:
    """What a file says of itself."""
    done = "synthetic" if settings.method.name == "blanket" else f"hidden ({settings.method.name})"
    return f"Faces in this video are {done} (BLANKET {blanket.__version__})"


class Run:
    """One run: the backends of its settings, and what they did."""

    def __init__(
        self,
        settings: Settings,
        preset: str,
        overwrite: bool,
        progress: Callback | None,
        saved: SavedAnalysis | None = None,
        save_to: str | Path | None = None,
        analysis: Analysis | None = None,
    ) -> None:
        """saved, analysis: of an earlier run on the same file, read from a file or at hand."""
        self.settings, self._preset, self._overwrite = settings, preset, overwrite
        self._progress = progress or (lambda stage, done, total: None)
        self._analysis = analysis
        self._saved, self._save_to = saved, None if save_to is None else Path(save_to)
        self._baseline = settings.method.name != "blanket"
        self.tally = Tally()
        with self.tally.timed("start"):
            self.methods = [] if self._baseline else build_methods(settings)
            if saved is None and analysis is None:
                _ = self.detector, self.network
                if not self._baseline:
                    _ = self.generator

    # With an analysis they are seldom needed.

    @cached_property
    def detector(self) -> Ensemble:
        """What finds faces."""
        return build_detector(self.settings.detect)

    @cached_property
    def network(self) -> MeshNetwork:
        """What reads their meshes."""
        return MeshNetwork()

    @cached_property
    def generator(self) -> IdentityGenerator:
        """What invents new ones."""
        return build_generator(self.settings, self.detector, self.network)

    def video(self, source: Path, draft: Path, target: Path, portrait_at: Path | None) -> Report:
        """From `source` to `draft`, which will be named `target`."""
        info, chosen, tally = probe(source), self.settings.video, self.tally
        writer = Writer(
            draft, info, chosen.codec, chosen.quality, chosen.preset, chosen.audio,
            _comment(self.settings),
        )  # fmt: skip
        with writer:
            with tally.timed("analyse"):
                analysis = self.analysis_of(self._told("analyse", read(source), info.frames))
            with tally.timed("invent"):
                views = self.look(analysis, read(source))
                identities = self.invent(analysis, views)
            self._save(source, target, analysis, identities)
            with tally.timed("replace"):
                render = self.renderer(analysis, identities, views)
                for frame in render(self._told("replace", read(source), analysis.frames)):
                    writer.write(frame)
        tally.notes += writer.notes
        video = VideoReport(
            width=info.width, height=info.height, frames=analysis.frames,
            duration=info.duration or 0.0, frame_rate=float(info.frame_rate or 0),
            codec=writer.codec,
        )  # fmt: skip
        return self._finish(source, target, video, analysis, identities, portrait_at)

    def picture(self, source: Path, draft: Path, target: Path, portrait_at: Path | None) -> Report:
        """A picture is a video of one frame."""
        still, tally = Still(read_image(source)), self.tally
        with tally.timed("analyse"):
            analysis = self.analysis_of([still])
        with tally.timed("invent"):
            views = self.look(analysis, [still])
            identities = self.invent(analysis, views)
        self._save(source, target, analysis, identities)
        with tally.timed("replace"):
            for painted in self.renderer(analysis, identities, views)([still]):
                write_image(draft, painted.rgb())
        video = VideoReport(
            width=still.width, height=still.height, frames=1, duration=0.0, frame_rate=0.0,
            codec=target.suffix.lower().lstrip("."),
        )  # fmt: skip
        return self._finish(source, target, video, analysis, identities, portrait_at)

    # The stages, in order.

    def analysis_of(self, pictures: Iterable[Picture]) -> Analysis:
        """Detect, track, mesh: who is where; or as it was saved, and corrected since."""
        if self._analysis is not None:
            analysis = self._analysis
        elif self._saved is not None:
            self._saved.look_again(pictures)
            analysis = self._saved.corrected()
            for kind, text in map(told, self._saved.corrections):
                (self.tally.warnings if kind == "warning" else self.tally.notes).append(text)
        else:
            analysis = analyse(pictures, self.detector, self.network, self.settings)
        if not analysis.tracks:
            self.tally.warnings.append("no face was found; every picture is as it was")
        return analysis

    def look(self, analysis: Analysis, pictures: Iterable[Picture]) -> dict[int, View]:
        """The best view of each person, by subject, where a later stage asks for it."""
        if self._baseline:
            return {}
        known = self._known()
        strangers = any(one.appearance and one.subject not in known for one in analysis.tracks)
        looks = any(method.looks for method in self.methods)
        if not looks and not (strangers and self.generator.looks):
            return {}
        placements = Placements(analysis, self.settings)
        return best_views(pictures, analysis, placements, self.settings.identity.at)

    def invent(self, analysis: Analysis, views: Mapping[int, View]) -> dict[int, Identity]:
        """Inpaint: a new face for each person, by subject; none for a baseline."""
        if self._baseline:
            return {}
        identities = self._known()
        for track in analysis.tracks:
            own = track.appearance
            if own is not None and track.subject not in identities:
                rng = np.random.default_rng([self.settings.identity.seed, track.subject])
                view = views.get(track.subject)
                identities[track.subject] = self.generator.invent(own, rng, view)
        return identities

    def renderer(
        self,
        analysis: Analysis,
        identities: Mapping[int, Identity],
        views: Mapping[int, View],
    ) -> Renderer | BaselineRenderer:
        """Swap, or hide: what paints the frames, in order."""
        if self._baseline:
            return BaselineRenderer(self.settings, analysis, self.tally)
        return Renderer(self.settings, analysis, self.methods, identities, views, self.tally)

    # What surrounds them.

    def _known(self) -> dict[int, Identity]:
        """New faces that were invented before, by the same settings."""
        saved = self._saved
        if saved is None or saved.settings.identity != self.settings.identity:
            return {}
        return dict(saved.identities)

    def _save(
        self, source: Path, target: Path, analysis: Analysis, identities: dict[int, Identity]
    ) -> None:
        """Save the analysis, before anything that may fail."""
        if self._save_to is None:
            return
        found = self._saved.found if self._saved else analysis
        corrections = self._saved.corrections if self._saved else []
        save_analysis(
            self._save_to, source, target.name, found, identities, self.settings, self._preset,
            self._backends(), corrections, self._overwrite,
        )  # fmt: skip

    def _told(self, stage: str, frames: Iterator[Frame], total: int | None) -> Iterator[Frame]:
        done = 0
        for frame in frames:
            yield frame
            done += 1
            if done % 10 == 0:
                self._progress(stage, done, total)
        self._progress(stage, done, done)

    def _finish(
        self,
        source: Path,
        target: Path,
        video: VideoReport,
        analysis: Analysis,
        identities: dict[int, Identity],
        portrait_at: Path | None,
    ) -> Report:
        tracks = analysis.tracks
        if portrait_at is not None and not identities:
            self.tally.warnings.append("there is no new face to save")
        elif portrait_at is not None:
            first = min(identities)
            own = next(t.appearance for t in tracks if t.subject == first and t.appearance)
            with pending(portrait_at, self._overwrite) as draft:
                write_image(draft, portrait(identities[first], own.colour).pixels)
        return self.tally.report(
            source, target, self._preset, self.settings, video, self._backends(), [],
            None if self._saved else self.detector, tracks, identities,
        )  # fmt: skip

    def _backends(self) -> BackendsReport:
        swap = None if self._baseline else self.methods[0].name
        if self._saved is not None:
            return self._saved.backends.model_copy(update={"swap": swap})
        return BackendsReport(
            detect=self.detector.name, mesh=self.network.name,
            identity=None if self._baseline else self.generator.name, swap=swap,
            execution_provider=self.network.provider,
        )  # fmt: skip
