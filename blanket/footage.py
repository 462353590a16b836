"""The pictures of a file: the frames of a video in order, or the one that a picture is."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from blanket.image import Still, read_image
from blanket.media import is_image
from blanket.picture import Picture
from blanket.video import probe, read


def pictures(path: Path) -> Generator[Picture, None, None]:
    """All of them in order; closing the generator early closes the file.

    Raises:
        InputError: at the first one, for a file that cannot be read; on the way where a video
            is damaged.
    """
    if is_image(path):
        yield Still(read_image(path))
    else:
        yield from read(path)


def length(path: Path) -> int | None:
    """How many there are, where the file says."""
    return 1 if is_image(path) else probe(path).frames


def size(path: Path) -> tuple[int, int]:
    """Their size (w, h), upright."""
    if is_image(path):
        height, width = read_image(path).shape[:2]
        return width, height
    info = probe(path)
    return info.width, info.height
