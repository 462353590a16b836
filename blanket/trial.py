"""Everything that an audit finds, until its verdict."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

import blanket
from blanket.analysis import Analysis
from blanket.change import LASTING, Change
from blanket.config import Settings
from blanket.expected import frames_with_fewer
from blanket.flags import bit, flagged, flags_of
from blanket.persons import Persons
from blanket.verdict import (
    VERDICTS,
    AuditReport,
    Finding,
    Flag,
    Reason,
    Span,
    TrackAudit,
    Verdict,
)
from blanket.witness import Place

_BLURRED = 0.45
"""A face with less than this share of its track's usual detail is blurred."""


class Trial:
    """Collects what is found of one output, in a few bytes a frame. searched: frames in which
    more faces were looked for. settings: of the run; frames with fewer faces than they expect
    are suspect."""

    def __init__(self, analysis: Analysis, persons: Persons | None, settings: Settings) -> None:
        self.searched = 0
        self._persons = persons
        self._verdicts: NDArray[np.uint8] = np.zeros(analysis.frames, np.uint8)
        self._flags = flagged(analysis)
        self._findings: list[Finding] = []
        self._sharp: dict[int, tuple[list[int], list[float]]] = {}
        self._kept: dict[int, list[float]] = {}
        self._bare: list[Finding] = []
        self._distances: dict[int, list[float]] = {}
        for frame in frames_with_fewer(analysis.tracks, analysis.frames, settings):
            self.clear(frame, "suspect")
            self.flag(frame, "fewer")

    def flag(self, frame: int, flag: Flag) -> None:
        """A frame is worth a look."""
        self._flags[frame] |= bit(flag)

    def sharpness(self, frame: int, place: Place, detail: float) -> None:
        """How much detail the original shows of a face."""
        if place.track is not None:
            frames, details = self._sharp.setdefault(place.track, ([], []))
            frames.append(frame)
            details.append(detail)

    def clear(self, frame: int, verdict: Verdict) -> None:
        """A face of a frame, or the frame, has a verdict."""
        self._verdicts[frame] = max(self._verdicts[frame], VERDICTS.index(verdict))

    def find(
        self,
        frame: int,
        place: Place,
        verdict: Literal["suspect", "leak"],
        reason: Reason,
        change: Change,
    ) -> None:
        """A face shows, or may show."""
        self._add(_finding(frame, place, verdict, reason, change))

    def _add(self, finding: Finding) -> None:
        self.clear(finding.frame, finding.verdict)
        self._findings.append(finding)

    def kept(self, frame: int, place: Place, change: Change) -> None:
        """How much of a face that was replaced or hidden is as it was: a little of it in single
        frames is chance, in most of them it is a bar over the eyes."""
        if place.track is not None:
            self._kept.setdefault(place.track, []).append(change.kept)
            if change.kept > LASTING:
                self._bare.append(_finding(frame, place, "suspect", "unclear", change))

    def distance(self, place: Place, distance: float) -> None:
        """What a recogniser says of a face."""
        if place.track is not None:
            self._distances.setdefault(place.track, []).append(distance)

    def report(
        self,
        original: str,
        anonymized: str,
        effort: Literal["quick", "thorough"],
        detector: str | None,
    ) -> AuditReport:
        """The verdict. original, anonymized: names of the files."""
        lasting = {track for track, kept in self._kept.items() if np.median(kept) > LASTING}
        for finding in self._bare:
            if finding.track in lasting:
                self._add(finding)
        self._findings.sort(key=lambda finding: finding.frame)
        for frames, details in self._sharp.values():
            blurred = np.array(details) < _BLURRED * np.median(details)
            self._flags[np.array(frames)[blurred]] |= bit("blurred")
        worst = VERDICTS[int(self._verdicts.max(initial=0))]
        persons = self._persons
        bound = persons.same if persons else 0.0
        return AuditReport(
            blanket_version=blanket.__version__,
            original=original,
            anonymized=anonymized,
            effort=effort,
            detector=detector,
            searched=self.searched,
            recogniser=persons.name if persons else None,
            same_person_below=persons.same if persons else None,
            verdict=worst if worst == "leak" or worst == "suspect" else "clean",
            frames=len(self._verdicts),
            totals={
                verdict: int((self._verdicts == number).sum())
                for number, verdict in enumerate(VERDICTS)
            },
            spans=self._spans(),
            findings=self._findings,
            tracks=[
                TrackAudit(
                    track=track,
                    compared=len(found),
                    distance=round(float(np.median(found)), 3),
                    smallest=round(min(found), 3),
                    margin=round(float(np.median(found)) - bound, 3),
                )
                for track, found in sorted(self._distances.items())
            ],
        )

    def _spans(self) -> list[Span]:
        said = self._verdicts.astype(np.int64) << 16 | self._flags
        starts = np.flatnonzero(np.diff(said, prepend=-1))
        ends = np.append(starts[1:], len(said))
        return [
            Span(
                first_frame=int(start),
                last_frame=int(end) - 1,
                verdict=VERDICTS[int(self._verdicts[start])],
                flags=flags_of(int(self._flags[start])),
            )
            for start, end in zip(starts, ends, strict=True)
        ]


def _finding(
    frame: int,
    place: Place,
    verdict: Literal["suspect", "leak"],
    reason: Reason,
    change: Change,
) -> Finding:
    x0, y0, x1, y1 = (round(float(edge), 1) for edge in place.box)
    return Finding(
        frame=frame, verdict=verdict, reason=reason, track=place.track,
        box=(x0, y0, x1, y1), correlation=round(change.correlation, 3),
    )  # fmt: skip
