"""Bare faces from textures: hair, glasses, background, eyeballs and teeth taken out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Image, Points
from blanket.texture import TEXTURE_SIDE, texture_points
from blanket.topology import (
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    NOSE,
    OUTER_LIPS,
    OVAL,
    RIGHT_BROW,
    RIGHT_EYE,
)

_RIM, _DETAIL = 24.0, 6.0
"""Texels over which detail fades towards the rim, and the standard deviation below which it is
detail."""


@dataclass(frozen=True)
class Zones:
    """Parts of the texture, ``[320, 320]`` bool: `skin` where bare skin is expected (brows,
    eyes, nostrils and lips left out), `cheeks` that set its colour, `bridge` where glasses
    show, `holes` (eyes and inner mouth), `core` (hull without its rim)."""

    skin: NDArray[np.bool_]
    cheeks: NDArray[np.bool_]
    bridge: NDArray[np.bool_]
    holes: NDArray[np.bool_]
    core: NDArray[np.bool_]

    @classmethod
    def build(cls) -> Zones:
        points = texture_points()[:, :2]
        unit = float(np.linalg.norm(points[33] - points[263]))

        def polygon(ring: tuple[int, ...], grow: float = 0.0) -> NDArray[np.bool_]:
            canvas = np.zeros((TEXTURE_SIDE, TEXTURE_SIDE), np.uint8)
            cv2.fillPoly(canvas, [np.round(points[list(ring)]).astype(np.int32)], 1)
            reach = int(abs(grow) * unit) * 2 + 1
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
            change = cv2.dilate if grow > 0 else cv2.erode
            return (change(canvas, kernel) if grow else canvas).astype(bool)

        core = polygon(OVAL, -0.09)
        eyes = polygon(LEFT_EYE, 0.17) | polygon(RIGHT_EYE, 0.17)
        brows = polygon(LEFT_BROW, 0.07) | polygon(RIGHT_BROW, 0.07)
        lips = polygon(OUTER_LIPS, 0.05)
        nose = polygon(NOSE, 0.03)
        cheeks = polygon((50, 205, 187, 123), 0.04) | polygon((280, 425, 411, 352), 0.04)
        bridge = polygon((193, 417, 351, 122), 0.03) | polygon((119, 118, 117, 50, 101), 0.0)
        bridge |= polygon((348, 347, 346, 280, 330), 0.0)
        holes = polygon(LEFT_EYE) | polygon(RIGHT_EYE) | polygon(INNER_LIPS, 0.012)
        return cls(core & ~(eyes | brows | lips | nose), cheeks, bridge, holes, core)


def clean(texture: Image, mesh: Points, zones: Zones) -> tuple[Image, float]:
    """A texture without hair, background, eyeballs or teeth, and how flawed it was (0 to
    about 1: the share of bare skin that is not bare, and signs of glasses)."""
    lab = cv2.cvtColor(texture, cv2.COLOR_RGB2LAB).astype(np.float32)
    smooth = cv2.GaussianBlur(lab, (0, 0), 2)
    colour = np.median(smooth[zones.cheeks], axis=0)
    spread = np.maximum(1.5 * smooth[zones.cheeks].std(0), (16.0, 5.0, 6.0))
    # Light falls off across a face far more slowly than hair begins.
    broad = cv2.GaussianBlur(lab * zones.core[..., None], (0, 0), 30)
    broad /= np.maximum(cv2.GaussianBlur(zones.core.astype(np.float32), (0, 0), 30), 1e-3)[
        ..., None
    ]
    expected = 0.5 * broad + 0.5 * colour
    off = np.abs(smooth - expected) / spread / (2.2, 2.5, 2.5)
    strand = np.abs(cv2.Laplacian(cv2.GaussianBlur(lab[..., 0], (0, 0), 1.5), cv2.CV_32F, ksize=5))
    foreign = zones.skin & ((off.max(-1) > 1) | (strand > 60))
    foreign = cv2.morphologyEx(foreign.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    flaws = float(foreign.sum() / zones.skin.sum())
    flaws += 0.02 * max(float(strand[zones.bridge].mean()) - 9, 0)
    # A head turned to the side has no texture on the far cheek, only stretched pixels.
    reach = np.abs(mesh[1, 0] - mesh[(234, 454), 0])
    flaws += 0.6 * max(float(np.log(reach.max() / max(reach.min(), 1))) - 0.35, 0)
    foreign = cv2.dilate(foreign, np.ones((7, 7), np.uint8))
    foreign |= cv2.dilate(_spots(lab, zones), np.ones((5, 5), np.uint8))
    hidden = foreign.astype(bool) & ~_features(zones)
    hidden |= zones.holes
    filled = _filled(texture, zones.core & ~hidden)
    return filled, flaws


def soft_rim(texture: Image) -> Image:
    """A clean texture whose detail fades towards the rim of what was kept: where skin ends at
    once and what was filled in begins, cheeks look cracked."""
    whole = texture.astype(np.float32)
    whole += _near_rim() * (cv2.GaussianBlur(whole, (0, 0), _DETAIL) - whole)
    return np.clip(whole, 0, 255).astype(np.uint8)


@cache
def _near_rim() -> NDArray[np.float32]:
    """``[320, 320, 1]``: 0 well inside the core, rising to 1 at its rim and beyond."""
    core = Zones.build().core.astype(np.uint8)
    near = 1 - (cv2.distanceTransform(core, cv2.DIST_L2, 5) / _RIM).clip(0, 1)
    return np.asarray(cv2.GaussianBlur(near, (0, 0), 2), np.float32)[..., None]


def _spots(lab: NDArray[np.float32], zones: Zones) -> NDArray[np.uint8]:
    """``[320, 320]``: 1 on bare skin that stands out from the skin around it, as the tip of a
    strand of hair does, a stain, a crease."""
    known = (zones.core & ~zones.holes).astype(np.float32)

    def around(sigma: float) -> NDArray[np.float32]:
        total = cv2.GaussianBlur(np.dstack([lab * known[..., None], known]), (0, 0), sigma)
        return total[..., :3] / np.maximum(total[..., 3:], 1e-3)

    away = np.abs(around(1.5) - around(9)) / (8.0, 4.0, 5.0)
    return ((away.max(-1) > 1) & zones.skin).astype(np.uint8)


def _features(zones: Zones) -> NDArray[np.bool_]:
    """Brows, lids, nose and lips: in the core, but never taken for flaws."""
    return zones.core & ~zones.skin


def _filled(texture: Image, known: NDArray[np.bool_]) -> Image:
    """Unknown texels continued from the known ones: coarse to fine (pull-push, Gortler et
    al. 1996), so that far ones get the broad colour and near ones follow the edge."""
    levels = [(texture.astype(np.float32), known.astype(np.float32))]
    while min(levels[-1][1].shape) > 4:
        value, weight = levels[-1]
        total = cv2.pyrDown(value * weight[..., None])
        share = cv2.pyrDown(weight)
        levels.append((total / np.maximum(share, 1e-4)[..., None], np.minimum(share * 1.5, 1.0)))
    result = levels[-1][0]
    for value, weight in reversed(levels[:-1]):
        up = cv2.pyrUp(result, dstsize=(value.shape[1], value.shape[0]))
        result = value * weight[..., None] + up * (1 - weight[..., None])
    return np.clip(result, 0, 255).astype(np.uint8)
