"""Draws the puppet: skin, eyes, mouth, hood and body under one light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.cloth import knit
from blanket.drawing import Float, blur, f32, resize, sample
from blanket.faces import Points
from blanket.puppet import (
    BODY,
    EYES,
    FACE,
    HOOD,
    MOUTH,
    RIM,
    SKIN,
    Pose,
    Solid,
    expressed,
    head,
    turn,
)
from blanket.puppet_eyes import draw_eye, draw_mouth
from blanket.puppet_face import FINE, invent_person
from blanket.puppet_hood import Hood, body

LIGHT = f32([-0.50, -0.62, -0.60])
"""Towards the window; of length 1."""


@dataclass(frozen=True)
class Dress:
    """Colours of one puppet, RGB ``[3]`` 0..255."""

    skin: tuple[float, float, float]
    iris: tuple[float, float, float]
    hood: tuple[float, float, float]
    rim: tuple[float, float, float]
    body: tuple[float, float, float]


class Puppet:
    """One person of the demo.

    rng: chooses the identity. age: its group. dress: its colours. scale: pixels between
    the outer eye corners in a typical frame, which the textures are made for.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        age: Literal["infant", "child"],
        dress: Dress,
        scale: float,
    ) -> None:
        self.dress = dress
        person = invent_person(rng, age, dress.skin)
        self.shape, self._skin = person.shape, person.skin
        stitch = max(round(Hood.STITCH * scale), 3)
        self._hood = Hood(self.shape, rng, stitch)
        self._body = body(rng, stitch)
        self._knit = knit(rng, stitch)
        self._iris_seed = int(rng.integers(2**31))

    def mesh(self, pose: Pose) -> Points:
        """Where the 478 points are, ``[478, 3]`` pixels: exactly what `draw` draws."""
        return pose.place(expressed(self.shape, pose))

    def draw(self, picture: Float, pose: Pose) -> None:
        """Into ``[H, W, 3]`` float32 0..255, in place."""
        face = expressed(self.shape, pose)
        neck = pose.place(f32([[0, 0.62, 0.95]]))[0]
        trunk = Pose(neck[0], neck[1], pose.scale, 0.25 * pose.yaw, 0, pose.lean)
        _shadow(picture, pose)
        self._draw(picture, [(self._body, trunk)], None)
        _neck_shadow(picture, pose)
        self._draw(picture, [(self._hood.solid(face), pose), (head(face), pose)], pose)

    def _draw(self, picture: Float, solids: list[tuple[Solid, Pose]], face: Pose | None) -> None:
        canvas = _Canvas(solids, picture.shape[:2])
        if canvas.empty:
            return
        window = picture[canvas.rows, canvas.columns]
        where, normal, light, material = canvas.values()
        drawn = window.copy()
        cloth = material >= RIM
        if cloth.any():
            drawn = np.where(
                cloth[..., None],
                self._cloth(where, normal, light, material, picture.shape[0]),
                drawn,
            )
        if face is not None:
            skin = (material >= FACE) & (material <= SKIN)
            drawn = np.where(
                skin[..., None],
                self._lit_skin(where, normal, light * _cleft(material, face.scale)),
                drawn,
            )
            self._features(drawn, face, canvas, material)
        drawn = _soft_edges(drawn, material)
        window[:] = drawn

    def _cloth(
        self, where: Float, normal: Float, light: Float, material: NDArray[np.int8], height: int
    ) -> Float:
        tile = self._knit
        rows, columns = tile.shape[:2]
        sampled = cv2.remap(
            tile,
            np.mod(where[..., 0], columns - 1),
            np.mod(where[..., 1], rows - 1),
            cv2.INTER_LINEAR,
        )
        relief = blur(sampled[..., 0], 0.6)
        slope_x = cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8).clip(-0.25, 0.25)
        slope_y = cv2.Sobel(relief, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8).clip(-0.25, 0.25)
        bump = -(slope_x * LIGHT[0] + slope_y * LIGHT[1]) * 1.4
        diffuse = ((normal @ LIGHT + bump + 0.25) / 1.25).clip(0)
        shade = light * (0.36 + 0.16 * (-normal[..., 1]).clip(-1, 1) * 0.5 + 0.74 * diffuse)
        shade *= (0.62 + 0.42 * relief) * sampled[..., 1]
        # Wool is bright at a grazing angle.
        shade += 0.16 * light * (1 + normal[..., 2]).clip(0, 1) ** 3
        table = np.zeros((8, 3), np.float32)
        table[RIM], table[HOOD], table[BODY] = self.dress.rim, self.dress.hood, self.dress.body
        colour = blur(table[material], 0.8)
        warm = 1 + (0.5 - shade[..., None]).clip(-0.5, 0.5) * f32([-0.05, 0.0, 0.08])
        return f32(colour * shade[..., None] * warm)

    def _lit_skin(self, where: Float, normal: Float, light: Float) -> Float:
        skin = sample(
            self._skin, where[..., 0] * FINE + 0.5, where[..., 1] * FINE + 0.5, cv2.BORDER_REPLICATE
        )
        cosine = normal @ LIGHT
        # Light goes through skin: the border of shade is soft, and redder.
        wrap = f32([0.45, 0.30, 0.25])
        diffuse = ((cosine[..., None] + wrap) / (1 + wrap)).clip(0)
        above = 0.5 - 0.5 * normal[..., 1:2]
        ambient = f32([0.53, 0.53, 0.54]) * (0.8 + 0.3 * above)
        lit = skin[..., :3] * (ambient + 0.56 * diffuse) * light[..., None] ** f32([0.9, 1.15, 1.2])
        half = LIGHT + f32([0, 0, -1])
        half /= np.linalg.norm(half)
        shine = (normal @ half).clip(0)
        gloss = 12 * shine**14 + 12 * shine**60
        rim = 10 * (1 + normal[..., 2]).clip(0, 1) ** 3
        return f32(lit + ((gloss * skin[..., 3] + rim) * light)[..., None])

    def _features(
        self, drawn: Float, pose: Pose, canvas: _Canvas, material: NDArray[np.int8]
    ) -> None:
        mesh = self.mesh(pose)
        mesh[:, :2] -= (canvas.columns.start, canvas.rows.start)
        turned = pose.rotation()
        draw_mouth(drawn, mesh, material == MOUTH, pose.mouth)
        for side in (0, 1):
            draw_eye(drawn, mesh, side, material == EYES, turned, self.dress.iris, self._iris_seed)


class _Canvas:
    """The part of the picture that some solids cover, and which triangle is seen where."""

    def __init__(self, solids: list[tuple[Solid, Pose]], size: tuple[int, int]) -> None:
        points, normals, triangles, offset = [], [], [], 0
        self._scale = solids[0][1].scale
        for solid, pose in solids:
            points.append(pose.place(solid.points))
            normals.append(solid.normals @ pose.rotation().T)
            triangles.append(solid.triangles + offset)
            offset += len(solid.points)
        self._points = np.concatenate(points)
        low = np.floor(self._points.min(0)[:2]).astype(int) - 3
        high = np.ceil(self._points.max(0)[:2]).astype(int) + 4
        x0, y0 = np.maximum(low, 0)
        x1, y1 = np.minimum(high, (size[1], size[0]))
        self.empty = bool(x1 - x0 < 2 or y1 - y0 < 2)
        self.columns, self.rows = slice(int(x0), int(x1)), slice(int(y0), int(y1))
        self._points[:, :2] -= (x0, y0)
        self._triangles = np.concatenate(triangles)
        self._material = np.concatenate([solid.material for solid, _ in solids])
        where = np.concatenate([solid.where for solid, _ in solids])
        light = np.concatenate([solid.open for solid, _ in solids])
        # The face has a back that is never seen; cloth shows both of its sides.
        self._one_sided = self._material < SKIN
        self._values = np.concatenate([where, np.concatenate(normals), light[:, None]], 1)

    def values(self) -> tuple[Float, Float, Float, NDArray[np.int8]]:
        """Texture position ``[h, w, 2]``, normal ``[h, w, 3]``, light ``[h, w]`` and material
        (-1: nothing) of each pixel. The farthest triangle is painted first."""
        flat = self._points[self._triangles]
        a, b = flat[:, 1, :2] - flat[:, 0, :2], flat[:, 2, :2] - flat[:, 0, :2]
        area = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
        longest = np.sqrt(np.max([(a**2).sum(1), (b**2).sum(1), ((a - b) ** 2).sum(1)], axis=0))
        # Slivers would be painted as lines.
        drawable = np.flatnonzero(
            np.where(
                self._one_sided,
                area > np.where(longest > 7, 0.12 * longest, 1e-3),
                np.abs(area) > 1e-3,
            )
        )
        # The rim lies on the skin, which runs on below it.
        depth = flat[drawable, :, 2].mean(1)
        depth += self._scale * f32([0, 0, 0.05, 0.12, -0.08, 0, 0])[self._material[drawable]]
        order = drawable[np.argsort(-depth, kind="stable")]
        a, b, area = a[order], b[order], area[order, None]
        values = self._values[self._triangles[order]]
        va, vb = values[:, 1] - values[:, 0], values[:, 2] - values[:, 0]
        along_x = (va * b[:, 1:] - vb * a[:, 1:]) / area
        along_y = (vb * a[:, :1] - va * b[:, :1]) / area
        # Across what is thinner than a pixel nothing changes: least squares with a penalty.
        thin = np.flatnonzero(np.abs(area[:, 0]) < 1.5 * longest[order])
        edges = np.stack([a[thin], b[thin], b[thin] - a[thin]], 1)
        steps = np.stack([va[thin], vb[thin], vb[thin] - va[thin]], 1)
        square = np.swapaxes(edges, 1, 2) @ edges + np.eye(2, dtype=np.float32)
        slopes = np.linalg.solve(square, np.swapaxes(edges, 1, 2) @ steps)
        along_x[thin], along_y[thin] = slopes[:, 0], slopes[:, 1]
        middle = flat[order].mean(1)
        start = values.mean(1) - along_x * middle[:, :1] - along_y * middle[:, 1:2]
        size = self.rows.stop - self.rows.start, self.columns.stop - self.columns.start
        owner = np.full(size, len(order), np.int32)
        fixed = np.round(flat[order, :, :2] * 16).clip(-(2**24), 2**24).astype(np.int32)
        for number, corner in enumerate(fixed):
            cv2.fillConvexPoly(owner, corner, number, cv2.LINE_8, 4)
        table = np.concatenate([along_x, along_y, start], 1).astype(np.float32)
        table = np.concatenate([table, np.zeros((1, table.shape[1]), np.float32)])
        mine = table[owner]
        x = np.arange(size[1], dtype=np.float32)[None, :, None]
        y = np.arange(size[0], dtype=np.float32)[:, None, None]
        value = mine[..., :6] * x + mine[..., 6:12] * y + mine[..., 12:]
        normal = value[..., 2:5]
        length = np.sqrt(np.einsum("hwc,hwc->hw", normal, normal))
        normal = normal / np.maximum(length, 1e-6)[..., None]
        material = np.append(self._material[order], -1).astype(np.int8)[owner]
        return value[..., :2], normal, value[..., 5].clip(0, 1), material


def _soft_edges(drawn: Float, material: NDArray[np.int8]) -> Float:
    """Blur where one material meets another, so that no staircase is seen."""
    kinds = np.where((material >= FACE) & (material < SKIN), 0, material).astype(np.int16)
    edge = cv2.morphologyEx(kinds, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    weight = blur(edge.astype(np.float32), 0.7)[..., None].clip(0, 1)
    return f32(drawn + (blur(drawn, 1.0) - drawn) * weight)


def _cleft(material: NDArray[np.int8], scale: float) -> Float:
    """How much light reaches skin that lies close to cloth in the picture, ``[h, w]``."""
    cloth = f32(material >= SKIN)
    height, width = cloth.shape
    small = resize(cloth, max(width // 3, 1), max(height // 3, 1), cv2.INTER_AREA)
    near = blur(small, max(0.055 * scale / 3, 0.4)) + blur(small, max(0.02 * scale / 3, 0.4))
    return f32(1 - 0.26 * resize(near, width, height))


def _shadow(picture: Float, pose: Pose) -> None:
    """What the head takes from the light on the quilt."""
    _darken(picture, pose, (0.45, 0.50), (1.35, 1.55), 0.42, 0.35)


def _neck_shadow(picture: Float, pose: Pose) -> None:
    """What the head takes from the light on the body."""
    down = turn(0, 0, pose.roll) @ f32([0, 0.62, 0])
    _darken(picture, pose, (down[0] + 0.08, down[1] + 0.12), (0.85, 0.85), 0.5, 0.16)


def _darken(
    picture: Float,
    pose: Pose,
    shift: tuple[float, float],
    axes: tuple[float, float],
    depth: float,
    soft: float,
) -> None:
    step = 8
    small = np.zeros((-(-picture.shape[0] // step), -(-picture.shape[1] // step)), np.float32)
    centre = (np.array([pose.x, pose.y]) + np.multiply(shift, pose.scale)) / step
    radii = np.maximum(np.multiply(axes, pose.scale) / step, 1)
    middle = tuple(int(v) for v in np.round(centre * 16))
    size = tuple(int(v) for v in np.round(radii * 16))
    cv2.ellipse(small, middle, size, pose.roll, 0, 360, 1.0, -1, cv2.LINE_AA, 4)
    small = blur(small, max(soft * pose.scale / step, 0.5))
    picture *= 1 - depth * cv2.resize(small, picture.shape[1::-1])[..., None]
