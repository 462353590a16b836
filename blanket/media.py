"""Which files are pictures and which are videos, by their names."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from blanket.errors import InputError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
VIDEO_SUFFIXES = frozenset(
    {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts"}
    | {".wmv", ".flv", ".3gp", ".ogv", ".mxf"}
)

_OF_THE_SYSTEM = {"System Volume Information", "$RECYCLE.BIN", "lost+found"}
"""Folders at the root of drives that nobody else may read."""


def is_image(path: Path) -> bool:
    """Whether the name is that of a still picture."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def is_video(path: Path) -> bool:
    """Whether the name is that of a video."""
    return path.suffix.lower() in VIDEO_SUFFIXES


def media_in(folder: Path) -> list[Path]:
    """All pictures and videos below a folder, sorted; hidden files and folders left out, and
    those that are the system's.

    Raises:
        InputError: a folder cannot be read, so that what is in it would be left out unseen.
    """
    found = []
    try:
        for home, folders, names in os.walk(folder, onerror=_raise):
            folders[:] = [
                name for name in folders if not name.startswith(".") and name not in _OF_THE_SYSTEM
            ]
            paths = [Path(home, name) for name in names if not name.startswith(".")]
            found += [one for one in paths if (is_image(one) or is_video(one)) and _is_file(one)]
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}") from error
    return sorted(found)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:  # a link to nowhere
        return False


def _raise(error: OSError) -> None:
    raise error
