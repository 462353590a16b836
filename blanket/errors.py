"""What can go wrong for the user: one family of exceptions, each with an exit status."""

from __future__ import annotations

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
