"""The demo's scene: a quilt, an infant, a hand, a visitor, and the camera's own faults."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.cloth import knit, quilt
from blanket.demo_story import Moment
from blanket.drawing import Float, blur, f32
from blanket.faces import Image
from blanket.occluders import hand
from blanket.puppet_draw import LIGHT, Dress, Puppet

_INFANTS = (
    Dress((224, 174, 152), (84, 96, 108), (142, 160, 146), (228, 216, 196), (128, 150, 140)),
    Dress((196, 140, 112), (74, 56, 42), (196, 170, 120), (232, 224, 208), (186, 158, 108)),
    Dress((232, 186, 168), (92, 104, 98), (150, 150, 182), (226, 220, 214), (136, 138, 172)),
)
_VISITORS = (
    Dress((218, 166, 142), (88, 66, 46), (164, 84, 74), (216, 196, 170), (96, 104, 120)),
    Dress((210, 156, 130), (70, 84, 96), (72, 96, 128), (214, 206, 192), (150, 92, 80)),
)
_HANDS = 39, 20, 29


class Scene:
    """Everything that is drawn. rng: chooses the people. width, height: pixels."""

    def __init__(self, rng: np.random.Generator, width: int, height: int) -> None:
        unit = height / 720
        self._unit = unit
        choice = int(rng.integers(2**31))
        dress = _INFANTS[choice % len(_INFANTS)]
        self.infant = Puppet(rng, "infant", dress, 192 * unit)
        self.visitor = Puppet(rng, "child", _VISITORS[choice % len(_VISITORS)], 112 * unit)
        self._quilt = quilt(rng, width, height).astype(np.float32)
        self._hand = Hand(_HANDS[choice % len(_HANDS)], f32(dress.skin), 300 * unit, rng)
        side = rng.normal(0, 1, (height + 64, width + 64, 3)).astype(np.float32)
        # A sensor's noise is partly grey and, after its demosaicing, a little coarse.
        noise = blur(0.6 * side + 0.7 * side[..., :1], 0.55)
        self._noise = (noise * (1.9 / noise.std())).astype(np.float32)

    def frame(self, moment: Moment, number: int) -> tuple[Image, Float]:
        """The picture ``[H, W, 3]`` and what the hand covers ``[H, W]``, 0..1."""
        picture = self._quilt.copy()
        if moment.visitor is not None:
            self.visitor.draw(picture, moment.visitor)
        self.infant.draw(picture, moment.infant)
        cover = np.zeros(picture.shape[:2], np.float32)
        if moment.hand > 0:
            pose = moment.infant
            # In from below, over the cheek to the mouth, and a little to and fro there.
            goal = (
                np.array([pose.x, pose.y]) + pose.rotation()[:2] @ (0.22, 0.52, -0.3) * pose.scale
            )
            away = np.array([0.62, 0.78]) * 700 * self._unit * (1 - moment.hand)
            rub = 9 * self._unit * np.sin(0.35 * number) * moment.hand
            self._hand.draw(picture, cover, goal + away + rub * np.array([0.8, -0.6]))
        picture = blur(picture, 0.55)
        dx, dy = (int(v) for v in np.random.default_rng(number).integers(0, 64, 2))
        height, width = picture.shape[:2]
        picture += self._noise[dy : dy + height, dx : dx + width]
        return np.clip(picture + 0.5, 0, 255).astype(np.uint8), cover


class Hand:
    """A hand that reaches in out of a sleeve. size: pixels from wrist to fingertips."""

    _AIM = f32([-0.62, -0.78])

    def __init__(self, seed: int, skin: Float, size: float, rng: np.random.Generator) -> None:
        side = max(int(size / 0.42), 64)
        drawn = hand(np.random.default_rng(seed), side)
        edge = np.zeros_like(drawn.alpha)
        edge[[0, -1]] = drawn.alpha[[0, -1]]
        edge[:, [0, -1]] = drawn.alpha[:, [0, -1]]
        y, x = np.nonzero(edge > 0.5)
        middle = (side - 1) / 2
        arm = np.arctan2(y.mean() - middle, x.mean() - middle)
        wanted = np.arctan2(-self._AIM[1], -self._AIM[0])
        spin = cv2.getRotationMatrix2D((middle, middle), np.degrees(arm - wanted), 1)
        even = drawn.shade.mean(-1, keepdims=True) + 0.3 * (
            drawn.shade - drawn.shade.mean(-1, keepdims=True)
        )
        # Light that is a little flatter than the model's, with this scene's warmth.
        even = blur(even**0.85, 0.6 + side / 500)
        layers = np.dstack([even * skin * 0.96, drawn.alpha])
        self._sprite = cv2.warpAffine(layers, spin, (side, side), flags=cv2.INTER_LINEAR)
        self._sleeve = self._drawn_sleeve(side, rng)
        self._side = side

    def _drawn_sleeve(self, side: int, rng: np.random.Generator) -> Float:
        """A sleeve from the middle of the forearm outwards, ``[1.5 S, 1.5 S, 4]``; the middle
        of the hand's sprite is at 0.3 S."""
        y, x = np.mgrid[: int(1.5 * side), : int(1.5 * side)].astype(np.float32) / side - 0.3
        along = -(x * self._AIM[0] + y * self._AIM[1])
        across = x * -self._AIM[1] + y * self._AIM[0]
        wave = 0.012 * np.sin(26 * along + 5 * across) + 0.010 * np.sin(47 * along - 9 * across + 1)
        half = 0.165 + 0.06 * (along - 0.3) + wave * (along > 0.36)
        cuff = (along > 0.285) & (along < 0.36)
        half = np.where(cuff, 0.155, half)
        start = 0.285 + 0.5 * (half - np.sqrt((half**2 - across**2).clip(0))) * 0.35
        inside = (np.abs(across) < half) & (along > start)
        normal = across / half
        height = np.sqrt((1 - normal**2).clip(0))
        facing = normal[..., None] * np.array([-self._AIM[1], self._AIM[0]], np.float32)
        lit = facing @ LIGHT[:2] - height * LIGHT[2] + 6 * wave
        tile = knit(rng, max(round(side * 0.018), 3))
        stitches = cv2.remap(
            tile,
            np.mod(across * side, tile.shape[1] - 1),
            np.mod(along * side, tile.shape[0] - 1),
            cv2.INTER_LINEAR,
        )
        shade = (0.42 + 0.62 * lit.clip(0)) * (0.66 + 0.38 * stitches[..., 0]) * stitches[..., 1]
        shade *= 1 - 0.35 * np.exp(-(((along - 0.365) / 0.012) ** 2))
        colour = np.where(cuff[..., None], f32([96, 108, 132]), f32([108, 122, 148]))
        alpha = blur(inside.astype(np.float32), 0.8)
        return np.dstack([colour * shade[..., None], alpha]).astype(np.float32)

    def draw(self, picture: Float, cover: Float, at: NDArray[np.floating]) -> None:
        """With the middle of the hand's sprite `at` pixels; `cover` takes its alpha."""
        height, width = cover.shape
        layers = []
        for sprite, middle in ((self._sprite, 0.5), (self._sleeve, 0.3)):
            shift = at - middle * self._side
            move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
            layers.append(cv2.warpAffine(sprite, move, (width, height), flags=cv2.INTER_LINEAR))
        cover[:] = np.maximum(layers[0][..., 3], layers[1][..., 3])
        drop = 0.055 * self._side
        shadow = cv2.warpAffine(cover, f32([[1, 0, drop], [0, 1, 1.3 * drop]]), (width, height))
        small = cv2.resize(shadow, (width // 4, height // 4), interpolation=cv2.INTER_AREA)
        small = blur(small, max(0.045 * self._side / 4, 0.5))
        soft = cv2.resize(small, (width, height))[..., None]
        picture *= 1 - soft * f32([0.34, 0.42, 0.44])
        for layer in layers:
            # The wrist comes out of the shade of the sleeve.
            picture += (layer[..., :3] - picture) * layer[..., 3:]
