"""How a face's relief catches the light."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from blanket.relief import SHARE, Relief, normals
from blanket.texture import atlas, laid_out
from blanket.topology import load_topology

SIDE = 40
INSIDE = atlas(SIDE).inside
ANGLE = st.floats(-1, 1)


def rotation(yaw: float, pitch: float, roll: float) -> NDArray[np.float64]:
    turn = np.eye(3)
    for angle, (a, b) in ((yaw, (2, 0)), (pitch, (1, 2)), (roll, (0, 1))):
        one = np.eye(3)
        one[a, a] = one[b, b] = np.cos(angle)
        one[a, b], one[b, a] = np.sin(angle), -np.sin(angle)
        turn = one @ turn
    return turn


def lit(mesh: NDArray[np.float32], light: tuple[float, float, float]) -> NDArray[np.float32]:
    """The luma of an even skin under a light from one direction, and some from everywhere."""
    return np.asarray(100 * (1 + laid_out(normals(mesh), SIDE) @ np.array(light)), np.float32)


@given(ANGLE, ANGLE, ANGLE)
@settings(max_examples=25)
def test_normals_turn_with_the_face_and_have_unit_length(
    yaw: float, pitch: float, roll: float
) -> None:
    mean, turn = load_topology().mean, rotation(yaw, pitch, roll)
    turned = normals(np.asarray(50 * mean @ turn.T + 300, np.float32))
    np.testing.assert_allclose(turned, normals(mean) @ turn.T, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(turned, axis=1), 1, atol=1e-5)


@given(ANGLE, ANGLE, st.floats(-0.3, 0.3), st.floats(-0.3, 0.3))
@settings(max_examples=25)
def test_a_light_from_one_side_is_found(yaw: float, roll: float, x: float, y: float) -> None:
    mesh = np.asarray(load_topology().mean @ rotation(yaw, 0, roll).T, np.float32)
    luma = lit(mesh, (x, y, -0.1))
    shade = Relief()(luma, INSIDE.astype(np.float32), mesh)
    expected = 1 + SHARE * (luma[INSIDE] / luma[INSIDE].mean() - 1)
    assert np.abs(shade[INSIDE] - expected).mean() < 0.04


def test_the_sides_of_a_nose_are_told_apart() -> None:
    mesh = load_topology().mean
    shade = Relief()(lit(mesh, (0.3, 0, 0)), INSIDE.astype(np.float32), mesh)
    left, right = (laid_out(np.eye(468, dtype=np.float32)[:, [v]], SIDE)[..., 0] for v in (48, 278))
    one, other = (float((shade * side).sum() / side.sum()) for side in (left, right))
    assert abs(one - other) > 0.1


def test_an_even_face_stays_even() -> None:
    mesh = load_topology().mean
    even = np.full((SIDE, SIDE), 120, np.float32)
    shade = Relief()(even, INSIDE.astype(np.float32), mesh)
    assert np.abs(shade - 1).max() < 0.02


def test_what_covers_a_face_casts_no_light_on_it() -> None:
    mesh = load_topology().mean
    luma, weight = lit(mesh, (0.2, 0.1, 0)), INSIDE.astype(np.float32)
    clear = Relief()(luma, weight, mesh)
    weight[22:] = 0
    below = np.where(np.arange(SIDE)[:, None] < 22, luma, 250).astype(np.float32)
    covered = Relief()(below, weight, mesh)
    # What is even on the whole is another matter: brightness is the broad light's.
    apart = covered[INSIDE] - covered[INSIDE].mean() - clear[INSIDE] + clear[INSIDE].mean()
    assert np.abs(apart).mean() < 0.05


def test_a_face_of_which_nothing_is_seen_is_lit_as_before() -> None:
    mesh, relief = load_topology().mean, Relief()
    before = relief(lit(mesh, (0.3, 0, 0)), INSIDE.astype(np.float32), mesh)
    nothing = np.zeros((SIDE, SIDE), np.float32)
    after = relief(nothing, nothing, mesh)
    assert np.isfinite(after).all()
    assert np.abs(after - before).max() < 0.05
