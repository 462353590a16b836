"""The main job: video in, the same video with faces that belong to nobody out.

    detect -> track -> mesh -> inpaint -> swap -> write -> audit + report

Three passes over the file, in constant memory: the first finds and follows every face, the
second replaces them, the third looks whether one still shows. What does is mended.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

import blanket
from blanket.analysis import Analysis, Placements, analyse
from blanket.analysisfile import (
    SavedAnalysis,
    load_analysis,
    refuse_unsaveable,
    save_analysis,
    save_audit,
)
from blanket.auditor import Auditor
from blanket.baseline import BaselineRenderer
from blanket.chosen import (
    appearances,
    choose,
    chosen_before,
    gallery_decides,
    refuse_contradictions,
)
from blanket.clashes import files_of, refuse_clashes
from blanket.config import Settings
from blanket.container import CONTAINERS, refuse_unfit
from blanket.cores import one_core_a_call
from blanket.corrections import named, told
from blanket.detect import build_detector
from blanket.detect.ensemble import Ensemble
from blanket.errors import BlanketError, InputError, LeakError
from blanket.faces import Identity
from blanket.gallery import Gallery, build_comparer
from blanket.image import Still, open_image, refuse_suffix, write_image
from blanket.inpaint import IdentityGenerator, build_generator
from blanket.inpaint.keyed import NUMBERS, keyed_identity
from blanket.inpaint.portrait import portrait
from blanket.key import keyed_numbers, keyed_tag, read_key
from blanket.media import is_image, is_video, media_in
from blanket.mesh import MeshNetwork
from blanket.models import require
from blanket.output import pending, refuse_existing
from blanket.picture import Picture
from blanket.presets import load_settings
from blanket.progress import Callback, silent, telling
from blanket.render import AnyPicture, Renderer
from blanket.repair import repaired
from blanket.report import (
    BackendsReport,
    Failure,
    FolderReport,
    ModelReport,
    Report,
    VideoReport,
)
from blanket.stretch import joined, taken_apart
from blanket.swap import build_methods
from blanket.tally import Tally
from blanket.verdict import AuditReport, Finding, frames_said
from blanket.video import Frame, Writer, probe, read
from blanket.view import View, best_views


@one_core_a_call()
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
    subject: str | None = None,
    key_file: str | Path | None = None,
    gallery: str | Path | None = None,
    faces: Literal["all", "subjects", "others", "largest"] | None = None,
    audio: Literal["drop", "keep"] | None = None,
    method: str | None = None,
    analysis: str | Path | None = None,
    save_analysis: str | Path | None = None,
    overwrite: bool = False,
    progress: Callback | None = None,
) -> Report:
    """Replace every face in a video or a picture.

    source, target: files; the target appears when it is complete. preset, overrides: see
    `blanket.presets.load_settings`; None is ``embedded``, or the settings of the analysis.
    seed: the same one gives the same new faces. identity: a picture whose face is used
    instead. identity_at: seconds, the frame from which a face is invented, by a generator
    that starts from one. subject, key_file, gallery, faces: who is known and whom to
    anonymise, see `blanket.config.SubjectSettings`. save_identity: where to save a picture
    of the new face (of the first person). audio: leave the sound out or copy it. method:
    ``blanket``, or a baseline in its place (`blanket.config.MethodSettings`). analysis: of an
    earlier run on the same file, with its corrections, so that nothing is detected again.
    save_analysis: where to save this one; see docs/analysis.md for both. progress: called
    with stage, done, total.

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
    known = {"subject": subject, "gallery": gallery, "key_file": key_file, "faces": faces}
    settings = _settings(base, overrides, seed, identity, identity_at, audio, method, known)
    by_hand = saved is not None and bool(named(saved.corrections))
    refuse_contradictions(settings, by_hand, saved is not None and saved.decided(settings))
    if saved is not None and gallery_decides(settings):
        raise InputError(
            "who is left is decided on when a video is analysed: leave the gallery out to keep "
            "that, or analyse the video anew with it"
        )
    portrait_at = None if save_identity is None else Path(save_identity)
    refuse_clashes(
        [source, *files_of(preset, settings)], [target, portrait_at],
        None if analysis is None else Path(analysis),
        None if save_analysis is None else Path(save_analysis),
    )  # fmt: skip
    reported = [source, target, preset, settings.identity.image, save_analysis]
    _refuse_unreportable(Path(path).name for path in reported if path is not None)
    if not source.exists():
        raise InputError(f"there is no file {source}")
    if is_image(source) != is_image(target):
        raise InputError(f"{source.name} and {target.name} must both be pictures or both videos")
    if portrait_at is not None:
        refuse_suffix(portrait_at)
        refuse_existing(portrait_at, overwrite)
    if saved is not None:
        saved.refuse_other(source)
    if save_analysis is not None:
        refuse_unsaveable(Path(save_analysis), overwrite)
    name = saved.preset if saved else Path(preset or "embedded").name
    run = Run(settings, name, overwrite, progress, saved, save_analysis)
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
    subject: str | None = None,
    key_file: str | Path | None = None,
    gallery: str | Path | None = None,
    faces: Literal["all", "subjects", "others", "largest"] | None = None,
    audio: Literal["drop", "keep"] | None = None,
    method: str | None = None,
    overwrite: bool = False,
    progress: Callback | None = None,
) -> FolderReport:
    """Replace every face in every video and picture of a folder, into a folder like it.

    A file that fails does not stop the others. Arguments as in `anonymize`.

    Raises:
        InputError: a setting or a folder that cannot be used, before any work.
    """
    source, target = Path(source), Path(target)
    # A wrong setting is told once, not once a file.
    known = {"subject": subject, "gallery": gallery, "key_file": key_file, "faces": faces}
    base = preset or "embedded"
    settings = _settings(base, overrides, seed, identity, identity_at, audio, method, known)
    refuse_contradictions(settings)
    media = media_in(source)
    if not media:
        raise InputError(f"there is no video or picture in {source}")
    outputs = _mirrored(source, target, media)
    if any(out.resolve().is_relative_to(source.resolve()) for out in outputs.values()):
        raise InputError(f"the outputs must lie outside the input folder {source}")
    refuse_clashes([source, *files_of(preset, settings)], outputs.values())
    _refuse_unreportable(path.relative_to(source).as_posix() for path in media)
    _make_folders({out.parent for out in outputs.values()})
    files: dict[str, Report] = {}
    failed: dict[str, Failure] = {}
    for path, out in outputs.items():
        name = path.relative_to(source)
        try:
            files[name.as_posix()] = anonymize(
                path, out, preset, overrides=overrides, seed=seed, identity=identity,
                identity_at=identity_at, subject=subject, key_file=key_file, gallery=gallery,
                faces=faces, audio=audio, method=method,
                overwrite=overwrite, progress=progress,
            )  # fmt: skip
        except (BlanketError, OSError) as error:
            status = error.exit_status if isinstance(error, BlanketError) else 1
            failed[name.as_posix()] = Failure(message=str(error), exit_status=status)
    return FolderReport(files=files, failed=failed)


def written_as(path: Path) -> Path:
    """A path to write to: with the suffix .mp4 where a video of its own cannot be written."""
    if not is_video(path):
        return path
    return path if path.suffix.lower() in CONTAINERS else path.with_suffix(".mp4")


def _mirrored(source: Path, target: Path, media: Sequence[Path]) -> dict[Path, Path]:
    """Where the files of a folder go. The suffix .mp4 is added to the whole name where two
    files would otherwise have one output."""
    # Some file systems take a name in capitals for the same.
    short = Counter(str(written_as(path)).casefold() for path in media)
    outputs: dict[Path, Path] = {}
    taken: dict[str, tuple[Path, bool]] = {}
    for path in media:
        out = written_as(path)
        if out != path and short[str(out).casefold()] > 1:
            out = path.with_name(f"{path.name}.mp4")
        other, renamed = taken.setdefault(str(out).casefold(), (path, out != path))
        # Two that differ in capitals here may do so there.
        if other != path and (renamed or out != path):
            raise InputError(f"{other} and {path} would have one output: rename one of them")
        outputs[path] = target / out.relative_to(source)
    return outputs


def _make_folders(folders: Iterable[Path]) -> None:
    for folder in sorted(folders):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot make the folder {folder}: {error.strerror}") from error
        if not os.access(folder, os.W_OK | os.X_OK):
            raise InputError(f"cannot write in the folder {folder}: change its permissions")


def _refuse_unreportable(names: Iterable[str]) -> None:
    """Raise InputError where a name cannot stand in a report, which is UTF-8."""
    for name in names:
        shown = name.encode(errors="backslashreplace").decode()
        if shown != name:
            raise InputError(f"the file name {shown} is not valid UTF-8: rename it")


def _settings(
    preset: str | Path | Mapping[str, Any],
    overrides: Sequence[str] | Mapping[str, Any],
    seed: int | None,
    identity: str | Path | None,
    identity_at: float | None,
    audio: str | None,
    method: str | None,
    known: Mapping[str, str | Path | None],
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
    given |= {f"subjects.{name}": value for name, value in known.items() if value is not None}
    settings = settings.changed(given) if given else settings
    if identity is not None and settings.method.name != "blanket":
        raise InputError(
            f"the method {settings.method.name} gives nobody a new face: leave the identity out"
        )
    return settings


def _comment(settings: Settings) -> str:
    """What a file says of itself."""
    done = "synthetic" if settings.method.name == "blanket" else f"hidden ({settings.method.name})"
    return f"Faces in this video are {done} (BLANKET {blanket.__version__})"


@dataclass(frozen=True)
class Done:
    """What came of the way through. verdict: None where nobody asked for one."""

    analysis: Analysis
    identities: dict[int, Identity]
    verdict: AuditReport | None


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
        self._progress = progress or silent
        self._analysis = analysis
        self._saved, self._save_to = saved, None if save_to is None else Path(save_to)
        self._baseline = settings.method.name != "blanket"
        self._has_saved = False
        self._left: dict[int, str] = {}
        self.tally = Tally()
        with self.tally.timed("start"):
            key_file = settings.subjects.key_file
            self._key = None if key_file is None else read_key(key_file)
            fresh = saved is None and analysis is None
            if not self._baseline:
                require(settings, preset, invents=fresh)
            self.methods = [] if self._baseline else build_methods(settings)
            if fresh:
                _ = self.detector, self.network
                if not self._baseline:
                    _ = self.generator
            _ = self.gallery

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

    @cached_property
    def gallery(self) -> Gallery | None:
        """Who is known by pictures."""
        asked = self.settings.subjects
        if asked.gallery is None:
            return None
        comparer = build_comparer(asked.recogniser)
        return Gallery(asked.gallery, comparer, self.detector, self.network)

    @cached_property
    def auditor(self) -> Auditor:
        """What looks at the output, with a detector of its own: what blinded the run's must not
        blind the audit. Its searches do not count; where the analysis was given it makes none,
        unless the last audit of it found something."""
        saved = self._saved
        searched = saved is not None and saved.audit is not None and not saved.audit.leaks
        if searched or self._analysis is not None:
            return Auditor(None, None, self.settings)
        return Auditor(build_detector(self.settings.detect), self.network, self.settings)

    def video(self, source: Path, draft: Path, target: Path, portrait_at: Path | None) -> Report:
        """From `source` to `draft`, which will be named `target`."""
        info, chosen = probe(source), self.settings.video
        refuse_unfit(target, info, chosen.codec)
        if info.interlaced:
            self.tally.warnings.append(
                "the video is interlaced: each picture shows two moments, and a fast face may "
                "still show in one of them: deinterlace it first (ffmpeg -i IN -vf bwdif OUT)"
            )
        codec, notes = "", list[str]()

        def pictures(stage: str) -> Iterator[Frame]:
            return telling(stage, read(source), info.frames, self._progress)

        def write(painted: Iterable[Frame]) -> None:
            nonlocal codec, notes
            writer = Writer(
                draft, info, chosen.codec, chosen.quality, chosen.preset, chosen.audio,
                _comment(self.settings),
            )  # fmt: skip
            with writer:
                for frame in painted:
                    writer.write(frame)
            codec, notes = writer.codec, writer.notes

        done = self.through(source, draft, target, pictures, write)
        self.tally.notes += notes
        video = VideoReport(
            width=info.width, height=info.height, frames=done.analysis.frames,
            duration=info.duration or 0.0, frame_rate=float(info.frame_rate or 0), codec=codec,
        )  # fmt: skip
        return self._finish(source, target, video, done, portrait_at)

    def picture(self, source: Path, draft: Path, target: Path, portrait_at: Path | None) -> Report:
        """A picture is a video of one frame."""
        image = open_image(source)
        still = Still(image.pixels)
        self.tally.notes += image.unkept(target)

        def write(painted: Iterable[Still]) -> None:
            for picture in painted:
                write_image(draft, picture.rgb(), image.alpha)

        done = self.through(source, draft, target, lambda stage: iter([still.copy()]), write)
        video = VideoReport(
            width=still.width, height=still.height, frames=1, duration=0.0, frame_rate=0.0,
            codec=target.suffix.lower().lstrip("."),
        )  # fmt: skip
        return self._finish(source, target, video, done, portrait_at)

    def through(
        self,
        source: Path,
        draft: Path,
        target: Path,
        pictures: Callable[[str], Iterator[AnyPicture]],
        write: Callable[[Iterable[AnyPicture]], None],
    ) -> Done:
        """The way through, until nothing leaks.

        pictures: the original once more, for a stage. write: makes the draft of them.

        Raises:
            LeakError: something leaks however often it is mended.
        """
        tally, identities, names = self.tally, dict[int, Identity](), None
        with tally.timed("analyse"):
            analysis = self.analysis_of(pictures("analyse"))
        for repairs_left in range(self.settings.audit.repairs, -1, -1):
            with tally.timed("invent"):
                if names is None and gallery_decides(self.settings):
                    side = self.settings.track.analysis_side
                    analysis = taken_apart(analysis, pictures("look"), side)
                views = self.look(analysis, pictures("look"))
                if names is None:
                    names = self.choose(analysis, views)
                    if gallery_decides(self.settings):
                        numbers = joined(analysis, names)
                        names = {numbers[who]: name for who, name in names.items()}
                        views = self.look(analysis, pictures("look"))
                    self._tell_who_is_left(analysis)
                identities = self.invent(analysis, views, names, identities)
            self._save(source, target, analysis, identities)
            with tally.timed("replace"):
                write(self.renderer(analysis, identities, views)(pictures("replace")))
            with tally.timed("audit"):
                verdict = self.audit(analysis, source, draft, target)
            if self._save_to is not None and verdict is not None:
                save_audit(self._save_to, verdict)
            open_findings = self._to_mend(verdict)
            if not open_findings:
                return Done(analysis, identities, verdict)
            if repairs_left:
                with tally.timed("repair"):
                    analysis = self.repaired(analysis, open_findings, pictures("repair"))
        raise LeakError(
            f"a face would show in {frames_said(open_findings)}, so {target.name} is not "
            "written: look at these frames, and correct the analysis (--save-analysis)"
        )

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
        return analysis

    def look(self, analysis: Analysis, pictures: Iterable[Picture]) -> dict[int, View]:
        """The best view of each person, by subject, where a later stage asks for it."""
        if self._baseline and self.gallery is None:
            return {}
        known = self._known()
        strangers = any(one.appearance and one.subject not in known for one in analysis.tracks)
        looks = self.gallery is not None or any(method.looks for method in self.methods)
        if not looks and not (strangers and self.generator.looks):
            return {}
        placements = Placements(analysis, self.settings)
        return best_views(pictures, analysis, placements, self.settings.identity.at)

    def choose(self, analysis: Analysis, views: Mapping[int, View]) -> dict[int, str]:
        """Who is known, by subject; whoever is to be left is dropped from the analysis."""
        asked = self.settings.subjects
        saved = self._saved
        by_hand = named(saved.corrections) if saved else {}
        if saved is not None and saved.decided(self.settings):
            chosen = chosen_before(analysis, saved.found, saved.left, asked.faces, by_hand)
        else:
            chosen = choose(analysis, views, asked.subject, self.gallery, asked.faces, by_hand)
        self._left = chosen.left
        # One for all: there may be hundreds of tracks, and frames by the hundred thousand.
        everywhere = set(range(analysis.frames))
        for track in analysis.tracks:
            if track.number in chosen.left:
                track.dropped = everywhere
        if asked.gallery is not None and not chosen.names:
            self.tally.warnings.append("nobody of the gallery was recognised")
        return chosen.names

    def invent(
        self,
        analysis: Analysis,
        views: Mapping[int, View],
        names: Mapping[int, str],
        known: Mapping[int, Identity],
    ) -> dict[int, Identity]:
        """Inpaint: a new face for each person, by subject; none for a baseline. names: of
        those who are known by an ID. known: those who have a new face."""
        if self._baseline:
            return {}
        identities, chosen = {**self._known(), **known}, self.settings.identity
        for who, own in appearances(analysis).items():
            if self._key is not None and who in names and who not in known:
                numbers = keyed_numbers(self._key, names[who], NUMBERS)
                face = keyed_identity(numbers, own, chosen.age)
                identities[who] = replace(face, tag=keyed_tag(self._key, names[who]))
                if chosen.age == "auto":
                    self.tally.notes.append(
                        f"the age group of a subject (person {who}) was read off this video: "
                        "where it could be another in the next, set identity.age in all"
                    )
            elif who not in identities:
                rng = np.random.default_rng([chosen.seed, who])
                identities[who] = self.generator.invent(own, rng, views.get(who))
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

    def audit(
        self, analysis: Analysis, source: Path, draft: Path, target: Path
    ) -> AuditReport | None:
        """Does any frame of what was written still show a face?"""
        if self.settings.audit.effort == "none":
            return None
        if self.settings.audit.effort == "thorough":
            self.auditor.look_deeper(source, self._progress)
        verdict = self.auditor(analysis, source, draft, target.name, self._progress)
        if any(finding.reason == "missed" for finding in verdict.leaks):
            # Where one was missed there are more: now it pays to look everywhere.
            self.auditor.look_deeper(source, self._progress)
            verdict = self.auditor(analysis, source, draft, target.name, self._progress)
        return verdict

    def repaired(
        self, analysis: Analysis, findings: Sequence[Finding], pictures: Iterable[Picture]
    ) -> Analysis:
        """What leaked, taken back into the tracks."""
        self.tally.again()
        self.tally.notes.append(f"mended after the audit: {frames_said(findings)}")
        return repaired(analysis, findings, pictures, self.network, self.settings)

    def _to_mend(self, verdict: AuditReport | None) -> list[Finding]:
        # A baseline is as good as it is: what it leaves is told, not mended.
        if verdict is None or self._baseline:
            return []
        return verdict.findings if self.settings.audit.strict else verdict.leaks

    # What surrounds them.

    def _tell_who_is_left(self, analysis: Analysis) -> None:
        faces = self.settings.subjects.faces
        for track in analysis.tracks:
            if track.number in self._left:
                self.tally.leave(track, f"faces are {faces}, and this {self._left[track.number]}")

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
            self._backends(), self._left, corrections, self._overwrite or self._has_saved,
        )  # fmt: skip
        self._has_saved = True

    def _finish(
        self,
        source: Path,
        target: Path,
        video: VideoReport,
        done: Done,
        portrait_at: Path | None,
    ) -> Report:
        tracks, identities, verdict = done.analysis.tracks, done.identities, done.verdict
        if not tracks:
            self.tally.warnings.append("no face was found; every picture is as it was")
        if verdict is None:
            self.tally.warnings.append("the output was not audited, as the settings ask")
        else:
            if verdict.leaks:
                self.tally.warnings.append(f"a face shows in {frames_said(verdict.leaks)}")
            if verdict.suspects:
                where = frames_said(verdict.suspects)
                self.tally.warnings.append(f"there may be a face in {where}: look there")
        if portrait_at is not None and not identities:
            self.tally.warnings.append("there is no new face to save")
        elif portrait_at is not None:
            first = min(identities)
            own = next(t.appearance for t in tracks if t.subject == first and t.appearance)
            with pending(portrait_at, self._overwrite) as draft:
                write_image(draft, portrait(identities[first], own.colour).pixels)
        return self.tally.report(
            source, target, self._preset, self.settings, video, self._backends(),
            list(self._models()), None if self._saved else self.detector, tracks, identities,
            verdict,
        )  # fmt: skip

    def _models(self) -> Iterator[ModelReport]:
        # A generator that was not needed has not been made.
        used = self.generator.models if "generator" in vars(self) else []
        for one in [*used, *(model for method in self.methods for model in method.models)]:
            yield ModelReport(
                setting=one.setting, name=one.name, checksum=one.checksum, device=one.device
            )

    def _backends(self) -> BackendsReport:
        swap = None if self._baseline else self.methods[0].name
        gallery = None if self.gallery is None else self.gallery.comparer.name
        if self._saved is not None:
            identity = None
            if not self._baseline:
                known = self._known()
                identity = self._saved.backends.identity if known else self.generator.name
            changed = {"identity": identity, "swap": swap, "gallery": gallery}
            return self._saved.backends.model_copy(update=changed)
        return BackendsReport(
            detect=self.detector.name, mesh=self.network.name,
            identity=None if self._baseline else self.generator.name, gallery=gallery, swap=swap,
            execution_provider=self.network.provider,
        )  # fmt: skip
