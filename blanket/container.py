"""Which containers and codecs videos are written in, and how their encoders are set."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import Flags as CodecFlags
from av.container import OutputContainer
from av.video.stream import VideoStream

from blanket.cores import spare_cores
from blanket.errors import InputError
from blanket.media import is_video
from blanket.videoinfo import VideoInfo
from blanket.yuv import FULL_RANGE, is_rgb, losses

CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".avi": "avi",
}
DEFAULT_CODEC = "libx264"
_WEBM_CODEC = "libvpx-vp9"
CODECS = (DEFAULT_CODEC, "libx265", _WEBM_CODEC)


def refuse_unfit(path: Path, info: VideoInfo, codec: str) -> None:
    """Raise InputError where the video cannot be written under this name with this codec.

    Arguments as in `blanket.encode.Writer`; nothing is opened.
    """
    suffix = path.suffix.lower()
    if suffix not in CONTAINERS:
        raise InputError(
            f"{path.name} is no name that a video can be written under: "
            f"choose one of {', '.join(CONTAINERS)}"
        )
    if codec not in CODECS:
        raise InputError(f"there is no codec {codec!r}: choose one of {', '.join(CODECS)}")
    hevc_in_avi = suffix == ".avi" and codec == "libx265"
    if hevc_in_avi or (suffix == ".webm" and codec not in (DEFAULT_CODEC, _WEBM_CODEC)):
        raise InputError(f"{suffix} files cannot hold {codec}: write .mp4 or .mkv")
    vp9 = suffix == ".webm" or codec == _WEBM_CODEC
    if vp9 and info.sample_aspect != 1 and CONTAINERS[suffix] not in ("mp4", "mov"):
        # VP9 itself has no place for it, and PyAV sets it in MP4 containers only.
        raise InputError(
            f"{info.path} has pixels that are not square, which {suffix} files with VP9 "
            "cannot say here: write .mp4"
        )
    if suffix == ".avi" and info.display_matrix:
        raise InputError(f"{info.path} is stored turned, which .avi files cannot say: write .mp4")


def open_output(
    path: Path, info: VideoInfo, codec: str, quality: int, preset: str
) -> tuple[OutputContainer, VideoStream, list[str]]:
    """A container with one video stream, ready for frames, and notes on what is not kept.

    Arguments as in `blanket.encode.Writer`.

    Raises:
        InputError: a container or codec that is not known or does not fit the video.
    """
    refuse_unfit(path, info, codec)
    suffix = path.suffix.lower()
    if suffix == ".webm":
        codec = _WEBM_CODEC
    # Unless bit-exact, the muxer signs with its version, and some with the date.
    exact = {"fflags": "+bitexact"}
    container = av.open(f"file:{path}", "w", format=CONTAINERS[suffix], container_options=exact)
    rate = min(max(info.frame_rate or Fraction(25), Fraction(1)), Fraction(1000))
    options = _options(codec, quality, preset)
    if suffix == ".avi":
        options["bf"] = "0"  # .avi has one time stamp a frame, so no reordering
    stream = container.add_stream(codec, rate=rate, options=options)
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    context.width, context.height = info.coded_width, info.coded_height
    context.pix_fmt, notes = _pixel_format(codec, info)
    notes = _unkept(info) + notes
    context.time_base = 1 / rate if suffix == ".avi" else info.time_base
    context.sample_aspect_ratio = info.sample_aspect
    colour = info.layout.colour
    if is_rgb(info.stored):
        context.color_range, context.colorspace = colour.range_code, colour.matrix
    else:
        context.color_range = FULL_RANGE if colour.full else info.color_range
        context.colorspace = info.color_matrix
    context.color_primaries = info.color_primaries
    context.color_trc = info.color_transfer
    context.flags |= CodecFlags.frame_duration.value
    context.thread_type = "FRAME"
    context.thread_count = spare_cores()
    if codec == "libx265" and CONTAINERS[suffix] in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # the only tag that Apple's players take
    if info.display_matrix:
        stream.set_display_matrix(info.display_matrix)
    return container, stream, notes


def _unkept(info: VideoInfo) -> list[str]:
    """Notes on what is lost of the source, whatever it is written as."""
    notes = []
    if lost := losses(info.stored):
        notes.append(f"the frames are {info.pixel_format} and were written {', '.join(lost)}")
    if info.further_videos:
        notes.append(
            f"the file has {info.further_videos + 1} video streams, of which only the first "
            "was written"
        )
    return notes


def _pixel_format(codec: str, info: VideoInfo) -> tuple[str, list[str]]:
    """The encoder's pixel format, and a note where it is not that of the frames."""
    form = info.layout.form
    forms = av.Codec(codec, "w").video_formats or []
    known = {known.name for known in forms}
    odd = info.coded_width % form.step_x or info.coded_height % form.step_y
    if odd and codec != _WEBM_CODEC:
        wide = form.name.replace("420", "444").replace("422", "444")
        note = (
            f"the picture of {info.coded_width}x{info.coded_height} pixels has an odd "
            f"side, so it was written as {wide} in place of {form.name}"
        )
        return wide, [note]
    if form.name in known:
        return form.name, []
    # No known codec lacks the plain 8-bit formats; only gray and 10 bits can be missing.
    plain = form.name.removesuffix("10le") if form.chroma else "yuv420p"
    return plain, [f"{codec} cannot hold {form.name}, so {plain} was written"]


def _options(codec: str, quality: int, preset: str) -> dict[str, str]:
    if codec == _WEBM_CODEC:
        return {"crf": str(quality), "b:v": "0", "deadline": "good", "cpu-used": "4"}
    if codec == "libx265":
        return {"crf": str(quality), "preset": preset, "x265-params": "log-level=error"}
    # x264's AVX-512 code reads beyond its tables, and its choices then differ from run to run.
    return {"crf": str(quality), "preset": preset, "x264-params": "cpu-independent=1"}


def written_as(path: Path) -> Path:
    """A path to write to: with the suffix .mp4 where a video of its own cannot be written."""
    if not is_video(path):
        return path
    return path if path.suffix.lower() in CONTAINERS else path.with_suffix(".mp4")
