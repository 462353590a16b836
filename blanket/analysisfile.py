"""An analysis as two files: text that a person can read and correct, and arrays beside it.

docs/analysis.md describes both. No pixel of the original is in them; what a face usually
looks like is looked at again, in one quick pass, before anything is rendered.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

import blanket
from blanket.analysis import Analysis
from blanket.analysisarrays import pack, unpack
from blanket.analysistext import (
    ArraysPart,
    Document,
    IdentityPart,
    VideoPart,
    read_document,
    replace_field,
    text_of,
    track_part,
)
from blanket.config import Settings
from blanket.corrections import Correction, corrected, read_corrections, written
from blanket.errors import InputError
from blanket.faces import Identity
from blanket.looks import look_again
from blanket.output import pending, refuse_existing
from blanket.picture import Picture
from blanket.presets import load_settings
from blanket.report import BackendsReport
from blanket.verdict import AuditReport


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

    def invented(self, settings: Settings) -> dict[int, Identity]:
        """The new faces that it holds, where settings would invent the same ones."""
        return dict(self.identities) if self.settings.identity == settings.identity else {}

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
        content: dict[str, Any] = pack(analysis, [one for _, one in kept])
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
            tracks=[track_part(track, left) for track in analysis.tracks],
            identities=[
                IdentityPart(
                    subject=subject, origin=one.origin, distance=one.distance,
                    photograph=one.photograph is not None, subject_tag=one.tag,
                )
                for subject, one in kept
            ],
            corrections=[written(one) for one in corrections],
        )  # fmt: skip
        text.write_text(text_of(document), encoding="utf-8")


def load_analysis(path: Path) -> SavedAnalysis:
    """Read an analysis that `save_analysis` wrote and a person may have corrected.

    Raises:
        InputError: the text cannot be understood, or the arrays beside it are missing,
            damaged or those of another analysis.
    """
    document = read_document(path)
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
            unpacked = unpack({name: file[name] for name in file.files}, document)
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{arrays_at.name} lacks what {path.name} says is in it") from error
    found = Analysis(
        document.video.width, document.video.height, unpacked.times, document.cuts,
        unpacked.tracks,
    )  # fmt: skip
    return SavedAnalysis(
        path=path,
        found=found,
        corrections=corrections,
        identities=unpacked.identities,
        settings=load_settings(document.settings),
        preset=document.preset,
        backends=document.backends,
        source=document.video.name,
        output=document.output,
        left={part.track: part.left for part in document.tracks if part.left is not None},
        audit=document.audit,
        _sha256=document.video.sha256,
        _looks=unpacked.looks,
    )


def save_corrections(path: Path, corrections: Sequence[Correction]) -> None:
    """Replace the corrections in the text of an analysis; all else stays to the letter."""
    replace_field(path, "corrections", [written(one) for one in corrections])


def save_audit(path: Path, audit: AuditReport) -> None:
    """Put verdicts into the text of an analysis, in place of earlier ones."""
    replace_field(path, "audit", audit.model_dump(mode="json"))


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


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
