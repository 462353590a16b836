"""Heads cut out of their pictures: bald ones, and before other backgrounds.

Most faces to learn from have hair round them and something blurred behind it. A network that
has seen little else takes a bald forehead before a striped cloth for an arm.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Points
from blanket.occluders import cloud
from blanket.train.samples import CACHE_SIDE, Faces

Float = NDArray[np.float32]

_TOP, _CHIN, _NOSE = 10, 152, 1
_SIDES = [234, 454]
_FOREHEAD = [10, 151, 108, 337, 67, 297, 69, 299]


def elsewhere(canvas: Float, points: Points, faces: Faces, rng: np.random.Generator) -> Float:
    """The head of a face crop ``[S, S, 3]`` (0..255), with its mesh ``[478, 3]`` in pixels: bald
    or as it is, before something else or not."""
    if rng.random() < 0.6:
        canvas, head = _bald(canvas, points, rng)
        if rng.random() < 0.25:
            return canvas
    else:
        head = _cut_out(canvas.shape[0], points, rng)
    return canvas * head + _backdrop(canvas.shape[0], faces, rng) * (1 - head)


def _axes(points: Points) -> tuple[Float, Float, float, float]:
    """Up and across the face, unit vectors; its height and its width, pixels."""
    up = points[_TOP, :2] - points[_CHIN, :2]
    height = float(np.linalg.norm(up))
    up = up / height
    across = np.array((-up[1], up[0]), np.float32)
    return up, across, height, float(np.ptp(_hull(points) @ across))


def _hull(points: Points) -> Float:
    return np.asarray(cv2.convexHull(points[:468, :2].astype(np.float32))[:, 0], np.float32)


def _filled(side: int, outline: Float, blur: float) -> Float:
    mask = np.zeros((side, side), np.uint8)
    cv2.fillConvexPoly(mask, np.round(outline * 16).astype(np.int32), 255, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), blur)
    return np.asarray(soft[..., None], np.float32)


def _cut_out(side: int, points: Points, rng: np.random.Generator) -> Float:
    """``[S, S, 1]`` 0..1: the face's hull, grown above all at the top."""
    up, across, _, _ = _axes(points)
    middle = (points[_TOP, :2] + points[_CHIN, :2]) / 2
    away = _hull(points) - middle
    high = away @ up
    high *= np.where(high > 0, 1 + rng.uniform(0.05, 0.6), 1 + rng.uniform(0, 0.06))
    wide = away @ across * (1 + rng.uniform(0, 0.14))
    grown = middle + high[:, None] * up + wide[:, None] * across
    outline = cv2.convexHull(grown.astype(np.float32))[:, 0]
    return _filled(side, outline, rng.uniform(0.4, 1.8))


def _bald(canvas: Float, points: Points, rng: np.random.Generator) -> tuple[Float, Float]:
    """The face with a round skull in the skin of its forehead instead of hair, and the mask of
    this head ``[S, S, 1]``."""
    side = canvas.shape[0]
    up, across, height, width = _axes(points)
    # The skull of a turned head stands out on its far side.
    turned = (points[_NOSE, :2] - points[_SIDES, :2].mean(0)) @ across * rng.uniform(0, 0.3)
    centre = points[151, :2] + up * height * rng.uniform(-0.05, 0.2)
    centre = centre + across * (turned + width * rng.normal(0, 0.02))
    radii = np.array((width * rng.uniform(0.44, 0.62), height * rng.uniform(0.38, 0.55)))
    lean = np.arctan2(up[1], up[0]) + np.pi / 2 + rng.normal(0, 0.14)
    skull = cv2.ellipse2Poly((0, 0), (1000, 1000), 0, 0, 360, 6) / 1000 * radii
    turn = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
    outline = (skull @ turn.T + centre).astype(np.float32)

    hull = _hull(points)
    within = _filled(
        side,
        hull.mean(0) + (hull - hull.mean(0)) * np.float32(rng.uniform(0.8, 0.92)),
        rng.uniform(2, 7),
    )
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).astype(np.float32) - centre
    x, y = grid @ across / radii[0], grid @ up / radii[1]
    bulge = np.sqrt(1 - (x**2 + y**2).clip(0, 1))
    slope = rng.normal(0, 0.35, 2)
    shade = rng.uniform(0.7, 0.95) + rng.uniform(0.05, 0.3) * bulge + slope[0] * x + slope[1] * y
    spots = points[_FOREHEAD, :2].round().astype(int).clip(2, side - 3)
    seen = np.stack([canvas[v - 2 : v + 3, u - 2 : u + 3].mean((0, 1)) for u, v in spots])
    # The light of the middle of the forehead is that of the picture.
    shade /= max(float(shade[spots[1, 1], spots[1, 0]]), 0.3)
    skin = np.median(seen, 0) * shade.clip(0.25, 1.6)[..., None]
    skin = skin * (1 + cloud(rng, side, rng.uniform(0.005, 0.03), 1))
    above = cv2.GaussianBlur((grid @ up > -0.33 * height).astype(np.float32), (0, 0), 4)
    skull_mask = _filled(side, outline, rng.uniform(0.4, 1.5))
    share = skull_mask * (1 - within) * above[..., None]
    head = np.maximum(skull_mask, _filled(side, hull, rng.uniform(0.4, 1.5)))
    return np.asarray(canvas * (1 - share) + skin * share, np.float32), head


def _backdrop(side: int, faces: Faces, rng: np.random.Generator) -> Float:
    """``[S, S, 3]`` 0..255: another picture, a plain surface, lines or spots."""
    kind = rng.integers(4)
    if kind == 0:
        picture = faces.pictures[rng.integers(len(faces.pictures))]
        middle = CACHE_SIDE / 2
        matrix = cv2.getRotationMatrix2D(
            (middle, middle), rng.uniform(0, 360), rng.uniform(0.4, 1.6)
        )
        matrix[:, 2] += rng.normal(0, 80, 2) + side / 2 - middle
        drawn = cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REFLECT)
        return np.asarray(drawn, np.float32)
    plain = np.ones((side, side, 3), np.float32) * rng.uniform(5, 250, 3).astype(np.float32)
    if kind == 1:
        plain *= 1 + np.float32(rng.normal(0, 0.25)) * np.linspace(-1, 1, side)[:, None, None]
    else:
        colour = rng.uniform(0, 255, 3)
        for _ in range(rng.integers(3, 25)):
            path = np.cumsum(rng.normal(0, 65, (3, 2)), 0) + rng.uniform(0, side, 2)
            if kind == 2:
                width = int(rng.integers(1, 6))
                line = path.astype(np.int32)
                cv2.polylines(plain, [line], False, colour.tolist(), width, cv2.LINE_AA)
            else:
                axes = rng.integers(2, 30, 2).tolist()
                tint = rng.uniform(0, 255, 3).tolist()
                where = path[0].astype(int).tolist()
                cv2.ellipse(plain, where, axes, rng.uniform(0, 180), 0, 360, tint, -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(plain, (0, 0), rng.uniform(0.4, 2.5)), np.float32)
