"""Skin beyond the mesh of a turned head."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from blanket.nearest import nearest
from blanket.swap.horizon import beyond_horizon, featureless
from blanket.texture import TEXTURE_SIDE, texture_points
from blanket.topology import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE

SIDE, EDGE, SKIN_ENDS = 160, 40, 32
SKIN, BACKGROUND = (190, 140, 120), (60, 70, 80)


@pytest.fixture
def patch() -> np.ndarray:
    """``[320, 320, 3]``: skin to the right, background to the left."""
    picture = np.full((2 * SIDE, 2 * SIDE, 3), BACKGROUND, np.uint8)
    picture[:, 2 * SKIN_ENDS :] = SKIN
    return picture


def drawn(x: float = TEXTURE_SIDE / 2) -> np.ndarray:
    """A mesh that covers columns from `EDGE` on, where the texture is at `x`."""
    where = np.full((SIDE, SIDE, 2), -1000, np.float32)
    where[30:130, EDGE:] = x, TEXTURE_SIDE / 2
    return where


def covered(where: np.ndarray) -> np.ndarray:
    return where[..., 0] >= 0


def test_texture_goes_on_to_where_skin_ends(patch: np.ndarray) -> None:
    where = drawn()
    beyond_horizon(where, patch)
    middle = covered(where)[40:120]
    assert middle[:, SKIN_ENDS + 1 :].all()
    assert not middle[:, : SKIN_ENDS - 1].any()
    assert (where[80, SKIN_ENDS + 1] == TEXTURE_SIDE / 2).all()


def test_a_fold_is_covered_too(patch: np.ndarray) -> None:
    patch[158:164, : 2 * EDGE] = np.array(patch[158:164, : 2 * EDGE]) - 30
    where = drawn()
    beyond_horizon(where, patch)
    assert covered(where)[78:83, SKIN_ENDS + 1 : EDGE].all()


def test_it_goes_no_farther_than_a_mesh_may_be_off(patch: np.ndarray) -> None:
    patch[:] = SKIN
    where = drawn()
    beyond_horizon(where, patch)
    added = covered(where)[40:120].sum(1) - (SIDE - EDGE)
    assert (added > 0).all()
    assert (added < 0.1 * SIDE).all()


def test_a_rim_that_lies_over_the_background_does_not_go_on(patch: np.ndarray) -> None:
    patch[:, : 2 * (EDGE + 6)] = BACKGROUND
    where = drawn()
    beyond_horizon(where, patch)
    assert not covered(where)[40:120, :EDGE].any()


def test_skin_beyond_something_else_is_not_this_face(patch: np.ndarray) -> None:
    patch[:] = SKIN
    patch[:, 2 * 33 : 2 * 37] = BACKGROUND
    where = drawn()
    beyond_horizon(where, patch)
    assert covered(where)[40:120, 38:].all()
    assert not covered(where)[:, :36].any()


def test_where_a_face_ends_its_mesh_does(patch: np.ndarray) -> None:
    outline = float(texture_points()[:468, 0].min())
    where = drawn(outline + 1)
    before = where.copy()
    beyond_horizon(where, patch)
    np.testing.assert_array_equal(where, before)


def test_features_come_to_their_end_beyond_the_mesh(patch: np.ndarray) -> None:
    where = drawn()
    ended = beyond_horizon(where, patch)
    assert ended is not None
    assert not ended[40:120, EDGE:].any()
    row = ended[80, SKIN_ENDS + 1 : EDGE]
    assert (np.diff(row) <= 0).all()
    assert row[0] == 1
    assert row[-1] < 0.5
    assert not ended[~covered(where)].any()


def test_a_texture_without_features_is_skin() -> None:
    flat = np.ones((TEXTURE_SIDE, TEXTURE_SIDE, 3), np.float32)
    for ring in (LEFT_BROW, RIGHT_BROW, LEFT_EYE, RIGHT_EYE):
        outline = cv2.convexHull(np.round(texture_points()[list(ring), :2]).astype(np.int32))
        cv2.fillConvexPoly(flat, outline, (0.3, 0.3, 0.3))
    np.testing.assert_allclose(featureless(flat), 1, atol=0.02)
    grain = np.random.default_rng(0).normal(1, 0.1, flat.shape).astype(np.float32)
    cheek = np.round(texture_points()[50, :2]).astype(int)
    near = slice(cheek[1] - 5, cheek[1] + 5), slice(cheek[0] - 5, cheek[0] + 5)
    np.testing.assert_allclose(featureless(grain)[near], grain[near], atol=0.02)


@given(arrays(bool, (9, 13)))
def test_nearest_is_nearest(mask: np.ndarray) -> None:
    mask[4, 4] = True
    index, away = nearest(mask)
    assert mask.ravel()[index].all()
    ys, xs = np.divmod(index, 13)
    rows, columns = np.mgrid[:9, :13]
    seen = np.hypot(ys - rows, xs - columns)
    inside = np.argwhere(mask)
    every = np.hypot(*(np.stack([rows, columns], -1)[:, :, None] - inside).transpose(3, 0, 1, 2))
    # The 5x5 distance transform is exact to a few hundredths.
    np.testing.assert_allclose(away, every.min(-1), rtol=0.03, atol=1e-5)
    np.testing.assert_allclose(seen, every.min(-1), rtol=0.06, atol=1e-5)
