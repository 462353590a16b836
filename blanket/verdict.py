"""What an audit says: a verdict for every frame, with its reason (see docs/audit.md).

It can be published beside the video: it holds names of files without their folders, numbers
and places, and nothing of any picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field, NonNegativeInt

from blanket.document import Document, FileName, Part, frame_ranges
from blanket.errors import counted

Verdict = Literal["no-face", "replaced", "hidden", "suspect", "leak"]
VERDICTS: tuple[Verdict, ...] = ("no-face", "replaced", "hidden", "suspect", "leak")
"""From harmless to worst: a frame has the worst of its faces, and is suspect where it has fewer
than are expected."""
Reason = Literal["untouched", "missed", "doubtful", "unclear", "same-person"]
Flag = Literal[
    "cut", "entry", "exit", "border", "tiny", "profile", "back-of-head", "blurred",
    "mirror", "framed", "still", "fewer",
]  # fmt: skip
FLAGS: tuple[Flag, ...] = (
    "cut", "entry", "exit", "border", "tiny", "profile", "back-of-head", "blurred",
    "mirror", "framed", "still", "fewer",
)  # fmt: skip
_MOST = 8
"""Places that a sentence lists."""


class Span(Part):
    """Consecutive frames of which the same is said."""

    first_frame: NonNegativeInt = Field(description="number of its first frame, from 0")
    last_frame: NonNegativeInt = Field(description="number of its last frame")
    verdict: Verdict = Field(description="what its frames show")
    flags: list[Flag] = Field(description="what makes them worth a look")


class Finding(Part):
    """A face, or what may be one, that the output shows or may show."""

    frame: NonNegativeInt = Field(description="number of the frame, from 0")
    verdict: Literal["suspect", "leak"] = Field(description="how sure that is")
    reason: Reason = Field(description="what speaks for it")
    track: int | None = Field(description="number of the track; null where it was not followed")
    box: tuple[float, float, float, float] = Field(
        description="x0, y0, x1, y1 in pixels of the original as shown"
    )
    correlation: float = Field(
        description="of the face's detail in the original and in the output, 1: unchanged"
    )


class TrackAudit(Part):
    """What a recogniser says of one face in the original and in the output."""

    track: NonNegativeInt = Field(description="number of the track, from 0")
    compared: NonNegativeInt = Field(description="number of frames that were compared")
    distance: float = Field(description="between original and output, median over these frames")
    smallest: float = Field(description="the smallest of these distances")
    margin: float = Field(
        description="`distance` less `same_person_below`: how far it is from being recognised"
    )


class AuditReport(Document):
    """What an attacker would find in one output."""

    blanket_version: str = Field(description="version of the program")
    original: FileName = Field(description="name of the original, without its folder")
    anonymized: FileName = Field(description="name of the output, without its folder")
    effort: Literal["quick", "thorough"] = Field(description="how hard it looked")
    detector: str | None = Field(
        description="what looked for more faces than the analysis knew; null where nothing did"
    )
    searched: NonNegativeInt = Field(description="frames of the original searched for faces")
    recogniser: str | None = Field(description="what compared people; null where nothing did")
    same_person_below: float | None = Field(
        description="distance under which the same frame of original and output show one person"
    )
    verdict: Literal["clean", "suspect", "leak"] = Field(description="of the file: its worst frame")
    frames: NonNegativeInt = Field(description="number of frames")
    totals: dict[Verdict, NonNegativeInt] = Field(description="frames by verdict")
    spans: list[Span] = Field(description="every frame's verdict, equal ones together, in order")
    findings: list[Finding] = Field(
        description="every leak and every suspect with a place, in order of time"
    )
    tracks: list[TrackAudit] = Field(description="the faces that were compared")

    @property
    def leaks(self) -> list[Finding]:
        """The findings that are leaks."""
        return [finding for finding in self.findings if finding.verdict == "leak"]

    @property
    def suspects(self) -> list[Finding]:
        """The findings that are none for sure."""
        return [finding for finding in self.findings if finding.verdict == "suspect"]

    @property
    def fewer(self) -> list[int]:
        """The frames that show fewer faces than are expected: suspect, with no place to look at."""
        return [
            frame
            for span in self.spans
            if "fewer" in span.flags
            for frame in range(span.first_frame, span.last_frame + 1)
        ]

    @property
    def exit_status(self) -> int:
        """Of the command: 4 for a leak, 3 where a person should look, else 0."""
        return {"clean": 0, "suspect": 3, "leak": 4}[self.verdict]

    def verdicts(self) -> list[Verdict]:
        """The verdict of every frame, in order."""
        return [
            span.verdict
            for span in self.spans
            for _ in range(span.last_frame - span.first_frame + 1)
        ]


def frames_said(findings: Iterable[Finding]) -> str:
    """The frames of some findings in words: ``frames 3, 10-42 and 3 more places``."""
    return numbers_said({finding.frame for finding in findings})


def numbers_said(frames: Iterable[int]) -> str:
    """The same of numbers of frames."""
    ranges = frame_ranges(frames)
    told = [str(a) if a == b else f"{a}-{b}" for a, b in ranges[:_MOST]]
    more = len(ranges) - _MOST
    word = "frame" if len(ranges) == 1 and ranges[0][0] == ranges[0][1] else "frames"
    further = f" and {counted(more, 'more place')}" if more > 0 else ""
    return f"{word} {', '.join(told)}{further}"
