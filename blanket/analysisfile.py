"""An analysis as two files: text that a person can read and correct, and arrays beside it.

docs/analysis.md describes both. No pixel of the original is in them; what a face usually
looks like is looked at again, in one quick pass, before anything is rendered.
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

import blanket
from blanket.analysis import Analysis
from blanket.config import Settings
from blanket.corrections import Correction, corrected, read_corrections, written
from blanket.document import FileName
from blanket.errors import InputError
from blanket.faces import Array, Identity, Photograph
from blanket.looks import look_again
from blanket.mesh import MASK_SIDE
from blanket.output import pending, refuse_existing
from blanket.picture import Picture
from blanket.presets import load_settings
from blanket.report import BackendsReport
from blanket.topology import POINTS
from blanket.track import Sighting, Track
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


@dataclass(frozen=True)
class SavedAnalysis:
    """An analysis that was read from its files.

    found: as the program found it. corrections: what a person has put right since.
    identities: the new faces, by subject. settings, preset, backends: of the run. source,
    output: the names of the video and of its anonymised copy, without folders. left: why a face
    was left as it is, by the number of its track. audit: the verdicts on that copy, if there
    are any.
    """

    path: Path
    found: Analysis
    corrections: list[Correction]
    identities: dict[int, Identity]
    settings: Settings
    preset: str
    backends: BackendsReport
    source: str
    output: str
    left: dict[int, str]
    audit: AuditReport | None
    _sha256: str
    _looks: dict[int, list[tuple[int, float]]]

    def decided(self, settings: Settings) -> bool:
        """Whether it says who is left: settings choose the same faces, and know nobody anew."""
        asked = settings.subjects
        anew = asked.gallery is not None or asked.subject is not None
        return not anew and asked.faces == self.settings.subjects.faces

    def refuse_other(self, source: Path) -> None:
        """Raise InputError where `source` is not the file that was analysed, to the byte."""
        if _sha256(source) != self._sha256:
            raise InputError(
                f"{self.path.name} is the analysis of another file than {source.name}: "
                f"name the {self.source} that it was made of, or analyse {source.name} anew"
            )

    def look_again(self, pictures: Iterable[Picture]) -> None:
        """Take the looks at the faces that the analysis was made with, from the same video.

        pictures: all of them, in order; most are only counted.
        """
        side = self.settings.track.analysis_side
        look_again(self.found.tracks, self._looks, pictures, side)

    def corrected(self) -> Analysis:
        """What was found, with the corrections. Raises InputError where one does not fit."""
        return corrected(self.found, self.corrections)


def save_analysis(
    path: Path,
    source: Path,
    output: str,
    analysis: Analysis,
    identities: Mapping[int, Identity],
    settings: Settings,
    preset: str,
    backends: BackendsReport,
    left: Mapping[int, str] = MappingProxyType({}),
    corrections: Sequence[Correction] = (),
    overwrite: bool = False,
) -> None:
    """Write an analysis: text under `path` (.yaml), arrays beside it (.npz), for the eyes of their
    owner only.

    source: the video or picture. output: the name of its anonymised copy. analysis: as it
    was found, before any correction. identities: by subject. left: as in `SavedAnalysis`.
    Other arguments: of the run.

    Raises:
        InputError, BlanketError: as `blanket.output.pending` does.
    """
    arrays_at = arrays_beside(path)
    # What surrounds a face that was painted into a frame is the original's.
    kept = [(subject, one) for subject, one in sorted(identities.items()) if one.trials is None]
    with ExitStack() as stack:
        text = stack.enter_context(pending(path, overwrite, private=True))
        # Closed first: a text never names arrays that are not there yet.
        arrays = stack.enter_context(pending(arrays_at, overwrite, private=True))
        content: dict[str, Any] = _arrays(analysis, [one for _, one in kept])
        with arrays.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **content)
        document = Document(
            blanket_version=blanket.__version__,
            video=VideoPart(
                name=source.name, sha256=_sha256(source), width=analysis.width,
                height=analysis.height, frames=analysis.frames,
            ),
            output=output,
            arrays=ArraysPart(name=arrays_at.name, sha256=_sha256(arrays)),
            preset=preset,
            settings=settings.shareable(),
            backends=backends,
            cuts=analysis.cuts,
            tracks=[_track_part(track, left) for track in analysis.tracks],
            identities=[
                IdentityPart(
                    subject=subject, origin=one.origin, distance=one.distance,
                    photograph=one.photograph is not None, subject_tag=one.tag,
                )
                for subject, one in kept
            ],
            corrections=[written(one) for one in corrections],
        )  # fmt: skip
        text.write_text(_text(document), encoding="utf-8")


def load_analysis(path: Path) -> SavedAnalysis:
    """Read an analysis that `save_analysis` wrote and a person may have corrected.

    Raises:
        InputError: the text cannot be understood, or the arrays beside it are missing,
            damaged or those of another analysis.
    """
    document = _document(path)
    corrections = read_corrections(document.corrections)
    arrays_at = path.with_name(document.arrays.name)
    if not arrays_at.is_file():
        raise InputError(f"{path.name} needs {arrays_at.name} beside it, which is missing")
    if _sha256(arrays_at) != document.arrays.sha256:
        raise InputError(
            f"{arrays_at.name} is not the one that {path.name} was written with: "
            "keep the two files together, or analyse the video anew"
        )
    try:
        with np.load(arrays_at, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        tracks = {part.track: Track(part.track, {}, part.subject) for part in document.tracks}
        for number, frame, sighting in _sightings(arrays):
            tracks[number].sightings[frame] = sighting
        for number, frame, rule in _rows(arrays, "hidden_track", "hidden_frame", "hidden_rule"):
            tracks[number].hidden[frame] = rule
        looks: dict[int, list[tuple[int, float]]] = {}
        for number, frame, clear in _rows(arrays, "look_track", "look_frame", "look_clear"):
            looks.setdefault(number, []).append((frame, clear))
        identities = dict(_identities(document, arrays))
        times = arrays["times"]
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{arrays_at.name} lacks what {path.name} says is in it") from error
    found = Analysis(
        document.video.width, document.video.height, times, document.cuts, list(tracks.values())
    )
    return SavedAnalysis(
        path=path,
        found=found,
        corrections=corrections,
        identities=identities,
        settings=load_settings(document.settings),
        preset=document.preset,
        backends=document.backends,
        source=document.video.name,
        output=document.output,
        left={part.track: part.left for part in document.tracks if part.left is not None},
        audit=document.audit,
        _sha256=document.video.sha256,
        _looks=looks,
    )


def save_corrections(path: Path, corrections: Sequence[Correction]) -> None:
    """Replace the corrections in the text of an analysis; all else stays to the letter."""
    _replace(path, "corrections", [written(one) for one in corrections])


def save_audit(path: Path, audit: AuditReport) -> None:
    """Put verdicts into the text of an analysis, in place of earlier ones."""
    _replace(path, "audit", audit.model_dump(mode="json"))


def _replace(path: Path, name: str, value: Any) -> None:
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
        draft.write_text(text[:start] + _text_of(name, value) + text[end:], encoding="utf-8")


def arrays_beside(path: Path) -> Path:
    """Where the arrays of an analysis are.

    Raises:
        InputError: `path` is not the name of a text.
    """
    if path.suffix.lower() not in (".yaml", ".yml"):
        raise InputError(f"an analysis is a .yaml file, and {path.name} is none")
    return path.with_suffix(".npz")


def refuse_unsaveable(path: Path, overwrite: bool) -> None:
    """Raise InputError where an analysis cannot be saved: before the work, not after it."""
    for written_at in (path, arrays_beside(path)):
        refuse_existing(written_at, overwrite)


# The arrays.


def _arrays(analysis: Analysis, faces: Sequence[Identity]) -> dict[str, Array]:
    rows = [
        (track.number, frame, track.sightings[frame])
        for track in analysis.tracks
        for frame in sorted(track.sightings)
    ]
    sightings = [one for _, _, one in rows]
    meshed = [one for one in sightings if one.packed is not None]
    looks = [(track.number, *look) for track in analysis.tracks for look in track.album.taken]
    hidden = [
        (track.number, frame, rule)
        for track in analysis.tracks
        for frame, rule in sorted(track.hidden.items())
    ]
    photographs = [one.photograph for one in faces if one.photograph is not None]
    return {
        "times": analysis.times,
        "track": np.array([number for number, _, _ in rows], np.int32),
        "frame": np.array([frame for _, frame, _ in rows], np.int32),
        "box": _stack([one.box[:4] for one in sightings], (4,), np.float32),
        "trust": np.array([one.trust for one in sightings], np.float64),
        "score": np.array([one.score for one in sightings], np.float64),
        "rule": np.array([one.rule or "" for one in sightings], "U16"),
        "meshed": np.array([one.packed is not None for one in sightings], bool),
        "mesh": _stack([one.packed for one in meshed], (POINTS, 3), np.int16),
        "mesh_low": _stack([one.box[4:7] for one in meshed], (3,), np.float32),
        "mesh_span": np.array([one.box[7] for one in meshed], np.float32),
        "occluded": _stack([one.occluded for one in meshed], (MASK_SIDE, MASK_SIDE), np.uint8),
        "look_track": np.array([number for number, _, _ in looks], np.int32),
        "look_frame": np.array([frame for _, frame, _ in looks], np.int32),
        "look_clear": np.array([clear for _, _, clear in looks], np.float64),
        "hidden_track": np.array([number for number, _, _ in hidden], np.int32),
        "hidden_frame": np.array([frame for _, frame, _ in hidden], np.int32),
        "hidden_rule": np.array([rule for _, _, rule in hidden], "U16"),
        "identity_texture": _stack([one.texture for one in faces], (0, 0, 3), np.uint8),
        "identity_shape": _stack([one.shape for one in faces], (POINTS, 3), np.float32),
        "photograph": _stack([one.pixels for one in photographs], (0, 0, 3), np.uint8),
        "photograph_mesh": _stack([one.mesh for one in photographs], (POINTS, 3), np.float32),
    }


def _stack(arrays: Sequence[Array | None], shape: tuple[int, ...], dtype: Any) -> Array:
    return np.array(arrays, dtype) if arrays else np.empty((0, *shape), dtype)


def _sightings(arrays: Mapping[str, Array]) -> Iterator[tuple[int, int, Sighting]]:
    row = 0
    names = ("track", "frame", "trust", "score", "rule", "meshed")
    for (number, frame, trust, score, rule, meshed), box in zip(
        _rows(arrays, *names), arrays["box"], strict=True
    ):
        if meshed:
            low, span = arrays["mesh_low"][row], arrays["mesh_span"][row]
            whole = np.concatenate([box, low, [span]]).astype(np.float32)
            cover = zlib.compress(arrays["occluded"][row].tobytes(), 1)
            yield number, frame, Sighting(whole, trust, None, arrays["mesh"][row], cover, score)
            row += 1
        else:
            yield number, frame, Sighting(box, trust, rule or None, None, b"", score)


def _identities(document: Document, arrays: Mapping[str, Array]) -> Iterator[tuple[int, Identity]]:
    photographs = zip(arrays["photograph"], arrays["photograph_mesh"], strict=True)
    for part, texture, shape in zip(
        document.identities, arrays["identity_texture"], arrays["identity_shape"], strict=True
    ):
        taken = Photograph(*next(photographs)) if part.photograph else None
        face = Identity(texture, shape, part.origin, part.distance, taken, tag=part.subject_tag)
        yield part.subject, face


def _rows(arrays: Mapping[str, Array], *names: str) -> Iterator[tuple[Any, ...]]:
    return zip(*(arrays[name].tolist() for name in names), strict=True)


# The text.


def _track_part(track: Track, left: Mapping[int, str]) -> TrackPart:
    return TrackPart(
        track=track.number,
        subject=track.subject,
        first_frame=track.first,
        last_frame=track.last,
        frames=len(track.sightings),
        meshes=sum(one.packed is not None for one in track.sightings.values()),
        left=left.get(track.number),
    )


def _text(document: Document) -> str:
    head = _HEAD.format(video=document.video.name, arrays=document.arrays.name)
    parts = [head]
    for key, value in document.model_dump(mode="json").items():
        if key == "corrections":
            parts.append(_BEFORE_CORRECTIONS)
        parts.append(_text_of(key, value))
    return "".join(parts)


def _text_of(key: str, value: Any, indent: str = "") -> str:
    """A field: short ones in one line, a list of mappings with one of them a line."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        rows = (f"{indent}- {_flow(row)}\n" for row in value)
        return "".join([f"{indent}{key}:\n", *rows])
    if isinstance(value, dict) and (
        len(value) > _FIELDS or any(isinstance(inner, dict | list) for inner in value.values())
    ):
        inner = (_text_of(name, one, indent + "  ") for name, one in value.items())
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


def _document(path: Path) -> Document:
    try:
        values = yaml.safe_load(_read(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise InputError(f"the analysis {path} is not YAML{where}") from error
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


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
