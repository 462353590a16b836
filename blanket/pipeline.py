"""The main job: video in, the same video with faces that belong to nobody out.

    detect -> track -> mesh -> inpaint -> swap -> write + report

Two passes over the file, in constant memory: the first finds and follows every face, the
second replaces them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

import blanket
from blanket.attributes import head_pose
from blanket.config import Settings, load_settings
from blanket.detect import build_detector
from blanket.errors import BlanketError, InputError
from blanket.faces import Identity
from blanket.image import Still, read_image, write_image
from blanket.inpaint import IdentityGenerator, build_generator
from blanket.inpaint.morphable import age_group, load_likeness
from blanket.inpaint.likeness import describe
from blanket.inpaint.portrait import portrait
from blanket.media import is_image, is_video, media_in
from blanket.mesh import MeshNetwork
from blanket.obfuscate import hide
from blanket.output import pending, refuse_same_file
from blanket.picture import Picture
from blanket.progress import Callback
from blanket.report import (
    BackendsReport,
    Failure,
    FolderReport,
    IdentityReport,
    Report,
    Totals,
    TrackReport,
    VideoReport,
)
from blanket.subjects import assign_subjects
from blanket.swap import Swapper, build_swapper
from blanket.timeline import Timeline
from blanket.track import Track, Tracker
from blanket.video import Writer, probe, read
from blanket.weights import manifest

log = logging.getLogger(__name__)


def anonymize(
    source: str | Path,
    target: str | Path,
    preset: str | Path = "embedded",
    *,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    seed: int | None = None,
    identity: str | Path | None = None,
    save_identity: str | Path | None = None,
    audio: Literal["drop", "keep"] | None = None,
    overwrite: bool = False,
    progress: Callback | None = None,
) -> Report:
    """Replace every face in a video or a picture.

    source, target: files; the target appears when it is complete. preset, overrides: see
    `blanket.config.load_settings`. seed: the same one gives the same new faces. identity: a
    picture whose face is used instead. save_identity: where to save a picture of the new
    face (of the first person). audio: leave the sound out or copy it. progress: called with
    stage, done, total.

    Raises:
        InputError: a file or setting that cannot be used.
        BlanketError: anything else that one sentence explains. Nothing is left under the
            target's name on any error.
    """
    source, target = Path(source), Path(target)
    settings = _settings(preset, overrides, seed, identity, audio)
    refuse_same_file(source, target)
    if not source.exists():
        raise InputError(f"there is no file {source}")
    if is_image(source) != is_image(target):
        raise InputError(f"{source.name} and {target.name} must both be pictures or both videos")
    run = Run(settings, str(preset), progress)
    with pending(target, overwrite) as draft:
        if is_image(source):
            return run.picture(source, draft, target, save_identity)
        return run.video(source, draft, target, save_identity)


def anonymize_folder(
    source: str | Path,
    target: str | Path,
    preset: str | Path = "embedded",
    *,
    overrides: Sequence[str] | Mapping[str, Any] = (),
    seed: int | None = None,
    identity: str | Path | None = None,
    audio: Literal["drop", "keep"] | None = None,
    overwrite: bool = False,
    progress: Callback | None = None,
) -> FolderReport:
    """Replace every face in every video and picture of a folder, into a folder like it.

    A file that fails does not stop the others. Arguments as in `anonymize`.
    """
    source, target = Path(source), Path(target)
    # A wrong setting is told once, not once a file.
    _settings(preset, overrides, seed, identity, audio)
    if target.resolve().is_relative_to(source.resolve()):
        raise InputError("the output folder must lie outside the input folder")
    files: dict[str, Report] = {}
    failed: dict[str, Failure] = {}
    media = media_in(source)
    if not media:
        raise InputError(f"there is no video or picture in {source}")
    for path in media:
        name = path.relative_to(source)
        out = target / name
        if is_video(path) and not _writable(out):
            out = out.with_suffix(".mp4")
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            files[name.as_posix()] = anonymize(
                path, out, preset, overrides=overrides, seed=seed, identity=identity,
                audio=audio, overwrite=overwrite, progress=progress,
            )  # fmt: skip
        except (BlanketError, OSError) as error:
            status: Literal[1, 2] = 2 if isinstance(error, InputError) else 1
            failed[name.as_posix()] = Failure(message=str(error), exit_status=status)
    return FolderReport(files=files, failed=failed)


def _writable(path: Path) -> bool:
    return path.suffix.lower() in {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi"}


def _settings(
    preset: str | Path,
    overrides: Sequence[str] | Mapping[str, Any],
    seed: int | None,
    identity: str | Path | None,
    audio: str | None,
) -> Settings:
    settings = load_settings(preset, overrides)
    given: dict[str, Any] = {}
    if seed is not None:
        given["identity.seed"] = seed
    if identity is not None:
        given["identity.image"] = str(identity)
    if audio is not None:
        given["video.audio"] = audio
    return settings.changed(given) if given else settings


@dataclass
class _Tally:
    """What was done to one track."""

    replaced: int = 0
    hidden: dict[str, int] = field(default_factory=dict)
    trust: float = 0.0
    occluded: float = 0.0
    first: int | None = None
    last: int = 0


class Run:
    """One run: the backends of its settings, and what they did."""

    def __init__(self, settings: Settings, preset: str, progress: Callback | None) -> None:
        self.settings, self.preset = settings, Path(preset).name
        self._progress = progress or (lambda stage, done, total: None)
        self._timings: dict[str, float] = {}
        with self._timed("start"):
            self.detector = build_detector(settings.detect)
            self.network = MeshNetwork()
            self.generator: IdentityGenerator = build_generator(
                settings, self.detector, self.network
            )
        self._warnings: list[str] = []
        self._cuts: list[int] = []

    def video(
        self, source: Path, draft: Path, target: Path, save_identity: str | Path | None
    ) -> Report:
        """From `source` to `draft`, which will be named `target`."""
        info = probe(source)
        chosen = self.settings.video
        writer = Writer(
            draft, info, chosen.codec, chosen.quality, chosen.preset, chosen.audio,
            blanket.__version__,
        )  # fmt: skip
        with writer:
            with self._timed("analyse"):
                tracks, count = self._follow(self._told("analyse", read(source), info.frames))
            with self._timed("invent"):
                identities = self._invent(tracks)
            with self._timed("replace"):
                timelines = self._timelines(tracks)
                tallies, with_faces = {t.number: _Tally() for t in tracks}, 0
                swappers: dict[int, Swapper] = {}
                for frame in self._told("replace", read(source), count):
                    faces = self._render(frame, timelines, identities, swappers, tallies)
                    with_faces += faces > 0
                    writer.write(frame)
        self._save_identity(identities, tracks, save_identity)
        video = VideoReport(
            width=info.width, height=info.height, frames=count, duration=info.duration or 0.0,
            frame_rate=float(info.frame_rate or 0), codec=chosen.codec,
        )  # fmt: skip
        return self._report(
            source, target, video, tracks, identities, tallies, with_faces, writer.notes
        )

    def picture(
        self, source: Path, draft: Path, target: Path, save_identity: str | Path | None
    ) -> Report:
        """A picture is a video of one frame."""
        still = Still(read_image(source))
        with self._timed("analyse"):
            tracks, count = self._follow([still])
        with self._timed("invent"):
            identities = self._invent(tracks)
        with self._timed("replace"):
            timelines = self._timelines(tracks)
            tallies = {track.number: _Tally() for track in tracks}
            faces = self._render(still, timelines, identities, {}, tallies)
            write_image(draft, still.rgb())
        self._save_identity(identities, tracks, save_identity)
        video = VideoReport(
            width=still.width, height=still.height, frames=1, duration=0.0, frame_rate=0.0,
            codec=target.suffix.lower().lstrip("."),
        )  # fmt: skip
        return self._report(source, target, video, tracks, identities, tallies, int(faces > 0), [])

    # The stages, in order.

    def _follow(self, pictures: Any) -> tuple[list[Track], int]:
        """Every face in every picture, and the number of pictures."""
        tracker = Tracker(self.detector, self.network, self.settings)
        count = 0
        for picture in pictures:
            tracker.step(picture)
            count += 1
        tracks = tracker.finish()
        self._cuts = tracker.cuts
        assign_subjects(tracks)
        if not tracks:
            self._warnings.append("no face was found; every picture is as it was")
        return tracks, count

    def _invent(self, tracks: list[Track]) -> dict[int, Identity]:
        """A new face for each person, by subject."""
        identities: dict[int, Identity] = {}
        for track in tracks:
            own = track.appearance
            if own is not None and track.subject not in identities:
                rng = np.random.default_rng([self.settings.identity.seed, track.subject])
                identities[track.subject] = self.generator.invent(own, rng)
        return identities

    def _timelines(self, tracks: list[Track]) -> list[Timeline]:
        chosen = self.settings.track
        return [
            Timeline(
                track, self._cuts, chosen.max_gap, chosen.smoothing, self.settings.detect.every
            )
            for track in tracks
        ]  # fmt: skip

    def _render(
        self,
        picture: Picture,
        timelines: list[Timeline],
        identities: dict[int, Identity],
        swappers: dict[int, Swapper],
        tallies: dict[int, _Tally],
    ) -> int:
        """Replace or hide every face of one picture, in place; returns how many there are."""
        placements = [
            placement
            for timeline in timelines
            if timeline.covers(picture.index) and (placement := timeline.at(picture.index))
        ]
        # The farther (smaller) face first, so that the nearer one lies over it.
        placements.sort(key=lambda one: float(np.prod(one.box[2:4] - one.box[:2])))
        for placement in placements:
            track = placement.track
            rule = placement.rule
            if rule is None:
                try:
                    swapper = swappers.get(track.number)
                    if swapper is None:
                        own, identity = track.appearance, identities[track.subject]
                        assert own is not None
                        swapper = build_swapper(self.settings, identity, own)
                        swappers[track.number] = swapper
                    swapper.swap(picture, placement)
                except Exception:
                    # Whatever went wrong, the face must not get out.
                    log.warning("frame %d: a face could not be replaced", picture.index)
                    log.debug("why:", exc_info=True)
                    rule = "error"
            if rule is not None:
                angle = 0.0
                if placement.mesh is not None:
                    angle = float(np.radians(head_pose(placement.mesh)[2]))
                hide(picture, placement.box, angle, self.settings.hide.grow)
            tally = tallies[track.number]
            if rule is None:
                tally.replaced += 1
                tally.trust += placement.trust
                assert placement.occluded is not None
                tally.occluded += float(placement.occluded[10:38, 12:36].mean())
            else:
                tally.hidden[rule] = tally.hidden.get(rule, 0) + 1
            tally.first = picture.index if tally.first is None else tally.first
            tally.last = picture.index
        return len(placements)

    # What surrounds them.

    def _told(self, stage: str, pictures: Iterator[Any], total: int | None) -> Iterator[Any]:
        done = 0
        for picture in pictures:
            yield picture
            done += 1
            if done % 10 == 0:
                self._progress(stage, done, total)
        self._progress(stage, done, done)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self._timings[stage] = round(time.perf_counter() - start, 3)

    def _save_identity(
        self, identities: dict[int, Identity], tracks: list[Track], path: str | Path | None
    ) -> None:
        if path is None:
            return
        if not identities:
            self._warnings.append("there is no new face to save")
            return
        subject = min(identities)
        own = next(t.appearance for t in tracks if t.subject == subject and t.appearance)
        with pending(Path(path), overwrite=True) as draft:
            write_image(draft, portrait(identities[subject], own.colour))

    def _report(
        self,
        source: Path,
        target: Path,
        video: VideoReport,
        tracks: list[Track],
        identities: dict[int, Identity],
        tallies: dict[int, _Tally],
        with_faces: int,
        notes: list[str],
    ) -> Report:
        entries = []
        for track in tracks:
            tally = tallies[track.number]
            if tally.first is None:
                continue
            hidden = sum(tally.hidden.values())
            identity, own = identities.get(track.subject), track.appearance
            group = "infant"
            if own is not None:
                group = age_group(float(load_likeness().years(describe(own.flat, own.shape))))
            if self.settings.identity.age != "auto":
                group = self.settings.identity.age
            given = self.settings.identity.image is not None
            entries.append(
                TrackReport(
                    track=track.number,
                    subject=track.subject,
                    first_frame=tally.first,
                    last_frame=tally.last,
                    frames=tally.replaced + hidden,
                    replaced=tally.replaced,
                    hidden=hidden,
                    hidden_by=tally.hidden,
                    confidence=min(tally.trust / max(tally.replaced, 1), 1.0),
                    occluded=min(tally.occluded / max(tally.replaced, 1), 1.0),
                    age_group=group,
                    identity=IdentityReport(
                        generator=identity.origin,
                        seed=None if given else self.settings.identity.seed,
                        distance=identity.distance,
                    )
                    if identity is not None and tally.replaced
                    else None,
                )
            )
        replaced, hidden = sum(e.replaced for e in entries), sum(e.hidden for e in entries)
        return Report(
            blanket_version=blanket.__version__,
            source=source.name,
            target=target.name,
            preset=self.preset,
            settings=self.settings.shareable(),
            seed=self.settings.identity.seed,
            backends=BackendsReport(
                detect=self.detector.name,
                mesh="face_mesh",
                identity=self.generator.name,
                swap=self.settings.swap.backend,
                execution_provider="CPUExecutionProvider",
            ),
            weights=dict(manifest()),
            video=video,
            tracks=entries,
            totals=Totals(
                frames=video.frames,
                frames_with_faces=with_faces,
                faces=replaced + hidden,
                tracks=len(entries),
                replaced=replaced,
                hidden=hidden,
            ),
            timings_s=self._timings,
            notes=notes,
            warnings=self._warnings,
        )
