"""Anonymises a folder of videos and pictures, into a folder like it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from blanket.anonymiser import anonymize, refuse_unreportable, settings_of
from blanket.chosen import refuse_contradictions
from blanket.clashes import files_of, refuse_clashes
from blanket.container import written_as
from blanket.errors import BlanketError, InputError
from blanket.media import media_in
from blanket.progress import Callback
from blanket.report import Failure, FolderReport, Report


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
    settings = settings_of(base, overrides, seed, identity, identity_at, audio, method, known)
    refuse_contradictions(settings)
    media = media_in(source)
    if not media:
        raise InputError(f"there is no video or picture in {source}")
    outputs = _mirrored(source, target, media)
    if any(out.resolve().is_relative_to(source.resolve()) for out in outputs.values()):
        raise InputError(f"the outputs must lie outside the input folder {source}")
    refuse_clashes([source, *files_of(preset, settings)], outputs.values())
    refuse_unreportable(path.relative_to(source).as_posix() for path in media)
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
