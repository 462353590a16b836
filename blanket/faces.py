"""The nouns that travel between the stages: Face, Appearance, Photograph, Identity.
(Track: `track`.)

Conventions, everywhere: images are RGB uint8 ``[H, W, 3]``; points are float32 pixels of
the upright, square-pixel picture, x right, y down, the centre of the top-left pixel at
(0, 0); z points away from the camera in the same scale as x; time is in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
Image = NDArray[np.uint8]
Array = NDArray[Any]
"""Of numbers of any kind: pictures that may be uint8 or float32 above all."""


@dataclass(frozen=True)
class Face:
    """One detection in one picture.

    box: ``[4]`` float32, x0, y0, x1, y1 in pixels. score: 0..1.
    points: ``[5, 2]`` float32 pixels: the eye at the left of an upright picture, the eye at
    the right, nose tip, left mouth corner, right mouth corner.
    """

    box: Points
    score: float
    points: Points


@dataclass(frozen=True)
class Appearance:
    """What a track's face looks like on the whole: never stored, never written.

    texture: ``[64, 64, 3]`` float32, its usual texture (median over time), 0..255. spread:
    ``[64, 64]`` float32, how much each texel usually departs from it (natural logarithm of
    the ratio). flat: ``[64, 64, 3]`` float32, the texture with the light divided out, around
    1. shape: ``[478, 3]`` float32, the face's own shape on the mean face. colour: ``[3]``
    float32, mean RGB of its skin. frames: how many pictures this was seen in.
    """

    texture: NDArray[np.float32]
    spread: NDArray[np.float32]
    flat: NDArray[np.float32]
    shape: Points
    colour: NDArray[np.float32]
    frames: int
    worn: NDArray[np.float32]


@dataclass(frozen=True)
class Photograph:
    """A picture of a face. pixels: ``[H, W, 3]``. mesh: ``[478, 3]`` in its pixels."""

    pixels: Image
    mesh: Points


@dataclass(frozen=True)
class Trials:
    """How the candidates for a new face fared. frame: number of the frame that they were
    made from. made: how many. checks: what each was held to. rejected: how many failed each
    check first."""

    frame: int
    made: int
    checks: tuple[str, ...]
    rejected: dict[str, int]


@dataclass(frozen=True)
class Identity:
    """A new face, in both forms that swappers ask for: to be worn and to be looked at.

    texture: ``[320, 320, 3]`` uint8 in the layout of `blanket.texture`, eyes and mouth
    filled with skin. shape: ``[478, 3]`` float32 on the mean face, at rest. photograph:
    where the face was made as a picture; `blanket.inpaint.portrait` draws one of any other.

    origin: what made it, for the report. distance: how far it is from the face that it
    replaces, as `blanket.likeness` foresees it (0.6: another person). trials: where
    it was chosen among candidates. tag: of a known subject (`blanket.key.keyed_tag`).
    """

    texture: Image
    shape: Points
    origin: str
    distance: float
    photograph: Photograph | None = None
    trials: Trials | None = None
    tag: str | None = None
