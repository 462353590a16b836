"""Models that others made, as settings name them: by name, by path, or by their id on the Hub.

Nothing is downloaded here: `blanket weights pull` does that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blanket.config import Settings, is_path
from blanket.errors import BlanketError
from blanket.hub import hub_folder
from blanket.manifest import Entry, manifest, needed
from blanket.store import find, present, store_folder
from blanket.weights import sha256


@dataclass(frozen=True)
class Model:
    """A model that is used. setting: what names it. path: where it lies. name: of the file
    or folder, or its id on the Hub. device: what it runs on, and in which precision."""

    setting: str
    path: Path
    name: str
    device: str

    @property
    def checksum(self) -> str:
        """SHA-256 of the file; of a folder from the Hub its commit, of any other the SHA-256
        over its weights."""
        if self.path.is_file():
            return sha256(self.path)
        if self.path.parent.name == "snapshots":
            return self.path.name
        whole = hashlib.sha256()
        for path in sorted(self.path.rglob("*.safetensors")):
            whole.update(path.relative_to(self.path).as_posix().encode())
            whole.update(bytes.fromhex(sha256(path)))
        return whole.hexdigest()


def model_path(value: str) -> Path:
    """The file or folder that a setting names.

    value: a path, a name of `blanket weights list`, or an id on the Hugging Face Hub.

    Raises:
        BlanketError: it is not on this machine; says which command gets it.
    """
    path = _place(value)
    if path is None:
        raise BlanketError(_sentence([value], None))
    return path


def require(settings: Settings, preset: str, invents: bool) -> None:
    """See that every model is there, before anything is loaded.

    preset: what the settings came from. invents: whether new faces will be invented.

    Raises:
        BlanketError: one sentence with all that is missing and the command that gets it.
    """
    missing = [value for value in dict.fromkeys(_wanted(settings, invents)) if not _is_here(value)]
    if missing:
        raise BlanketError(_sentence(missing, preset))


def _wanted(settings: Settings, invents: bool) -> Iterator[str]:
    from blanket.swap.table import swapper_kind

    inpaint, swap = settings.inpaint, settings.swap
    chosen = settings.identity
    if invents and chosen.generator == "diffusion" and chosen.image is None:
        yield inpaint.model
        yield from (value for value in (inpaint.vae, inpaint.refiner) if value)
        yield from (control.model for control in inpaint.controls)
        yield from inpaint.loras
    if swap.backend == "neural":
        yield swap.model
        _, kind = swapper_kind(swap.model, swap.kind)
        if kind.source == "embedding":
            yield swap.recogniser
        if kind.converter:
            yield kind.converter
        yield from (value for value in (swap.restorer, swap.parser) if value)


def _entry(value: str) -> Entry | None:
    """What the manifest says of a name, or of a repository."""
    known = manifest()
    return known.get(value) or next((one for one in known.values() if one.hub == value), None)


def _is_here(value: str) -> bool:
    if is_path(value):
        return Path(value).exists()
    entry = _entry(value)
    return present(entry) if entry is not None else _place(value) is not None


def _place(value: str) -> Path | None:
    if is_path(value):
        return Path(value) if Path(value).exists() else None
    entry = _entry(value)
    if entry is not None:
        return find(entry.name)
    if "/" in value:
        return hub_folder(value, store_folder())
    return None


def _sentence(missing: list[str], preset: str | None) -> str:
    listed = " and ".join([*([", ".join(missing[:-1])] if missing[1:] else []), missing[-1]])
    are = "are" if missing[1:] else "is"
    entries = [_entry(value) for value in missing]
    if preset is not None and all(entry in needed(preset) for entry in entries):
        return f"{listed} {are} not on this machine: run `blanket weights pull --preset {preset}`"
    names = [entry.name for entry in entries if entry is not None]
    if len(names) == len(missing):
        return f"{listed} {are} not on this machine: run `blanket weights pull {' '.join(names)}`"
    return (
        f"{listed} {are} not on this machine: give the path of a file or folder, or a name of "
        "`blanket weights list`"
    )
