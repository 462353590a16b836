"""Carrying the sound over as it is."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from blanket.errors import InputError
from blanket.videoinfo import VideoInfo, open_source


class AudioCopy:
    """The first audio stream of a video, packet by packet, into another container."""

    def __init__(self, info: VideoInfo, target: OutputContainer) -> None:
        """Add the stream to ``target``; nothing is written yet.

        Raises:
            InputError: the container of ``target`` cannot hold this kind of sound.
        """
        self._source = open_source(info.path)
        audio: AudioStream = self._source.streams.audio[0]
        try:
            self._stream = target.add_stream_from_template(audio, opaque=True)
        except (ValueError, av.FFmpegError) as error:
            self._source.close()
            raise InputError(
                f"the sound of {info.path} ({audio.codec_context.name}) does not fit in a "
                f"{target.format.name} file: drop the sound, or write .mkv"
            ) from error
        self._target = target
        self._shift = round(info.start / (audio.time_base or Fraction(1, 1000)))
        self._packets = self._read(audio)
        self._next = next(self._packets, None)

    def write_until(self, seconds: float) -> None:
        """Write all packets up to a time (from the start of the file)."""
        while self._next is not None:
            packet = self._next
            if (packet.dts or 0) * packet.time_base > seconds:
                return
            packet.stream = self._stream
            self._target.mux(packet)
            self._next = next(self._packets, None)

    def close(self) -> None:
        """Close the source."""
        self._packets.close()
        self._source.close()

    def _read(self, audio: AudioStream) -> Generator[Packet[AudioStream], None, None]:
        for packet in self._source.demux(audio):
            if packet.dts is None or packet.pts is None:  # the flushing packet at the end
                continue
            packet.pts -= self._shift
            packet.dts -= self._shift
            yield packet
