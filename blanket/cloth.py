"""Knitted cloth and a quilt, drawn for the demo."""

from __future__ import annotations

import cv2
import numpy as np

from blanket.drawing import Float, blur, f32, resize
from blanket.faces import Image

_STITCHES = 24
"""Along each side of the tile."""


def knit(rng: np.random.Generator, stitch: int) -> Float:
    """A tile of stocking stitch that repeats, ``[24 * stitch, 24 * stitch, 2]``.

    Channels: height 0..1, and how bright the yarn is (around 1). stitch: pixels.
    """
    fine = 4 * stitch
    y, x = np.mgrid[:fine, :fine].astype(np.float32) / fine
    cell = np.zeros((fine, fine), np.float32)
    # Two slanted legs to a stitch, each reaching under the stitch above.
    for side in (-1, 1):
        for row in (-1, 0, 1):
            for column in (-1, 0, 1):
                dx, dy = x - 0.5 - column - side * 0.25, y - 0.5 - row
                slant = side * 0.55
                along = dy * np.cos(slant) - dx * np.sin(slant)
                across = dy * np.sin(slant) + dx * np.cos(slant)
                q = (along / 0.72) ** 2 + (across / 0.27) ** 2
                body = np.sqrt((1 - q).clip(0)) * (0.82 + 0.18 * np.sin(40 * across + 16 * along))
                cell = np.maximum(cell, body)
    cell = resize(cell, stitch, stitch, cv2.INTER_AREA)
    height = np.tile(cell, (_STITCHES, _STITCHES))
    shape = height.shape
    yarn = 1 + np.kron(rng.normal(0, 0.035, (_STITCHES, _STITCHES)), np.ones((stitch, stitch)))
    yarn = blur(np.tile(yarn, (3, 3)), stitch / 4)[shape[0] : 2 * shape[0], shape[1] : 2 * shape[1]]
    yarn += rng.normal(0, 0.03, shape)
    return np.dstack([height, yarn]).astype(np.float32)


def quilt(rng: np.random.Generator, width: int, height: int) -> Image:
    """A patchwork quilt seen at a slant, a little out of focus, ``[height, width, 3]``."""
    unit = height / 720
    palette = f32(
        [(206, 198, 186), (166, 178, 184), (216, 208, 196), (190, 172, 160), (196, 202, 198)]
    )
    square = 290 * unit
    y, x = np.mgrid[:height, :width].astype(np.float32)
    # A turned plane that recedes towards the top.
    far = 1 + 0.22 * (1 - y / height)
    px, py = (x - width / 2) * far / square, (y * far) / square
    u = px * np.cos(0.3) - py * np.sin(0.3) + 40
    v = px * np.sin(0.3) + py * np.cos(0.3) + 40
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    table = rng.integers(0, len(palette), (96, 96))
    picture = palette[table[i % 96, j % 96]]
    fu, fv = u - i, v - j
    # Small prints on some of the squares.
    kind = rng.integers(0, 4, (96, 96))[i % 96, j % 96]
    dots = (np.hypot((fu * 11) % 1 - 0.5, (fv * 11) % 1 - 0.5) < 0.2) & (kind == 1)
    stripes = ((fu * 17) % 1 < 0.35) & (kind == 2)
    checks = (((fu * 13) % 1 < 0.5) ^ ((fv * 13) % 1 < 0.5)) & (kind == 3)
    picture = picture * (1 + 0.16 * dots + 0.07 * stripes - 0.06 * checks)[..., None]
    # Every square is a little cushion, sewn down at its borders.
    puff = (np.sin(np.pi * fu) * np.sin(np.pi * fv)).clip(0) ** 0.3
    folds = cv2.resize(rng.normal(0, 1, (7, 12)).astype(np.float32), (width, height), None, 0, 0, 2)
    relief = blur((puff * 17 + folds * 16).astype(np.float32) * unit, 2.5 * unit)
    slope_x, slope_y = np.gradient(relief, axis=1), np.gradient(relief, axis=0)
    shade = 1 - 0.32 * (slope_x * 0.6 + slope_y * 0.9)
    shade *= 0.84 + 0.16 * puff
    weave = rng.normal(0, 1, (height, width)).astype(np.float32)
    shade *= 1 + 0.03 * blur(weave, 0.8)
    # The window is at the upper left.
    shade *= 1.02 - 0.42 * (0.6 * x / width + 0.55 * y / height)
    picture = picture * shade[..., None] * f32([1.0, 0.97, 0.93])
    picture = blur(picture.astype(np.float32), 2.2 * unit)
    return np.clip(picture, 0, 255).astype(np.uint8)
