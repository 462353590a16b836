"""Side-by-side stills of the frames that each figure finds worst.

They hold pixels of the original face: whoever has the page has them. `--no-stills` leaves
them out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from blanket.errors import BlanketError
from blanket.eval.closeup import closeup
from blanket.faces import Image, Points
from blanket.picture import Picture

_SIDE = 224
_ROOM = 1.7
"""Side of the still over the longer side of the face."""
_QUALITY = 82


@dataclass(frozen=True)
class Worst:
    """What makes a frame bad. title: of the still. largest: whether a large value is bad.
    unit, digits: how the value is shown."""

    title: str
    largest: bool
    unit: str = ""
    digits: int = 2


KINDS: Mapping[str, Worst] = {
    "distance": Worst("Most like the person", largest=False),
    "lost": Worst("Face lost, trust in the mesh", largest=False),
    "landmarks": Worst("Landmarks farthest off", largest=True, unit="%", digits=1),
    "pose": Worst("Head pose farthest off", largest=True, unit="\N{DEGREE SIGN}", digits=1),
    "gaze": Worst("Gaze farthest off", largest=True, unit="\N{DEGREE SIGN}", digits=1),
    "eye": Worst("Eye opening farthest off", largest=True),
    "mouth": Worst("Mouth opening farthest off", largest=True),
    "outside": Worst("Most changed outside the face", largest=False, unit=" dB", digits=1),
}


@dataclass(frozen=True)
class Still:
    """A frame of a video, original and output. before, after: JPEG files."""

    video: str
    frame: int
    time: float
    value: float
    before: bytes
    after: bytes


class WorstFrames:
    """Keeps the worst frame of every kind and method, over all videos."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Still] = {}

    def offer(
        self,
        method: str,
        kind: str,
        value: float,
        video: str,
        before: Picture,
        after: Picture,
        place: Points,
    ) -> None:
        """Take the frame if it is the worst so far. place: ``[478, 3]``, where the face is."""
        if not np.isfinite(value):
            return
        known = self._kept.get((method, kind))
        if known is not None and (value <= known.value) == KINDS[kind].largest:
            return
        if known is not None and value == known.value:
            return
        self._kept[method, kind] = Still(
            video, before.index, before.time, value, _cut(before, place), _cut(after, place)
        )

    def of(self, method: str) -> dict[str, Still]:
        """The stills of a method by kind, in the order of `KINDS`."""
        return {kind: self._kept[method, kind] for kind in KINDS if (method, kind) in self._kept}


def _cut(picture: Picture, place: Points) -> bytes:
    return _jpeg(closeup(picture, place, _SIDE, _ROOM))


def _jpeg(rgb: Image) -> bytes:
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    )
    if not done:
        raise BlanketError("a still of the page could not be packed as JPEG")
    return bytes(data)
