"""The baselines: on the faces that the main method replaces, and only there."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Demo
from hypothesis import given, settings
from hypothesis import strategies as st

import blanket
from blanket.analysis import Analysis, Placements, analyse
from blanket.baseline import BaselineRenderer
from blanket.cli import main
from blanket.config import Settings
from blanket.detect import build_detector
from blanket.errors import InputError
from blanket.faces import Image
from blanket.image import Still
from blanket.mesh import MeshNetwork
from blanket.obfuscate import EFFECTS, Obfuscation
from blanket.obfuscate.blur import gaussian, kernel_of, sigma_of
from blanket.obfuscate.region import HeadBox, grown_hull, outline_of
from blanket.presets import load_settings
from blanket.report import Report
from blanket.tally import Tally
from blanket.timeline import Placement
from blanket.topology import LEFT_EYE, OUTER_LIPS
from blanket.video import probe, read

ALL = sorted(EFFECTS)
CHEEK = 50  # a vertex far from every feature


def chosen(name: str, **values: object) -> Settings:
    return load_settings().changed(
        {"method.name": name} | {f"method.{key}": value for key, value in values.items()}
    )


@pytest.fixture(scope="module")
def scene(demo: Demo) -> tuple[Analysis, Image, Placement]:
    """The analysis of the demo, a frame in the middle of it, and the infant there."""
    plain = load_settings()
    analysis = analyse(read(demo.clip), build_detector(plain.detect), MeshNetwork(), plain)
    placements = Placements(analysis, plain)
    for frame in read(demo.clip):
        placed = placements.at(frame.index)
        if frame.index == 6:
            return analysis, frame.rgb(), placed[-1]
    raise AssertionError


def treated(picture: Image, placement: Placement, name: str, **values: object) -> Image:
    still = Still(picture.copy())
    assert Obfuscation(chosen(name, **values).method).treat(still, placement) is None
    return still.rgb()


def detail(picture: Image, at: np.ndarray, reach: int = 4) -> float:
    """How much a patch around a point varies from pixel to pixel."""
    x, y = np.round(at).astype(int)
    patch = picture[y - reach : y + reach + 1, x - reach : x + reach + 1].astype(float)
    return float(np.abs(np.diff(patch, axis=1)).mean() + np.abs(np.diff(patch, axis=0)).mean())


@pytest.mark.parametrize("region", ["box", "ellipse", "hull"])
@pytest.mark.parametrize("name", ALL)
def test_the_face_changes_and_nothing_else(
    scene: tuple[Analysis, Image, Placement], name: str, region: str
) -> None:
    _, before, placement = scene
    after = treated(before, placement, name, region=region)
    head = HeadBox.of(placement)
    inside = np.zeros(before.shape[:2], np.uint8)
    outline = outline_of(head, region, 1.2, placement.mesh)  # type: ignore[arg-type]
    cv2.fillConvexPoly(inside, np.round(outline).astype(np.int32), 1)
    around = cv2.dilate(inside, np.ones((5, 5), np.uint8))
    changed = np.abs(before.astype(int) - after).max(-1)
    assert (changed[around == 0] == 0).all()
    if name == "top-blur":
        inside[round(float(head.middle[1])) :] = 0
    assert (changed[inside == 1] > 0).mean() > 0.5


def test_a_black_box_is_black_and_an_inpainted_face_is_not(
    scene: tuple[Analysis, Image, Placement],
) -> None:
    _, before, placement = scene
    assert placement.mesh is not None
    x, y = np.round(placement.mesh[CHEEK, :2]).astype(int)
    assert (treated(before, placement, "blackbox")[y, x] == 0).all()
    for algorithm in ("telea", "navier-stokes"):
        filled = treated(before, placement, "inpaint", algorithm=algorithm)
        assert filled[y, x].max() > 0
        eye = placement.mesh[list(LEFT_EYE), :2].mean(0)
        assert detail(filled, eye) < 0.5 * detail(before, eye)


def test_a_fixed_kernel_is_opencvs(scene: tuple[Analysis, Image, Placement]) -> None:
    _, before, placement = scene
    whole = cv2.GaussianBlur(before, (15, 15), 0)
    after = treated(before, placement, "blur", kernel=15, region="hull")
    assert placement.mesh is not None
    for vertex in (CHEEK, 4, 152 - 1):
        x, y = np.round(placement.mesh[vertex, :2]).astype(int)
        assert np.abs(after[y, x].astype(int) - whole[y, x]).max() <= 1


def test_features_stay_sharper_than_the_rest(scene: tuple[Analysis, Image, Placement]) -> None:
    _, before, placement = scene
    assert placement.mesh is not None
    eye = placement.mesh[list(LEFT_EYE), :2].mean(0)
    lips = placement.mesh[list(OUTER_LIPS), :2].mean(0)
    plain = treated(before, placement, "blur", kernel=25)
    feature = treated(before, placement, "feature-blur", kernel=25)
    for at in (eye, lips):
        assert detail(feature, at) > 1.5 * detail(plain, at)
    cheek = placement.mesh[CHEEK, :2]
    assert detail(feature, cheek) == pytest.approx(detail(plain, cheek), rel=0.1)


def test_the_mouth_stays_below_a_blurred_top(scene: tuple[Analysis, Image, Placement]) -> None:
    _, before, placement = scene
    assert placement.mesh is not None
    after = treated(before, placement, "top-blur", top=0.5)
    eye = placement.mesh[list(LEFT_EYE), :2].mean(0)
    lips = np.round(placement.mesh[list(OUTER_LIPS), :2].mean(0)).astype(int)
    assert detail(after, eye) < 0.5 * detail(before, eye)
    assert (after[lips[1], lips[0]] == before[lips[1], lips[0]]).all()
    # Where nobody can tell where the top is, all of it goes.
    doubtful = Obfuscation(chosen("top-blur", min_score=1.0).method)
    assert doubtful.treat(Still(before.copy()), placement) == "low-trust"


def test_a_mosaic_has_its_cells(scene: tuple[Analysis, Image, Placement]) -> None:
    _, before, placement = scene
    assert placement.mesh is not None
    low, high = placement.mesh[:, :2].min(0), placement.mesh[:, :2].max(0)
    x0, y0, x1, y1 = np.round([*low, *high]).astype(int)
    few = treated(before, placement, "pixelate", cells=4)[y0:y1, x0:x1]
    many = treated(before, placement, "pixelate", cells=16)[y0:y1, x0:x1]
    colours = [len(np.unique(face.reshape(-1, 3), axis=0)) for face in (few, many)]
    assert colours[0] < colours[1] < 0.05 * few.shape[0] * few.shape[1]
    smooth = treated(before, placement, "downsample", cells=4)[y0:y1, x0:x1]
    assert len(np.unique(smooth.reshape(-1, 3), axis=0)) > 4 * colours[0]


def test_a_face_without_a_mesh_is_treated_by_its_box() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (120, 160, 3), dtype=np.uint8)
    placement = Placement(None, np.array([40, 30, 90, 90], np.float32), 0.0, "no-mesh")  # type: ignore[arg-type]
    after = treated(picture, placement, "blackbox")
    assert (after[40:80, 50:80] == 0).all()
    for name, region in (("feature-blur", "box"), ("blackbox", "hull")):
        still = Still(picture.copy())
        made = Obfuscation(chosen(name, region=region).method)
        assert made.treat(still, placement) == "no-mesh"
        assert (still.rgb() == picture).all()


@given(st.integers(65, 200).map(lambda half: 2 * half + 1), st.integers(200, 400))
@settings(max_examples=20, deadline=None)
def test_a_large_kernel_blurs_like_opencvs(kernel: int, size: int) -> None:
    rng = np.random.default_rng(size)
    picture = cv2.resize(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8), (size + 100, size))
    exact = cv2.GaussianBlur(picture, (kernel, kernel), 0)
    away = np.abs(gaussian(picture, kernel).astype(int) - exact)[20:-20, 20:-20]
    # The picture itself varies by more than 50 levels.
    assert away.mean() < 2.5


def test_a_relative_kernel_grows_with_the_face() -> None:
    wanted = chosen("blur").method
    kernels = []
    for side in (20.0, 80.0, 320.0):
        head = HeadBox.upright(np.array([0, 0, side, side], np.float32))
        kernel = kernel_of(wanted, head)
        assert kernel % 2 == 1
        assert sigma_of(kernel) == pytest.approx(0.1 * side, abs=0.31)
        kernels.append(kernel)
    assert kernels == sorted(kernels)
    head = HeadBox.upright(np.array([0, 0, 50, 50], np.float32))
    assert kernel_of(chosen("blur", kernel=35).method, head) == 35


@given(st.floats(-3.1, 3.1), st.floats(10, 60), st.floats(10, 60), st.floats(1, 2))
@settings(deadline=None)
def test_a_turned_box_is_the_box_turned(
    angle: float, half_x: float, half_y: float, grow: float
) -> None:
    box = np.array([100 - half_x, 90 - half_y, 100 + half_x, 90 + half_y], np.float32)
    corners = HeadBox.upright(box, angle).rectangle(grow) - (100, 90)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    expected = grow * np.array([[-half_x, -half_y], [half_x, -half_y]]) @ turn.T
    np.testing.assert_allclose(corners[:2], expected, atol=1e-2)
    hull = grown_hull(corners.astype(np.float32), 1.0)
    assert np.ptp(hull, axis=0) == pytest.approx(np.ptp(corners, axis=0), abs=1e-2)


# The whole job.


@pytest.mark.parametrize("name", ALL)
def test_one_analysis_serves_every_method(
    scene: tuple[Analysis, Image, Placement], demo: Demo, name: str
) -> None:
    analysis = scene[0]
    wanted, tally = chosen(name), Tally()
    painted = BaselineRenderer(wanted, analysis, tally)(read(demo.clip))
    seen = 0
    for before, after in zip(read(demo.clip), painted, strict=True):
        seen += bool((before.rgb() != after.rgb()).any())
    assert seen == analysis.frames == len(demo.truth.mesh)


def test_the_command_takes_a_method(demo: Demo, tmp_path: Path) -> None:
    target, told = tmp_path / "out.mp4", tmp_path / "out.json"
    status = main(
        ["anonymize", str(demo.clip), "-o", str(target), "--method", "pixelate",
         "--set", "method.cells=6", "--report", str(told)]
    )  # fmt: skip
    report = Report.model_validate_json(told.read_text())
    assert status == report.exit_status
    assert report.method == "pixelate"
    assert report.backends.identity is None and report.backends.swap is None
    assert all(track.identity is None and track.age_group is None for track in report.tracks)
    assert report.totals.replaced == demo.report.totals.faces - report.totals.hidden
    assert all(set(track.replaced_by) <= {"pixelate"} for track in report.tracks)
    assert probe(target).frames == probe(demo.clip).frames
    assert b"synthetic" not in target.read_bytes()
    assert main(["anonymize", str(demo.clip), "-o", str(target), "--method", "smear"]) == 2


def test_an_analysis_is_rendered_by_a_baseline_and_by_the_method(
    demo: Demo, tmp_path: Path
) -> None:
    quick = {"overrides": ["audit.effort=none"]}
    found, invented = tmp_path / "found.yaml", tmp_path / "invented.yaml"
    first = blanket.anonymize(
        demo.clip, tmp_path / "box.mp4", method="blackbox", save_analysis=found, **quick
    )
    assert first.backends.identity is None
    again = blanket.anonymize(
        demo.clip, tmp_path / "new.mp4", method="blanket", analysis=found, save_analysis=invented,
        **quick,
    )  # fmt: skip
    assert again.backends.identity == "morphable"
    assert [t.model_dump() for t in again.tracks] == [t.model_dump() for t in demo.report.tracks]
    third = blanket.anonymize(
        demo.clip, tmp_path / "blur.mp4", method="blur", analysis=invented, **quick
    )
    assert third.backends.identity is None
    assert third.totals.faces == first.totals.faces
    with pytest.raises(InputError, match="gives nobody a new face"):
        blanket.anonymize(demo.clip, tmp_path / "no.mp4", method="blur", identity=demo.sheet)


def test_the_python_call_takes_a_method(demo: Demo, tmp_path: Path) -> None:
    report = blanket.anonymize(
        demo.clip, tmp_path / "out.mp4", method="blackbox", overrides=["method.region=hull"]
    )
    assert report.method == "blackbox"
    for change in ("method.kernel=4", "method.kernel=1", "method.grow=0.5", "method.region=disc"):
        with pytest.raises(InputError, match=change.partition("=")[0].replace(".", r"\.")):
            blanket.anonymize(demo.clip, tmp_path / "no.mp4", overrides=[change])
