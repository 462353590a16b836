"""Keys: the same person gets the same new face in every video, for those who have the key.

What a subject's face is drawn from is HMAC-SHA256(key, ID) (RFC 2104). Without the key
nobody can tell which ID a face belongs to, try IDs against it, or draw it again.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import stat
import unicodedata
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blanket.errors import InputError

log = logging.getLogger(__name__)

_BYTES = 32
_LEAST = 16
_LONGEST = 4096
"""Bytes of a file up to which it may be a key that is not to be replaced."""


def write_key(path: Path) -> None:
    """Make a new key in a new file that only its owner can read.

    Raises:
        InputError: the file exists, or cannot be written. An old key is never replaced:
            with it the new faces of all its subjects would be gone.
    """
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError as error:
        raise InputError(f"{path} exists already, and a key is never replaced") from error
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_BYTES) + "\n")


def read_key(path: Path) -> bytes:
    """The key in a file, hexadecimal text of at least 16 bytes.

    Raises:
        InputError: there is no key in it.
    """
    try:
        text = path.read_text(encoding="ascii")
        mode = path.stat().st_mode
    except OSError as error:
        raise InputError(f"the key file {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(_no_key(path)) from error
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        # Not chained: the message of the cause would quote from the file.
        raise InputError(_no_key(path)) from None
    if len(key) < _LEAST:
        raise InputError(_no_key(path))
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        log.warning("others may read the key file %s: chmod 600 it", path.name)
    return key


def holds_key(path: Path) -> bool:
    """Whether there is a key in a file, as far as it can be read."""
    try:
        if not path.is_file() or path.stat().st_size > _LONGEST:
            return False
        return len(bytes.fromhex(path.read_text(encoding="ascii").strip())) >= _LEAST
    except (OSError, ValueError):
        return False


def _no_key(path: Path) -> str:
    return f"{path} holds no key: make one with `blanket key new -o FILE`"


def _code(key: bytes, message: str) -> bytes:
    text = unicodedata.normalize("NFC", message).encode("utf-8")
    return hmac.new(key, text, hashlib.sha256).digest()


def keyed_numbers(key: bytes, subject: str, count: int) -> NDArray[np.float64]:
    """``[count]`` numbers in [0, 1) that the key and a subject's ID determine.

    SHAKE-256 (FIPS 202) of HMAC-SHA256(key, ID), 53 bits for each: unlike those of a random
    generator they stay the same with every version of every library, on every machine.
    """
    stream = hashlib.shake_256(_code(key, subject)).digest(8 * count)
    whole = np.frombuffer(stream, "<u8") >> np.uint64(11)
    return whole.astype(np.float64) * 2.0**-53


def keyed_tag(key: bytes, subject: str) -> str:
    """A short name of a subject for reports: the same in all of its videos, and nothing to
    anyone without the key."""
    return _code(key, f"tag of {subject}").hex()[:12]
