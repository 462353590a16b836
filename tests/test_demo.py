"""The demo clip: drawn from a seed, true to its ground truth, and a face to a detector."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import DEMO, Demo

from blanket.attributes import eye_opening, head_pose, horizontal_gaze, mouth_opening
from blanket.demo import INFANT, VISITOR, DemoClip, make_demo
from blanket.detect.centerface import CenterFace
from blanket.errors import InputError
from blanket.puppet import Pose, expressed, head
from blanket.topology import LEFT_EYE, RIGHT_EYE, SURFACE, load_topology
from blanket.video import probe, read


def test_files(demo: Demo) -> None:
    names = {"demo.mp4", "demo_truth.npz", "anonymized.mp4", "report.json", "contact_sheet.png"}
    assert {path.name for path in demo.folder.iterdir()} == names
    assert demo.stages >= {"draw", "analyse", "replace"}
    for path in (demo.clip, demo.anonymized):
        info = probe(path)
        assert (info.width, info.height, info.frames) == (640, 360, 48)
        assert info.frame_rate == 15
    sheet = cv2.imread(str(demo.sheet))
    # Three pairs of rows, the original above, four columns.
    assert sheet.shape == (6 * 180 + 2 * 6, 4 * 320, 3)


def test_nothing_is_overwritten(demo: Demo, tmp_path: Path) -> None:
    before = demo.clip.read_bytes()
    with pytest.raises(InputError, match=r"demo\.mp4 exists already"):
        make_demo(demo.folder, **DEMO)
    assert demo.clip.read_bytes() == before
    (tmp_path / "report.json").write_text("mine")
    with pytest.raises(InputError, match=r"report\.json exists already"):
        make_demo(tmp_path, **DEMO)
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(InputError, match="cannot be made"):
        make_demo(tmp_path / "taken", **DEMO)


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), 0.0, 1e9])
def test_a_length_that_no_clip_has(tmp_path: Path, seconds: float) -> None:
    with pytest.raises(InputError, match="seconds long"):
        make_demo(tmp_path / "demo", seconds=seconds)
    assert not list(tmp_path.iterdir())


def test_same_seed_same_bytes() -> None:
    def frames(seed: int) -> list[np.ndarray]:
        clip = DemoClip(seed, seconds=2.0, width=320, height=180, rate=15)
        return list(islice(clip.frames(), 4))

    first, again, other = frames(3), frames(3), frames(4)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_clip_shows_what_was_drawn(demo: Demo) -> None:
    drawn = next(DemoClip(**DEMO).frames())
    shown = next(iter(read(demo.clip))).rgb()
    assert np.abs(drawn.astype(float) - shown).mean() < 3


def test_truth_of_infant(demo: Demo) -> None:
    mesh = demo.truth.mesh[:, INFANT]
    assert mesh.shape == (48, 478, 3) and mesh.dtype == np.float32
    assert np.isfinite(mesh).all() and demo.truth.visible[:, INFANT].all()
    assert mesh[..., :2].min() > 0
    assert mesh[..., 0].max() < 640 and mesh[..., 1].max() < 360
    pose = head_pose(mesh)
    # A jaw that drops pulls the fitted pitch along.
    assert (np.abs(pose - demo.truth.pose[:, INFANT]).max(0) < (6, 6, 3)).all()
    assert pose[:, 0].min() < -42 and pose[:, 0].max() > 25
    assert pose[:, 2].min() < 26 and pose[:, 2].max() > 65


def test_truth_of_visitor(demo: Demo) -> None:
    absent = np.isnan(demo.truth.mesh[:, VISITOR]).all((1, 2))
    assert absent[:30].all() and not absent[-8:].any()
    assert (np.isnan(demo.truth.mesh[:, VISITOR]).any((1, 2)) == absent).all()
    assert not demo.truth.visible[absent, VISITOR].any()
    assert demo.truth.visible[-8:, VISITOR].all()
    assert (demo.truth.mesh[-8:, VISITOR, :, :2] > 0).all()
    assert (demo.truth.mesh[-8:, VISITOR, :, 0] < 640).all()


def test_truth_moves(demo: Demo) -> None:
    mesh = demo.truth.mesh[:, INFANT]
    opening = eye_opening(mesh)
    assert (opening.max(1) < 0.03).sum() >= 6, "blinks shut both eyes"
    assert np.median(opening) > 0.25
    mouth = mouth_opening(mesh)
    assert mouth.min() < 0.02 and mouth.max() > 0.18
    gaze = horizontal_gaze(mesh)
    assert np.ptp(gaze) > 0.12
    hand = demo.truth.occluded[:, INFANT]
    assert (hand[:20] == 0).all() and hand.max() > 0.25 and hand[-10:].max() == 0


def test_gaze_moves_only_the_irises() -> None:
    shape = load_topology().mean
    ahead = expressed(shape, Pose(0, 0, 1, 0, 0, 0))
    aside = expressed(shape, Pose(0, 0, 1, 0, 0, 0, gaze=(20.0, 0.0)))
    assert (ahead[:SURFACE] == aside[:SURFACE]).all()
    assert (aside[SURFACE:, 0] - ahead[SURFACE:, 0] > 0.02).all()


def test_blink_leaves_the_mouth() -> None:
    shape = load_topology().mean
    open_, shut = (expressed(shape, Pose(0, 0, 1, 0, 0, 0, blink=b)) for b in (0.0, 1.0))
    assert eye_opening(shut).max() < 0.03 < eye_opening(open_).min()
    moved = np.linalg.norm(shut - open_, axis=1)[:SURFACE]
    assert moved[list(LEFT_EYE + RIGHT_EYE)].max() > 0.05
    assert moved[shape[:SURFACE, 1] > 0.2].max() < 1e-4


def test_head_faces_the_viewer() -> None:
    solid = head(load_topology().mean)
    inside = solid.normals[:SURFACE]
    assert (inside[:, 2] < 0.3).all() and inside[1, 2] < -0.8
    assert np.linalg.norm(solid.normals, axis=1) == pytest.approx(1, abs=0.05)


def test_detector_finds_the_faces(demo: Demo) -> None:
    detector = CenterFace(0.35)
    found = {INFANT: 0, VISITOR: 0}
    for frame in read(demo.clip):
        faces = detector.detect(frame.rgb())
        for face in found:
            if demo.truth.visible[frame.index, face]:
                mesh = demo.truth.mesh[frame.index, face, :SURFACE, :2]
                middle, reach = (mesh.max(0) + mesh.min(0)) / 2, 0.3 * np.ptp(mesh, axis=0).max()
                found[face] += any(
                    np.linalg.norm(one.box.reshape(2, 2).mean(0) - middle) < reach for one in faces
                )
    visible = demo.truth.visible.sum(0)
    assert found[INFANT] >= 0.9 * visible[INFANT]
    assert found[VISITOR] >= 0.9 * visible[VISITOR]


def test_report_counts_every_frame(demo: Demo) -> None:
    assert demo.report.totals.frames == 48
    assert demo.report.totals.frames_with_faces >= 44
    assert demo.report.totals.tracks >= 1
