"""Repositories of the Hugging Face Hub, through its own library and cache."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from blanket.errors import BlanketError
from blanket.extras import needs

PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model")
"""What may be fetched: no pickled weights."""
_STANDARD = "diffusion_pytorch_model", "model", "pytorch_lora_weights"
"""What the libraries name the weights that they load."""
_WEIGHTS = re.compile(r"(?P<stem>.+?)(?P<half>\.fp16)?(-\d+-of-\d+)?\.safetensors")


def hub_folder(repository: str, store: Path) -> Path | None:
    """Where a repository lies on this machine; None where it does not, or not whole.

    repository: ``owner/name``. store: an offline folder, in which ``owner/name`` or ``name``
    comes before the Hub's own cache.
    """
    offline = _offline(repository, store)
    if offline is not None or importlib.util.find_spec("huggingface_hub") is None:
        return offline
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        snapshot = snapshot_download(repository, allow_patterns="*.json", local_files_only=True)
    except LocalEntryNotFoundError:
        return None
    folder = Path(snapshot)
    # Where a download broke off, the Hub's library leaves what it has of a file; between two
    # files it leaves a network without its weights.
    broken = any((folder.parents[1] / "blobs").glob("*.incomplete"))
    bare = any(
        (part / "config.json").exists() and not any(part.glob("*.safetensors"))
        for part in _parts(folder)
    )
    return None if broken or bare or not any(folder.iterdir()) else folder


def _parts(folder: Path) -> list[Path]:
    """The folders of a pipeline's networks, or the folder of the only one."""
    index = folder / "model_index.json"
    if not index.exists():
        return [folder]
    return [folder / name for name in json.loads(index.read_text(encoding="utf-8"))]


def _offline(repository: str, store: Path) -> Path | None:
    for folder in (store / repository, store / repository.rsplit("/", 1)[-1]):
        if folder.is_dir():
            return folder
    return None


def pull_hub(repository: str, store: Path, name: str, extra: str) -> Path:
    """Fetch a repository into the Hub's cache, or use what is there.

    ``HF_HUB_OFFLINE``, ``HF_HOME``, ``HF_ENDPOINT`` and ``HF_TOKEN`` are obeyed. name: what
    the manifest calls it. extra: in pyproject.toml, of what runs it. Of weights that are there
    several times, one is fetched (`worth_fetching`).

    Raises:
        BlanketError: it could not be fetched, or the extra is not installed.
    """
    here = hub_folder(repository, store)
    if here is not None:
        return here
    with needs(extra, f"the repository {repository}"):
        from huggingface_hub import HfApi, snapshot_download
        from huggingface_hub.constants import HF_HUB_OFFLINE
        from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled
    try:
        told = HfApi().model_info(repository, revision="main")
        chosen = worth_fetching([one.rfilename for one in told.siblings or []])
        return Path(snapshot_download(repository, allow_patterns=chosen))
    except (OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        if not HF_HUB_OFFLINE:
            raise BlanketError(
                f"{name} ({repository}) could not be fetched: is there a network?"
            ) from error
        raise BlanketError(
            f"{name} is not on this machine and HF_HUB_OFFLINE forbids fetching it: unset it, "
            f"or put the repository {repository} into the folder BLANKET_WEIGHTS"
        ) from error
    except Exception as error:  # the library's own, and those of the one that it asks with
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BlanketError(f"{name} ({repository}) could not be fetched: {reason}") from error


def worth_fetching(files: Sequence[str]) -> list[str]:
    """Of the files of a repository those that are loaded.

    Weights that are published in two precisions are taken in half, which is what a GPU runs
    and half the size. Whole checkpoints, for other programs, beside a pipeline or a model in
    parts are left out.
    """
    allowed = [name for name in files if any(PurePosixPath(name).match(p) for p in PATTERNS)]
    read = {name: _WEIGHTS.fullmatch(PurePosixPath(name).name) for name in allowed}
    groups = {
        name: (str(PurePosixPath(name).parent), match["stem"])
        for name, match in read.items()
        if match
    }
    halved = {groups[name] for name, match in read.items() if match and match["half"]}
    tops = {stem for folder, stem in groups.values() if folder == "."}
    loaded = set() if "model_index.json" in files else tops & set(_STANDARD) or tops
    return [
        name
        for name, match in read.items()
        if match is None
        or (
            (groups[name] not in halved or match["half"] is not None)
            and (groups[name][0] != "." or groups[name][1] in loaded)
        )
    ]
