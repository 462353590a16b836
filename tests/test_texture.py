"""The texture frame, the raster that draws from it, and the light in it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from blanket import align
from blanket.attributes import eye_opening, iris_position
from blanket.crop import placement
from blanket.inpaint.clean import Zones, soft_rim
from blanket.inpaint.morphable import exemplar, load_model
from blanket.inpaint.young import young
from blanket.light import Lighting, broad_light, flatten
from blanket.swap.raster import Raster, soften_edges
from blanket.swap.shape import ShapeChange, reshape, worn
from blanket.texture import TEXTURE_SIDE, atlas, texel_positions, texture_points, unwrap
from blanket.topology import (
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    OUTER_LIPS,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
    load_topology,
)

SIDE = 256


def mesh_in_patch(yaw: float = 0, roll: float = 0, side: int = SIDE) -> np.ndarray:
    cos, sin = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cos, 0, -sin], [0, 1, 0], [sin, 0, cos]])
    mesh = (load_topology().mean @ turn.T).astype(np.float32)
    c, s = np.cos(roll), np.sin(roll)
    mesh[:, :2] = mesh[:, :2] @ np.array([[c, s], [-s, c]], np.float32)
    return align.apply(placement(side, 1.1), mesh)


def inside(mesh: np.ndarray, margin: int = 6, side: int = SIDE) -> np.ndarray:
    canvas = np.zeros((side, side), np.uint8)
    cv2.fillPoly(canvas, [np.round(mesh[list(OVAL), :2]).astype(np.int32)], 1)
    return cv2.erode(canvas, np.ones((margin, margin), np.uint8)).astype(bool)


def test_texels_of_the_mean_face_lie_where_they_are_drawn() -> None:
    where = texel_positions(texture_points())
    yy, xx = np.mgrid[:TEXTURE_SIDE, :TEXTURE_SIDE]
    hull = atlas().inside
    assert np.abs(where - np.stack([xx, yy], -1))[hull].max() < 0.05


@given(st.floats(-0.5, 0.5), st.floats(-3, 3))
@settings(deadline=None, max_examples=15)
def test_raster_inverts_the_unwrapping(yaw: float, roll: float) -> None:
    mesh = mesh_in_patch(yaw, roll)
    to_texture = Raster(SIDE).texture_positions(mesh)
    to_patch = texel_positions(mesh)
    there = cv2.remap(to_patch, to_texture, None, cv2.INTER_LINEAR)
    yy, xx = np.mgrid[:SIDE, :SIDE].astype(np.float32)
    off = np.linalg.norm(there - np.stack([xx, yy], -1), axis=-1)
    assert np.percentile(off[inside(mesh, 12)], 97) < 1.0


def test_outside_the_mesh_positions_lie_outside_the_texture() -> None:
    mesh = mesh_in_patch()
    where = Raster(SIDE).texture_positions(mesh)
    outside = ~cv2.dilate(inside(mesh, 1).astype(np.uint8), np.ones((15, 15), np.uint8)).astype(
        bool
    )
    assert where[outside].max() < 0


def test_drawing_an_unwrapped_picture_gives_the_picture() -> None:
    rng = np.random.default_rng(0)
    rough = rng.uniform(60, 200, (16, 16, 3)).astype(np.float32)
    picture = cv2.resize(rough, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    mesh = mesh_in_patch(0.3, 0.8)
    texture = unwrap(picture, mesh)
    drawn = cv2.remap(texture, Raster(SIDE).texture_positions(mesh), None, cv2.INTER_LINEAR)
    assert np.abs(drawn - picture)[inside(mesh, 14)].mean() < 2.0


def test_a_flat_texture_has_no_light_left() -> None:
    yy, xx = np.mgrid[:TEXTURE_SIDE, :TEXTURE_SIDE] / TEXTURE_SIDE
    light = 60 + 120 * xx + 30 * yy
    texture = np.dstack([light, light * 0.8, light * 0.6])
    flat = flatten(texture)
    hull = cv2.erode(atlas().inside.astype(np.uint8), np.ones((25, 25), np.uint8)).astype(bool)
    assert np.abs(flat[hull] - 1).max() < 0.12
    assert np.abs(flat[hull] - 1).mean() < 0.03


def test_light_ignores_what_is_covered() -> None:
    texture = np.full((40, 40, 3), 100, np.float32)
    texture[20:30, 10:30] = 250
    weight = np.ones((40, 40), np.float32)
    weight[18:32, 8:32] = 0
    light = broad_light(texture, weight)
    hull = atlas(40).inside
    assert np.abs(light[hull] - 100).max() < 1


def test_lighting_remembers_what_it_saw_under_a_hand() -> None:
    mesh = mesh_in_patch()
    bright = np.full((SIDE, SIDE, 3), 180, np.uint8)
    hand = bright.copy()
    hand[120:, :] = (20, 60, 20)
    cover = np.zeros((SIDE, SIDE), np.float32)
    lighting = Lighting()
    lighting(bright, mesh, cover)
    cover[112:] = 1
    for _ in range(10):
        light = lighting(hand, mesh, cover)
    assert np.abs(light[atlas(40).inside] - 180).max() < 12


def other_shape() -> np.ndarray:
    """The mean face with its eyes nearer together and lower, its mouth lower."""
    shape = load_topology().mean.copy()
    for ring, shift in ((LEFT_EYE, (0.05, 0.03)), (RIGHT_EYE, (-0.05, 0.03))):
        near = np.linalg.norm(shape[:, :2] - shape[list(ring), :2].mean(0), axis=1) < 0.3
        shape[near, :2] += shift
    shape[list(OUTER_LIPS + INNER_LIPS), 1] += 0.05
    return shape


def test_the_same_shape_changes_nothing() -> None:
    own = load_topology().mean
    assert np.abs(ShapeChange(own, own).moves).max() < 1e-4


def test_a_turned_head_is_no_other_shape() -> None:
    own = load_topology().mean
    c, s = np.cos(0.2), np.sin(0.2)
    nodding = (own @ np.array([[1, 0, 0], [0, c, -s], [0, s, c]]).T * 1.1).astype(np.float32)
    assert np.abs(ShapeChange(own, nodding).moves).max() < 1e-3


@given(st.floats(-0.5, 0.5), st.floats(-3, 3))
@settings(deadline=None, max_examples=15)
def test_a_reshaped_face_has_the_shape_at_any_pose(yaw: float, roll: float) -> None:
    mesh = mesh_in_patch(yaw, roll)
    change = ShapeChange(load_topology().mean, other_shape())
    _, moved, _ = reshape(SIDE, mesh, change)
    unit = np.linalg.norm(mesh[33] - mesh[263])
    middles = [m[list(r), :2].mean(0) for m in (mesh, moved) for r in (LEFT_EYE, RIGHT_EYE)]
    apart = np.linalg.norm(middles[3] - middles[2]) / np.linalg.norm(middles[1] - middles[0])
    assert apart < 0.95, "the eyes are nearer together"
    assert np.abs(moved - mesh).max() < 0.2 * unit


def test_eyes_keep_their_form_when_they_move() -> None:
    mesh = mesh_in_patch(0.3, 1.0)
    change = ShapeChange(load_topology().mean, other_shape(), 1.5)
    _, moved, _ = reshape(SIDE, mesh, change)
    assert np.abs(eye_opening(moved) - eye_opening(mesh)).max() < 0.02
    assert np.abs(iris_position(moved) - iris_position(mesh)).max() < 0.03


@pytest.mark.parametrize(("lower", "share"), [(0.08, 0.5), (-0.08, 1.0)])
def test_a_brow_that_comes_down_on_its_eye_is_no_frown(lower: float, share: float) -> None:
    own = load_topology().mean
    shape = own.copy()
    shape[list(LEFT_BROW + RIGHT_BROW), 1] += lower
    new = worn(own, ShapeChange(own, shape))
    for brow, eye in ((LEFT_BROW, LEFT_EYE), (RIGHT_BROW, RIGHT_EYE)):
        before, after = (m[list(eye), 1].mean() - m[list(brow), 1].mean() for m in (own, new))
        assert after < before if lower > 0 else after > before
        assert abs(after - before) == pytest.approx(share * abs(lower), rel=0.3)


def test_pixels_go_where_the_mesh_goes() -> None:
    mesh = mesh_in_patch(0.2)
    mesh[:, :2] = 0.8 * mesh[:, :2] + 0.1 * SIDE
    patch = np.full((SIDE, SIDE, 3), 128, np.uint8)
    eye = mesh[list(LEFT_EYE), :2].mean(0)
    cv2.circle(patch, np.round(eye).astype(int).tolist(), 5, (250, 250, 250), -1)
    change = ShapeChange(load_topology().mean, other_shape())
    source, moved, touched = reshape(SIDE, mesh, change)
    warped = cv2.remap(patch, source, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    y, x = np.nonzero(warped[..., 0] > 200)
    seen = np.array([x.mean(), y.mean()])
    np.testing.assert_allclose(seen, moved[list(LEFT_EYE), :2].mean(0), atol=1.0)
    assert (warped[touched == 0] == patch[touched == 0]).all(), "nothing else moves"
    assert touched[inside(mesh)].min() == 1
    assert touched[0].max() == touched[:, 0].max() == 0


def test_worn_shapes_are_those_that_are_drawn() -> None:
    own = load_topology().mean
    change = ShapeChange(own, other_shape())
    shape = worn(own, change)
    matrix = placement(SIDE, 1.1)
    _, moved, _ = reshape(SIDE, align.apply(matrix, own), change)
    off = np.linalg.norm((moved - align.apply(matrix, shape))[:468, :2], axis=1)
    assert off.mean() < 1.0


@pytest.mark.parametrize("degrees", [-50, -45, 45, 50])
def test_nothing_is_seen_twice_on_a_head_that_is_turned_far(degrees: float) -> None:
    own = load_topology().mean
    mesh = mesh_in_patch(np.radians(degrees))
    for shape in load_model()["shapes"][::6].astype(np.float32):
        change = ShapeChange(own, shape + 1.2 * (shape - own))
        back = reshape(SIDE, mesh, change)[0]
        right, below = np.diff(back, axis=1)[:-1], np.diff(back, axis=0)[:, :-1]
        area = right[..., 0] * below[..., 1] - right[..., 1] * below[..., 0]
        assert (area[4:-4, 4:-4] <= 0).sum() <= 2, "the picture folds"


@pytest.mark.parametrize("degrees", [-35, 35])
def test_the_outline_of_a_face_is_not_dented(degrees: float) -> None:
    own = load_topology().mean
    mesh = mesh_in_patch(np.radians(degrees)).astype(np.float32)
    outline = cv2.convexHull(np.ascontiguousarray(mesh[:468, :2]))

    def away(point: np.ndarray) -> float:
        return abs(cv2.pointPolygonTest(outline, point[:2].tolist(), True))

    rim = [vertex for vertex in range(468) if away(mesh[vertex]) < 0.5]
    dents = []
    for shape in load_model()["shapes"][::6].astype(np.float32):
        change = ShapeChange(own, shape + 4 * (shape - own))
        moved = reshape(SIDE, mesh, change)[1]
        dents.append(max(away(moved[vertex]) for vertex in rim) / SIDE)
    assert np.median(dents) < 0.0155


def test_the_edge_of_a_nose_has_no_stairs() -> None:
    bands = np.zeros((TEXTURE_SIDE, TEXTURE_SIDE, 3), np.uint8)
    bands[:, TEXTURE_SIDE // 2 :] = 255  # one half of the face white, the other black
    for yaw, hides in ((0.0, False), (0.9, True), (-0.9, True)):
        where = Raster(SIDE).texture_positions(mesh_in_patch(yaw))
        sharp = cv2.remap(bands, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        soft = sharp.copy()
        soften_edges(soft, where)
        assert (soft != sharp).any() == hides
        assert (soft != sharp).any(-1).mean() < 0.02, "the face stays sharp elsewhere"


def test_an_infants_skin_is_smooth_and_a_grown_face_stays_as_it_is() -> None:
    texture = exemplar(0)
    assert (young(texture, 30.0) == texture).all()

    def detail(picture: np.ndarray, where: np.ndarray) -> float:
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        return float(np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 2))[where].mean())

    zones = Zones.build()
    lips = np.zeros((TEXTURE_SIDE, TEXTURE_SIDE), np.uint8)
    ring = np.round(texture_points()[list(OUTER_LIPS), :2]).astype(np.int32)
    lips = cv2.fillPoly(lips, [ring], 1).astype(bool)
    infant = young(texture, 1.0)
    assert detail(infant, zones.skin) < 0.75 * detail(texture, zones.skin)
    assert detail(infant, lips) > 0.9 * detail(texture, lips)
    half = young(texture, 5.5)
    assert detail(infant, zones.skin) < detail(half, zones.skin) < detail(texture, zones.skin)


def test_detail_ends_softly_at_the_rim_of_a_texture() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(60, 200, (TEXTURE_SIDE, TEXTURE_SIDE, 3), np.uint8)
    soft = soft_rim(noise)
    depth = cv2.distanceTransform(Zones.build().core.astype(np.uint8), cv2.DIST_L2, 5)
    assert np.abs(soft.astype(int) - noise)[depth > 32].max() <= 1
    assert soft[depth == 0].std() < 0.2 * noise[depth == 0].std()
