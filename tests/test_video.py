"""Files in and out: what is kept, what is dropped, what is refused."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import BT601, BT709, FULL, LIMITED, LOSSLESS, make_clip, psnr, scene, with_orientation

from blanket.errors import BlanketError, InputError
from blanket.faces import Image
from blanket.image import read_image, write_image
from blanket.video import VideoInfo, Writer, probe, read


def film(count: int, width: int = 160, height: int = 120) -> list[Image]:
    return [scene(width, height, phase=number / 5) for number in range(count)]


def transcode(source: Path, target: Path, **options: Any) -> list[str]:
    with Writer(target, probe(source), comment="Faces are new", **options) as writer:
        for frame in read(source):
            writer.write(frame)
    return writer.notes


def times(path: Path) -> list[Fraction]:
    return [frame.pts * frame.info.time_base for frame in read(path)]


def look(path: Path) -> tuple[dict[str, str], list[tuple[str, dict[str, str]]]]:
    """The metadata of a file and of its streams."""
    with av.open(str(path)) as container:
        streams = [(str(stream.type), dict(stream.metadata)) for stream in container.streams]
        return dict(container.metadata), streams


def test_probe(tmp_path: Path) -> None:
    aspect = Fraction(64, 45)
    path = make_clip(
        tmp_path / "a.mp4", film(10), rotation=90, aspect=aspect, matrix=BT709, tone=True
    )
    info = probe(path)
    assert (info.coded_width, info.coded_height, info.rotation) == (160, 120, 90)
    assert (info.width, info.height) == (120, round(160 * aspect))
    assert info.sample_aspect == aspect
    assert info.frame_rate == Fraction(30)
    assert info.frames == 10
    assert info.duration == pytest.approx(1 / 3, abs=0.01)
    assert (info.pixel_format, info.bit_depth, info.codec) == ("yuv420p", 8, "h264")
    assert (info.color_range, info.color_matrix) == (LIMITED, BT709)
    assert (info.color_primaries, info.color_transfer) == (1, 1)
    assert info.has_audio


def same_look(a: VideoInfo, b: VideoInfo) -> None:
    for name in (
        *("width", "height", "coded_width", "coded_height", "rotation", "sample_aspect"),
        *("frames", "pixel_format", "bit_depth", "color_range", "color_matrix"),
        *("color_primaries", "color_transfer"),
    ):
        # "yuvj" is an old name for "yuv" in full range.
        old, new = (str(getattr(info, name)).replace("yuvj", "yuv") for info in (a, b))
        assert old == new, name


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".m4v", ".mkv"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_what_is_kept(tmp_path: Path, suffix: str, rotation: int) -> None:
    source = make_clip(
        tmp_path / "a.mp4",
        film(6),
        rotation=rotation,
        aspect=Fraction(64, 45),
        matrix=BT709 if rotation else BT601,
        color_range=FULL if rotation == 180 else LIMITED,
        pixel_format="yuv422p10le" if rotation == 270 else "yuv420p",
    )
    target = tmp_path / f"b{suffix}"
    assert transcode(source, target, quality=8) == []
    same_look(probe(source), probe(target))
    for new, old in zip(read(target), read(source), strict=True):
        assert psnr(new.rgb(), old.rgb()) > 38


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_varying_time_stamps_are_kept(tmp_path: Path, suffix: str) -> None:
    stamps = [0, 33, 50, 125, 126, 300, 1000, 1040, 1500, 1501, 1600]
    source = make_clip(
        tmp_path / "a.mkv",
        film(len(stamps)),
        time_stamps=stamps,
        time_base=Fraction(1, 1000),
        preset="medium",
        crf="20",
    )
    target = tmp_path / f"b{suffix}"
    assert transcode(source, target, preset="medium") == []
    assert times(target) == [Fraction(stamp, 1000) for stamp in stamps] == times(source)
    assert [frame.time for frame in read(target)] == [stamp / 1000 for stamp in stamps]


def test_fine_time_stamps_and_length_are_kept(tmp_path: Path) -> None:
    stamps = [number * 3003 + number % 3 * 200 for number in range(40)]
    source = make_clip(
        tmp_path / "a.mp4", film(40), time_stamps=stamps, time_base=Fraction(1, 90000)
    )
    transcode(source, tmp_path / "b.mp4")
    assert times(tmp_path / "b.mp4") == times(source)
    assert probe(tmp_path / "b.mp4").duration == pytest.approx(probe(source).duration, abs=2e-3)


def test_avi(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", film(12))
    transcode(source, tmp_path / "b.avi")
    assert times(tmp_path / "b.avi") == times(source)
    transcode(tmp_path / "b.avi", tmp_path / "c.mp4")
    assert times(tmp_path / "c.mp4") == times(source)
    stamps = [0, 3003, 9500, 20000, 20500]
    jumpy = make_clip(tmp_path / "d.mp4", film(5), time_stamps=stamps, time_base=Fraction(1, 90000))
    with pytest.raises(InputError, match="varying frame rate"):
        transcode(jumpy, tmp_path / "e.avi")
    turned = make_clip(tmp_path / "f.mp4", film(2), rotation=90)
    with pytest.raises(InputError, match="stored turned"):
        transcode(turned, tmp_path / "g.avi")


def test_avi_of_a_video_that_begins_between_two_frames(tmp_path: Path) -> None:
    stamps = [round(number * 1000 / 30) + 14 for number in range(12)]
    source = make_clip(
        tmp_path / "a.mkv", film(12), time_stamps=stamps, time_base=Fraction(1, 1000), tone=True
    )
    assert probe(source).start == 0
    (note,) = transcode(source, tmp_path / "b.avi")
    assert "moved by 0.014 s" in note
    assert times(tmp_path / "b.avi") == [Fraction(number, 30) for number in range(12)]


def test_exif_data_in_the_frames(tmp_path: Path) -> None:
    picture = tmp_path / "a.jpg"
    write_image(picture, np.ascontiguousarray(np.rot90(scene())))
    with_orientation(picture, 6)
    with av.open(str(picture)) as still, av.open(str(tmp_path / "b.avi"), "w") as container:
        stream = container.add_stream_from_template(still.streams.video[0])
        packet = next(still.demux(video=0))
        packet.stream = stream
        container.mux(packet)
    info = probe(tmp_path / "b.avi")
    assert (info.width, info.height, info.rotation) == (160, 120, 90)
    transcode(tmp_path / "b.avi", tmp_path / "c.mp4", quality=8)
    assert probe(tmp_path / "c.mp4").rotation == 90
    for name in ("b.avi", "c.mp4"):
        (frame,) = read(tmp_path / name)
        assert psnr(frame.rgb(), read_image(picture)) > 35


@pytest.mark.parametrize(
    ("pixel_format", "said"),
    [
        ("yuv420p12le", ["10 bits in place of 12"]),
        ("gray16le", ["10 bits in place of 16"]),
        ("bgra", ["YUV in place of RGB", "without transparency"]),
        ("yuva444p", ["without transparency"]),
    ],
)
def test_what_frames_lose_is_told(tmp_path: Path, pixel_format: str, said: list[str]) -> None:
    source = make_clip(tmp_path / "a.mkv", film(2), codec="ffv1", pixel_format=pixel_format)
    note = transcode(source, tmp_path / "b.mp4")[0]
    assert pixel_format in note
    assert all(text in note for text in said)


@pytest.mark.parametrize(
    ("codec", "pixel_format"), [("png", "rgba"), ("ffv1", "yuva420p"), ("ffv1", "yuva444p10le")]
)
def test_what_was_cut_out_of_a_video_does_not_come_back(
    tmp_path: Path, codec: str, pixel_format: str
) -> None:
    alpha = np.full((120, 160, 1), 255, np.uint8)
    alpha[:, :80] = 0
    source = tmp_path / LOSSLESS[codec]
    with av.open(str(source), "w") as container:
        stream: Any = container.add_stream(codec, rate=30)
        stream.width, stream.height, stream.pix_fmt = 160, 120, pixel_format
        frame = av.VideoFrame.from_ndarray(np.dstack([scene(), alpha]), "rgba")
        container.mux(stream.encode(frame.reformat(format=pixel_format)))
        container.mux(stream.encode(None))
    (frame,) = read(source)
    assert frame.rgb()[:, :78].max() <= 3
    assert psnr(frame.rgb()[:, 82:], scene()[:, 82:]) > 34


def test_further_videos_are_told(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        streams: list[Any] = [container.add_stream("ffv1", rate=30) for _ in range(2)]
        for stream in streams:
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
        for stream in streams:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(scene(), "rgb24")))
            container.mux(stream.encode(None))
    (note,) = transcode(tmp_path / "a.mkv", tmp_path / "b.mp4")
    assert "2 video streams" in note


def test_interlaced_videos_are_known(tmp_path: Path) -> None:
    flagged = {"x264-params": "tff=1"}
    assert probe(make_clip(tmp_path / "a.mp4", film(2), **flagged)).interlaced
    assert not probe(make_clip(tmp_path / "b.mp4", film(2))).interlaced


def test_odd_sizes(tmp_path: Path) -> None:
    full = make_clip(tmp_path / "a.mp4", film(3, 321, 241), pixel_format="yuv444p")
    assert transcode(full, tmp_path / "b.mp4", quality=8) == []
    same_look(probe(full), probe(tmp_path / "b.mp4"))
    half = make_clip(tmp_path / "c.mkv", film(3, 321, 241), codec="ffv1")
    (note,) = transcode(half, tmp_path / "d.mp4", quality=8)
    assert "321x241" in note
    assert "yuv444p" in note
    info = probe(tmp_path / "d.mp4")
    assert (info.width, info.height, info.frames) == (321, 241, 3)
    assert transcode(half, tmp_path / "e.webm", quality=8) == []
    assert probe(tmp_path / "e.webm").pixel_format == "yuv420p"
    for path in (tmp_path / "d.mp4", tmp_path / "e.webm"):
        for new, old in zip(read(path), read(half), strict=True):
            assert psnr(new.rgb(), old.rgb()) > 36


def test_webm(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", film(4), rotation=90, matrix=BT709, color_range=FULL)
    assert transcode(source, tmp_path / "b.webm", quality=8) == []
    same_look(probe(source), probe(tmp_path / "b.webm"))
    wide = make_clip(tmp_path / "c.mp4", film(2), aspect=Fraction(64, 45))
    with pytest.raises(InputError, match="not square"):
        transcode(wide, tmp_path / "d.webm")
    transcode(wide, tmp_path / "d.mp4", codec="libvpx-vp9")
    assert probe(tmp_path / "d.mp4").sample_aspect == Fraction(64, 45)


def test_h265(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", film(4), rotation=270, pixel_format="yuv420p10le")
    for suffix in (".mp4", ".mkv"):
        target = tmp_path / f"b{suffix}"
        assert transcode(source, target, codec="libx265", quality=8, preset="ultrafast") == []
        same_look(probe(source), probe(target))
        assert probe(target).codec == "hevc"
        assert times(target) == pytest.approx(times(source), abs=1e-3)


def test_mirrored_pictures_are_turned_too_and_stay_mirrored(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", film(2), rotation=90, mirrored=True)
    info = probe(source)
    assert info.rotation == 90
    assert info.display_matrix is not None
    transcode(source, tmp_path / "b.mp4")
    assert probe(tmp_path / "b.mp4").display_matrix == info.display_matrix


def test_a_change_of_size_is_an_error(tmp_path: Path) -> None:
    parts = [make_clip(tmp_path / f"{n}.h264", film(3, 160 + 32 * n)) for n in range(2)]
    both = tmp_path / "both.h264"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(InputError, match="changes its picture size after 3 frames"):
        list(read(both))


@pytest.mark.parametrize(
    ("codec", "pixel_format"), [("ffv1", "gray"), ("ffv1", "gray10le"), ("png", "rgb24")]
)
@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_formats_without_chroma_or_matrix(
    tmp_path: Path, codec: str, pixel_format: str, suffix: str
) -> None:
    source = make_clip(
        tmp_path / LOSSLESS[codec], film(3, 161, 121), codec=codec, pixel_format=pixel_format
    )
    transcode(source, tmp_path / f"b{suffix}", quality=6)
    for new, old in zip(read(tmp_path / f"b{suffix}"), read(source), strict=True):
        assert psnr(new.rgb(), old.rgb()) > 34


def test_one_pixel(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mkv", [np.full((1, 1, 3), 90, np.uint8)], codec="ffv1")
    info = probe(source)
    assert (info.width, info.height) == (1, 1)
    (frame,) = read(source)
    patch = frame.sample(np.eye(2, 3, dtype=np.float32), (3, 3))
    assert np.abs(patch.astype(int) - 90).max() <= 2
    frame.paste(np.full((3, 3, 3), 200, np.uint8), np.ones((3, 3), np.float32), np.eye(2, 3))
    assert np.abs(frame.rgb().astype(int) - 200).max() <= 2
    transcode(source, tmp_path / "b.webm")
    assert probe(tmp_path / "b.webm").width == 1


def test_metadata_is_dropped_and_the_comment_set(tmp_path: Path) -> None:
    secrets = {"location": "+50.08+014.43/", "creation_time": "2024-01-01T00:00:00Z"}
    secrets |= {"title": "Anna", "com.apple.quicktime.model": "iPhone"}
    source = make_clip(tmp_path / "a.mov", film(3), metadata=secrets, tone=True)
    for suffix in (".mp4", ".mov", ".mkv", ".webm", ".avi"):
        target = tmp_path / f"b{suffix}"
        transcode(source, target, audio="drop")
        container, streams = look(target)
        lowered = {key.lower(): value for key, value in container.items()}
        assert lowered.pop("comment") == "Faces are new"
        assert lowered.pop("encoder", "Lavf") == "Lavf"  # Matroska must name one
        assert set(lowered) <= {"major_brand", "minor_version", "compatible_brands"}
        assert [kind for kind, _ in streams] == ["video"]
        content = target.read_bytes()
        for secret in (b"Anna", b"iPhone", b"+50.08", b"Secret", b"2024-01", b"cze"):
            assert secret not in content


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".avi"])
def test_sound_is_kept_on_demand(tmp_path: Path, suffix: str) -> None:
    source = make_clip(tmp_path / "a.mp4", film(30), tone=True)
    target = tmp_path / f"b{suffix}"
    transcode(source, target, audio="keep")

    def sound(path: Path) -> list[bytes]:
        with av.open(str(path)) as container:
            return [bytes(packet) for packet in container.demux(audio=0) if packet.size]

    assert sound(target) == sound(source)
    _, streams = look(target)
    assert [kind for kind, _ in streams] == ["video", "audio"]
    assert b"Secret" not in target.read_bytes()
    if suffix != ".avi":
        with av.open(str(target)) as new, av.open(str(source)) as old:
            starts = [next(container.decode(audio=0)).time for container in (new, old)]
        assert starts[0] == pytest.approx(starts[1], abs=2e-3)
    silent = make_clip(tmp_path / "c.mp4", film(2))
    transcode(silent, tmp_path / f"d{suffix}", audio="keep")
    assert not probe(tmp_path / f"d{suffix}").has_audio


def test_sound_that_does_not_fit_is_said(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", film(3), tone=True)
    with pytest.raises(InputError, match="sound"):
        transcode(source, tmp_path / "b.webm", audio="keep")


def test_cover_pictures_are_not_video(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", film(5), cover=True)
    assert len(look(source)[1]) == 2
    assert probe(source).width == 160
    transcode(source, tmp_path / "b.mp4")
    assert len(look(tmp_path / "b.mp4")[1]) == 1
    assert len(times(tmp_path / "b.mp4")) == 5


@pytest.mark.parametrize("content", [b"", b"some text\n" * 50, bytes(3000)])
@pytest.mark.parametrize("name", ["a.mp4", "a.avi", "a.txt"])
def test_files_that_are_no_video(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 2


def test_lists_of_other_files_are_not_followed(tmp_path: Path) -> None:
    make_clip(tmp_path / "a.mp4", film(2))
    for content in ("ffconcat version 1.0\nfile a.mp4\n", "#EXTM3U\n#EXTINF:1,\na.mp4\n"):
        (tmp_path / "b.mp4").write_text(content)
        with pytest.raises(InputError):
            probe(tmp_path / "b.mp4")


def test_names_that_look_like_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_clip(tmp_path / "a.mp4", film(2)).rename("http:a %d.mp4")
    transcode(Path("http:a %d.mp4"), Path("pipe:b.mp4"))
    assert probe(Path("pipe:b.mp4")).frames == 2


def test_missing_files_folders_and_sound_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        probe(tmp_path / "none.mp4")
    with pytest.raises(InputError, match="is a folder"):
        probe(tmp_path)
    with av.open(str(tmp_path / "a.m4a"), "w", format="mp4") as container:
        stream: Any = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="no video stream"):
        probe(tmp_path / "a.m4a")


def test_a_file_cut_short_is_an_error(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w", options={"movflags": "faststart"}) as container:
        stream: Any = container.add_stream("libx264", rate=30, options={"qp": "10"})
        stream.width, stream.height = 160, 120
        rng = np.random.default_rng(0)
        for _ in range(60):
            picture = rng.integers(0, 255, (120, 160, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture)))
        container.mux(stream.encode(None))
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "b.mp4").write_bytes(data[: len(data) // 2])
    check_cut(tmp_path / "b.mp4", 15, 40)


def test_a_matroska_file_cut_short_is_an_error(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mkv", film(120), codec="ffv1")
    data = source.read_bytes()
    (tmp_path / "b.mkv").write_bytes(data[: len(data) // 2])
    assert len(times(source)) == 120
    check_cut(tmp_path / "b.mkv", 30, 80)


UNEVEN = [0, 33, 67, 100, 900, 933, 2900]


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mkv", "ffv1"), ("a.mkv", "libx264"), ("a.webm", "libvpx-vp9"), ("a.ogv", "libvpx")],
)
@pytest.mark.parametrize("kind", ["plain", "uneven", "tone"])
def test_the_last_tenth_is_missed(tmp_path: Path, name: str, codec: str, kind: str) -> None:
    if name != "a.mkv" and kind == "tone":
        pytest.skip("no AAC in these")
    more: dict[str, Any] = {"tone": kind == "tone"}  # longer than the pictures
    if kind == "uneven":
        more |= {"time_stamps": UNEVEN, "time_base": Fraction(1, 1000)}
    pictures = film(len(UNEVEN) if kind == "uneven" else 20)
    source = make_clip(tmp_path / name, pictures, codec=codec, **more)
    assert len(times(source)) == len(pictures)
    data = source.read_bytes()
    for share in (0.97, 0.9, 0.5):
        source.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(InputError):
            list(read(source))


def test_a_live_recording_has_all_that_it_says(tmp_path: Path) -> None:
    pictures = film(60)
    source = make_clip(tmp_path / "a.mkv", pictures, codec="ffv1")
    data = bytearray(source.read_bytes())
    place = data.index(bytes.fromhex("18538067")) + 4
    data[place : place + 8] = b"\x01" + b"\xff" * 7  # the size of the segment is not known
    source.write_bytes(data)
    assert len(times(source)) == 60
    source.write_bytes(data[: int(len(data) * 0.6)])
    check_cut(source, 30, 40)


def check_cut(path: Path, at_least: int, at_most: int) -> None:
    count = 0
    with pytest.raises(InputError, match=r"cut short after \d+ good frames") as caught:
        for _ in read(path):
            count += 1
    assert at_least <= count <= at_most
    assert f" {count} good frames" in str(caught.value)


def test_a_damaged_frame_is_an_error(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", film(40), crf="10", preset="fast")
    with av.open(str(source)) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][20]
        place, size = packet.pos or 0, packet.size
    data = bytearray(source.read_bytes())
    data[place + 5 : place + size] = bytes(size - 5)
    source.write_bytes(data)
    with pytest.raises(InputError, match="damaged"):
        for _ in read(source):
            pass


def test_closing_early_stops_the_decoder(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", film(60))
    frames = read(source)
    next(frames)
    assert any(thread.name == "decode" for thread in threading.enumerate())
    frames.close()  # type: ignore[attr-defined]
    assert not any(thread.name == "decode" for thread in threading.enumerate())


def test_a_video_without_frames_written_is_an_error(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "a.mp4", film(2)))
    with pytest.raises(BlanketError, match="no frame"), Writer(tmp_path / "b.mp4", info):
        pass


def test_unknown_containers_and_codecs_are_refused(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "a.mp4", film(2)))
    for name in ("b.gif", "b", "b.mpg"):
        with pytest.raises(InputError, match=r"choose one of \.mp4"):
            Writer(tmp_path / name, info)
    with pytest.raises(InputError, match="no codec"):
        Writer(tmp_path / "b.mp4", info, codec="theora")
    with pytest.raises(InputError, match="cannot hold"):
        Writer(tmp_path / "b.webm", info, codec="libx265")


def test_an_exception_in_the_body_ends_the_writer(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", film(10))
    with pytest.raises(KeyboardInterrupt), Writer(tmp_path / "b.mp4", probe(source)) as writer:
        for frame in read(source):
            writer.write(frame)
        raise KeyboardInterrupt
    assert not any(thread.name == "encode" for thread in threading.enumerate())


def test_a_failing_encoder_reaches_the_caller(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "a.mp4", film(30))

    def endless() -> Iterator[Any]:
        while True:
            yield from read(source)

    with (
        pytest.raises(BlanketError),
        Writer(tmp_path / "b.mp4", probe(source), preset="impossible") as writer,
    ):
        for frame in endless():
            writer.write(frame)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".webm"])
def test_the_same_input_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    source = make_clip(tmp_path / "a.mp4", film(30), tone=True)
    for name in ("b", "c"):
        transcode(source, tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"b{suffix}").read_bytes() == (tmp_path / f"c{suffix}").read_bytes()


MEMORY = """
import resource, sys
from pathlib import Path
from blanket.video import Writer, probe, read
source, target = Path(sys.argv[1]), Path(sys.argv[2])
with Writer(target, probe(source), preset="ultrafast") as writer:
    for frame in read(source):
        if frame.index == 100:
            early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        writer.write(frame)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - early)
"""


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    pictures = film(20, 320, 240) * 40
    source = make_clip(tmp_path / "a.mp4", pictures)
    command = [sys.executable, "-c", MEMORY, str(source), str(tmp_path / "b.mp4")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 20e6  # 800 frames would be 92 MB
