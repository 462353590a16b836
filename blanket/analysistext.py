"""The text of an analysis: what stands in it, and how it is written and read.

It is YAML that a person can read and correct; docs/analysis.md describes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from blanket.document import FileName
from blanket.errors import InputError, place
from blanket.output import pending
from blanket.report import BackendsReport
from blanket.track import Track
from blanket.verdict import AuditReport

_HEAD = """\
# What `blanket` found in {video}, to be read and corrected: docs/analysis.md explains it.
# The shape of the faces, which identifies, is in {arrays}; keep the two together and private.
"""
_BEFORE_CORRECTIONS = """\
# Corrections, for example:
#   - {drop: 3}                                      track 3 is no face
#   - {drop: 3, frames: 10-40}                       it is none in these frames
#   - {hide: 0, frames: 12}                          hidden instead of replaced
#   - {picture: 2}                                   a picture of a face: hidden throughout
#   - {add: [410, 220, 540, 390], frames: 40-52}     a face that was missed
#   - {assign: 1, subject: 0}                        who a track is
# Each may have a `note`.
"""
_FIELDS = 12
"""More of them than so many are written on lines of their own."""


class _Part(BaseModel):
    """A part of the text, without fields that the page does not describe."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class VideoPart(_Part):
    """Which video it is. sha256: of the whole file."""

    name: FileName
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    frames: NonNegativeInt


class ArraysPart(_Part):
    """The file beside it. sha256: of the whole file."""

    name: FileName
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class TrackPart(_Part):
    """One face followed. meshes: frames in which its 478 points were read."""

    track: NonNegativeInt
    subject: NonNegativeInt
    first_frame: NonNegativeInt
    last_frame: NonNegativeInt
    frames: NonNegativeInt
    meshes: NonNegativeInt
    left: str | None = None


class IdentityPart(_Part):
    """The new face of a subject; its texture and shape are arrays. photograph: whether it
    has one, too. subject_tag: of a known subject."""

    subject: NonNegativeInt
    origin: str
    distance: float
    photograph: bool
    subject_tag: str | None = None


class Document(_Part):
    """The text."""

    format: Literal["blanket-analysis"] = "blanket-analysis"
    version: Literal[1] = 1
    blanket_version: str
    video: VideoPart
    output: FileName
    arrays: ArraysPart
    corrections: list[Any]
    preset: FileName
    settings: dict[str, Any]
    backends: BackendsReport
    cuts: list[NonNegativeInt]
    tracks: list[TrackPart]
    identities: list[IdentityPart]
    audit: AuditReport | None = None


def track_part(track: Track, left: Mapping[int, str]) -> TrackPart:
    """What the text says of a track. left: why a face was left, by the number of its track."""
    return TrackPart(
        track=track.number,
        subject=track.subject,
        first_frame=track.first,
        last_frame=track.last,
        frames=len(track.sightings),
        meshes=sum(one.packed is not None for one in track.sightings.values()),
        left=left.get(track.number),
    )


def text_of(document: Document) -> str:
    """The text as it is written."""
    head = _HEAD.format(video=document.video.name, arrays=document.arrays.name)
    parts = [head]
    for key, value in document.model_dump(mode="json").items():
        if key == "corrections":
            parts.append(_BEFORE_CORRECTIONS)
        parts.append(_field(key, value))
    return "".join(parts)


def read_document(path: Path) -> Document:
    """A text as it is in a file.

    Raises:
        InputError: it cannot be understood.
    """
    try:
        values = yaml.safe_load(_read(path))
    except yaml.YAMLError as error:
        raise InputError(f"the analysis {path} is not YAML{place(error)}") from error
    if not isinstance(values, dict) or values.get("format") != "blanket-analysis":
        raise InputError(f"{path.name} is no analysis of blanket")
    if values.get("version") != 1:
        raise InputError(
            f"{path.name} is an analysis of form {values.get('version')}, "
            "which this version of blanket does not read"
        )
    # An empty list is easily left as nothing at all.
    values["corrections"] = values.get("corrections") or []
    try:
        return Document.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise InputError(f"the analysis {path.name}: {name}: {first['msg']}") from error


def replace_field(path: Path, name: str, value: Any) -> None:
    """Give a field of a text another value; all else stays to the letter."""
    text = _read(path)
    start, end = len(text), len(text)
    root = yaml.compose(text)
    if isinstance(root, yaml.MappingNode):
        for key, following in pairwise([*(key for key, _ in root.value), None]):
            if key is not None and key.value == name:
                start = key.start_mark.index
                end = len(text) if following is None else following.start_mark.index
    # Comments before what follows belong to that.
    lines = text[start:end].splitlines(keepends=True)
    while lines and (lines[-1].startswith("#") or not lines[-1].strip()):
        end -= len(lines.pop())
    with pending(path, overwrite=True, private=True) as draft:
        draft.write_text(text[:start] + _field(name, value) + text[end:], encoding="utf-8")


def _field(key: str, value: Any, indent: str = "") -> str:
    """A field: short ones in one line, a list of mappings with one of them a line."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        rows = (f"{indent}- {_flow(row)}\n" for row in value)
        return "".join([f"{indent}{key}:\n", *rows])
    if isinstance(value, dict) and (
        len(value) > _FIELDS or any(isinstance(inner, dict | list) for inner in value.values())
    ):
        inner = (_field(name, one, indent + "  ") for name, one in value.items())
        return "".join([f"{indent}{key}:\n", *inner])
    return f"{indent}{key}: {_flow(value)}\n"


def _flow(value: Any) -> str:
    text = yaml.safe_dump(
        value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    )
    return text.removesuffix("...\n").strip()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"the analysis {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is no analysis: name the .yaml file") from error
