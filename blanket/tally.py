"""Counting what is done to each face, and the report that comes of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import blanket
from blanket.config import Settings
from blanket.detect.centerface import WEIGHTS, CenterFace
from blanket.detect.ensemble import Ensemble
from blanket.document import frame_ranges
from blanket.expected import frames_with_fewer
from blanket.faces import Identity
from blanket.inpaint.morphable import age_group, years_of
from blanket.mesh import covered
from blanket.report import (
    BackendsReport,
    DetectionReport,
    DetectorReport,
    IdentityReport,
    LeftReport,
    ModelReport,
    Report,
    Rule,
    Totals,
    TrackReport,
    TrialsReport,
    VideoReport,
)
from blanket.timeline import Placement
from blanket.track import Track
from blanket.verdict import AuditReport, numbers_said
from blanket.weights import checksums


@dataclass
class _Entry:
    """What was done to one track so far."""

    first: int
    last: int = 0
    replaced: dict[str, int] = field(default_factory=dict)
    hidden: dict[Rule, int] = field(default_factory=dict)
    trust: float = 0.0
    occluded: float = 0.0


class Tally:
    """Counts frames and faces, and takes the time of the stages."""

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self._faces: Counter[int] = Counter()
        self.timings: dict[str, float] = {}
        self.notes: list[str] = []
        self.warnings: list[str] = []
        self.left: list[LeftReport] = []

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Take the time of a stage."""
        start = time.perf_counter()
        yield
        spent = self.timings.get(stage, 0.0) + time.perf_counter() - start
        self.timings[stage] = round(spent, 3)

    def again(self) -> None:
        """Forget what was counted: every frame is rendered again."""
        self._entries.clear()
        self._faces.clear()

    def count(
        self, frame: int, placement: Placement, rule: Rule | None, by: str | None = None
    ) -> None:
        """A face was hidden by a rule in a frame, or replaced (or treated) `by` a method."""
        self._faces[frame] += 1
        entry = self._entries.setdefault(placement.track.number, _Entry(first=frame))
        entry.last = frame
        if rule is not None:
            entry.hidden[rule] = entry.hidden.get(rule, 0) + 1
            return
        assert by is not None
        entry.replaced[by] = entry.replaced.get(by, 0) + 1
        entry.trust += placement.trust
        if placement.occluded is not None:
            # The middle of the face crop is face.
            entry.occluded += covered(placement.occluded)

    def leave(self, track: Track, why: str) -> None:
        """A face is left as it is in all frames."""
        self.left.append(
            LeftReport(
                track=track.number, subject=track.subject, first_frame=track.first,
                last_frame=track.last, frames=len(track.sightings), why=why,
            )
        )  # fmt: skip
        self.warnings.append(
            f"the face of person {track.subject} (track {track.number}, frames {track.first} to "
            f"{track.last}) was left as it is: {why}"
        )

    def report(
        self,
        source: Path,
        target: Path,
        preset: str,
        settings: Settings,
        video: VideoReport,
        backends: BackendsReport,
        models: list[ModelReport],
        detector: Ensemble | None,
        tracks: list[Track],
        identities: dict[int, Identity],
        audit: AuditReport | None,
    ) -> Report:
        """The report of the run. models: other people's that were used. detector: with its
        counts, None where it was not asked. identities: by subject. audit: of
        the output, None where there was none."""
        detection = self._detection(detector, settings, tracks, video.frames)
        entries = [
            self._track(track, self._entries[track.number], settings, identities)
            for track in tracks
            if track.number in self._entries
        ]
        replaced, hidden = sum(e.replaced for e in entries), sum(e.hidden for e in entries)
        for name, count in self._fallbacks(backends.swap).items():
            self.warnings.append(
                f"{count} of {replaced} faces were replaced by {name}, because {backends.swap} "
                "was not sure of them"
            )
        if any(one.trials is not None and not one.trials.checks for one in identities.values()):
            self.warnings.append("the candidates for a new face were not checked")
        return Report(
            blanket_version=blanket.__version__,
            source=source.name,
            target=target.name,
            preset=preset,
            settings=settings.shareable(),
            method=settings.method.name,
            seed=settings.identity.seed,
            backends=backends,
            weights=self._weights(detector),
            models=models,
            video=video,
            detection=detection,
            tracks=entries,
            left=self.left,
            totals=Totals(
                frames=video.frames,
                frames_with_faces=len(self._faces),
                faces=replaced + hidden,
                tracks=len(entries),
                replaced=replaced,
                hidden=hidden,
            ),
            audit=audit,
            timings_s=self.timings,
            notes=self.notes,
            warnings=self.warnings,
        )

    def _weights(self, detector: Ensemble | None) -> dict[str, str]:
        searched = detector is not None and CenterFace.name in detector.counts
        return checksums() | (WEIGHTS if searched else {})

    def _detection(
        self, detector: Ensemble | None, settings: Settings, tracks: list[Track], frames: int
    ) -> DetectionReport:
        expected = settings.detect.expect_faces
        fewer = frames_with_fewer(tracks, frames, settings)
        if fewer:
            self.warnings.append(
                f"{len(fewer)} of {frames} frames show fewer faces than the {expected} that are "
                f"expected: look at {numbers_said(fewer)}"
                + (", for what was not found is not hidden" if settings.audit.strict else "")
            )
        return DetectionReport(
            combine=settings.detect.combine,
            detectors=[
                DetectorReport(
                    detector=name, pictures=one.pictures, faces=one.faces, alone=one.alone,
                    seconds=round(one.seconds, 3),
                )
                for name, one in (detector.counts if detector else {}).items()
            ],
            disputed=frame_ranges(detector.disputed if detector else ()),
            expected_faces=expected,
            fewer=frame_ranges(fewer),
        )  # fmt: skip

    def _fallbacks(self, first: str | None) -> Counter[str]:
        """How many faces were replaced by another swapper than the first."""
        by: Counter[str] = Counter()
        for entry in self._entries.values():
            by.update(entry.replaced)
        return Counter() if first is None else Counter({n: c for n, c in by.items() if n != first})

    def _track(
        self, track: Track, entry: _Entry, settings: Settings, identities: dict[int, Identity]
    ) -> TrackReport:
        hidden, replaced = sum(entry.hidden.values()), sum(entry.replaced.values())
        identity, own = identities.get(track.subject), track.appearance
        group: str | None = settings.identity.age
        if settings.method.name != "blanket":
            group = None
        elif group == "auto":
            group = "infant" if own is None else age_group(years_of(own))
        new = None
        if identity is not None and replaced:
            given, trials = settings.identity.image is not None, identity.trials
            new = IdentityReport(
                generator=identity.origin,
                seed=None if given or identity.tag is not None else settings.identity.seed,
                subject_tag=identity.tag,
                distance=identity.distance,
                trials=None
                if trials is None
                else TrialsReport(
                    frame=trials.frame,
                    made=trials.made,
                    checks=list(trials.checks),
                    rejected=trials.rejected,
                ),
            )
        return TrackReport(
            track=track.number,
            subject=track.subject,
            first_frame=entry.first,
            last_frame=entry.last,
            frames=replaced + hidden,
            replaced=replaced,
            replaced_by=entry.replaced,
            hidden=hidden,
            hidden_by=entry.hidden,
            confidence=min(entry.trust / max(replaced, 1), 1.0),
            occluded=min(entry.occluded / max(replaced, 1), 1.0),
            age_group=group,
            identity=new,
        )
