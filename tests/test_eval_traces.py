"""Is what the face does kept: traces, angles, gaze, blinks, landmarks, expression, age."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Demo
from hypothesis import given, settings
from hypothesis import strategies as st
from test_attributes import SCALE, face

from blanket.attributes import head_pose
from blanket.demo import INFANT
from blanket.errors import InputError
from blanket.eval.angles import angle_agreement, angle_difference, unwrapped
from blanket.eval.blinks import blinks, match_events, too_few_for_blinks
from blanket.eval.demographics import LikenessAgeGender, demographic_agreement
from blanket.eval.expression import expression_agreement
from blanket.eval.gaze import angle_between, gaze_direction, gaze_error
from blanket.eval.landmarks import SCHEMES, landmark_agreement, landmarks, normalised_error
from blanket.eval.traces import agreement, correlation, read_found
from blanket.genderage import GenderAge
from blanket.mesh import MeshNetwork
from blanket.topology import IBUG, load_topology
from blanket.video import read

NAN = float("nan")


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_correlation_is_scipys(seed: int) -> None:
    from scipy.stats import pearsonr

    x, y = np.random.default_rng(seed).normal(size=(2, 30))
    found = agreement(x, y)
    assert found.correlation == pytest.approx(pearsonr(x, y).statistic)
    assert found.error == pytest.approx(np.abs(x - y).mean())
    many = correlation(np.stack([x, y], 1), np.stack([y, y], 1))
    np.testing.assert_allclose(many, [found.correlation, 1])


def test_lost_frames_cost() -> None:
    from scipy.stats import pearsonr

    x = np.array([0, 1, 2, 3, NAN, 5.0])
    y = np.array([0, 1, NAN, 3, 4, 6.0])
    found = agreement(x, y)
    assert found.error == 0.25
    filled = np.array([0, 1, 2.5, 3, 6])
    assert found.correlation == pytest.approx(pearsonr(x[[0, 1, 2, 3, 5]], filled)[0])


def test_constant_and_empty_traces() -> None:
    still, moving, none = np.full(4, 0.3), np.arange(4.0), np.full(4, NAN)
    assert np.isnan(agreement(still, moving).correlation)
    assert np.isnan(agreement([1.0], [1.0]).correlation)
    assert agreement(moving, still).correlation == 0
    lost = agreement(moving, none)
    assert lost.correlation == 0 and np.isnan(lost.error)
    empty = agreement(none, moving)
    assert np.isnan(empty.correlation) and np.isnan(empty.error)
    # 0.1 + 0.2 is not 0.3: rounding is no motion.
    assert np.isnan(agreement([0.1 + 0.2, 0.3, 0.3], [1, 2, 3]).correlation)
    with pytest.raises(InputError, match="has 4 frames and the output 3"):
        agreement(moving, moving[:3])


def test_angles_go_the_short_way_round() -> None:
    np.testing.assert_allclose(angle_difference([179, -170, 10], [-179, 170, 30]), [2, -20, 20])
    np.testing.assert_allclose(unwrapped([170, NAN, -170, -150]), [170, NAN, 190, 210])
    turning = np.linspace(0, 720, 50)
    wrapped = (turning + 180) % 360 - 180
    behind = (turning - 1 + 180) % 360 - 180
    found = angle_agreement(wrapped, behind)
    assert found.error == pytest.approx(1)
    assert found.correlation == pytest.approx(1)


def looking(right: float, **turn: float) -> np.ndarray:
    """A face whose eyes are turned by degrees, as the model of `blanket.eval.gaze` has it."""
    mesh = face(**turn)
    for iris, (a, b) in {468: (33, 133), 473: (362, 263)}.items():
        middle, gap = (mesh[a] + mesh[b]) / 2, mesh[b] - mesh[a]
        mesh[iris] = middle + gap * np.sin(np.radians(right)) / 2.5
    return mesh


def test_gaze_is_head_and_eyes_together() -> None:
    ahead, aside = gaze_direction(np.stack([looking(0), looking(20)]))
    np.testing.assert_allclose(ahead, [0, 0, -1], atol=1e-3)
    assert angle_between(ahead, aside) == pytest.approx(20, abs=0.1)
    assert aside[0] > 0
    turned = gaze_direction(looking(0, yaw=30, roll=50)[None])[0]
    assert angle_between(ahead, turned) == pytest.approx(30, abs=0.1)
    np.testing.assert_allclose(angle_between([1, 0, 0], [[0, 2, 0], [-1, 0, 0]]), [90, 180])


def test_the_error_of_gaze_leaves_closed_eyes_out() -> None:
    shut = looking(0)
    for up, low in ((160, 144), (159, 145), (158, 153), (387, 373), (386, 374), (385, 380)):
        shut[up] = shut[low]
    gone = np.full_like(shut, NAN)
    original = np.stack([looking(0), looking(10), looking(-10), shut, looking(5)])
    output = np.stack([looking(3), looking(13), looking(4), looking(0), gone])
    assert gaze_error(original, output) == pytest.approx((3 + 3 + 14) / 3, abs=0.1)
    assert np.isnan(gaze_error(original[3:], output[3:]))


def test_blinks_are_short_closures_with_open_eyes_around() -> None:
    times = np.arange(90) / 30
    opening = np.full(90, 0.3)
    opening[10:14] = [0.1, 0.05, 0.02, 0.1]
    opening[30:60] = 0.05  # a second: asleep
    opening[70:74] = [0.1, NAN, 0.05, 0.1]  # lost on the way
    opening[88:] = 0.05  # the end
    np.testing.assert_allclose(blinks(opening, times), [12 / 30])
    # A dip is no blink, whatever the size of the eye.
    assert len(blinks(np.where(np.arange(90) % 9 == 0, 0.2, 0.3), times)) == 0
    np.testing.assert_allclose(blinks(opening / 3, times), [12 / 30])
    assert len(blinks(np.full(90, NAN), times)) == 0
    assert len(blinks([0.3], [0.0])) == 0
    with pytest.raises(InputError, match="do not go together"):
        blinks(opening, times[:5])


def test_blink_events_by_hand() -> None:
    found = match_events([1.0, 2.0, 3.0], [1.1, 2.2, 3.05, 3.06])
    assert (found.precision, found.recall) == (0.5, pytest.approx(2 / 3))
    # Each is used once, and as many as possible are matched.
    assert match_events([1.0, 1.15], [0.95, 1.05]).recall == 1
    assert match_events([1.0], []).recall == 0
    assert np.isnan(match_events([1.0], []).precision)


@pytest.mark.parametrize(("rate", "few"), [(12, True), (14.5, True), (15, False), (29.97, False)])
def test_blinks_take_fifteen_frames_a_second(rate: float, few: bool) -> None:
    assert too_few_for_blinks(np.arange(20) / rate) == few
    assert not too_few_for_blinks(np.zeros(1)), "a picture has no rate"


def test_landmark_schemes() -> None:
    mean = load_topology().mean
    assert len(set(IBUG)) == 68
    assert {landmarks(mean, points).shape for points in SCHEMES} == {(5, 2), (68, 2), (478, 2)}
    # The mirror image of each point is one of them too, and they lie where iBUG has them.
    assert {int(load_topology().mirror[i]) for i in IBUG} == set(IBUG)
    points = landmarks(mean, 68)
    assert (np.diff(points[:17, 0]) > 0).all() and points[8, 1] == points[:, 1].max()
    assert (np.diff(points[17:27, 0]) > 0).all() and (np.diff(points[27:31, 1]) > 0).all()
    assert (points[36:42, 0] < 0).all() and (points[42:48, 0] > 0).all()
    assert points[51, 1] < points[62, 1] <= points[66, 1] < points[57, 1]


def test_normalised_error_by_hand() -> None:
    original = np.stack([face(roll=r) for r in (0, 10, 20, 30)])
    output = original + np.array([0.03, 0.04, 0], np.float32) * SCALE
    output[2] += np.float32(SCALE)
    output[3] = NAN
    for points in SCHEMES:
        errors = normalised_error(original, output, points)
        np.testing.assert_allclose(errors[:2], 0.05, rtol=2e-3)
        assert np.isnan(errors[3])
        found = landmark_agreement(original, output, points)
        assert found.within == 0.5
    with pytest.raises(InputError, match="has 4 frames and the output 2"):
        normalised_error(original, output[:2], 5)


def test_motion_of_the_head_and_of_the_face_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    opening = rng.random(20) * 20
    original = np.stack([face(roll=r) for r in np.linspace(0, 60, 20)])
    frozen = original.copy()
    original[:, 14, 1] += opening.astype(np.float32)
    found = landmark_agreement(original, frozen, 68)
    assert found.correlation > 0.98
    assert found.correlation_in_face < 0.8
    assert landmark_agreement(original, original, 68).correlation_in_face == pytest.approx(1)


def test_expression_by_hand() -> None:
    p = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    q = [[1, 0, 0], [1, 1, 0.1], [NAN] * 3, [0, 1, 0]]
    found = expression_agreement(p, q)
    assert found.agreement == 0.25
    cosine = 1 / np.sqrt(2.01)
    assert found.cosine == pytest.approx((1 + cosine) / 4)


def test_expression_of_no_frame_is_no_figure() -> None:
    found = expression_agreement(np.empty((0, 0)), np.empty((0, 0)))
    assert np.isnan(found.agreement) and np.isnan(found.cosine)


def test_the_built_in_classifier_sees_expressions_move(demo: Demo) -> None:
    pytest.importorskip("skimage", reason="the classifier needs the extra 'eval'")
    from blanket.eval.affect import Affect

    classifier, mesh = Affect(), demo.truth.mesh[0, INFANT].copy()
    picture = next(iter(read(demo.clip))).rgb()
    calm = classifier.probabilities(picture, mesh[None])
    np.testing.assert_allclose(calm.sum(1), 1, rtol=1e-5)
    assert calm.shape == (1, len(classifier.classes))
    # The corners of the mouth up and apart: a smile.
    smiling = mesh.copy()
    right, down = mesh[263] - mesh[33], mesh[152] - mesh[10]
    for corner, way in ((61, -1), (291, 1)):
        near = np.exp(-(((mesh - mesh[corner]) / (0.25 * np.linalg.norm(right))) ** 2).sum(-1))
        smiling += near[:, None] * (way * 0.08 * right - 0.05 * down)
    happy, neutral = (classifier.classes.index(name) for name in ("happiness", "neutral"))
    found = classifier.probabilities(picture, smiling[None])
    assert found[0, happy] / found[0, neutral] > 3 * calm[0, happy] / calm[0, neutral]
    assert classifier.probabilities(picture, mesh[None][:0]).shape == (0, 4)


def test_the_built_in_classifier_knows_the_faces_it_was_taught_on() -> None:
    pytest.importorskip("skimage", reason="the classifier needs the extra 'eval'")
    data = Path(__file__).parents[2] / "shared" / "data" / "faces"
    if not (data / "lfw_expressions.csv").exists():
        pytest.skip("needs ../shared/data/faces")
    from blanket.eval.affect import Affect

    classifier, network = Affect(), MeshNetwork()
    with (data / "lfw_expressions.csv").open(newline="") as file:
        named = {row["name"]: row["expression"] for row in csv.DictReader(file)}
    with np.load(data / "lfw_mesh.npz") as held:
        names, meshes = held["names"], held["mesh_16ths"]
    right = []
    for name, mesh in list(zip(names, meshes, strict=True))[::40]:
        if named.get(str(name)) not in ("happiness", "neutral"):
            continue
        picture = cv2.imread(str(data / "lfw" / f"{name}.jpg"))[..., ::-1].copy()
        found = network.follow(picture, mesh.astype(np.float32) / 16).mesh
        likely = classifier.probabilities(picture, found[None])[0].argmax()
        right.append(classifier.classes[likely] == named[str(name)])
    assert len(right) > 60 and np.mean(right) > 0.75


def test_age_and_gender_by_hand() -> None:
    found = demographic_agreement(
        GenderAge(np.array([0.2, 0.2, 0.6, 0.6]), np.array([1, 2, 3, 4.0])),
        GenderAge(np.array([0.4, 0.7, 0.9, NAN]), np.array([2, 2, 5, NAN])),
    )
    assert (found.age_error, found.gender_kept) == (1, 0.5)


def test_the_built_in_age_is_read_off_a_picture(demo: Demo) -> None:
    frame = next(iter(read(demo.clip)))
    reader = LikenessAgeGender()
    assert reader.name == "likeness"
    found = reader.read(frame.rgb(), demo.truth.mesh[0, INFANT][None])
    assert found.years.shape == found.man.shape == (1,)
    assert 0 < found.years[0] < 100 and 0 <= found.man[0] <= 1
    assert reader.read(frame.rgb(), np.empty((0, 478, 3), np.float32)).years.size == 0


def test_both_ends_of_every_scale_of_use() -> None:
    rng = np.random.default_rng(0)
    meshes = np.stack(
        [looking(a, yaw=b, pitch=b / 2, roll=a) for a, b in rng.normal(0, 8, (30, 2))]
    )
    gone = np.full_like(meshes, NAN)
    for output, end in ((meshes, 1.0), (gone, 0.0)):
        poses = (read_found(head_pose, one) for one in (meshes, output))
        for before, after in zip(*(pose.T for pose in poses), strict=True):
            found = angle_agreement(before, after)
            assert found.correlation == pytest.approx(end)
        assert gaze_error(meshes, output) == 0 if end else np.isnan(gaze_error(meshes, output))
        for points in SCHEMES:
            marks = landmark_agreement(meshes, output, points)
            assert marks.correlation == pytest.approx(end) and marks.within == end
        p = rng.dirichlet(np.ones(4), 30)
        expression = expression_agreement(p, p if end else np.full_like(p, NAN))
        assert expression.agreement == end and expression.cosine == pytest.approx(end)
