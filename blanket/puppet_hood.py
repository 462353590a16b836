"""The hooded blanket and the swaddled body of the puppet (`blanket.puppet`)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from blanket.drawing import Float, f32
from blanket.faces import Points
from blanket.puppet import BODY, HOOD, RIM, Solid
from blanket.topology import OVAL


class Hood:
    """The hooded blanket around one face. shape: ``[478, 3]``, the face at rest. stitch:
    pixels of the knitted texture to a stitch."""

    # Profile of the rolled rim: outwards from the face's outline, backwards, open to light.
    _RIM = f32(
        [
            (0.075, 0.22, 0.10), (0.052, 0.12, 0.25), (0.046, 0.04, 0.50), (0.062, -0.035, 0.80),
            (0.100, -0.080, 1.0), (0.150, -0.090, 1.0), (0.200, -0.055, 0.97), (0.235, 0.015, 0.80),
            (0.240, 0.095, 0.5),
        ]
    )  # fmt: skip
    _AROUND = 84
    _BACK = 11
    STITCH = 0.062

    def __init__(self, shape: Points, rng: np.random.Generator, stitch: int) -> None:
        angles = np.arange(self._AROUND) * 2 * np.pi / self._AROUND
        self._angles = angles
        ring = self._outline(shape)
        out = self._outwards(ring)
        wave = self._noise(rng, 9)
        grid, light = [], []
        for number, (away, back, lit) in enumerate(self._RIM):
            swell = 1 + 0.16 * wave[number] if number > 1 else np.ones_like(angles)
            point = ring + out * (away * swell)[:, None]
            point[:, 2] += back
            grid.append(point)
            light.append(np.full(self._AROUND, lit))
        base, folds = grid[-1], self._noise(rng, self._BACK)
        middle = f32([0, -0.12])
        for step in range(self._BACK):
            t = (step + 1) / self._BACK * np.pi / 2
            fold = 1 + 0.035 * folds[step]
            # The crown is high above the brow; below the chin the cloth runs to the neck.
            high = 0.55 * (-np.sin(angles)).clip(0) ** 1.3
            point = np.empty_like(base)
            spread = np.cos(t) ** 0.75 + (0.2 + high) * np.sin(2 * t) * 0.75
            point[:, :2] = middle + (base[:, :2] - middle) * (spread * fold)[:, None]
            point[:, 2] = base[:, 2] + (1.62 - base[:, 2]) * np.sin(t) ** 1.15
            grid.append(point)
            light.append(np.full(self._AROUND, min(0.55 + 0.3 * (step + 1), 1.0)))
        self._grid = np.stack(grid).astype(np.float32)
        # The chin pulls the cloth along, the crown does not move.
        self._follow = np.concatenate([np.full(9, 0.8), np.linspace(0.6, 0, self._BACK)])
        self._rest = ring
        rows, columns = self._grid.shape[:2]
        # Stitches follow the cloth: rows around the face, columns across the rim.
        around = np.arange(columns + 1) / columns * round(6.6 / self.STITCH / 12) * 12 * stitch
        steps = np.linalg.norm(np.diff(self._grid, axis=0), axis=-1).mean(1)
        across = np.concatenate([[0], np.cumsum(steps)]) / self.STITCH * stitch
        self._where = np.stack(np.broadcast_arrays(around[None], across[:, None]), -1)
        self._light = np.stack(light)
        a = np.arange(rows * (columns + 1)).reshape(rows, columns + 1)
        first = np.stack([a[:-1, :-1], a[:-1, 1:], a[1:, :-1]], -1)
        second = np.stack([a[:-1, 1:], a[1:, 1:], a[1:, :-1]], -1)
        self._triangles = np.stack([first, second], 2).reshape(-1, 3).astype(np.int32)
        kinds = np.where(np.arange(rows - 1) < len(self._RIM) - 1, RIM, HOOD)
        self._material = np.repeat(kinds, 2 * columns).astype(np.int32)

    def _noise(self, rng: np.random.Generator, rows: int) -> Float:
        """Smooth around the face and across the cloth, about -1..1."""
        total = np.zeros((rows, self._AROUND))
        for waves in (2, 3, 5, 8, 13):
            phase = rng.uniform(0, 2 * np.pi) + rng.uniform(-2, 2) * np.linspace(0, 1, rows)
            total += rng.uniform(0.2, 0.5) * np.sin(waves * self._angles + phase[:, None])
        return total.astype(np.float32)

    def _outline(self, face: Points) -> Float:
        """The face's outline at even angles from the middle, ``[A, 3]``, smoothed."""
        oval = face[list(OVAL)]
        where = np.arctan2(oval[:, 1] + 0.05, oval[:, 0])
        order = np.argsort(where)
        ring = np.stack(
            [
                np.interp(self._angles, where[order], oval[order, k], period=2 * np.pi)
                for k in range(3)
            ],
            1,
        )
        ring = np.apply_along_axis(
            lambda line: np.convolve(np.r_[line[-3:], line, line[:3]], _BELL, "valid"), 0, ring
        )
        return ring.astype(np.float32)

    def _outwards(self, ring: Float) -> Float:
        along = np.roll(ring, -1, 0) - np.roll(ring, 1, 0)
        out = np.stack([along[:, 1], -along[:, 0], np.zeros(len(ring))], 1)
        return f32(out / np.linalg.norm(out, axis=1, keepdims=True))

    def solid(self, face: Points) -> Solid:
        """The hood around an expressed face."""
        pull = self._outline(face) - self._rest
        grid = self._grid + self._follow[:, None, None] * pull
        along = np.roll(grid, -1, 1) - np.roll(grid, 1, 1)
        across = np.gradient(grid, axis=0)
        normals = np.cross(across, along)
        normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)

        def closed(a: NDArray[Any]) -> NDArray[Any]:
            return np.concatenate([a, a[:, :1]], 1).reshape(-1, *a.shape[2:]).astype(np.float32)

        return Solid(
            closed(grid), -closed(normals), self._triangles,
            self._where.reshape(-1, 2).astype(np.float32), closed(self._light), self._material,
        )  # fmt: skip


_BELL = f32([1, 4, 8, 10, 8, 4, 1]) / 36


def body(rng: np.random.Generator, stitch: int) -> Solid:
    """The swaddled body below the head, in its own frame: y down along it, the neck at 0."""
    rows, columns, length = 64, 64, 6.0
    y = np.linspace(0, length, rows)
    wide = np.interp(y, [0, 0.35, 0.9, 2.0, 3.6, 6.0], [0.30, 0.85, 1.22, 1.22, 1.02, 0.6])
    wide = np.convolve(np.pad(wide, 6, mode="edge"), np.full(13, 1 / 13), "valid")
    angles = np.arange(columns + 1) * 2 * np.pi / columns
    fold = np.zeros((rows, columns + 1))
    for _ in range(22):
        # Folds run slantwise around the bundle, as a blanket is wrapped.
        across = rng.uniform(0.6, 1.6) * rng.choice([-1, 1])
        line = rng.uniform(0, length) + across * np.cos(angles - rng.uniform(0, 2))
        fold += rng.uniform(-0.05, 0.07) * np.exp(
            -(((y[:, None] - line) / rng.uniform(0.12, 0.3)) ** 2)
        )
    radius = wide[:, None] * (1 + fold)
    points = np.stack(
        [
            radius * np.cos(angles),
            np.broadcast_to(y[:, None], radius.shape),
            0.75 * radius * np.sin(angles),
        ],
        -1,
    )
    across_, along = np.gradient(points, axis=0), np.gradient(points, axis=1)
    along[:, 0] = along[:, -1] = points[:, 1] - points[:, -2]
    normals = np.cross(across_, along)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    outward = np.sign(
        (normals * (points - f32([0, 1, 0]) * points[..., 1:2])).sum(-1, keepdims=True)
    )
    size = stitch / Hood.STITCH
    around = np.arange(columns + 1) / columns * round(7 / Hood.STITCH / 12) * 12 * stitch
    where = np.stack(np.broadcast_arrays(around[None], (y * size)[:, None]), -1)
    a = np.arange(rows * (columns + 1)).reshape(rows, columns + 1)
    first = np.stack([a[:-1, :-1], a[:-1, 1:], a[1:, :-1]], -1)
    second = np.stack([a[:-1, 1:], a[1:, 1:], a[1:, :-1]], -1)
    triangles = np.stack([first, second], 2).reshape(-1, 3).astype(np.int32)
    light = np.broadcast_to(np.interp(y, [0, 0.9], [0.35, 1.0])[:, None], radius.shape)
    return Solid(
        points.reshape(-1, 3).astype(np.float32),
        (normals * outward).reshape(-1, 3).astype(np.float32),
        triangles,
        where.reshape(-1, 2).astype(np.float32),
        light.ravel().astype(np.float32),
        np.full(len(triangles), BODY, np.int32),
    )
