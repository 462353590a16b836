"""Whether a file holds what an encoder put out, byte for byte.

H.264 is carried in two ways: encoders begin each unit with a start code (ISO/IEC 14496-10,
annex B), most containers with its length (14496-15). The units themselves are the same.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from av.video.stream import VideoStream

from blanket.errors import InputError
from blanket.videoinfo import open_video

_START = re.compile(rb"\x00\x00\x01")
_PARAMETERS = (7, 8)
"""Types of the units that say how all others are decoded."""


class Payload:
    """The H.264 packets of one stream, as a digest.

    stream: an encoder's.
    """

    def __init__(self, stream: VideoStream) -> None:
        self._stream = stream
        self._digest = hashlib.blake2b()

    def add(self, data: bytes) -> None:
        """The next packet."""
        for unit in _units(data, _setup(self._stream)):
            self._digest.update(_counted(unit))

    def is_in(self, path: Path) -> bool:
        """Whether the video of a finished file is these packets, all of them in their order and
        no others, to be decoded in the same way."""
        digest = hashlib.blake2b()
        try:
            with open_video(path) as (container, stream):
                found = _setup(stream)
                for packet in container.demux(stream):
                    for unit in _units(bytes(packet), found):
                        digest.update(_counted(unit))
        except InputError:
            return False
        wanted = _setup(self._stream)
        parameters = [u for u in _units(wanted, wanted) if u[0] & 0x1F in _PARAMETERS]
        return digest.digest() == self._digest.digest() and all(u in found for u in parameters)


def _setup(stream: VideoStream) -> bytes:
    """What a decoder must know before the first packet."""
    return bytes(stream.codec_context.extradata or b"")


def _counted(unit: bytes) -> bytes:
    return len(unit).to_bytes(4, "big") + unit


def _units(data: bytes, setup: bytes) -> Iterator[bytes]:
    """The units of a packet, none of them empty. setup: of its stream; one that begins with a
    version number tells how many bytes a length takes."""
    if not setup or setup[0] == 0:
        # Zeros after a unit are no part of it.
        yield from filter(None, (unit.rstrip(b"\x00") for unit in _START.split(data)[1:]))
        return
    size, at = (setup[4] & 3) + 1, 0
    while at < len(data):
        end = at + size + int.from_bytes(data[at : at + size], "big")
        if unit := data[at + size : end].rstrip(b"\x00"):
            yield unit
        at = end
