"""The small copies of pictures that analysis looks at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.ahead import ahead
from blanket.config import TrackSettings
from blanket.faces import Image
from blanket.picture import Picture

_AHEAD = 2


@dataclass(frozen=True)
class Copy:
    """A picture as analysis sees it.

    index, time: of the picture. full: its size (w, h). pixels: ``[h, w, 3]`` RGB. thumb:
    ``[18, 32, 3]`` int16, by which cuts are told.
    """

    index: int
    time: float
    full: tuple[int, int]
    pixels: Image
    thumb: NDArray[np.int16]

    @property
    def size(self) -> tuple[int, int]:
        """Of the copy, (w, h)."""
        return self.pixels.shape[1], self.pixels.shape[0]


def copies(pictures: Iterable[Picture], settings: TrackSettings) -> Iterator[Copy]:
    """The copies of pictures, in order, taken by a thread of its own.

    Each stays as it is until so many more have been asked for as the settings look back. They
    lie in a ring that is allocated once: pictures that come and go between what stays would
    leave holes all over the memory.
    """
    # One that is being taken, those that wait and what is looked at, beside what is past.
    slots = settings.lookback + _AHEAD + 3
    return ahead(_taken(pictures, settings.analysis_side, slots), _AHEAD, "copy")


def _taken(pictures: Iterable[Picture], side: int, slots: int) -> Iterator[Copy]:
    ring: NDArray[np.uint8] | None = None
    for number, picture in enumerate(pictures):
        small = picture.rgb(side)
        if ring is None or ring.shape[1:] != small.shape:
            ring = np.empty((slots, *small.shape), np.uint8)
        pixels = ring[number % slots]
        pixels[:] = small
        size = picture.width, picture.height
        yield Copy(picture.index, picture.time, size, pixels, _thumb(pixels))


def _thumb(pixels: Image) -> NDArray[np.int16]:
    # One pixel in so many says as much, at a third of the cost.
    step = max(pixels.shape[1] // 320, 1)
    sparse = np.ascontiguousarray(pixels[::step, ::step])
    return cv2.resize(sparse, (32, 18), interpolation=cv2.INTER_AREA).astype(np.int16)
