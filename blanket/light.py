"""Light in the texture frame: what is broad and smooth is light, and what the relief makes of
it; the rest is the face."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Array, Points
from blanket.relief import Relief
from blanket.texture import TEXTURE_SIDE, atlas, texel_positions

LIGHT_SIDE = 40
LIGHT_SIGMA = 3.2
"""In texels of the light map: about a tenth of the texture's width, over which light falls off."""


@cache
def _hull() -> NDArray[np.float32]:
    """How much of each texel of the light map lies in the hull, ``[40, 40]``, 0..1."""
    inside = atlas(TEXTURE_SIDE).inside.astype(np.float32)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (11, 11))
    return cv2.resize(
        cv2.erode(inside, kernel), (LIGHT_SIDE, LIGHT_SIDE), None, 0, 0, cv2.INTER_AREA
    )


def broad_light(texture: Array, weight: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
    """The low frequencies of a texture ``[S, S, 3]``, as a map ``[40, 40, 3]`` float32.

    weight: ``[40, 40]``, 0 where something else lies over the face; those texels are
    filled from their neighbours (normalised convolution, Knutsson & Westin 1993).
    """
    small = texture
    if texture.shape[0] != LIGHT_SIDE:
        small = cv2.resize(texture, (LIGHT_SIDE, LIGHT_SIDE), None, 0, 0, cv2.INTER_AREA)
    known = _hull() if weight is None else _hull() * weight
    total = np.dstack([small.astype(np.float32) * known[..., None], known])
    near = cv2.GaussianBlur(total, (0, 0), LIGHT_SIGMA, borderType=cv2.BORDER_CONSTANT)
    far = cv2.GaussianBlur(total, (0, 0), 4 * LIGHT_SIGMA, borderType=cv2.BORDER_CONSTANT)
    mixed = near + 0.02 * far + 1e-6 * total.mean((0, 1))
    return mixed[..., :3] / np.maximum(mixed[..., 3:], 1e-9)


def flatten(texture: Array) -> NDArray[np.float32]:
    """A texture ``[S, S, 3]`` divided by its own broad light: around 1, ``float32``."""
    light = cv2.resize(broad_light(texture), texture.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return texture.astype(np.float32) / np.maximum(light, 4.0)


class Lighting:
    """The light on one face over time: steady, and remembered where something covers it.

    It is broad light times what the face's relief makes of it.
    """

    def __init__(self) -> None:
        self._light: NDArray[np.float32] | None = None
        self._relief = Relief()

    def __call__(
        self, patch: Array, mesh: Points, cover: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The light map ``[40, 40, 3]`` of the next frame.

        patch: ``[H, W, 3]`` RGB, with its mesh ``[478, 3]``. cover: ``[H, W]`` 0..1.
        """
        ratio = LIGHT_SIDE / patch.shape[0]
        small = cv2.resize(patch, (2 * LIGHT_SIDE, 2 * LIGHT_SIDE), interpolation=cv2.INTER_AREA)
        veil = cv2.resize(cover, (2 * LIGHT_SIDE, 2 * LIGHT_SIDE), interpolation=cv2.INTER_AREA)
        scaled = (mesh[:, :2] + 0.5) * (2 * ratio) - 0.5
        where = texel_positions(scaled, LIGHT_SIDE)
        texture = cv2.remap(small, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        clear = 1 - cv2.remap(veil, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        clear = (clear * 1.6 - 0.6).clip(0, 1) * _front(where)
        shade = self._relief(texture.mean(-1, dtype=np.float32), clear * _hull(), mesh)[..., None]
        now = broad_light(texture / shade, clear)
        if self._light is None:
            self._light = now
        # Light changes slowly; what is covered keeps the light it was last seen in.
        known = cv2.GaussianBlur(clear, (0, 0), 2)[..., None]
        self._light = self._light + (now - self._light) * (0.35 * known + 0.01)
        return self._light * shade


def _front(where: NDArray[np.float32]) -> NDArray[np.float32]:
    """``[40, 40]``: 1 where the face is turned to the viewer, 0 where it is edge-on or away.
    where: ``[40, 40, 2]``, the place of each texel in the picture."""
    dx, dy = np.gradient(where, axis=1), np.gradient(where, axis=0)
    area = dx[..., 0] * dy[..., 1] - dx[..., 1] * dy[..., 0]
    usual = max(float(np.median(area)), 1e-6)
    return ((area / usual - 0.15) / 0.35).clip(0, 1).astype(np.float32)
