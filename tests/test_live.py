"""The audit while a file is being written: it is of the file, or it does not count."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.stream import VideoStream
from clips import LOSSLESS, make_clip, scene
from conftest import Demo

import blanket
from blanket import pipeline
from blanket.faces import Image
from blanket.live import Judge, Live
from blanket.payload import Payload
from blanket.picture import Picture
from blanket.verdict import AuditReport
from blanket.video import Frame, Writer, probe, read

Pairs = Iterable[tuple[Picture, Picture]]


def film(frames: int = 12, width: int = 160, height: int = 120) -> list[Image]:
    return [scene(width, height, phase=number / 4) for number in range(frames)]


def counting(demo: Demo, seen: list[tuple[Image, Image]]) -> Judge:
    """A judge that only looks."""
    assert demo.report.audit is not None
    some = demo.report.audit

    def judge(pairs: Pairs) -> AuditReport:
        seen.extend((before.rgb(), after.rgb()) for before, after in pairs)
        return some.model_copy(update={"frames": len(seen)})

    return judge


def painted(frame: Frame) -> Frame:
    patch, alpha = np.full((40, 40, 3), 200, np.uint8), np.ones((40, 40), np.float32)
    frame.paste(patch, alpha, np.array([[1.0, 0, -50], [0, 1, -30]]))
    return frame


def write(source: Path, target: Path, judge: Judge, codec: str = "libx264") -> Live:
    info = probe(source)
    live = Live(judge, info)
    with live, Writer(target, info, codec, audio="keep", told=live.written) as writer:
        for frame in live.originals(read(source)):
            writer.write(painted(frame))
    return live


def remuxed(source: Path, target: Path, drop: int | None = None) -> Path:
    """The same packets in another file, but for one."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for number, packet in enumerate(old.demux(video=0)):
            if packet.size and number != drop:
                packet.stream = stream
                new.mux(packet)
    return target


@pytest.mark.parametrize(
    ("suffix", "rotation"), [(".mp4", 0), (".mp4", 90), (".mov", 0), (".mkv", 0), (".avi", 0)]
)
def test_what_is_judged_is_what_the_file_shows(
    demo: Demo, tmp_path: Path, suffix: str, rotation: int
) -> None:
    source = make_clip(tmp_path / "a.mp4", film(), rotation=rotation, tone=True)
    target, seen = tmp_path / f"b{suffix}", list[tuple[Image, Image]]()
    verdict = write(source, target, counting(demo, seen)).verdict(target)
    assert verdict is not None
    assert verdict.frames == len(seen) == 12
    for (before, after), original, output in zip(seen, read(source), read(target), strict=True):
        np.testing.assert_array_equal(before, original.rgb())
        np.testing.assert_array_equal(after, output.rgb())
        assert (after[34:66, 54:86] > 180).all()


def test_another_file_has_no_verdict(demo: Demo, tmp_path: Path) -> None:
    source, target = make_clip(tmp_path / "a.mp4", film()), tmp_path / "b.mp4"
    live = write(source, target, counting(demo, []))
    assert live.verdict(remuxed(target, tmp_path / "c.mkv")) is not None
    assert live.verdict(remuxed(target, tmp_path / "d.mp4", drop=11)) is None
    assert live.verdict(remuxed(target, tmp_path / "e.mp4", drop=5)) is None
    assert live.verdict(source) is None
    assert live.verdict(tmp_path / "nothing.mp4") is None
    data = bytearray(target.read_bytes())
    data[data.index(b"mdat") + 2000] ^= 1
    target.write_bytes(data)
    assert live.verdict(target) is None


def test_packets_that_would_be_decoded_in_another_way_are_others(tmp_path: Path) -> None:
    """The same bytes after other parameter sets are another picture."""
    told: dict[int, list[tuple[VideoStream, bytes]]] = {160: [], 320: []}
    for width, packets in told.items():
        source = make_clip(tmp_path / f"{width}.mkv", film(3, width))

        def keep(stream: VideoStream, packet: bytes | None, kept=packets) -> None:  # type: ignore[no-untyped-def]
            if packet is not None:
                kept.append((stream, packet))

        with Writer(tmp_path / f"{width}.mp4", probe(source), told=keep) as writer:
            for frame in read(source):
                writer.write(frame)
    (mine, _), (theirs, _) = told[160][0], told[320][0]
    for stream, alike in ((mine, True), (theirs, False)):
        payload = Payload(stream)
        for _, packet in told[160]:
            payload.add(packet)
        assert payload.is_in(tmp_path / "160.mp4") is alike


@pytest.mark.parametrize(("codec", "suffix"), [("libx265", ".mp4"), ("libx264", ".webm")])
def test_other_codecs_have_no_verdict(demo: Demo, tmp_path: Path, codec: str, suffix: str) -> None:
    source, target = make_clip(tmp_path / "a.mp4", film(60)), tmp_path / f"b{suffix}"
    live = write(source, target, counting(demo, []), codec)
    assert live.verdict(target) is None
    # Nor is anything kept for one.
    gc.collect()
    assert sum(isinstance(one, Frame) for one in gc.get_objects()) < 10


def test_frames_that_are_stored_otherwise_than_read_have_no_verdict(
    demo: Demo, tmp_path: Path
) -> None:
    odd = make_clip(tmp_path / LOSSLESS["ffv1"], film(4, 161), codec="ffv1")
    target = tmp_path / "b.mp4"
    assert write(odd, target, counting(demo, [])).verdict(target) is None


def test_a_judge_that_fails_stops_nobody_and_is_heard(tmp_path: Path) -> None:
    source, target = make_clip(tmp_path / "a.mp4", film(40)), tmp_path / "b.mp4"

    def judge(pairs: Pairs) -> AuditReport:
        next(iter(pairs))
        raise ValueError("no verdict")

    live = write(source, target, judge)
    assert probe(target).frames == 40
    with pytest.raises(ValueError, match="no verdict"):
        live.verdict(target)


def test_what_is_not_finished_has_no_verdict(demo: Demo, tmp_path: Path) -> None:
    source, target = make_clip(tmp_path / "a.mp4", film(40)), tmp_path / "b.mp4"
    info, seen = probe(source), list[tuple[Image, Image]]()
    live = Live(counting(demo, seen), info)

    def broken() -> None:
        with live, Writer(target, info, told=live.written) as writer:
            for frame in live.originals(read(source)):
                if frame.index == 30:
                    raise KeyboardInterrupt
                writer.write(frame)

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert len(seen) <= 30
    assert live.verdict(target) is None


def test_a_run_reads_its_output_again_only_where_it_must(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_again: list[Path] = []
    whole = pipeline.side_by_side

    def watched(original: Path, output: Path, *rest: object) -> object:
        read_again.append(output)
        return whole(original, output, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "side_by_side", watched)
    told: list[str] = []
    first = blanket.anonymize(
        demo.clip, tmp_path / "a.mp4", progress=lambda stage, *_: told.append(stage)
    )
    assert not read_again
    assert told[-1] == "audit"
    # As if the file did not hold what was judged.
    monkeypatch.setattr(Payload, "is_in", lambda self, path: False)
    second = blanket.anonymize(demo.clip, tmp_path / "b.mp4")
    assert len(read_again) == 1
    assert first.audit is not None
    assert second.audit is not None
    assert first.audit.model_copy(update={"anonymized": "b.mp4"}) == second.audit
