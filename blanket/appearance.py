"""What a face looks like on the whole, from some dozens of looks at it."""

from __future__ import annotations

from collections.abc import Sequence
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
class Look:
    """One look at a face. frame: its number. texture: ``[64, 64, 3]`` uint8: the child's own
    pixels, never stored. shape: ``[478, 3]`` float32 on the mean face. clear: 0..1, how well
    the face was seen."""

    frame: int
    texture: Image
    shape: Points
    clear: float

    @classmethod
    def taken(cls, frame: int, picture: Image, mesh: Points, clear: float) -> Look:
        """At the face under a mesh ``[478, 3]`` in a picture ``[H, W, 3]``."""
        texture = unwrap(picture, mesh, SIDE)
        return cls(frame, texture, rigid(mesh, load_topology().mean), clear)


def clearness(reading: Reading) -> float:
    """How well a reading shows the face, 0..1: trusted, uncovered, seen from the front."""
    yaw, pitch, _ = head_pose(reading.mesh)
    free = 1 - min(float(reading.occluded[8:40, 8:40].mean()) / 100, 0.95)
    return float(reading.trust * free**2 / (1 + (yaw / 20) ** 2 + (pitch / 20) ** 2))


class Album:
    """Looks at one face, spread evenly over the time in which it is seen; once it is closed,
    only what they come to."""

    def __init__(self, looks: Sequence[Look] = ()) -> None:
        self._looks = list(looks)
        self._every = EVERY
        self._taken: list[tuple[int, float]] = []
        self._appearance: Appearance | None = None

    @property
    def taken(self) -> list[tuple[int, float]]:
        """Frame and clearness of each look, in the order in which they were taken."""
        return self._taken + [(look.frame, look.clear) for look in self._looks]

    def close(self) -> None:
        """No look comes any more: their pixels, a megabyte of them, are let go."""
        self._appearance = self.appearance()
        self._taken, self._looks = self.taken, []

    def due(self, frame: int) -> bool:
        """Whether to look in a frame."""
        return not self._looks or frame % self._every == 0

    def add(self, look: Look) -> None:
        """Take a look into the album."""
        self._looks.append(look)
        if len(self._looks) > MOST:
            self._looks = self._looks[::2]
            self._every *= 2

    def forget(self, frame: int) -> None:
        """Leave out what was seen in a frame: it was not this face."""
        self._looks = [look for look in self._looks if look.frame != frame]

    def appearance(self) -> Appearance | None:
        """The usual face, by the clearest half of the looks; None where there is none."""
        if not self._looks:
            return self._appearance
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


def appearance_of(picture: Image, mesh: Points) -> Appearance:
    """What the face at a mesh looks like in a single picture ``[H, W, 3]``, seen freely."""
    texture = unwrap(picture, mesh, SIDE).astype(np.float32)
    return Appearance(
        texture=texture,
        spread=np.zeros((SIDE, SIDE), np.float32),
        flat=flatten(texture),
        shape=rigid(mesh, load_topology().mean),
        colour=texture[atlas(SIDE).inside].mean(0),
        frames=1,
    )


def departure(
    texture: Array, usual: NDArray[np.float32], known: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """How far each texel departs from the usual, ``[64, 64]``: the logarithm of the ratio,
    the light's change taken out, the mean over the colours.

    texture, usual: ``[64, 64, 3]``, 0..255. known: ``[64, 64]``, texels that lie in the
    picture, where some do not: those do not depart.
    """
    ratio = np.log((texture.astype(np.float32) + 8) / (usual + 8))
    ratio = cv2.GaussianBlur(ratio, (0, 0), 1.0)
    inside = atlas(SIDE).inside
    if known is not None and (inside & known).any():
        inside = inside & known
    # The middle of the hull decides what the light did: less than half of it is covered.
    ratio -= np.median(ratio[inside], axis=0)
    away = np.abs(ratio).mean(-1)
    return away if known is None else np.where(known, away, np.float32(0))
