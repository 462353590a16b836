"""Small videos for the tests, made with FFmpeg's own colour conversions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from blanket.faces import Image

LOSSLESS = {"ffv1": "a.mkv", "png": "a.mov"}
BT601, BT709, LIMITED, FULL = 5, 1, 1, 2


def scene(width: int = 160, height: int = 120, phase: float = 0.0) -> Image:
    """A smooth colourful picture, different in every direction and in every corner."""
    x, y = np.meshgrid(np.arange(width) / max(width, 2), np.arange(height) / max(height, 2))
    red = 120 + 90 * np.sin(2.1 * x + 1.3 * y + phase)
    green = 110 + 80 * np.cos(1.7 * y - 2.4 * x - phase)
    blue = 60 + 120 * x * y + 40 * np.sin(3 * y)
    return np.stack([red, green, blue], -1).clip(0, 255).astype(np.uint8)


def stored(picture: Image, rotation: int, aspect: Fraction) -> Image:
    """What a camera would store so that ``rotation`` clockwise and ``aspect`` show picture."""
    turned = np.ascontiguousarray(np.rot90(picture, rotation // 90))
    width = round(turned.shape[1] / aspect)
    return np.asarray(cv2.resize(turned, (width, turned.shape[0]), interpolation=cv2.INTER_CUBIC))


def make_clip(
    path: Path,
    pictures: Sequence[Image],
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    matrix: int = BT601,
    color_range: int = LIMITED,
    rotation: int = 0,
    mirrored: bool = False,
    aspect: Fraction = Fraction(1),
    time_stamps: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 30),
    metadata: dict[str, str] | None = None,
    tone: bool = False,
    cover: bool = False,
    **options: str,
) -> Path:
    """Encode RGB pictures, without loss unless ``options`` say otherwise."""
    if codec == "libx264" and not options:
        options = {"qp": "0", "preset": "ultrafast"}
    with av.open(str(path), "w") as container:
        container.metadata.update(metadata or {})
        stream: Any = container.add_stream(codec, rate=30, options=options)
        stream.width, stream.height = pictures[0].shape[1], pictures[0].shape[0]
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = time_base
        stream.sample_aspect_ratio = aspect
        stream.colorspace, stream.color_range = matrix, color_range
        stream.color_primaries = stream.color_trc = 1 if matrix == BT709 else 6
        stream.metadata.update({"handler_name": "Secret Camera", "language": "cze"})
        if rotation:
            stream.set_display_rotation(-rotation, hflip=mirrored)
        sound: Any = container.add_stream("aac", rate=8000) if tone else None
        image: Any = None
        if cover:
            image = container.add_stream("png")
            image.width = image.height = 16
            image.pix_fmt = "rgb24"
            image.disposition = av.stream.Disposition.attached_pic
            first = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8))
            container.mux(image.encode(first))
        scaler = VideoReformatter()
        for number, picture in enumerate(pictures):
            frame = scaler.reformat(
                av.VideoFrame.from_ndarray(picture),
                format=pixel_format,
                dst_colorspace=matrix,
                dst_color_range=color_range,
                interpolation=Interpolation.BICUBIC
                | Interpolation.ACCURATE_RND
                | Interpolation.FULL_CHR_H_INP,
            )
            frame.pts = time_stamps[number] if time_stamps else number
            frame.time_base = time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound:
            beep = (np.sin(np.arange(8000) / 5)[None] / 4).astype(np.float32)
            for start in range(0, 8000, 1000):
                chunk = av.AudioFrame.from_ndarray(beep[:, start : start + 1000], "fltp", "mono")
                chunk.sample_rate, chunk.pts = 8000, start
                chunk.time_base = Fraction(1, 8000)
                container.mux(sound.encode(chunk))
            container.mux(sound.encode(None))
    return path


def with_orientation(path: Path, orientation: int) -> None:
    """Insert an EXIF block with nothing but an orientation into a JPEG file."""
    tag = b"\x01\x12\x00\x03\x00\x00\x00\x01" + bytes([0, orientation, 0, 0])
    exif = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01" + tag + b"\x00" * 4
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:])


def psnr(a: Image, b: Image) -> float:
    """Decibels between two pictures."""
    error = float(np.square(a.astype(np.float32) - b).mean())
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
