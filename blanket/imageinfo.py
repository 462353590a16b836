"""What the headers of picture files say that OpenCV does not tell."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ORIENTATION = 0x0112


def orientation(exif: bytes) -> int:
    """The orientation, 1 to 8, in a block of EXIF data (EXIF 2.3, 4.6.4 A); 1 where none is."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        (place,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, place)
        for number in range(count):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", exif, place + 2 + 12 * number)
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1


def upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A picture ``[h, w, ...]`` stored in an orientation, as it is to be shown."""
    if orientation > 4:
        stored = stored.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        stored = stored[::-1]
    if orientation in (2, 3, 6, 7):
        stored = stored[:, ::-1]
    return np.ascontiguousarray(stored)


def animated(data: bytes) -> bool:
    """Whether a PNG or WebP file holds more than one picture."""
    if data[:4] == b"RIFF" and data[12:16] == b"VP8X":
        return bool(data[20] & 2)
    place = 8
    while data[:4] == b"\x89PNG" and place + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        if kind in (b"acTL", b"IDAT"):
            return kind == b"acTL"
        place += size + 12
    return False
