"""The audit calls a leak a leak, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import make_clip
from conftest import Demo

import blanket
from blanket import align
from blanket.change import Patch
from blanket.cli import main
from blanket.config import Settings
from blanket.errors import InputError
from blanket.expected import frames_with_fewer
from blanket.faces import Image
from blanket.flags import is_framed
from blanket.image import Still, write_image
from blanket.mesh import MASK_SIDE
from blanket.topology import (
    LEFT_EYE_OUTER,
    POINTS,
    RIGHT_EYE_OUTER,
    SURFACE,
    load_topology,
)
from blanket.track import Sighting, Track
from blanket.verdict import VERDICTS, AuditReport, numbers_said
from blanket.video import read

QUICK = {"effort": "quick"}


def copied(
    demo: Demo, path: Path, change: Callable[[int, Image], Image] | None = None, **options: str
) -> Path:
    """The original, each picture changed, encoded again."""
    pictures = [frame.rgb() for frame in read(demo.clip)]
    if change is not None:
        pictures = [change(index, picture.copy()) for index, picture in enumerate(pictures)]
    return make_clip(path, pictures, **(options or {"crf": "23", "preset": "ultrafast"}))


def boxes(demo: Demo, index: int, grow: float = 0.15) -> list[tuple[int, int, int, int]]:
    """Of the faces that were drawn."""
    found = []
    for mesh in demo.truth.mesh[index]:
        if np.isfinite(mesh).all():
            low, high = mesh[:SURFACE, :2].min(0), mesh[:SURFACE, :2].max(0)
            margin = grow * (high - low)
            x0, y0 = np.maximum(low - margin, 0).astype(int)
            x1, y1 = np.maximum(high + margin, 0).astype(int)
            found.append((int(x0), int(y0), int(x1), int(y1)))
    return found


def shown(demo: Demo) -> list[int]:
    """Frames in which a face is in the picture."""
    return [int(frame) for frame in np.flatnonzero(demo.truth.visible.any(1))]


def test_an_output_is_clean(demo: Demo) -> None:
    report = blanket.audit(demo.clip, demo.anonymized, **QUICK)
    assert report.verdict == "clean", report.findings
    assert report.exit_status == 0
    assert report.totals["leak"] == 0
    assert report.totals["replaced"] > 40
    assert report.tracks[0].margin > 0
    assert sum(report.totals.values()) == report.frames == len(report.verdicts()) == 48


@pytest.mark.parametrize("effort", ["quick", "thorough"])
def test_the_untouched_original_leaks_in_every_frame(demo: Demo, effort: str) -> None:
    report = blanket.audit(demo.clip, demo.clip, effort=effort)  # type: ignore[arg-type]
    assert report.verdict == "leak"
    verdicts = report.verdicts()
    assert [verdicts[frame] for frame in shown(demo)] == ["leak"] * len(shown(demo))


@pytest.mark.parametrize("quality", ["36", "46"])
def test_coding_hides_nobody(demo: Demo, tmp_path: Path, quality: str) -> None:
    clip = copied(demo, tmp_path / "low.mp4", crf=quality, preset="veryfast")
    verdicts = blanket.audit(demo.clip, clip, **QUICK).verdicts()
    leaks, suspects = (
        sum(verdicts[frame] == verdict for frame in shown(demo)) for verdict in ("leak", "suspect")
    )
    assert leaks + suspects >= 0.95 * len(shown(demo))
    assert leaks >= (0.95 if quality == "36" else 0.4) * len(shown(demo))


def test_coding_makes_no_leak_of_a_new_face(demo: Demo, tmp_path: Path) -> None:
    pictures = [frame.rgb() for frame in read(demo.anonymized)]
    clip = make_clip(tmp_path / "low.mp4", pictures, crf="36", preset="veryfast")
    assert blanket.audit(demo.clip, clip, **QUICK).totals["leak"] == 0


def test_brighter_is_not_covered(demo: Demo, tmp_path: Path) -> None:
    def brighter(_: int, picture: Image) -> Image:
        return np.asarray(cv2.convertScaleAbs(picture, alpha=1.2, beta=15), np.uint8)

    clip = copied(demo, tmp_path / "bright.mp4", brighter)
    verdicts = blanket.audit(demo.clip, clip, **QUICK).verdicts()
    assert {verdicts[frame] for frame in shown(demo)} == {"leak"}


def test_black_boxes_do_not_leak(demo: Demo, tmp_path: Path) -> None:
    def boxed(index: int, picture: Image) -> Image:
        for x0, y0, x1, y1 in boxes(demo, index):
            picture[y0:y1, x0:x1] = 0
        return picture

    clip = copied(demo, tmp_path / "boxes.mp4", boxed)
    report = blanket.audit(demo.clip, clip)
    assert report.totals["leak"] == 0, report.findings
    assert report.totals["hidden"] >= 0.9 * len(shown(demo))


def test_a_single_exposed_frame_is_found(demo: Demo, tmp_path: Path) -> None:
    def boxed_but_one(index: int, picture: Image) -> Image:
        for x0, y0, x1, y1 in boxes(demo, index):
            if index != 17:
                picture[y0:y1, x0:x1] = 0
        return picture

    clip = copied(demo, tmp_path / "one.mp4", boxed_but_one)
    report = blanket.audit(demo.clip, clip, **QUICK)
    assert {finding.frame for finding in report.leaks} == {17}
    assert report.leaks[0].correlation > 0.95


def test_a_mosaic_does_not_leak(demo: Demo, tmp_path: Path) -> None:
    def mosaic(index: int, picture: Image) -> Image:
        for x0, y0, x1, y1 in boxes(demo, index, 0.3):
            face = picture[y0:y1, x0:x1]
            if face.size:
                small = cv2.resize(face, (9, 9), interpolation=cv2.INTER_AREA)
                picture[y0:y1, x0:x1] = cv2.resize(
                    small, (face.shape[1], face.shape[0]), interpolation=cv2.INTER_NEAREST
                )
        return picture

    clip = copied(demo, tmp_path / "mosaic.mp4", mosaic)
    assert blanket.audit(demo.clip, clip, **QUICK).totals["leak"] == 0


def test_flags(demo: Demo) -> None:
    report = blanket.audit(demo.clip, demo.anonymized, **QUICK)
    at = {
        frame: span.flags
        for span in report.spans
        for frame in range(span.first_frame, span.last_frame + 1)
    }
    yaw = np.abs(demo.truth.pose[:, 0, 0])
    assert "profile" in at[int(yaw.argmax())]
    came = int(np.flatnonzero(demo.truth.visible[:, 1])[0])
    assert any("entry" in at[frame] for frame in range(came - 4, came + 5))
    assert "border" in at[came]


def test_frames_are_said_in_one_number_or_several() -> None:
    assert numbers_said([7]) == "frame 7"
    assert numbers_said([7, 8, 3]) == "frames 3, 7-8"
    assert numbers_said(range(1, 18, 2)) == "frames 1, 3, 5, 7, 9, 11, 13, 15 and 1 more place"


def test_fewer_faces_than_expected_are_suspect(
    demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [str(demo.clip), str(demo.anonymized)]
    path = tmp_path / "audit.json"
    command = ["audit", *files, "--effort", "quick", "--report", str(path), "--quiet"]
    assert main([*command, "--set", "detect.expect_faces=2"]) == 3
    assert "fewer faces than are expected were seen in frames" in capsys.readouterr().err
    report = AuditReport.model_validate_json(path.read_text("utf-8"))
    few = set(np.flatnonzero(demo.truth.visible.sum(1) < 2).tolist())
    assert len(few ^ set(report.fewer)) <= 4, "up to the moments of coming and going"
    assert report.verdict == "suspect"
    assert report.totals["suspect"] == len(report.fewer)
    assert {report.verdicts()[frame] for frame in report.fewer} == {"suspect"}
    # There is nowhere to look.
    assert report.findings == []


def test_what_was_not_found_cannot_be_hidden(demo: Demo, tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", next(iter(read(demo.clip))).rgb())
    report = blanket.anonymize(
        tmp_path / "a.png", tmp_path / "b.png",
        overrides={"detect.expect_faces": 3, "audit.strict": True},
    )  # fmt: skip
    assert report.audit is not None
    assert report.audit.totals["suspect"] == report.totals.replaced == 1
    assert report.audit.spans[0].flags.count("fewer") == 1
    assert report.detection.fewer == [(0, 0)]
    assert "mended" not in str(report.notes)
    assert any("what was not found is not hidden" in warning for warning in report.warnings)


def test_a_face_counts_where_it_was_seen() -> None:
    def few(track: Track, **changes: object) -> list[int]:
        changed = {
            "detect.expect_faces": 1,
            **{k.replace("__", "."): v for k, v in changes.items()},
        }
        return frames_with_fewer([track], 20, Settings().changed(changed))

    box, mesh = np.array([10, 10, 40, 50], np.float32), np.zeros((POINTS, 3), np.int16)
    read_in = {frame: Sighting(box, 0.9, packed=mesh) for frame in (*range(8), *range(12, 20))}
    assert few(Track(0, read_in)) == [8, 9, 10, 11], "a gap that is bridged"
    lost = {frame: Sighting(box, 0.1, "low-trust") for frame in range(8, 12)}
    assert few(Track(0, read_in | lost)) == [8, 9, 10, 11]
    again = {frame: Sighting(box, rule="leak") for frame in range(8, 12)}
    assert few(Track(0, read_in | again)) == [8, 9, 10, 11], "hidden once more"
    # Mere boxes are looked for at searches only.
    found = {frame: Sighting(box, rule="too-small", score=0.8) for frame in (0, 10, 19)}
    assert few(Track(0, found)) == []
    assert few(Track(0, found), detect__every=9) == list(range(1, 10))
    doubtful = {frame: Sighting(box, rule="no-mesh", score=0.4) for frame in range(20)}
    assert few(Track(0, doubtful)) == list(range(20)), "a fist is no face"
    # What a correction drops is none, nor is a picture; who is left as they are is one.
    everywhere = {frame: Sighting(box, 0.9, packed=mesh) for frame in range(20)}
    dropped = Track(0, everywhere, dropped=set(range(20)))
    assert few(dropped) == list(range(20))
    assert few(dropped, subjects__faces="largest") == []
    assert few(Track(0, everywhere, hidden=dict.fromkeys(range(20), "picture"))) == list(range(20))


def test_a_frame_around_a_face_is_seen() -> None:
    wall = np.full((360, 640, 3), 190, np.uint8)
    face = np.array([280, 130, 340, 210], np.float32)
    cv2.ellipse(wall, (310, 170), (30, 40), 0, 0, 360, (90, 60, 50), -1)
    assert not is_framed(Still(wall), face)
    cv2.rectangle(wall, (250, 100), (370, 240), (20, 20, 20), 4)
    assert is_framed(Still(wall), face)


def test_a_face_at_the_border_does_not_narrow_the_look_at_others() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (360, 640, 3), np.uint8)
    picture, box = Still(noise), np.array([280, 130, 340, 210], np.float32)
    before = Patch(picture, box).detail
    for x, y in ((-30, 130), (610, 130), (280, -40), (280, 320)):
        assert Patch(picture, np.array([x, y, x + 60, y + 80], np.float32)).seen
    assert Patch(picture, box).detail == before


def test_pictures(demo: Demo, tmp_path: Path) -> None:
    before, after = (next(iter(read(path))).rgb() for path in (demo.clip, demo.anonymized))
    write_image(tmp_path / "a.png", before)
    write_image(tmp_path / "b.png", after)
    assert blanket.audit(tmp_path / "a.png", tmp_path / "b.png").verdict == "clean"
    assert blanket.audit(tmp_path / "a.png", tmp_path / "a.png").verdict == "leak"


def test_files_that_do_not_belong_together_are_refused(demo: Demo, tmp_path: Path) -> None:
    short = make_clip(tmp_path / "short.mp4", [f.rgb() for f in read(demo.clip)][:20])
    with pytest.raises(InputError, match="does not have the 48 frames"):
        blanket.audit(demo.clip, short, **QUICK)
    with pytest.raises(InputError, match="must both be pictures"):
        blanket.audit(demo.clip, demo.sheet)
    with pytest.raises(InputError, match="there is no file"):
        blanket.audit(demo.clip, tmp_path / "none.mp4")


def test_the_command(demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "audit.json"
    command = ["audit", str(demo.clip), "--effort", "quick", "--quiet"]
    assert main([*command, str(demo.anonymized), "--report", str(path)]) == 0
    written = path.read_text(encoding="utf-8")
    assert AuditReport.model_validate_json(written).verdict == "clean"
    assert str(demo.folder) not in written
    assert list(json.loads(written)["totals"]) == list(VERDICTS)
    capsys.readouterr()
    assert main([*command, str(demo.clip)]) == 4
    assert "a face shows in frames 0-47" in capsys.readouterr().err
    assert main([*command, str(demo.anonymized), "--report", str(path)]) == 2
    mine = tmp_path / "mine.yaml"
    mine.write_text("{}\n")
    options = ["--preset", str(mine), "--report", str(mine), "--overwrite"]
    assert main([*command, str(demo.anonymized), *options]) == 2
    assert mine.read_text() == "{}\n"


@pytest.mark.parametrize("rows", [slice(0, 0.42), slice(0.58, 1)])
def test_half_a_face_is_suspect(demo: Demo, rows: slice, tmp_path: Path) -> None:
    def half_boxed(index: int, picture: Image) -> Image:
        for x0, y0, x1, y1 in boxes(demo, index):
            low, high = (round(y0 + share * (y1 - y0)) for share in (rows.start, rows.stop))
            picture[low:high, x0:x1] = 0
        return picture

    clip = copied(demo, tmp_path / "half.mp4", half_boxed)
    report = blanket.audit(demo.clip, clip, **QUICK)
    assert report.verdict == "suspect", report.totals


def barred(demo: Demo, index: int, picture: Image) -> Image:
    """A bar over the eyes of everybody."""
    for mesh in demo.truth.mesh[index]:
        if np.isfinite(mesh).all():
            right, left = mesh[RIGHT_EYE_OUTER, :2], mesh[LEFT_EYE_OUTER, :2]
            middle, along = (right + left) / 2, 0.68 * (left - right)
            down = 0.25 * np.array([-along[1], along[0]])
            corners = [along + down, along - down, -along - down, down - along]
            cv2.fillConvexPoly(picture, np.round(middle + corners).astype(np.int32), (0, 0, 0))
    return picture


@pytest.mark.parametrize("quality", ["18", "33"])
def test_a_bar_over_the_eyes_is_suspect(demo: Demo, quality: str, tmp_path: Path) -> None:
    clip = copied(
        demo, tmp_path / "bar.mp4", lambda *frame: barred(demo, *frame), crf=quality, preset="fast"
    )
    report = blanket.audit(demo.clip, clip, **QUICK)
    assert report.totals["suspect"] + report.totals["leak"] >= 0.8 * len(shown(demo)), report.totals
    frames = [finding.frame for finding in report.findings]
    assert frames == sorted(frames)


def test_so_it_is_in_a_picture(demo: Demo, tmp_path: Path) -> None:
    picture = next(iter(read(demo.clip))).rgb()
    before, after = tmp_path / "before.png", tmp_path / "after.jpg"
    write_image(before, picture)
    write_image(after, barred(demo, 0, picture.copy()))
    assert blanket.audit(before, after, **QUICK).verdict == "suspect"


def test_a_hand_that_is_half_seen_is_no_half_of_a_face() -> None:
    rng = np.random.default_rng(0)
    noise, other = rng.integers(0, 256, (2, 360, 640, 3), np.uint8)
    place = np.array([[90, 0, 320], [0, 90, 180]], np.float32)
    mesh = align.apply(place, load_topology().mean)
    box = np.concatenate([mesh[:SURFACE, :2].min(0), mesh[:SURFACE, :2].max(0)])
    # What lies over its left is as it was, what lies to the right of it is new.
    after = np.where(np.arange(640)[:, None] < 320, noise, other)
    halves = np.zeros((MASK_SIDE, MASK_SIDE), np.float32)
    assert Patch(Still(noise), box, mesh, halves).change(Still(after)).unclear
    halves[:, : MASK_SIDE // 2] = 0.35
    assert not Patch(Still(noise), box, mesh, halves).change(Still(after)).unclear


def test_half_a_face_is_sooner_alike_than_a_whole_one() -> None:
    rng = np.random.default_rng(0)
    before, other = rng.integers(64, 192, (2, 360, 640, 3)).astype(np.float64)
    row, column = np.mgrid[:360, :640]
    change = 0.27 * (other - 128)
    for x, whole in ((280, True), (-30, False)):
        box = np.array([x, 130, x + 60, 210], np.float32)
        face = (np.hypot((column - x - 30) / 30, (row - 170) / 40) < 1.2)[..., None]
        patch = Patch(Still(before.astype(np.uint8)), box)
        # Something new that is much like it, on a background that is as it was.
        changed = patch.change(Still(np.where(face, before + change, before).astype(np.uint8)))
        assert 0.95 < changed.correlation < 0.97
        assert changed.untouched == whole and changed.unclear
        # As much change all over the picture is noise.
        assert patch.change(Still((before + change).astype(np.uint8))).untouched


def test_a_negative_is_suspect(demo: Demo, tmp_path: Path) -> None:
    clip = copied(demo, tmp_path / "negative.mp4", lambda index, picture: 255 - picture)
    report = blanket.audit(demo.clip, clip, **QUICK)
    assert report.totals["suspect"] >= 0.9 * len(shown(demo)), report.totals
