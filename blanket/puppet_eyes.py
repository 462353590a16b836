"""Eyes and mouth of the puppet."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.drawing import Float, blur, f32, resize
from blanket.drawing import smooth as _step
from blanket.faces import Points
from blanket.topology import INNER_LIPS

Bool = NDArray[np.bool_]

_FINE = 2
"""Eyes are drawn at this many times the picture's resolution."""

# Lids from the outer to the inner corner.
_UPPER = (33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362)
_LOWER = (33, 7, 163, 144, 145, 153, 154, 155, 133), (263, 249, 390, 373, 374, 380, 381, 382, 362)


class _Window:
    """A piece of the picture, enlarged. Coordinates given to it are picture pixels."""

    def __init__(self, drawn: Float, points: NDArray[np.floating], margin: float) -> None:
        low = np.floor(points.min(0) - margin).astype(int)
        high = np.ceil(points.max(0) + margin).astype(int) + 1
        self.x0, self.y0 = np.maximum(low, 0)
        self.x1, self.y1 = np.minimum(high, (drawn.shape[1], drawn.shape[0]))
        self.empty = bool(self.x1 - self.x0 < 3 or self.y1 - self.y0 < 3)
        self.width, self.height = (self.x1 - self.x0) * _FINE, (self.y1 - self.y0) * _FINE

    def cut(self, drawn: NDArray[Any]) -> NDArray[Any]:
        return drawn[self.y0 : self.y1, self.x0 : self.x1]

    def fine(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        moved = np.asarray(points, np.float64) - np.array([self.x0, self.y0])
        return np.asarray((moved + 0.5) * _FINE - 0.5)

    def grid(self) -> Float:
        x = (np.arange(self.width, dtype=np.float32) + 0.5) / _FINE - 0.5 + self.x0
        y = (np.arange(self.height, dtype=np.float32) + 0.5) / _FINE - 0.5 + self.y0
        return np.stack(np.meshgrid(x, y), -1)

    def filled(self, ring: NDArray[np.floating]) -> Float:
        canvas = np.zeros((self.height, self.width), np.uint8)
        cv2.fillPoly(canvas, [np.round(self.fine(ring) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        return f32(canvas / 255)

    def line(self, points: NDArray[np.floating], widths: Float) -> Float:
        """A line whose width in picture pixels changes along it."""
        canvas = np.zeros((self.height, self.width), np.uint8)
        fine = self.fine(points)
        for a, b, w in zip(fine[:-1], fine[1:], widths, strict=False):
            ends = [tuple(int(v) for v in np.round(p * 16)) for p in (a, b)]
            cv2.line(canvas, ends[0], ends[1], 255, max(round(float(w) * _FINE), 1), cv2.LINE_AA, 4)
        return f32(canvas / 255)

    def enlarged(self, mask: Bool) -> Float:
        here = cv2.dilate(self.cut(mask).astype(np.uint8), np.ones((3, 3), np.uint8))
        return resize(here, self.width, self.height)

    def blend(self, drawn: Float, colour: Float, alpha: Float) -> None:
        here = self.cut(drawn)
        size = here.shape[1::-1]
        small = cv2.resize(
            np.dstack([colour * alpha[..., None], alpha]), size, interpolation=cv2.INTER_AREA
        )
        here[:] = here * (1 - small[..., 3:]) + small[..., :3]


def _rounded(points: NDArray[np.floating], count: int = 33) -> NDArray[np.float64]:
    """A smooth curve through points ``[n, 2]`` (Catmull-Rom)."""
    p = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]]).astype(
        np.float64
    )
    t = np.linspace(0, len(points) - 1 - 1e-6, count)
    i = t.astype(int)
    f = (t - i)[:, None]
    a, b, c, d = p[i], p[i + 1], p[i + 2], p[i + 3]
    return np.asarray(
        0.5
        * (
            2 * b
            + (c - a) * f
            + (2 * a - 5 * b + 4 * c - d) * f**2
            + (3 * b - a - 3 * c + d) * f**3
        )
    )


def draw_eye(
    drawn: Float,
    mesh: Points,
    side: int,
    seen: Bool,
    turned: Float,
    colour: tuple[float, float, float],
    seed: int,
) -> None:
    """The eyeball between the lids, and the lashes.

    drawn: ``[H, W, 3]`` float32, in place. mesh: in its pixels. side: 0 left. seen:
    ``[H, W]``, where the hole between the lids is not hidden. turned: the head's rotation.
    """
    upper, lower = (_rounded(mesh[list(r[side]), :2]) for r in (_UPPER, _LOWER))
    unit = float(np.linalg.norm(mesh[33] - mesh[263]))
    window = _Window(drawn, np.vstack([upper, lower]), 0.07 * unit)
    if window.empty:
        return
    ring = np.vstack([upper, lower[::-1]])
    # Lids that look away show nothing.
    here, after = ring - ring.mean(0), np.roll(ring, -1, 0) - ring.mean(0)
    signed = float((here[:, 0] * after[:, 1] - here[:, 1] * after[:, 0]).sum()) / 2
    signed *= 1 if side == 0 else -1
    if signed < -0.002 * unit**2:
        return
    visible = window.enlarged(seen)
    down = turned[:2, 1] * unit
    hole = window.filled(ring)
    skin = float(np.percentile(window.cut(drawn).mean(-1), 60)) / 200
    bright = float(np.clip(0.35 + 0.65 * skin, 0.3, 1.08))
    grid = window.grid()
    # Eyeball: white shaded like a ball, redder in the corners.
    corner = (ring[0] + ring[len(upper) - 1]) / 2
    along = ring[len(upper) - 1] - ring[0]
    length = max(float(np.linalg.norm(along)), 1e-3)
    across = (grid - corner) @ (along / length) / (length / 2)
    ball = f32([222, 214, 210]) * (1 - 0.30 * np.abs(across) ** 2.2)[..., None]
    ball *= 1 - (np.abs(across) ** 3)[..., None].clip(0, 1) * f32([0.0, 0.16, 0.15])
    inner = np.exp(-(((across - 0.98) / 0.13) ** 2))[..., None]
    ball += (f32([196, 128, 120]) - ball) * inner * 0.9
    # Iris: where the mesh says it is.
    iris = mesh[468:473] if side == 0 else mesh[473:478]
    axes = np.stack([iris[1, :2] - iris[3, :2], iris[4, :2] - iris[2, :2]], 1) / 2
    centre = iris[0, :2]
    if abs(np.linalg.det(axes)) > 1:
        disc = (grid - centre) @ np.linalg.inv(axes).T.astype(np.float32)
        radius = np.linalg.norm(disc, axis=-1)
        polar = _iris_texture(seed)
        angle = (np.arctan2(disc[..., 1], disc[..., 0]) / (2 * np.pi) % 1) * polar.shape[1]
        fibres = cv2.remap(
            polar, angle.astype(np.float32), (radius * polar.shape[0]).astype(np.float32),
            cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        # Light enters at one side and leaves at the other.
        glow = 1 + 0.38 * (disc @ f32([0.45, 0.85])) * radius.clip(0, 1)
        stain = f32(colour) * (fibres * glow)[..., None]
        stain += f32([46, 30, 8]) * np.exp(-(((radius - 0.48) / 0.16) ** 2))[..., None] * 0.6
        limbus = _step((radius - 0.80) / 0.22)[..., None]
        stain = stain * (1 - 0.62 * limbus)
        pupil = _step((radius - 0.37) / 0.09)[..., None]
        stain = f32([9, 8, 9]) + (stain - f32([9, 8, 9])) * pupil
        ball += (stain - ball) * (1 - _step((radius - 0.93) / 0.16))[..., None]
    ball *= bright
    # The upper lid and its lashes throw a shadow on the ball.
    far = cv2.warpAffine(
        hole,
        f32([[1, 0, down[0] * 0.032 * _FINE], [0, 1, down[1] * 0.032 * _FINE]]),
        hole.shape[::-1],
    )
    lit = blur(far, 0.016 * unit * _FINE)
    ball *= (0.42 + 0.58 * lit)[..., None]
    edge = blur(hole, 0.010 * unit * _FINE)
    ball *= (0.55 + 0.45 * ((edge - 0.45) / 0.5).clip(0, 1))[..., None]
    # One window, mirrored in the cornea, and the wet line on the lower lid.
    if abs(np.linalg.det(axes)) > 1:
        size = float(np.sqrt(abs(np.linalg.det(axes))))
        spot = centre + np.array([-0.30, -0.36]) * size
        away = np.abs((grid - spot) / size @ f32([[0.97, 0.24], [-0.24, 0.97]]))
        gleam = np.exp(-((away[..., 0] / 0.17) ** 4) - (away[..., 1] / 0.20) ** 4)
        fill = centre + np.array([0.34, 0.42]) * size
        faint = np.exp(-((np.linalg.norm(grid - fill, axis=-1) / (0.22 * size)) ** 2)) * 0.10
        ball += ((f32([250, 250, 246]) - ball) * (0.93 * gleam + faint)[..., None]).clip(0)
    wet = window.line(lower[3:-3], np.full(40, 0.010 * unit, np.float32))
    wet = blur(wet, 0.006 * unit * _FINE)
    ball += (f32([214, 168, 160]) * bright - ball) * (0.55 * wet)[..., None]
    soft = blur(hole, 0.6 * _FINE / 2)
    window.blend(drawn, ball.astype(np.float32), soft * visible)
    _lashes(drawn, window, upper, lower, unit, turned, side, visible)


def _lashes(
    drawn: Float,
    window: _Window,
    upper: NDArray[Any],
    lower: NDArray[Any],
    unit: float,
    turned: Float,
    side: int,
    seen: Float,
) -> None:
    gap = float(np.linalg.norm(upper - lower, axis=1).max()) / unit
    t = np.linspace(0, 1, len(upper))
    # The lid's own edge: thickest outside of the middle.
    widths = (0.006 + 0.016 * np.sin(np.pi * t.clip(0, 1) ** 0.8)).astype(np.float32) * unit
    line = blur(window.line(upper, widths), 0.007 * unit * _FINE)
    out = 1.0 if side else -1.0
    hair = np.zeros_like(line)
    up = -1.0 + 2.6 * np.clip((0.09 - gap) / 0.07, 0, 1)
    for k, s in enumerate(np.linspace(0.05, 0.88, 23)):
        root = upper[int(s * (len(upper) - 1))]
        # Outer lashes are longer and lean outwards.
        reach = (0.048 - 0.026 * s) * (1 + 0.3 * np.sin(7.3 * k)) * (1 - 0.4 * (up > 0))
        s = s + 0.012 * np.sin(5.1 * k)
        lean = out * (0.75 - 0.9 * s) + 0.15 * np.sin(3.7 * k)
        steps = np.linspace(0, 1, 5)[:, None]
        way = (
            np.array([[lean * 0.8, 0.30 * up + 0.25]]) * steps
            + np.array([[lean * 0.2, 0.75 * up]]) * steps**2
        )
        path = root + (way * reach * unit) @ turned[:2, :2].T.astype(np.float64)
        hair = np.maximum(hair, window.line(path, f32([0.0075, 0.006, 0.004, 0.003]) * unit))
    hair = blur(hair, 0.45 * _FINE)
    lower_line = blur(
        window.line(lower[:-6], np.full(40, 0.008 * unit, np.float32)), 0.009 * unit * _FINE
    )
    near = _near(seen, unit) if gap > 0.03 else np.ones_like(seen)
    alpha = np.maximum(np.maximum(0.85 * line, 0.40 * hair), 0.28 * lower_line) * near
    colour = np.broadcast_to(f32([52, 34, 28]), (*alpha.shape, 3))
    window.blend(drawn, colour, alpha)


def _near(seen: Float, unit: float) -> Float:
    """1 near the pixels that are seen, falling off softly."""
    return (3 * blur(seen, 0.05 * unit * _FINE)).clip(0, 1)


@cache
def _iris_texture(seed: int) -> Float:
    """``[64, 512]``: brightness of the iris by radius and angle."""
    rng = np.random.default_rng(seed)
    fibre = rng.normal(0, 1, (64, 512)).astype(np.float32)
    fibre = np.tile(fibre, (1, 3))
    fibre = blur(fibre, 2.2, 16)[:, 512:1024]
    fibre /= fibre.std()
    broad = np.tile(rng.normal(0, 1, (64, 512)).astype(np.float32), (1, 3))
    broad = blur(broad, 14, 20)[:, 512:1024]
    broad /= broad.std()
    return (1 + 0.20 * fibre + 0.10 * broad).clip(0.4, 1.7)


def draw_mouth(drawn: Float, mesh: Points, seen: Bool, opening: float) -> None:
    """The inside of the mouth: dark, a tongue, the upper gum."""
    ring = mesh[list(INNER_LIPS), :2]
    # The ring runs from corner to corner below, then back above.
    lower, upper = _rounded(ring[:11], 41), _rounded(np.vstack([ring[10:], ring[:1]]), 41)
    unit = float(np.linalg.norm(mesh[33] - mesh[263]))
    window = _Window(drawn, np.vstack([lower, upper]), 0.05 * unit)
    if window.empty:
        return
    hole = window.filled(np.vstack([lower, upper]))
    grid = window.grid()
    top, bottom = mesh[13, :2].astype(np.float64), mesh[14, :2].astype(np.float64)
    left, right = ring[0].astype(np.float64), ring[10].astype(np.float64)
    along = (right - left) / max(np.linalg.norm(right - left), 1e-3)
    down = np.array([-along[1], along[0]])
    half = np.linalg.norm(right - left) / 2
    tall = max(float((bottom - top) @ down), 0.02 * unit)
    from_middle = grid - (left + right) / 2
    x = from_middle @ (along / half).astype(np.float32)
    y = (grid - top) @ (down / tall).astype(np.float32)
    bright = float(np.percentile(window.cut(drawn).mean(-1), 70)) / 190
    inside = (
        f32([58, 22, 22]) * (0.35 + 0.65 * y.clip(0, 1))[..., None] * np.ones((1, 1, 3), np.float32)
    )
    body = 1 - (x / 0.70) ** 2 - ((y - 1.12) / 0.62) ** 2
    tongue = _step(body / 0.25)[..., None]
    groove = 1 - 0.16 * np.exp(-((x / 0.10) ** 2))
    light = (0.35 + 0.75 * np.sqrt(body.clip(0)) * groove) * (0.55 + 0.5 * y.clip(0, 1))
    inside += (f32([206, 108, 106]) * light[..., None] - inside) * tongue
    gum = _step((0.17 - 0.10 * x**2 - y) / 0.10)[..., None] * min(opening * 2, 1)
    inside += (f32([176, 92, 92]) * 0.62 - inside) * gum * 0.8
    wet = np.exp(-(((x + 0.18) / 0.16) ** 2) - ((y - 0.80) / 0.06) ** 2) * 60 * tongue[..., 0]
    inside = inside * bright + wet[..., None]
    rim = blur(hole, 0.016 * unit * _FINE)
    inside *= (0.30 + 0.70 * ((rim - 0.5) / 0.45).clip(0, 1))[..., None]
    soft = blur(hole, 0.7 * _FINE / 2)
    window.blend(drawn, inside.astype(np.float32), soft * _near(window.enlarged(seen), unit))
    # Where the lips meet.
    shut = float(np.clip(1 - (tall / unit - 0.02) / 0.06, 0, 1))
    line = window.line(0.5 * (lower + upper[::-1]), np.full(60, 0.012 * unit, np.float32))
    line = blur(line, 0.008 * unit * _FINE)
    dark = np.broadcast_to(f32([96, 42, 40]) * bright, (*line.shape, 3))
    window.blend(drawn, dark, 0.75 * shut * line)
