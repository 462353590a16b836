"""Similarities, rigid fits and affine maps."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from blanket import align

ANGLES = st.floats(-np.pi, np.pi)
SCALES = st.floats(0.05, 20)
SHIFTS = st.tuples(st.floats(-500, 500), st.floats(-500, 500))


def cloud(seed: int, axes: int = 2) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(30, axes))


def turned(angle: float, scale: float, shift: tuple[float, float]) -> np.ndarray:
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])


@given(ANGLES, SCALES, SHIFTS, st.integers(0, 9))
@settings(deadline=None)
def test_similarity_finds_the_map_that_moved_the_points(
    angle: float, scale: float, shift: tuple[float, float], seed: int
) -> None:
    points = cloud(seed)
    truth = turned(angle, scale, shift)
    found = align.similarity(points, points @ truth[:, :2].T + truth[:, 2])
    np.testing.assert_allclose(found, truth, atol=1e-3 * max(1, scale, *map(abs, shift)))


@given(ANGLES, SCALES, SHIFTS, st.integers(0, 9))
@settings(deadline=None)
def test_a_map_and_its_inverse_cancel(
    angle: float, scale: float, shift: tuple[float, float], seed: int
) -> None:
    matrix = turned(angle, scale, shift)
    points = cloud(seed)
    back = align.apply(align.invert(matrix), align.apply(matrix, points))
    assert np.abs(back - points).max() < 1e-3 * max(1, *map(abs, shift)) / min(scale, 1)


@given(ANGLES, SCALES, SHIFTS, ANGLES, SCALES, SHIFTS)
@settings(deadline=None)
def test_composition_is_one_after_the_other(
    a: float, s: float, t: tuple[float, float], b: float, r: float, u: tuple[float, float]
) -> None:
    inner, outer = turned(a, s, t), turned(b, r, u)
    points = cloud(0)
    both = align.apply(align.compose(outer, inner), points)
    each = align.apply(outer, align.apply(inner, points))
    assert np.abs(both - each).max() <= 1e-4 * (1 + np.abs(each).max()) * (1 + r)


def test_depth_is_scaled_with_the_picture() -> None:
    points = cloud(1, 3)
    moved = align.apply(turned(0.7, 3.0, (5, 6)), points)
    np.testing.assert_allclose(moved[:, 2], 3 * points[:, 2], rtol=1e-5)


@given(st.floats(-1.4, 1.4), st.floats(-1.4, 1.4), ANGLES, SCALES)
@settings(deadline=None)
def test_rigid_fit_undoes_turn_and_scale(
    yaw: float, pitch: float, roll: float, scale: float
) -> None:
    cy, sy, cp, sp, cr, sr = (f(v) for v in (yaw, pitch, roll) for f in (np.cos, np.sin))
    turn = (
        np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
        @ np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
        @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    )
    points = cloud(2, 3)
    rotation, size, shift = align.rigid_fit(points, scale * points @ turn.T + (1, 2, 3))
    np.testing.assert_allclose(rotation, turn, atol=1e-6)
    np.testing.assert_allclose([size, *shift], [scale, 1, 2, 3], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        align.rigid(points, scale * points @ turn.T), scale * points @ turn.T, atol=1e-4 * scale
    )
