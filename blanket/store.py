"""The weights that others made: where they lie on this machine, and that they stay the same.

They lie in the folder that ``BLANKET_WEIGHTS`` names, or else in the user's cache. A machine
without a network is served by a folder that was filled elsewhere. Every file is checked when
it is used: against the manifest, or, where no checksum was ever published, against that of
the first download, which ``lock.toml`` in the folder keeps.
"""

from __future__ import annotations

import os
import tomllib
import zipfile
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

from platformdirs import user_cache_path

from blanket.errors import BlanketError, InputError
from blanket.hub import hub_folder, pull_hub
from blanket.manifest import Entry, entry
from blanket.progress import Callback
from blanket.weights import sha256, weights_path

LOCK = "lock.toml"


def store_folder() -> Path:
    """The folder of downloaded weights; it may not exist yet."""
    chosen = os.environ.get("BLANKET_WEIGHTS")
    return Path(chosen) if chosen else user_cache_path("blanket") / "weights"


def present(one: Entry) -> bool:
    """Whether a file or repository is on this machine, unchecked."""
    if one.hub is not None:
        return hub_folder(one.hub, store_folder()) is not None
    return one.trained_by is not None or _place(one).is_file()


@cache
def find(name: str) -> Path:
    """The file, or the folder of a repository, of a name in the manifest.

    A file's checksum is verified, once a process.

    Raises:
        InputError: there is no such name.
        BlanketError: it is not on this machine, or was changed; says which command mends it.
    """
    one = entry(name)
    if one.hub is not None:
        folder = hub_folder(one.hub, store_folder())
        if folder is None:
            raise BlanketError(_missing(one))
        return folder
    if one.trained_by is not None:
        return weights_path(str(one.file))
    path = _place(one)
    if not path.is_file():
        raise BlanketError(_missing(one))
    known = one.sha256 or _locked().get(name)
    if known is None:
        # Put there by hand: from now on it is the one.
        _lock(name, sha256(path))
    elif sha256(path) != known:
        raise BlanketError(
            f"{path} is not the file that it should be (its checksum differs): delete it and "
            f"run `blanket weights pull {name}`"
        )
    return path


def pull(
    entries: Sequence[Entry], accept_licence: bool, progress: Callback, pause: float = 1.0
) -> list[Path]:
    """Fetch what is not there yet; returns where everything lies.

    accept_licence: the caller has read and accepts the licences that forbid commercial use.
    pause: see `blanket.download.download`.

    Raises:
        InputError: a licence was not accepted.
        BlanketError: something could not be fetched.
    """
    wanted = [one for one in entries if not present(one)]
    bound = [one for one in wanted if one.non_commercial]
    if bound and not accept_licence:
        listed = "; ".join(f"{one.name}: {one.licence} ({one.maker})" for one in bound)
        raise InputError(
            f"these weights may not be used commercially, or not in every way ({listed}): "
            "if you accept their licences, say so with --accept-licence"
        )
    # Here, since it brings HTTP along, which no other start of the program should wait for.
    from blanket.download import download

    folder = store_folder()
    if wanted:
        _make(folder)
    archives: set[Path] = set()
    for one in wanted:
        if one.hub is not None:
            pull_hub(one.hub, folder, one.name, one.extra)
            continue
        known = one.sha256 or _locked().get(one.name)
        if one.archive is None:
            told = partial(progress, one.name)
            digest = download(_mirrored(one.urls), _place(one), one.size, known, told, pause)
        else:
            archive = _archive(one, progress, pause)
            archives.add(archive)
            digest = _extract(one, archive, known)
        if known is None:
            _lock(one.name, digest)
    for archive in archives:
        archive.unlink()
    return [find(one.name) for one in entries]


def _place(one: Entry) -> Path:
    return store_folder() / str(one.file)


def _missing(one: Entry) -> str:
    return (
        f"the weights {one.name} ({one.purpose}) are not on this machine: "
        f"run `blanket weights pull {one.name}`"
    )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BlanketError(f"cannot make the folder {folder}: {error.strerror}") from error


def _mirrored(urls: Sequence[str]) -> list[str]:
    """The addresses, after that of the user's own mirror, if there is one."""
    mirror = os.environ.get("BLANKET_MIRROR")
    if not mirror:
        return list(urls)
    return [f"{mirror.rstrip('/')}/{urls[0].rsplit('/', 1)[-1]}", *urls]


def _archive(one: Entry, progress: Callback, pause: float) -> Path:
    """The ZIP file that holds an entry, fetched unless an entry before brought it."""
    from blanket.download import download

    assert one.archive is not None
    name = one.urls[0].rsplit("/", 1)[-1]
    path = store_folder() / name
    if not path.exists():
        download(
            _mirrored(one.urls), path, one.archive.size, one.archive.sha256,
            partial(progress, name), pause,
        )  # fmt: skip
    return path


def _extract(one: Entry, archive: Path, known: str | None) -> str:
    assert one.archive is not None
    target = _place(one)
    part = target.with_name(target.name + ".part")
    try:
        with zipfile.ZipFile(archive) as held, part.open("wb") as file:
            file.write(held.read(one.archive.member))
    except (zipfile.BadZipFile, KeyError) as error:
        part.unlink(missing_ok=True)
        raise BlanketError(f"{archive.name} does not hold {one.archive.member}") from error
    digest = sha256(part)
    if known is not None and digest != known:
        part.unlink()
        raise BlanketError(f"{one.name} in {archive.name} has another checksum than it should")
    part.replace(target)
    return digest


def _locked() -> dict[str, str]:
    path = store_folder() / LOCK
    if not path.exists():
        return {}
    with path.open("rb") as file:
        return {name: entry["sha256"] for name, entry in tomllib.load(file).items()}


def _lock(name: str, digest: str) -> None:
    path = store_folder() / LOCK
    known = _locked() | {name: digest}
    lines = ["# Checksums of first downloads; written by blanket/store.py.\n"]
    lines += [f'\n["{one}"]\nsha256 = "{value}"\n' for one, value in sorted(known.items())]
    part = path.with_name(LOCK + ".part")
    try:
        part.write_text("".join(lines))
        part.replace(path)
    except OSError as error:
        raise BlanketError(f"cannot write {path}: {error.strerror}") from error
