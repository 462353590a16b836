"""How a video writes colours as numbers: pixel formats, and the way to RGB and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Image

Plane = NDArray[Any]
"""Samples ``[h, w]``: uint8, or uint16 where they have 10 bits."""

LIMITED_RANGE, FULL_RANGE = 1, 2

# Luma weights (red, blue) by FFmpeg's AVCOL_SPC numbers; swscale uses the same numbers.
_WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
}
_SAME = {6: 5, 10: 9}


@dataclass(frozen=True)
class PixelFormat:
    """A layout of planes that is worked on as it is; everything else is converted to one.

    name: FFmpeg's. bits: 8 (uint8 planes) or 10 (uint16 planes). step_x, step_y: luma
    samples to a chroma sample. chroma: whether there are U and V planes.
    """

    name: str
    bits: int
    step_x: int
    step_y: int
    chroma: bool


FORMATS = {
    form.name: form
    for bits, suffix in ((8, ""), (10, "10le"))
    for form in (
        PixelFormat(f"yuv420p{suffix}", bits, 2, 2, True),
        PixelFormat(f"yuv422p{suffix}", bits, 2, 1, True),
        PixelFormat(f"yuv444p{suffix}", bits, 1, 1, True),
        PixelFormat(f"gray{suffix}", bits, 1, 1, False),
    )
}


def nearest_format(form: av.VideoFormat) -> PixelFormat:
    """The supported format that loses least of ``form``; what it loses: see `losses`."""
    components = [part for part in form.components if not part.is_alpha]
    depth = "10le" if max(part.bits for part in components) > 8 else ""
    if len(components) == 1 and not form.has_palette:
        return FORMATS[f"gray{depth}"]
    if form.chroma_width(4) == 4:
        return FORMATS[f"yuv444p{depth}"]
    return FORMATS[f"yuv422p{depth}" if form.chroma_height(4) == 4 else f"yuv420p{depth}"]


def losses(form: av.VideoFormat) -> list[str]:
    """What `nearest_format` does not keep of ``form``, each as it is said of frames."""
    nearest = nearest_format(form)
    parts = [part for part in form.components if not part.is_alpha]
    bits, lost = max(part.bits for part in parts), []
    if is_rgb(form):
        lost.append("as YUV in place of RGB")
    if bits > nearest.bits:
        lost.append(f"with {nearest.bits} bits in place of {bits}")
    if has_alpha(form):
        lost.append("without transparency, over black")
    return lost


def has_alpha(form: av.VideoFormat) -> bool:
    """Whether ``form`` has a plane of transparency."""
    return any(part.is_alpha for part in form.components)


def is_rgb(form: av.VideoFormat) -> bool:
    """Whether ``form`` has no YUV matrix of its own; it is then written as limited BT.709."""
    return bool(form.is_rgb or form.has_palette)


def same_planes(name: str, form: PixelFormat) -> bool:
    """Whether the planes of FFmpeg's format ``name`` are those of ``form``."""
    return name.replace("yuvj", "yuv") == form.name


@dataclass(frozen=True)
class Colour:
    """The arithmetic between YUV samples of one depth and 8-bit RGB.

    matrix: a key of FFmpeg's AVCOL_SPC numbers, resolved (never "unspecified"). full: full
    or limited range. bits: 8 or 10.
    """

    matrix: int
    full: bool
    bits: int

    @classmethod
    def resolve(cls, matrix: int, color_range: int, source: av.VideoFormat, height: int) -> Colour:
        """What the tags of a file mean, where missing ones are taken as players take them.

        matrix, color_range: as tagged. source: the format in the file. height: of the
        stored picture; from 720 lines on BT.709 is assumed, BT.601 below.
        """
        bits = nearest_format(source).bits
        if is_rgb(source):
            return cls(1, False, bits)
        code = _SAME.get(matrix, matrix)
        if code not in _WEIGHTS:
            code = 1 if height >= 720 else 5
        if not nearest_format(source).chroma:
            return cls(code, True, bits)  # as swscale has it, whatever the tag
        untagged_full = source.name.startswith("yuvj")
        full = color_range == FULL_RANGE or (color_range != LIMITED_RANGE and untagged_full)
        return cls(code, full, bits)

    @property
    def dtype(self) -> type[np.uint8] | type[np.uint16]:
        """The type of a sample."""
        return np.uint8 if self.bits == 8 else np.uint16

    @property
    def range_code(self) -> int:
        """FFmpeg's AVCOL_RANGE number."""
        return FULL_RANGE if self.full else LIMITED_RANGE

    @property
    def neutral(self) -> int:
        """The chroma sample of gray."""
        return int(1 << (self.bits - 1))

    def rgb(self, y: Plane, u: Plane | None = None, v: Plane | None = None) -> Image:
        """``[h, w, 3]`` from planes ``[h, w]``; gray where there is no chroma."""
        if u is None or v is None:
            u = v = np.full_like(y, self.neutral)
        mixed = cv2.transform(cv2.merge((y, u, v)), self._to_rgb)
        # 10-bit sums come back as uint16, already in 0..255 but for overshoot.
        return np.asarray(mixed if mixed.dtype == np.uint8 else cv2.convertScaleAbs(mixed))

    def yuv(self, rgb: Image) -> list[Plane]:
        """Planes Y, U, V ``[h, w]`` from ``[h, w, 3]``."""
        wide = rgb if self.bits == 8 else rgb.astype(np.uint16)
        y, u, v = cv2.split(cv2.transform(wide, self._to_yuv))
        return [np.asarray(plane, self.dtype) for plane in (y, u, v)]

    @cached_property
    def _exact(self) -> NDArray[np.float64]:
        """``[4, 4]`` from (R, G, B, 1), 0..255, to (Y, U, V, 1) in samples."""
        red, blue = _WEIGHTS[self.matrix]
        luma = np.array([red, 1 - red - blue, blue])
        chroma_u = (np.array([0, 0, 1]) - luma) / (2 * (1 - blue))
        chroma_v = (np.array([1, 0, 0]) - luma) / (2 * (1 - red))
        step = 1 << (self.bits - 8)
        top = (1 << self.bits) - 1
        swing_y, swing_c, black = 219 * step, 224 * step, 16 * step
        if self.full:
            swing_y, swing_c, black = top, top, 0
        out = np.eye(4)
        out[:3, :3] = np.array([luma * swing_y, chroma_u * swing_c, chroma_v * swing_c]) / 255
        out[:3, 3] = black, self.neutral, self.neutral
        return out

    @cached_property
    def _to_yuv(self) -> NDArray[np.float32]:
        return self._exact[:3].astype(np.float32)

    @cached_property
    def _to_rgb(self) -> NDArray[np.float32]:
        inverse: NDArray[np.float32] = np.linalg.inv(self._exact)[:3].astype(np.float32)
        return inverse
