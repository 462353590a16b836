"""Giving back memory that is free but still held."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


@cache
def _library() -> Any:
    try:
        library = ctypes.CDLL(None)
        return library if hasattr(library, "malloc_trim") else None
    except (OSError, TypeError):  # Windows has no such name
        return None


def trim() -> None:
    """Have the C library return free pages to the system, where it can (glibc).

    Frames and patches come and go by the megabyte, on several threads; glibc keeps what was
    freed in pieces that no longer fit, a few kilobytes more with every frame of a long video.
    """
    library = _library()
    if library is not None:
        library.malloc_trim(0)
