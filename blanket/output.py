"""Outputs that are either complete or absent."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from blanket.errors import BlanketError, InputError

_STEM = 64  # bytes of a name that its draft keeps, since names cannot have any length
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
# A process id says nothing about a process of another machine that shares the folder.
_HOST = hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


@contextmanager
def pending(target: Path, overwrite: bool, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``target``; what is written there becomes ``target``.

    The temporary file is hidden, exists (empty) and has the suffix of ``target``. Nobody
    else may read it, for what is in it has not been audited. On a clean exit it gets the
    permissions of any new file, or stays private, and its name; on any exception it is
    deleted. Leftovers in this folder of processes that were killed are deleted first.

    Raises:
        InputError: ``target`` exists and ``overwrite`` is false (looked at before and
            after), it is a folder, or its folder is missing or cannot be written.
        BlanketError: the disk filled up while the file was being written.
    """
    target = Path(target)
    refuse_existing(target, overwrite)
    _sweep(target.parent)
    temporary, mode = _create(target)
    try:
        yield temporary
        refuse_existing(target, overwrite)
        if not private:
            temporary.chmod(mode)
        os.replace(temporary, target)
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise BlanketError(
                f"the disk of {target.parent} is full: free some space and run again"
            ) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def refuse_existing(target: Path, overwrite: bool) -> None:
    """Raise InputError where ``target`` is a folder, or a file that may not be replaced: a key
    never may."""
    from blanket.key import holds_key

    try:
        is_folder, exists = target.is_dir(), target.exists()
    except OSError as error:  # a name that is too long, or a folder that may not be looked into
        raise InputError(f"{target} cannot be written: {error.strerror}") from error
    if is_folder:
        raise InputError(f"{target} is a folder: name a file")
    if exists and not overwrite:
        raise InputError(
            f"{target} exists already: choose another name or allow overwriting (--overwrite)"
        )
    if holds_key(target):
        raise InputError(f"{target} holds a key, which is never replaced: choose another name")


def _create(target: Path) -> tuple[Path, int]:
    """The temporary file, and the permissions that the finished one shall have."""
    stem = os.fsencode(target.stem)[:_STEM].decode(errors="ignore")
    name = f".{stem}.{_HOST}-{os.getpid()}-{secrets.token_hex(4)}{target.suffix}"
    temporary = target.with_name(name)
    try:
        # 0o666 less the umask is what the finished file would have had if written directly.
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        mode = stat.S_IMODE(temporary.stat().st_mode)
        temporary.chmod(0o600)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"the folder {target.parent} does not exist: create it first") from error
    except OSError as error:
        if error.errno in _DISK_FULL:
            raise BlanketError(
                f"the disk of {target.parent} is full: free some space and run again"
            ) from error
        raise InputError(f"cannot write in the folder {target.parent}: {error.strerror}") from error
    return temporary, mode


def _sweep(folder: Path) -> None:
    """Delete what processes that are no more left behind, whatever they were writing."""
    ours = re.compile(rf"\..*\.{_HOST}-(\d+)-[0-9a-f]{{8}}(\.[^.]*)?")
    try:
        names = os.listdir(folder)
    except OSError:  # _create says what is wrong with the folder
        return
    for name in names:
        match = ours.fullmatch(name)
        if match and not _alive(int(match[1])):
            (folder / name).unlink(missing_ok=True)


def _alive(pid: int) -> bool:
    if sys.platform == "win32":  # signal 0 would interrupt the process there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it runs, as somebody else
        return True
    return True
