"""Writing a video that differs from its source in its pictures only."""

from __future__ import annotations

import errno
import queue
import threading
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import av
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from blanket.ahead import offer
from blanket.audio import AudioCopy
from blanket.container import DEFAULT_CODEC, open_output
from blanket.errors import BlanketError, InputError
from blanket.frame import Frame
from blanket.videoinfo import VideoInfo

_AHEAD = 4
_IN_STEP = Fraction(1, 5)  # of a frame, by which time stamps are rounded in some files


class Writer:
    """Encodes frames on its own thread and keeps all that is not picture or privacy.

    Kept: every frame and its time stamp, size, rotation, pixel aspect, colour tags, depth.
    Dropped: all metadata (place, device, date, language, chapters), captions, thumbnails,
    data streams. What could not be kept is told in ``notes``; ``codec`` is the encoder that
    is used.

    Use it as a context manager: a clean exit finishes the file, an exception leaves it
    unfinished (see `blanket.output.pending`). A frame belongs to the writer once written.
    """

    def __init__(
        self,
        path: Path,
        info: VideoInfo,
        codec: str = DEFAULT_CODEC,
        quality: int = 18,
        preset: str = "superfast",
        audio: Literal["drop", "keep"] = "drop",
        comment: str = "",
        told: Callable[[VideoStream, bytes | None], None] | None = None,
    ) -> None:
        """Open the file.

        path: its suffix names the container. info: the source. codec: libx264, libx265 or
        libvpx-vp9, which .webm files take in place of the default. quality: constant rate
        factor, lower is better. preset: of x264 and x265. audio: leave the sound out, or
        copy it unchanged. comment: what the file says of itself. told: called with every
        packet of the encoder's stream before it is written, and with None after the last.

        Raises:
            InputError: a container or codec that is not known or does not fit.
        """
        self.notes: list[str]
        self._info = info
        self._container, self._stream, self.notes = open_output(
            Path(path), info, codec, quality, preset
        )
        self.codec = self._stream.codec_context.name
        self._told = told
        self._container.metadata["comment"] = comment
        self._audio: AudioCopy | None = None
        if audio == "keep" and info.has_audio:
            try:
                self._audio = AudioCopy(info, self._container)
            except InputError:
                self._container.close()
                raise
        self._form = str(self._stream.codec_context.pix_fmt)
        self._scaler = VideoReformatter()
        self._last_tick: int | None = None
        self._shift = Fraction(0)
        self._count = 0
        self._frames: queue.Queue[Frame | None] = queue.Queue(_AHEAD)
        self._error: BaseException | None = None
        self._abandoned = False
        self._worker = threading.Thread(target=self._work, name="encode", daemon=True)

    def __enter__(self) -> Self:
        """Start the encoder."""
        self._worker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the file, or after an exception close it as it is."""
        self._abandoned = kind is not None
        offer(self._frames, None, self._worker.is_alive)
        self._worker.join()
        if kind is None and self._error is not None:
            raise self._error

    def write(self, frame: Frame) -> None:
        """Queue the next frame; waits while 4 are queued.

        Raises:
            BlanketError: an earlier frame could not be encoded.
            OSError: an earlier frame could not be written (a full disk).
        """
        offer(self._frames, frame, self._worker.is_alive)
        if self._error is not None:
            raise self._error

    def _work(self) -> None:
        try:
            try:
                while (frame := self._frames.get()) is not None:
                    self._encode(frame)
                if not self._abandoned:
                    self._finish()
            finally:
                self._close()
        except BlanketError as error:
            self._error = error
        except av.FFmpegError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            self._error = error if full else self._failed(error.strerror)
        except BaseException as error:
            self._error = error

    def _failed(self, reason: str | None) -> BlanketError:
        return BlanketError(
            f"encoding failed at frame {self._count} of {self._info.path}: {reason}"
        )

    def _encode(self, frame: Frame) -> None:
        picture = frame.encodable()
        if self._form != picture.format.name:
            picture = self._convert(picture)
        base = self._stream.codec_context.time_base
        picture.time_base = base
        picture.pts = self._tick(frame, base)
        picture.duration = max(0, round(frame.duration * self._info.time_base / base))
        self._mux(picture)
        self._count += 1

    def _tick(self, frame: Frame, base: Fraction) -> int:
        exact = (frame.pts * self._info.time_base - self._info.start) / base
        if self._container.format.name == "avi":
            exact = self._in_step(exact, base)
        tick = round(exact)
        if self._last_tick is not None and tick <= self._last_tick:
            tick = self._last_tick + 1
            note = "frames with equal or backward time stamps were moved one tick onwards"
            if note not in self.notes:
                self.notes.append(note)
        self._last_tick = tick
        return tick

    def _in_step(self, exact: Fraction, base: Fraction) -> Fraction:
        """A time stamp counted in whole frames, the first of which may begin between two."""
        if self._last_tick is None:
            self._shift = round(exact) - exact
            if abs(self._shift) > _IN_STEP:
                self.notes.append(
                    f"the pictures were moved by {float(abs(self._shift) * base):.3f} s, "
                    "since .avi files count in whole frames"
                )
        exact += self._shift
        if abs(exact - round(exact)) > _IN_STEP:
            raise InputError(
                f"{self._info.path} has a varying frame rate, which .avi files cannot "
                "hold: write .mp4 or .mkv"
            )
        return exact

    def _convert(self, picture: VideoFrame) -> VideoFrame:
        colour = self._info.layout.colour
        return self._scaler.reformat(
            picture,
            format=self._form,
            src_colorspace=colour.matrix,
            dst_colorspace=colour.matrix,
            src_color_range=colour.range_code,
            dst_color_range=colour.range_code,
            threads=1,
        )

    def _mux(self, picture: VideoFrame | None) -> None:
        for packet in self._stream.encode(picture):
            if self._audio is not None and packet.dts is not None:
                self._audio.write_until(float(packet.dts * packet.time_base))
            if self._told is not None:
                self._told(self._stream, bytes(packet))
            self._container.mux(packet)

    def _finish(self) -> None:
        if not self._count:
            raise BlanketError(f"no frame of {self._info.path} was written")
        self._mux(None)
        if self._told is not None:
            self._told(self._stream, None)
        if self._audio is not None:
            self._audio.write_until(float("inf"))

    def _close(self) -> None:
        if self._audio is not None:
            self._audio.close()
        self._container.close()
