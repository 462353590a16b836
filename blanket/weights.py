"""The files in ``weights/`` that this project trained, and that they are those that were made.

What others made lies elsewhere: `blanket.store`.
"""

from __future__ import annotations

import hashlib
import tomllib
from functools import cache
from pathlib import Path

from blanket.errors import BlanketError


def weights_folder() -> Path:
    """The folder of the files that this project trained, in a checkout or installed."""
    package = Path(__file__).parent
    installed = package / "weights"
    return installed if installed.is_dir() else package.parent / "weights"


@cache
def checksums() -> dict[str, str]:
    """SHA-256 by file name, from ``weights/checksums.toml``.

    Raises BlanketError where that file is missing or damaged.
    """
    path = weights_folder() / "checksums.toml"
    try:
        with path.open("rb") as file:
            return {name: entry["sha256"] for name, entry in tomllib.load(file).items()}
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise BlanketError(
            f"the file {path} is missing or damaged: install blanket again"
        ) from error


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def weights_path(name: str) -> Path:
    """The path of a file in the weights folder, its checksum verified once a process.

    Raises BlanketError where the file is missing or is not the one that was recorded.
    """
    path = weights_folder() / name
    if not path.is_file():
        raise BlanketError(f"the weights file {path} is missing: install blanket again")
    if sha256(path) != checksums().get(name):
        raise BlanketError(
            f"the weights file {path} is damaged (its checksum is not the one in "
            "checksums.toml): install blanket again, or run `blanket train` to make it anew"
        )
    return path


def record(name: str) -> None:
    """Enter the checksum of a newly made file."""
    folder = weights_folder()
    path = folder / "checksums.toml"
    entries = {}
    if path.exists():
        with path.open("rb") as file:
            entries = {name: entry["sha256"] for name, entry in tomllib.load(file).items()}
    entries[name] = sha256(folder / name)
    lines = ["# Written by `blanket train`; read by blanket/weights.py.\n"]
    lines += [f'\n["{name}"]\nsha256 = "{digest}"\n' for name, digest in sorted(entries.items())]
    path.write_text("".join(lines))
    checksums.cache_clear()
    weights_path.cache_clear()
