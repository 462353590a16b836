"""What a face looks like on the whole, from some dozens of looks at it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.align import rigid
from blanket.attributes import head_pose
from blanket.faces import Appearance, Array, Image, Points
from blanket.light import flatten
from blanket.mesh import Reading
from blanket.texture import atlas, unwrap
from blanket.topology import load_topology

SIDE = 64
MOST = 48
"""Looks that are kept of one track, however long it is."""
EVERY = 5
"""Frames from one look to the next, at first."""


@dataclass(frozen=True)
class _Look:
    texture: Image
    shape: Points
    clear: float


class Album:
    """Looks at one face, spread evenly over the time in which it is seen."""

    def __init__(self) -> None:
        self._looks: list[_Look] = []
        self._every = EVERY

    def due(self, frame: int) -> bool:
        """Whether to look in a frame."""
        return not self._looks or frame % self._every == 0

    def look(self, picture: Image, reading: Reading) -> None:
        """Take the face in a picture ``[H, W, 3]`` into the album."""
        yaw, pitch, _ = head_pose(reading.mesh)
        free = 1 - min(float(reading.occluded[8:40, 8:40].mean()) / 100, 0.95)
        clear = reading.trust * free**2 / (1 + (yaw / 20) ** 2 + (pitch / 20) ** 2)
        texture = unwrap(picture, reading.mesh, SIDE)
        shape = rigid(reading.mesh, load_topology().mean)
        self._looks.append(_Look(texture, shape, float(clear)))
        if len(self._looks) > MOST:
            self._looks = self._looks[::2]
            self._every *= 2

    def appearance(self) -> Appearance | None:
        """The usual face, by the clearest half of the looks; None where there is none."""
        if not self._looks:
            return None
        clear = np.array([look.clear for look in self._looks])
        best = np.argsort(-clear)[: max(len(clear) // 2, 1)]
        usual = np.median([self._looks[i].texture for i in best], axis=0).astype(np.float32)
        shape = np.average([self._looks[i].shape for i in best], axis=0, weights=clear[best] + 1e-6)
        away = [departure(look.texture, usual) for look in self._looks]
        return Appearance(
            texture=usual,
            spread=np.median(away, axis=0).astype(np.float32),
            flat=flatten(usual),
            shape=shape.astype(np.float32),
            colour=usual[atlas(SIDE).inside].mean(0),
            frames=len(self._looks),
        )


def departure(texture: Array, usual: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each texel departs from the usual, ``[64, 64]``: the logarithm of the ratio,
    the light's change taken out, the mean over the colours.

    texture, usual: ``[64, 64, 3]``, 0..255.
    """
    ratio = np.log((texture.astype(np.float32) + 8) / (usual + 8))
    ratio = cv2.GaussianBlur(ratio, (0, 0), 1.0)
    # The middle of the hull decides what the light did: less than half of it is covered.
    ratio -= np.median(ratio[atlas(SIDE).inside], axis=0)
    return np.abs(ratio).mean(-1)
