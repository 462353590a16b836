"""Whom the puppet looks like: a mixture of the morphable model's faces, as bare skin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.drawing import Float, blur, f32, resize
from blanket.faces import Points
from blanket.inpaint.clean import Zones
from blanket.light import broad_light, flatten
from blanket.puppet import from_outline, infantile, wide_eyed
from blanket.texture import TEXTURE_SIDE, atlas, texture_points
from blanket.topology import LEFT_BROW, LEFT_EYE, RIGHT_BROW, RIGHT_EYE, load_topology
from blanket.weights import weights_path

FINE = 2
"""Texels of the puppet's skin to a texel of `blanket.texture`."""

_AGES = {"infant": (0.0, 3.4), "child": (5.0, 11.0)}
_LEADERS, _EVEN = 14, 6


@dataclass(frozen=True)
class Person:
    """Nobody. shape: ``[478, 3]`` on the mean face, at rest. skin: ``[640, 640, 4]``, RGB
    0..255 under even light and how much it shines."""

    shape: Points
    skin: Float


def invent_person(
    rng: np.random.Generator, age: Literal["infant", "child"], colour: tuple[float, float, float]
) -> Person:
    """A mixture of three of the model's faces. colour: RGB of the skin."""
    with np.load(weights_path("morphable.npz")) as file:
        model = {name: file[name] for name in ("ages", "shapes", "codes", "ends")}
    low, high = _AGES[age]
    fitting = np.flatnonzero((model["ages"] >= low) & (model["ages"] <= high))
    chosen = rng.permutation(fitting)[:_LEADERS]
    # The leader is even: no strand of hair, no hard light, much the same on both sides.
    even = sorted(chosen.tolist(), key=lambda number: _unevenness(_exemplar(model, number)))
    leader = int(rng.choice(even[:_EVEN]))
    others = [int(n) for n in rng.choice([n for n in even if n != leader], 2, replace=False)]
    shares = {leader: 0.7, others[0]: 0.18, others[1]: 0.12}
    textures = {number: _exemplar(model, number) for number in shares}
    flats = {number: flatten(texture) for number, texture in textures.items()}
    mixed = np.sum([share * flats[number] for number, share in shares.items()], axis=0)
    flat = f32(blur(mixed, 2) + flats[leader] - blur(flats[leader], 2))
    shape = np.sum([s * f32(model["shapes"][number]) for number, s in shares.items()], axis=0)
    young = age == "infant"
    shape = wide_eyed(infantile(f32(shape)) if young else f32(shape), 1.18 if young else 1.06)
    light = broad_light(textures[leader])
    faint = 0.5 if young else 1.0
    return Person(shape, _skin(flat, light, f32(colour), faint, rng))


def _exemplar(model: dict[str, NDArray[Any]], number: int) -> NDArray[np.uint8]:
    start = int(model["ends"][number - 1]) if number else 0
    picture = cv2.imdecode(model["codes"][start : int(model["ends"][number])], cv2.IMREAD_COLOR)
    return np.asarray(picture, np.uint8)[..., ::-1]


def _unevenness(texture: NDArray[np.uint8]) -> float:
    skin = Zones.build().skin
    flat = flatten(texture).mean(-1)
    sides = np.abs(flat - flat[:, ::-1])[skin].mean()
    rough = np.abs(blur(flat, 1) - blur(flat, 4))[skin]
    return float(sides + 2 * np.percentile(rough, 97))


def _skin(
    flat: Float, light: Float, colour: Float, faint: float, rng: np.random.Generator
) -> Float:
    """See `Person`. faint: how much is left of the brows."""
    side = TEXTURE_SIDE * FINE
    zones, inside = Zones.build(), atlas().inside
    # Bare skin has no strands and creases.
    bare = f32(zones.skin)
    x = np.abs(np.arange(TEXTURE_SIDE) - (TEXTURE_SIDE - 1) / 2) / _unit()
    features = blur(zones.core & ~zones.skin & (x < 0.55), 3)[..., None]
    base = _near(flat, bare, 9)
    flat = flat * features + (base + (flat - base).clip(-0.045, 0.045)) * (1 - features)
    brows = np.zeros(inside.shape, np.uint8)
    for brow_ring in (LEFT_BROW, RIGHT_BROW):
        cv2.fillPoly(brows, [np.round(texture_points()[list(brow_ring), :2]).astype(np.int32)], 1)
    brow = blur(cv2.dilate(brows, np.ones((13, 13), np.uint8)), 3)[..., None]
    flat = flat + (1 - faint) * brow * (_near(flat, bare, 7) - flat)
    # The model ends before the outline: there, no more than colour.
    away = _outline_distance()
    border = blur((1 - (away - 0.12) / 0.2).clip(0, 1), 4)[..., None] * (1 - features)
    flat = flat + (_near(flat, bare, 16) - flat) * border
    # The lids' edges and lashes are drawn on every frame; here is bare skin.
    eyes = np.zeros(inside.shape, np.uint8)
    for ring in (LEFT_EYE, RIGHT_EYE):
        cv2.fillPoly(eyes, [np.round(texture_points()[list(ring), :2]).astype(np.int32)], 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15))
    lids = blur(cv2.dilate(eyes, kernel), 2)[..., None]
    flat = flat + (_near(flat, bare, 7) * f32([0.97, 0.94, 0.94]) - flat) * lids
    # Of the broad colour keep what is complexion (red cheeks), little of what is light.
    broad = resize(light, TEXTURE_SIDE, TEXTURE_SIDE, cv2.INTER_CUBIC)
    broad = blur(0.5 * (broad + broad[:, ::-1]), 8)
    grey = broad.mean(-1, keepdims=True)
    tint = ((broad / grey) / (broad / grey)[inside].mean(0)) ** 0.7
    level = (grey / grey[inside].mean()) ** 0.3
    skin = resize(flat * tint * level * colour, side, side, cv2.INTER_CUBIC)
    depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
    pores = blur(rng.normal(0, 1, (side, side)), 1.2) * 0.03
    # Stretched triangles at the outline would stretch them too.
    pores *= resize((depth / 60).clip(0, 1), side, side) ** 1.5
    blotches = resize(rng.normal(0, 1, (48, 48)), side, side, cv2.INTER_CUBIC)[..., None]
    skin *= 1 + pores[..., None] + blotches * f32([0.006, -0.010, -0.008])
    shine = resize((depth / 20).clip(0, 1), side, side) * (0.75 + 5 * pores)
    return f32(np.dstack([skin, shine]))


def _unit() -> float:
    """Texels between the outer eye corners."""
    points = texture_points()
    return float(np.linalg.norm(points[263] - points[33]))


def _near(picture: Float, weight: Float, sigma: float) -> Float:
    """The mean colour near each pixel, of those that count."""
    total = np.dstack([picture * weight[..., None], weight])
    near = blur(total, sigma) + 1e-4 * blur(total, 4 * sigma) + 1e-7 * total.mean((0, 1))
    return f32(near[..., :3] / np.maximum(near[..., 3:], 1e-9))


def _outline_distance() -> Float:
    """``[320, 320]``: how far each texel is from the outline, over the rounded mean face."""
    layout, mean = atlas(80), load_topology().mean
    position = np.einsum("hwc,hwcd->hwd", layout.shares, mean[layout.corners])
    away = from_outline(position.reshape(-1, 3)).reshape(80, 80)
    return resize(np.where(layout.inside, away, 0), TEXTURE_SIDE, TEXTURE_SIDE)
