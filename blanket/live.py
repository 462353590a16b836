"""An audit of a video while it is being written.

What the encoder puts out is decoded at once, laid beside the original that is at hand anyway,
and judged by a thread of its own. The finished file must hold those very packets
(`blanket.payload`): then the verdict is on the file.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from blanket.ahead import offer
from blanket.frame import Frame
from blanket.payload import Payload
from blanket.picture import Picture
from blanket.verdict import AuditReport
from blanket.videoinfo import VideoInfo
from blanket.yuv import same_planes

Judge = Callable[[Iterable[tuple[Picture, Picture]]], AuditReport]
"""Gives the verdict on frames side by side, original and output."""

_AHEAD = 1


class Live:
    """Judges what an H.264 encoder puts out; of other codecs it has no verdict.

    Use it as a context manager around the `blanket.encode.Writer`: `originals` go in, every
    packet is told by `written`, and after the end `verdict` says what came of it.
    """

    def __init__(self, judge: Judge, info: VideoInfo) -> None:
        """info: of the original."""
        self._judge, self._info = judge, info
        self._originals: deque[Frame] = deque()
        self._pairs: queue.Queue[tuple[Frame, Frame] | None] = queue.Queue(_AHEAD)
        self._decoder: VideoCodecContext | None = None
        self._payload: Payload | None = None
        self._shown = 0
        self._lost = False
        self._verdict: AuditReport | None = None
        self._error: BaseException | None = None
        self._worker = threading.Thread(target=self._work, name="audit", daemon=True)

    def __enter__(self) -> Self:
        """Start to judge."""
        self._worker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Wait for the verdict on what was told."""
        offer(self._pairs, None, self._worker.is_alive)
        self._worker.join()

    def originals(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """The frames of the original, each remembered as it is before it is painted on."""
        for frame in frames:
            if not self._lost:
                self._originals.append(frame.copy())
            yield frame

    def written(self, stream: VideoStream, packet: bytes | None) -> None:
        """The next packet of an encoder's stream, None at the end."""
        if self._lost:
            return
        if stream.codec_context.name != "libx264":
            return self._give_up()
        if self._decoder is None or self._payload is None:
            self._payload = Payload(stream)
            self._decoder = av.CodecContext.create("h264", "r")
            self._decoder.extradata = stream.codec_context.extradata
            self._decoder.thread_count = 1
        try:
            if packet is not None:
                self._payload.add(packet)
            for picture in self._decoder.decode(None if packet is None else av.Packet(packet)):
                alike = same_planes(picture.format.name, self._info.layout.form)
                if not alike or not self._originals:
                    return self._give_up()
                frame = Frame(self._info, picture, self._shown, 0)
                offer(self._pairs, (self._originals.popleft(), frame), self._worker.is_alive)
                self._shown += 1
        except av.FFmpegError:
            # Whatever is wrong, the audit of the file will say so.
            self._give_up()

    def verdict(self, path: Path) -> AuditReport | None:
        """The verdict on a finished file, None where it is not known to hold what was judged."""
        if self._error is not None:
            raise self._error
        verdict, whole = self._verdict, not self._lost and not self._originals
        if verdict is None or self._payload is None or not whole or self._shown != verdict.frames:
            return None
        return verdict if self._payload.is_in(path) else None

    def _give_up(self) -> None:
        self._lost = True
        self._originals.clear()

    def _work(self) -> None:
        try:
            self._verdict = self._judge(iter(self._pairs.get, None))
        except BaseException as error:
            self._error = error
