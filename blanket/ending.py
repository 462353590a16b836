"""Whether a media file goes on to its end, where the demuxer does not notice that it is cut."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_SEGMENT = 0x18538067
_PAGE = 65307  # bytes of the longest Ogg page
_LAST_PAGE = 4  # the flag of a page that ends its stream


def has_its_end(path: Path, container: str) -> bool:
    """Whether the file is as long as it says, or true where it says nothing.

    container: FFmpeg's name. Matroska (RFC 8794, RFC 9559) gives the size of all that follows
    its header, unless it was written as a live stream; Ogg (RFC 3533) marks the last page.
    """
    with path.open("rb") as file:
        if "matroska" in container:
            return _matroska_ends(file)
        return container != "ogg" or _ogg_ends(file)


def _matroska_ends(file: BinaryIO) -> bool:
    while (kind := _number(file, keep_marker=True)) is not None:
        size = _number(file)
        if size is None:
            return True
        if kind == _SEGMENT:
            begin = file.tell()
            return begin + size <= file.seek(0, 2)
        file.seek(size, 1)
    return True


def _number(file: BinaryIO, keep_marker: bool = False) -> int | None:
    """A number of variable length; None for one that is not known, or not there."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    rest = file.read(length - 1)
    value = int.from_bytes(first + rest, "big")
    if keep_marker:
        return value
    value -= 1 << (7 * length)
    return None if value == (1 << (7 * length)) - 1 else value


def _ogg_ends(file: BinaryIO) -> bool:
    size = file.seek(0, 2)
    file.seek(max(0, size - 2 * _PAGE))
    tail = file.read()
    place = tail.rfind(b"OggS")
    if place < 0 or len(tail) < place + 27:
        return False
    lengths = tail[place + 27 : place + 27 + tail[place + 26]]
    whole = place + 27 + tail[place + 26] + sum(lengths) <= len(tail)
    return whole and bool(tail[place + 5] & _LAST_PAGE)
