"""What can go wrong for the user: one family of exceptions, each with an exit status, and how
their sentences name and count."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar


class BlanketError(Exception):
    """The job could not be done. Its text is one sentence that the user can act on."""

    exit_status: ClassVar[int] = 1


class LeakError(BlanketError):
    """The output would show a face of the original, and could not be mended."""

    exit_status: ClassVar[int] = 4


class InputError(BlanketError):
    """The job was asked for wrongly: a bad option, or an input that cannot be used."""

    exit_status: ClassVar[int] = 2


def about(name: str, why: str) -> str:
    """Why a file of several failed, as a sentence that names it, once.

    name: of the file, below its folder. why: the text of an error, which may name it already.
    """
    short = name.rpartition("/")[2]
    if name in why:
        return why
    return why.replace(short, name, 1) if short in why else f"{name}: {why}"


def counted(count: int, noun: str) -> str:
    """``1 frame``, ``2 frames``: a number of what has a plural in -s."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def place(error: Exception) -> str:
    """Where a text is not YAML, in brackets, if the error of reading it says so."""
    mark = getattr(error, "problem_mark", None)
    return f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""


def worst(statuses: Collection[int]) -> int:
    """The exit status of several files: 4 before 1 before 2 before 3 before 0."""
    return next((status for status in (4, 1, 2, 3) if status in statuses), 0)
