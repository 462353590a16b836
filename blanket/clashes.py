"""Nothing that a run reads is written over, and nothing that it writes is written twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from blanket.config import Settings
from blanket.errors import InputError
from blanket.media import media_in
from blanket.presets import presets


def files_of(preset: str | Path | None, settings: Settings) -> list[Path | None]:
    """What settings are read from, and the files and folders that they name."""
    named = [settings.identity.image, settings.subjects.gallery, settings.subjects.key_file]
    return [preset_file(preset), *named]


def preset_file(preset: str | Path | None) -> Path | None:
    """The file that a preset is read from, where it is not one of the program's own."""
    return None if preset is None or str(preset) in presets() else Path(preset)


def refuse_clashes(
    read: Iterable[Path | None],
    written: Iterable[Path | None],
    analysis: Path | None = None,
    save_analysis: Path | None = None,
) -> None:
    """Look at the names of a run before its work; those that are None were not given.

    read: a folder stands for the videos and pictures in it. analysis, save_analysis: the texts
    of analyses, which have arrays beside them; the same one may be read and saved again, since
    it keeps its corrections.

    Raises:
        InputError: a file would replace one that is read, under whatever name; two files that
            are written have one name; or a file or folder cannot be reached.
    """
    text, saved = _with_arrays(analysis), _with_arrays(save_analysis)
    inputs = [*read, *(text if text != saved else ())]
    marks = {mark: file for path in inputs if path for file in _files(path) for mark in _at(file)}
    taken: set[object] = set()
    for path in [*written, *saved]:
        if path is None:
            continue
        for mark in _at(path):
            if mark in marks:
                raise InputError(
                    f"the output would replace its own input {marks[mark]}: choose another name"
                )
        if path.resolve() in taken:
            raise InputError(
                "the output, the report, the saved identity and the saved analysis need "
                "different names"
            )
        taken.add(path.resolve())


def _with_arrays(text: Path | None) -> set[Path]:
    return set() if text is None else {text.resolve(), text.resolve().with_suffix(".npz")}


def _files(path: Path) -> Iterator[Path]:
    _at(path)
    yield from media_in(path) if path.is_dir() else [path]


def _at(path: Path) -> set[object]:
    """What tells that two paths are of one file: links to it have the same."""
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return {path.resolve()}
    except OSError as error:
        raise InputError(f"{path} cannot be reached: {error.strerror}") from error
    return {path.resolve(), (found.st_dev, found.st_ino)}
