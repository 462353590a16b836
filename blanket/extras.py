"""What is not installed, said in one sentence with the command that installs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from blanket.errors import BlanketError


@contextmanager
def needs(extra: str, purpose: str) -> Iterator[None]:
    """Around the imports of an extra.

    extra: its name in pyproject.toml. purpose: what it is needed for, the subject of the
    sentence.

    Raises:
        BlanketError: a package of the extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "blanket").partition(".")[0]
        if missing == "blanket":
            raise
        raise BlanketError(
            f"{purpose} needs {missing}, which is not installed: pip install 'blanket[{extra}]'"
        ) from error
