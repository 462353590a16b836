"""Any frame of a video by its number, exactly: for looking at, not for working through."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from blanket.decode import read, supported
from blanket.errors import InputError
from blanket.frame import Frame
from blanket.videoinfo import VideoInfo, open_source, probe, videos

_AHEAD = 60
"""Frames up to which decoding on is faster than seeking."""
_BACK = (0.0, 2.0, 12.0)
"""Seconds before a frame to seek to, one after the other until it is found."""
_BYTES = 192 * 2**20
"""Of decoded frames that are kept: a step back decodes all from the key frame on again."""


class Reel:
    """Frames of one video, in any order, from any thread.

    Frames are found by their time stamps. Where a file has none to seek by, it is read from
    its beginning: slower, never another frame.
    """

    def __init__(self, path: Path, times: NDArray[np.float64]) -> None:
        """times: ``[N]`` seconds of every frame, as `blanket.decode.read` tells them.

        Raises InputError for a file that is no video.
        """
        self._info = probe(path)
        self._times = times
        self._lock = threading.Lock()
        self._kept: OrderedDict[int, Frame] = OrderedDict()
        self._coming: Iterator[Frame] | None = None
        self._next = 0
        self._source = open_source(path)
        # AVI has no time stamps (see `blanket.decode`).
        self._seeks = self._source.format.name != "avi"
        self._number = {self._stamp(index): index for index in range(len(times))}
        self._seeks = self._seeks and len(self._number) == len(times)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file and of all frames."""
        with self._lock:
            self._kept.clear()
            self._stop()
            self._source.close()

    def frame(self, index: int) -> Frame:
        """The frame of a number.

        Raises:
            InputError: the file has no such frame, or it is damaged there.
        """
        with self._lock:
            if index in self._kept:
                self._kept.move_to_end(index)
                return self._kept[index]
            if not 0 <= index < len(self._times):
                raise InputError(f"{self._info.path.name} has no frame {index}")
            if self._coming is None or not self._next <= index < self._next + _AHEAD:
                self._start_before(index)
            while (frame := self._step(index)).index != index:
                pass
            return frame

    def _stamp(self, index: int) -> int:
        """The frame's time stamp, in ticks."""
        seconds = Fraction(float(self._times[index])) + self._info.start
        return round(seconds / self._info.time_base)

    def _step(self, wanted: int) -> Frame:
        """The next frame; from the beginning again where seeking has not led to `wanted`."""
        assert self._coming is not None
        frame = next(self._coming, None)
        if frame is None or (frame.index > wanted and self._seeks):
            if not self._seeks:
                raise InputError(f"{self._info.path.name} has no frame {wanted}")
            self._seeks = False
            self._start_before(wanted)
            return self._step(wanted)
        self._next = frame.index + 1
        self._kept[frame.index] = frame
        size = sum(plane.nbytes for plane in frame.planes)
        while len(self._kept) > max(_BYTES // max(size, 1), 2):
            self._kept.popitem(last=False)
        return frame

    def _start_before(self, index: int) -> None:
        """Make `_coming` yield frames from `index`, or from somewhat before it."""
        self._stop()
        if not self._seeks:
            self._coming, self._next = read(self._info.path), 0
            return
        for seconds in _BACK:
            coming = self._from(self._stamp(index) - round(seconds / self._info.time_base))
            first = next(coming, None)
            if first is not None and first.index <= index:
                self._coming, self._next = _again(first, coming), first.index
                return
        self._seeks = False
        self._start_before(index)

    def _from(self, stamp: int) -> Iterator[Frame]:
        """Frames from the key frame before a time stamp on; none where one is unknown."""
        stream = videos(self._source)[0]
        scaler = VideoReformatter()
        try:
            self._source.seek(max(stamp, 0), stream=stream, backward=True)
            for picture in self._source.decode(stream):
                if picture.pts not in self._number or picture.is_corrupt:
                    return
                yield _frame(self._info, picture, self._number[picture.pts], scaler)
        except av.FFmpegError:
            return

    def _stop(self) -> None:
        close = getattr(self._coming, "close", None)
        if close is not None:
            close()
        self._coming = None


def _frame(info: VideoInfo, picture: VideoFrame, index: int, scaler: VideoReformatter) -> Frame:
    assert picture.pts is not None
    return Frame(info, supported(picture, info, index, scaler), index, picture.pts)


def _again(first: Frame, others: Iterator[Frame]) -> Iterator[Frame]:
    yield first
    yield from others
