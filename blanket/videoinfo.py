"""What a video file holds, found without decoding more than its first picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.sidedata.sidedata import Type as SideDataType
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from blanket.errors import InputError
from blanket.layout import Layout, chroma_map, luma_map, upright_size
from blanket.yuv import Colour, nearest_format

_CENTRED_CHROMA = {"mjpeg", "mpeg1video"}
# Demuxers that draw text as pictures, or read lists of other files.
_NOT_VIDEO = {"tty", "bin", "xbin", "adf", "idf", "hls", "dash", "concat", "sdp", "imf"}


@dataclass(frozen=True)
class VideoInfo:
    """One video stream.

    path: the file. width, height: pixels of the upright, square-pixel picture. coded_width,
    coded_height: pixels as stored. rotation: degrees clockwise that show it upright, a
    multiple of 90. display_matrix: the container's own 9 integers for it, if any.
    sample_aspect: width of a stored pixel over its height. frame_rate: frames a second, the
    mean one where it varies. frames: how many, an estimate in some containers. duration:
    seconds. time_base: seconds to a tick of the time stamps. start: seconds, the time stamp
    that the container calls its beginning. pixel_format: FFmpeg's name. bit_depth: of a
    sample. color_range, color_matrix, color_primaries, color_transfer: FFmpeg's (ITU-T
    H.273) numbers, 2 (0 for the range) where the file is silent. codec: FFmpeg's name.
    interlaced: the first picture is flagged as two fields of two moments. further_videos:
    streams beside this one that are videos, too.
    """

    path: Path
    width: int
    height: int
    coded_width: int
    coded_height: int
    rotation: int
    display_matrix: tuple[int, ...] | None
    sample_aspect: Fraction
    frame_rate: Fraction | None
    frames: int | None
    duration: float | None
    time_base: Fraction
    start: Fraction
    pixel_format: str
    bit_depth: int
    color_range: int
    color_matrix: int
    color_primaries: int
    color_transfer: int
    codec: str
    has_audio: bool
    interlaced: bool
    further_videos: int

    @property
    def stored(self) -> av.VideoFormat:
        """The format of the frames in the file."""
        return av.VideoFormat(self.pixel_format, self.coded_width, self.coded_height)

    @cached_property
    def layout(self) -> Layout:
        """The planes that frames of this video have once read."""
        form = nearest_format(self.stored)
        colour = Colour.resolve(self.color_matrix, self.color_range, self.stored, self.coded_height)
        to_luma = luma_map(self.coded_width, self.coded_height, self.rotation, self.sample_aspect)
        to_chroma = chroma_map(form, self.codec in _CENTRED_CHROMA) @ to_luma
        return Layout(form, colour, to_luma, to_chroma)


def probe(path: Path) -> VideoInfo:
    """Describe the first video stream of a file that is not a cover picture.

    Raises:
        InputError: no such file, not a video, or no picture in it can be decoded.
    """
    path = Path(path)
    with open_video(path) as (container, stream):
        try:
            first = next(container.decode(stream), None)
        except av.FFmpegError as error:
            raise InputError(f"no picture of {path} can be decoded: {error.strerror}") from error
        if first is None:
            raise InputError(f"{path} has no picture in it")
        return _describe(path, container, stream, first)


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its video stream; InputError where there is none."""
    if not path.exists():
        raise InputError(f"there is no file {path}")
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a video")
    try:
        container = open_source(path)
    except (av.FFmpegError, ValueError) as error:
        reason = error.strerror if isinstance(error, av.FFmpegError) else str(error)
        raise InputError(f"{path} cannot be read as a video: {reason}") from error
    with container:
        if container.format.name in _NOT_VIDEO:
            raise InputError(f"{path} is a {container.format.name} text file, not a video")
        streams = videos(container)
        if not streams:
            raise InputError(f"{path} has no video stream that can be decoded")
        yield container, streams[0]


def open_source(path: Path) -> InputContainer:
    """Open a media file, and no other file or address that it may point to."""
    # Whatever encoding the metadata has, it is not used and must not stop the job.
    return av.open(
        f"file:{path}",
        "r",
        metadata_errors="ignore",
        container_options={"protocol_whitelist": "file"},
    )


def videos(container: InputContainer) -> list[VideoStream]:
    """The streams that can be decoded and are no cover pictures."""
    return [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & Disposition.attached_pic
    ]


def _describe(
    path: Path, container: InputContainer, stream: VideoStream, first: VideoFrame
) -> VideoInfo:
    matrix = _display_matrix(first)
    rotation = _clockwise(matrix) if matrix else 0
    aspect = stream.sample_aspect_ratio or Fraction(1)
    time_base = stream.time_base or Fraction(1, 1000)
    rate = stream.average_rate or stream.guessed_rate or None
    duration: float | None = None
    if stream.duration:
        duration = float(stream.duration * time_base)
    elif container.duration:
        duration = container.duration / av.time_base
    frames: int | None = stream.frames or None
    if frames is None and duration and rate:
        frames = max(1, round(duration * rate))
    width, height = upright_size(first.width, first.height, rotation, aspect)
    return VideoInfo(
        path=path,
        width=width,
        height=height,
        coded_width=first.width,
        coded_height=first.height,
        rotation=rotation,
        display_matrix=matrix,
        sample_aspect=aspect,
        frame_rate=rate,
        frames=frames,
        duration=duration,
        time_base=time_base,
        start=max(Fraction(container.start_time or 0, av.time_base), Fraction(0)),
        pixel_format=first.format.name,
        bit_depth=max(part.bits for part in first.format.components),
        color_range=int(first.color_range),
        color_matrix=int(first.colorspace),
        color_primaries=int(first.color_primaries),
        color_transfer=int(first.color_trc),
        codec=stream.codec_context.codec.canonical_name,
        has_audio=bool(container.streams.audio),
        interlaced=first.interlaced_frame,
        further_videos=len(videos(container)) - 1,
    )


def _display_matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    try:
        # Typed as a mapping by name, but a sequence of the data itself.
        listed = list(cast("Iterator[SideData]", iter(frame.side_data)))
    except ValueError:  # PyAV cannot list what it has no name for, such as EXIF data
        return _turned(-frame.rotation) if frame.rotation else None
    for data in listed:
        if data.type == SideDataType.DISPLAYMATRIX:
            return tuple(int(value) for value in np.frombuffer(bytes(data), np.int32))
    return None


def _turned(clockwise: int) -> tuple[int, ...]:
    """The display matrix of a turn in degrees, as `_clockwise` reads it."""
    cos, sin = (f(math.radians(clockwise)) for f in (math.cos, math.sin))
    one = 1 << 16
    turn = (cos * one, sin * one, 0, -sin * one, cos * one, 0, 0, 0, 1 << 30)
    return tuple(round(value) for value in turn)


def _clockwise(matrix: tuple[int, ...]) -> int:
    """The rotation of a display matrix, in degrees, to the nearest multiple of 90.

    A mirrored matrix (front cameras) turns a mirrored picture; the mirroring itself is left
    to the player, since a mirrored face is as upright as any other.
    """
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if a * d - b * c < 0:
        a = -a
    return round(math.degrees(math.atan2(b, a)) / 90) * 90 % 360
