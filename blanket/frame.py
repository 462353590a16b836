"""One frame of a video, kept as the file stores it and seen upright."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import Any, Self

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from blanket.faces import Image, Points
from blanket.layout import Layout
from blanket.picture import Alpha, fit
from blanket.resample import as_affine, blend, extract, invert, whole
from blanket.videoinfo import VideoInfo
from blanket.yuv import FULL_RANGE, Plane

_TURN = {
    90: cv2.ROTATE_90_CLOCKWISE,
    180: cv2.ROTATE_180,
    270: cv2.ROTATE_90_COUNTERCLOCKWISE,
}


class Frame:
    """A `Picture` over the stored planes, so what is not painted on stays bit-exact.

    index: the number of the frame. pts, duration: time stamp and length in ticks of
    ``info.time_base``. info: the video.
    """

    def __init__(
        self, info: VideoInfo, decoded: VideoFrame, index: int, pts: int, duration: int = 0
    ) -> None:
        """Take a frame in the format ``info.layout.form``; the frame is only read."""
        self.info = info
        self.index = index
        self.pts = pts
        self.duration = duration
        # The decoder predicts later frames from its own: only a copy is ever painted on.
        self._decoded = decoded
        self._own: VideoFrame | None = None

    @property
    def time(self) -> float:
        """Seconds from the start of the file."""
        return float(self.pts * self.info.time_base - self.info.start)

    @property
    def width(self) -> int:
        """Pixels, of the upright picture."""
        return self.info.width

    @property
    def height(self) -> int:
        """Pixels, of the upright picture."""
        return self.info.height

    @property
    def planes(self) -> list[Plane]:
        """The stored samples: Y, or Y, U, V, ``[h, w]`` uint8 or uint16; not to be written."""
        return _views(self._current, self.info.layout.colour.dtype)

    def rgb(self, max_side: int | None = None) -> Image:
        """See `Picture.rgb`."""
        info, colour = self.info, self.info.layout.colour
        width, height = fit(info.width, info.height, max_side)
        if info.rotation % 180:
            width, height = height, width
        scaler = _scaler(threading.get_ident(), info.layout.form.name, width, height)
        small = scaler.reformat(
            self._current,
            width,
            height,
            "rgb24",
            src_colorspace=colour.matrix,
            src_color_range=colour.range_code,
            dst_color_range=FULL_RANGE,
            interpolation=Interpolation.AREA,
            threads=1,
        )
        picture = small.to_ndarray()
        turn = _TURN.get(info.rotation)
        return np.asarray(picture if turn is None else cv2.rotate(picture, turn), np.uint8)

    def sample(self, matrix: NDArray[np.floating[Any]], size: tuple[int, int]) -> Image:
        """See `Picture.sample`."""
        layout = self.info.layout
        to_upright = invert(as_affine(matrix))
        maps = (layout.to_luma, layout.to_chroma, layout.to_chroma)
        patches = [
            extract(plane, path @ to_upright, size)
            for plane, path in zip(self.planes, maps, strict=False)
        ]
        return layout.colour.rgb(*patches)

    def luma(self, matrix: NDArray[np.floating[Any]], size: tuple[int, int]) -> Points:
        """See `Picture.luma`."""
        path = self.info.layout.to_luma @ invert(as_affine(matrix))
        plane = self.planes[0]
        patch = extract(plane, path, size).astype(np.float32)
        return patch if plane.dtype == np.uint8 else patch * np.float32(1 / 4)

    def paste(self, patch: Image, alpha: Alpha, matrix: NDArray[np.floating[Any]]) -> None:
        """See `Picture.paste`."""
        layout = self.info.layout
        weight = unit_alpha(alpha)
        from_upright = as_affine(matrix)
        y, u, v = layout.colour.yuv(patch)
        planes = _views(self._writable(), layout.colour.dtype)
        touched = blend(planes[:1], [y], weight, from_upright @ invert(layout.to_luma))
        if layout.form.chroma:
            # A sample of colour belongs to several pixels: where one of them lies outside, it
            # stays. At a soft edge there is next to nothing to be painted there.
            within = whole(touched, (layout.form.step_x, layout.form.step_y))
            blend(planes[1:], [u, v], weight, from_upright @ invert(layout.to_chroma), within)

    def copy(self) -> Self:
        """See `Picture.copy`."""
        twin = type(self)(self.info, self._decoded, self.index, self.pts, self.duration)
        if self._own is not None:
            twin._own = _clone(self._own, self.info.layout.form.name)
        return twin

    def encodable(self) -> VideoFrame:
        """The planes as a frame without any side data or metadata; shared, not a copy."""
        return self._writable()

    @property
    def _current(self) -> VideoFrame:
        return self._decoded if self._own is None else self._own

    def _writable(self) -> VideoFrame:
        if self._own is None:
            self._own = _clone(self._decoded, self.info.layout.form.name)
        return self._own


def over_black(frame: VideoFrame, alpha: NDArray[Any], layout: Layout) -> None:
    """Lay the stored picture over black, in place. alpha: ``[h, w]`` uint8, 0 for clear to 255."""
    opaque = np.multiply(alpha, np.float32(1 / 255), dtype=np.float32)
    blacks = layout.colour.yuv(np.zeros((1, 1, 3), np.uint8))
    for view, black in zip(_views(frame, layout.colour.dtype), blacks, strict=False):
        height, width = view.shape
        share = cv2.resize(opaque, (width, height), interpolation=cv2.INTER_AREA)
        base = np.float32(black[0, 0])
        view[:] = np.rint((view - base) * share + base)


def unit_alpha(alpha: Alpha) -> NDArray[np.float32]:
    """Alpha as float32 0..1, from uint8 0..255 or float32 0..1."""
    if alpha.dtype == np.uint8:
        return np.multiply(alpha, np.float32(1 / 255), dtype=np.float32)
    return np.asarray(alpha, np.float32)


def _views(frame: VideoFrame, dtype: type[np.uint8] | type[np.uint16]) -> list[Plane]:
    return [
        np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)[:, : plane.width]
        for plane in frame.planes
    ]


def _clone(frame: VideoFrame, form: str) -> VideoFrame:
    clone = av.VideoFrame(frame.width, frame.height, form)
    dtype = np.uint16 if form.endswith("10le") else np.uint8
    for new, old in zip(_views(clone, dtype), _views(frame, dtype), strict=True):
        np.copyto(new, old)
    return clone


@lru_cache(maxsize=16)
def _scaler(_thread: int, _form: str, _width: int, _height: int) -> VideoReformatter:
    """A scaler keeps its tables from call to call, and serves one thread."""
    return VideoReformatter()
