"""What a person puts right in an analysis: faces that are none, faces that were missed.

Each correction is a small mapping that can be written by hand; docs/analysis.md shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    NonNegativeInt,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from blanket.analysis import Analysis
from blanket.errors import InputError
from blanket.faces import Points
from blanket.report import Rule
from blanket.track import Sighting, Track


def _span(value: Any) -> Any:
    """``40``, ``"40"`` or ``"40-52"`` as a pair."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("should be a frame such as 40, or frames such as 40-52")
    first, dash, last = str(value).partition("-")
    if not first.strip().isdecimal() or (dash and not last.strip().isdecimal()):
        raise ValueError("should be a frame such as 40, or frames such as 40-52")
    pair = int(first), int(last if dash else first)
    if pair[1] < pair[0]:
        raise ValueError("should be frames in order, such as 40-52")
    return pair


def _written(span: tuple[int, int]) -> str | int:
    return span[0] if span[0] == span[1] else f"{span[0]}-{span[1]}"


Span = Annotated[tuple[int, int], BeforeValidator(_span), PlainSerializer(_written)]
"""First and last frame, written as in ``40-52``."""
Box = tuple[float, float, float, float]
"""x0, y0, x1, y1 in pixels of the picture as shown."""


class _Correction(BaseModel):
    """frames: None for all frames. note: whatever the person wants to remember."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frames: Span | None = None
    note: str | None = None

    def span(self, frames: int) -> range:
        """The frames that are meant, of a video of so many."""
        first, last = self.frames or (0, frames - 1)
        return range(first, last + 1)


class Drop(_Correction):
    """This track is no face: it is left as it is."""

    kind: ClassVar = "drop"
    drop: NonNegativeInt


class Hide(_Correction):
    """This track is hidden instead of replaced."""

    kind: ClassVar = "hide"
    hide: NonNegativeInt


class OnWall(_Correction):
    """This track is a picture of a face, on a wall or a screen: it is hidden throughout."""

    kind: ClassVar = "picture"
    picture: NonNegativeInt
    frames: None = None


class Add(_Correction):
    """A face that was missed, to be hidden; `to`: where the box has got to in the last frame."""

    kind: ClassVar = "add"
    add: Box
    to: Box | None = None
    frames: Span

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for box in (self.add, self.to or self.add):
            if not (np.isfinite(box).all() and box[0] < box[2] and box[1] < box[3]):
                raise ValueError("a box is left, top, right, bottom in pixels")
        return self


class Assign(_Correction):
    """This track is this person; tracks of one person share a new face. id: the one that the
    person is known by."""

    kind: ClassVar = "assign"
    assign: NonNegativeInt
    subject: NonNegativeInt
    id: str | None = None
    frames: None = None


Correction = Drop | Hide | OnWall | Add | Assign
KINDS: dict[str, type[Correction]] = {kind.kind: kind for kind in (Drop, Hide, OnWall, Add, Assign)}


def read_corrections(values: Any) -> list[Correction]:
    """Corrections from a list of mappings such as ``{"drop": 3, "frames": "10-40"}``.

    Raises:
        InputError: one of them cannot be understood; the sentence says which and why.
    """
    if not isinstance(values, list):
        raise InputError("the corrections must be a list: see docs/analysis.md")
    found = []
    for number, value in enumerate(values, 1):
        kinds = [kind for kind in KINDS if isinstance(value, dict) and kind in value]
        if len(kinds) != 1:
            raise InputError(f"correction {number} must have one of {', '.join(KINDS)} in it")
        try:
            found.append(KINDS[kinds[0]].model_validate(value))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or kinds[0]
            demand = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
            raise InputError(f"correction {number}: {field}: {demand}") from error
    return found


def written(correction: Correction) -> dict[str, Any]:
    """As it stands in the file, what it is first."""
    values = correction.model_dump(mode="json", exclude_none=True)
    first = correction.kind
    rest = [key for key in ("to", "subject", "id", "frames", "note") if key in values]
    return {key: values[key] for key in [first, *rest]}


def once(corrections: Sequence[Correction]) -> list[Correction]:
    """Without those that are said again further down, which are what counts; notes stay.

    Added faces are all kept: each is a track of its own, which others may name by its number.
    """
    kept: dict[Any, Correction] = {}
    for number, one in enumerate(corrections):
        key = number if isinstance(one, Add) else one.model_copy(update={"note": None})
        before = kept.pop(key, one)
        kept[key] = one if one.note else one.model_copy(update={"note": before.note})
    return list(kept.values())


def named(corrections: Sequence[Correction]) -> dict[int, str]:
    """The IDs that a person gave, by subject; the last one of each counts."""
    return {
        one.subject: one.id for one in corrections if isinstance(one, Assign) and one.id is not None
    }


def corrected(analysis: Analysis, corrections: Sequence[Correction]) -> Analysis:
    """The analysis as a person put it right, one correction after the other.

    The given analysis stays as it is; looks at faces are shared with it.

    Raises:
        InputError: a correction names a track, frame or place that the video does not have.
    """
    tracks = {
        track.number: replace(
            track, sightings=dict(track.sightings), dropped=set(track.dropped),
            hidden=dict(track.hidden),
        )
        for track in analysis.tracks
    }  # fmt: skip
    for number, correction in enumerate(corrections, 1):
        _refuse_elsewhere(number, correction, analysis, tracks)
        match correction:
            case Drop(drop=which):
                tracks[which].dropped.update(correction.span(analysis.frames))
            case Hide(hide=which):
                rule: Rule = "by-hand"
                tracks[which].hidden.update(dict.fromkeys(correction.span(analysis.frames), rule))
            case OnWall(picture=which):
                _on_wall(tracks[which], analysis.cuts)
            case Add():
                new = max(tracks, default=-1) + 1
                subject = max((track.subject for track in tracks.values()), default=-1) + 1
                tracks[new] = Track(new, _boxes(correction), subject)
            case Assign(assign=which, subject=subject):
                tracks[which].subject = subject
    return replace(analysis, tracks=list(tracks.values()))


def _refuse_elsewhere(
    number: int, correction: Correction, analysis: Analysis, tracks: dict[int, Track]
) -> None:
    which = getattr(correction, correction.kind)
    if not isinstance(correction, Add) and which not in tracks:
        raise InputError(f"correction {number} is of track {which}, which there is not")
    if correction.frames is not None and correction.frames[1] >= analysis.frames:
        raise InputError(
            f"correction {number} is of frame {correction.frames[1]}, "
            f"but the last frame is {analysis.frames - 1}"
        )
    if isinstance(correction, Add):
        for x0, y0, x1, y1 in (correction.add, correction.to or correction.add):
            if x1 <= 0 or y1 <= 0 or x0 >= analysis.width or y0 >= analysis.height:
                raise InputError(
                    f"correction {number} is of a place outside the picture of "
                    f"{analysis.width}x{analysis.height} pixels"
                )


def _boxes(correction: Add) -> dict[int, Sighting]:
    first, last = correction.frames
    start = np.array(correction.add, np.float32)
    end = np.array(correction.to or correction.add, np.float32)
    steps = max(last - first, 1)
    return {
        first + step: Sighting(_between(start, end, step / steps), rule="by-hand")
        for step in range(last - first + 1)
    }


def _on_wall(track: Track, cuts: list[int]) -> None:
    """Hidden in every frame of its shots, where it was missed for a while too."""
    frames = sorted(track.sightings)
    track.hidden.update(dict.fromkeys(range(frames[0], frames[-1] + 1), "picture"))
    for start, end in pairwise(frames):
        if any(start < cut <= end for cut in cuts):
            continue
        boxes = track.sightings[start].box[:4], track.sightings[end].box[:4]
        for index in range(start + 1, end):
            share = (index - start) / (end - start)
            track.sightings[index] = Sighting(_between(*boxes, share), rule="picture")


def _between(start: Points, end: Points, share: float) -> Points:
    return (start * (1 - share) + end * share).astype(np.float32)


def told(correction: Correction) -> tuple[Literal["warning", "note"], str]:
    """What a report says of it: a warning where a face may be left as it is."""
    frames = "every frame"
    if correction.frames is not None:
        first, last = correction.frames
        frames = f"{'frame' if first == last else 'frames'} {_written(correction.frames)}"
    match correction:
        case Drop(drop=which):
            text = f"track {which} is left as it is in {frames}: a correction says it is no face"
            return "warning", text
        case Hide(hide=which):
            return "note", f"track {which} is hidden in {frames}, as a correction asks"
        case OnWall(picture=which):
            return "note", f"track {which} is hidden: a correction says it is a picture"
        case Add():
            return "note", f"a face that a correction adds is hidden in {frames}"
        case Assign(assign=which, subject=subject):
            return "note", f"track {which} is subject {subject}, as a correction says"
