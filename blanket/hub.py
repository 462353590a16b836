"""Repositories of the Hugging Face Hub, through its own library and cache."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from blanket.errors import BlanketError
from blanket.extras import needs

PATTERNS = ("*.safetensors", "*.json", "*.txt", "*.model")
"""What is fetched: no pickled weights."""


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
        snapshot = snapshot_download(
            repository, allow_patterns=list(PATTERNS), local_files_only=True
        )
    except LocalEntryNotFoundError:
        return None
    folder = Path(snapshot)
    # Where a download broke off, the Hub's library leaves what it has of a file.
    broken = any((folder.parents[1] / "blobs").glob("*.incomplete"))
    return None if broken or not any(folder.iterdir()) else folder


def _offline(repository: str, store: Path) -> Path | None:
    for folder in (store / repository, store / repository.rsplit("/", 1)[-1]):
        if folder.is_dir():
            return folder
    return None


def pull_hub(repository: str, store: Path, name: str) -> Path:
    """Fetch a repository into the Hub's cache, or use what is there.

    ``HF_HUB_OFFLINE``, ``HF_HOME``, ``HF_ENDPOINT`` and ``HF_TOKEN`` are obeyed. name: what
    the manifest calls it.

    Raises:
        BlanketError: it could not be fetched.
    """
    offline = _offline(repository, store)
    if offline is not None:
        return offline
    with needs("diffusion", f"the repository {repository}"):
        from huggingface_hub import snapshot_download
        from huggingface_hub.constants import HF_HUB_OFFLINE
        from huggingface_hub.errors import (
            HfHubHTTPError,
            LocalEntryNotFoundError,
            OfflineModeIsEnabled,
        )
    try:
        return Path(snapshot_download(repository, allow_patterns=list(PATTERNS)))
    except (OfflineModeIsEnabled, LocalEntryNotFoundError) as error:
        if not HF_HUB_OFFLINE:
            raise BlanketError(
                f"{name} ({repository}) could not be fetched: is there a network?"
            ) from error
        raise BlanketError(
            f"{name} is not on this machine and HF_HUB_OFFLINE forbids fetching it: unset it, "
            f"or put the repository {repository} into the folder BLANKET_WEIGHTS"
        ) from error
    except (HfHubHTTPError, OSError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise BlanketError(f"{name} ({repository}) could not be fetched: {reason}") from error
