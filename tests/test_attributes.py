"""What is read off a mesh, on the mean face moved in known ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blanket.attributes import (
    eye_distance,
    eye_opening,
    head_pose,
    horizontal_gaze,
    iris_position,
    mouth_opening,
)
from blanket.topology import LEFT_EYE, OVAL, load_topology

SCALE = 150.0


def face(yaw: float = 0, pitch: float = 0, roll: float = 0) -> np.ndarray:
    """The mean face in pixels, turned by degrees: right, down, clockwise as seen."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    turn = about_z @ about_x @ about_y
    return (SCALE * load_topology().mean @ turn.T + (400, 300, 0)).astype(np.float32)


@given(st.floats(-60, 60), st.floats(-40, 40), st.floats(-170, 170))
@settings(deadline=None, max_examples=60)
def test_head_pose_is_the_turn(yaw: float, pitch: float, roll: float) -> None:
    found = head_pose(face(yaw, pitch, roll))
    np.testing.assert_allclose(found, [yaw, pitch, roll], atol=0.05)


def test_yaw_is_positive_towards_the_right_of_the_picture() -> None:
    mesh = face(yaw=30)
    middle = mesh[:468, 0].mean()
    assert mesh[1, 0] > middle  # the nose points there
    assert head_pose(mesh)[0] > 0


def test_pose_of_many_is_that_of_each() -> None:
    meshes = np.stack([face(10, 5, 20), face(-10, 0, 90)])
    np.testing.assert_allclose(head_pose(meshes), [head_pose(m) for m in meshes])


def test_eye_distance_keeps_its_size_when_the_head_turns() -> None:
    assert eye_distance(face()) == pytest.approx(SCALE, rel=1e-3)
    assert eye_distance(face(yaw=50)) == pytest.approx(SCALE, rel=1e-3)


def test_a_closed_eye_has_no_opening() -> None:
    mesh = face()
    before = eye_opening(mesh)
    for up, low in ((160, 144), (159, 145), (158, 153)):
        mesh[up] = mesh[low]
    after = eye_opening(mesh)
    assert before.min() > 0.1
    assert after[0] == pytest.approx(0, abs=1e-6)
    assert after[1] == pytest.approx(before[1])


def test_mouth_opening_is_in_eye_distances() -> None:
    mesh = face()
    mesh[14] = mesh[13] + (0, SCALE / 4, 0)
    assert mouth_opening(mesh) == pytest.approx(0.25, rel=1e-3)


def test_iris_position_runs_along_the_eye_whatever_the_roll() -> None:
    for roll in (0, 70, -120):
        mesh = face(roll=roll)
        mesh[468, :2] = (mesh[33, :2] + mesh[133, :2]) / 2
        assert iris_position(mesh)[0] == pytest.approx([0, 0], abs=1e-5)
        mesh[468, :2] = mesh[133, :2]
        assert iris_position(mesh)[0] == pytest.approx([0.5, 0], abs=1e-5)
        mesh[468, :2] = mesh[33, :2]
        assert iris_position(mesh)[0] == pytest.approx([-0.5, 0], abs=1e-5)


def test_gaze_of_a_frontal_face_is_the_mean_of_both_eyes() -> None:
    mesh = face(roll=40)
    mesh[468] += 0.1 * (mesh[133] - mesh[33])
    mesh[473] += 0.3 * (mesh[263] - mesh[362])
    each = iris_position(mesh)[:, 0]
    assert horizontal_gaze(mesh) == pytest.approx(each.mean(), abs=1e-3)


def test_on_a_turned_head_the_near_eye_says_where_it_looks() -> None:
    for yaw, near in ((45, 0), (-45, 1)):
        mesh = face(yaw=yaw)
        each = iris_position(mesh)[:, 0]
        mesh[(473, 468)[near]] += 0.3 * (mesh[133] - mesh[33])
        moved = iris_position(mesh)[:, 0]
        share = (horizontal_gaze(mesh) - horizontal_gaze(face(yaw=yaw))) / (moved - each).max()
        assert 0 < share < 0.35, "the far eye has less than a third of the say"


def test_pose_hardly_heeds_outline_and_depth() -> None:
    mesh = face(20, 10, 30)
    away = mesh.copy()
    away[list(OVAL), :2] += 0.05 * SCALE
    np.testing.assert_allclose(head_pose(away), head_pose(mesh), atol=1e-6)
    deeper = mesh.copy()
    deeper[:468, 2] += 0.1 * (mesh[:468, 1] - mesh[:468, 1].mean())
    assert abs(head_pose(deeper) - head_pose(mesh)).max() < 3


def test_mean_face_is_symmetric() -> None:
    topology = load_topology()
    mirrored = topology.mean[topology.mirror] * (-1, 1, 1)
    np.testing.assert_allclose(mirrored, topology.mean, atol=1e-4)
    assert (topology.mirror[topology.mirror] == np.arange(478)).all()
    right = topology.mirror[list(LEFT_EYE)]
    assert (topology.mean[right, 0] > 0).all()
