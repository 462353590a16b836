"""Reading a video frame by frame, ahead of whoever works on the frames."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from blanket.ahead import ahead
from blanket.ending import has_its_end
from blanket.errors import InputError, counted
from blanket.frame import Frame, over_black
from blanket.videoinfo import VideoInfo, open_video, probe
from blanket.yuv import has_alpha, same_planes

_AHEAD = 4
# Seconds by which a Matroska header may overstate the length: it counts the delay of the sound.
_SLACK = Fraction(1, 2)


def read(path: Path, threads: int = 0) -> Iterator[Frame]:
    """Yield every frame of a video, in order, decoding up to 4 frames ahead.

    threads: for the decoder, 0 for as many as there are cores. Memory does not grow with
    the length. Closing the iterator early stops the decoder.

    Raises:
        InputError: at once for a file that is no video; on the way where a frame is
            damaged or the file ends too early.
    """
    return ahead(_decode(probe(Path(path)), threads), _AHEAD, "decode")


def _decode(info: VideoInfo, threads: int) -> Iterator[Frame]:
    count, stamp, early = 0, -1, 0
    scaler = VideoReformatter()
    with open_video(info.path) as (container, stream):
        stream.codec_context.thread_count = threads
        stream.codec_context.thread_type = "AUTO"
        try:
            for picture in _pictures(info, container, stream):
                if picture.is_corrupt:
                    raise InputError(_damaged(info, count))
                stamp = _time_stamp(picture, info, count, stamp)
                if count == 0 and container.format.name == "avi":
                    # AVI has no time stamps: FFmpeg counts from the decoder's delay on.
                    early = stamp
                native = supported(picture, info, count, scaler)
                yield Frame(info, native, count, stamp - early, picture.duration)
                count += 1
        except (av.FFmpegError, _CutShortError) as error:
            raise InputError(_damaged(info, count)) from error


class _CutShortError(Exception):
    """The packets end before the file said they would."""


def _pictures(
    info: VideoInfo, container: InputContainer, stream: VideoStream
) -> Iterator[VideoFrame]:
    # The length in a Matroska header is that of the longest stream, so all are followed.
    matroska = "matroska" in container.format.name
    reached, pause = Fraction(0), Fraction(0)
    latest: Fraction | None = None
    for packet in container.demux() if matroska else container.demux(stream):
        if packet.is_corrupt:
            raise _CutShortError
        if packet.pts is not None:
            shown = packet.pts * packet.time_base
            reached = max(reached, shown + (packet.duration or 0) * packet.time_base)
            if packet.stream is stream:
                pause = max(pause, shown - (shown if latest is None else latest))
                latest = shown if latest is None else max(latest, shown)
        if packet.stream is stream:
            yield from stream.decode(packet)
    if not has_its_end(info.path, container.format.name):
        raise _CutShortError
    if matroska and container.duration:
        # How long the last picture stays is not always said: up to as long as another one.
        if Fraction(container.duration, av.time_base) - reached > max(_SLACK, pause):
            raise _CutShortError
    elif "mov" in container.format.name and len(stream.index_entries):
        last = stream.index_entries[-1]
        if last.pos + last.size > container.size:
            raise _CutShortError


def _damaged(info: VideoInfo, count: int) -> str:
    return (
        f"{info.path} is damaged or cut short after {counted(count, 'good frame')}: "
        "copy it again from the camera, or repair it"
    )


def _time_stamp(picture: VideoFrame, info: VideoInfo, count: int, last: int) -> int:
    """The frame's own time stamp; where the file has none, what its frame rate says."""
    if picture.pts is not None:
        return int(picture.pts)
    if picture.dts is not None and picture.dts > last:
        return int(picture.dts)
    step = round(1 / (info.frame_rate or 25) / info.time_base)
    return last + max(1, step) if count else 0


def supported(
    picture: VideoFrame, info: VideoInfo, count: int, scaler: VideoReformatter
) -> VideoFrame:
    """A decoded picture in the format ``info.layout.form``, over black where it is transparent;
    InputError where its size is new."""
    if (picture.width, picture.height) != (info.coded_width, info.coded_height):
        raise InputError(
            f"{info.path} changes its picture size after {counted(count, 'frame')}: "
            "convert it to one size first"
        )
    form, colour = info.layout.form, info.layout.colour
    if same_planes(picture.format.name, form):
        return picture
    native = scaler.reformat(
        picture,
        format=form.name,
        src_colorspace=colour.matrix,
        dst_colorspace=colour.matrix,
        src_color_range=colour.range_code,
        dst_color_range=colour.range_code,
        threads=1,
    )
    if has_alpha(picture.format):
        # What was cut out must not come back.
        over_black(native, picture.to_ndarray(format="rgba")[..., 3], info.layout)
    return native
