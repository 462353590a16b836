"""Every weights file that BLANKET can use, from ``weights/manifest.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from blanket.errors import InputError
from blanket.weights import weights_folder


class Archive(BaseModel):
    """The ZIP file that a weights file is published in.

    member: its name inside. size, sha256: of the ZIP file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    member: str
    size: int | None = None
    sha256: str | None = None


class Entry(BaseModel):
    """One weights file, or one repository of the Hub.

    name: what `blanket weights pull` calls it. file: its name on the disk. hub: the
    repository, in place of a file. purpose, maker, licence: for people to read.
    non_commercial: it must be accepted before it is fetched. urls: where it is, mirrors
    after the first. size: bytes. sha256: in hexadecimal, where it was published. archive:
    what it must be taken out of. trained_by: the command that made it, where this project
    did. presets: those that need it. extra: what brings the library that fetches a repository.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    purpose: str
    maker: str
    licence: str
    non_commercial: bool = False
    file: str | None = Field(default=None, pattern=r"^[^/\\]+$")
    hub: str | None = None
    urls: tuple[str, ...] = ()
    size: int | None = None
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    archive: Archive | None = None
    trained_by: str | None = None
    presets: tuple[str, ...] = ()
    extra: str = "diffusion"

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.hub is None):
            raise ValueError(f"{self.name}: either a file or a repository of the Hub")
        if self.file is not None and bool(self.urls) == bool(self.trained_by):
            raise ValueError(f"{self.name}: either urls or the command that trains it")
        return self

    @property
    def bytes_to_fetch(self) -> int | None:
        """The size of the download, None where it is not known."""
        return self.size if self.archive is None else self.archive.size


@cache
def manifest() -> Mapping[str, Entry]:
    """All entries by name, in the order of the file."""
    return read_manifest(weights_folder() / "manifest.toml")


def read_manifest(path: Path) -> dict[str, Entry]:
    """The entries of a manifest file, by name."""
    with path.open("rb") as file:
        tables = tomllib.load(file)
    return {name: Entry(name=name, **table) for name, table in tables.items()}


def entry(name: str) -> Entry:
    """The entry of a name.

    Raises:
        InputError: there is none.
    """
    found = manifest().get(name)
    if found is None:
        raise InputError(f"there are no weights named {name!r}: see `blanket weights list`")
    return found


def needed(preset: str) -> list[Entry]:
    """What a preset needs beside what comes with BLANKET."""
    return [one for one in manifest().values() if preset in one.presets]
