"""How colourful a face is beside its light: no new face is more so than the one it replaces.

In grey and infrared pictures, in haze and in a single colour of light, skin differs in
brightness only; lips and shadows in colours of their own would show the new face at once.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.appearance import SIDE, well_inside

_NOISE = 1.2
"""Texels (standard deviation) over which a camera's noise in colour is averaged."""


def colourfulness(flat: NDArray[np.float32]) -> float:
    """Of a texture without its light ``[S, S, 3]``, around 1: how far its colours are from
    gray (root mean square). Faces have 0.03 to 0.06, in grey pictures up to 0.003."""
    small = cv2.resize(flat, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    colours = cv2.GaussianBlur(small, (0, 0), _NOISE)[well_inside()]
    apart = colours - colours.mean(1, keepdims=True)
    apart -= apart.mean(0)
    return float(np.sqrt((apart**2).sum(1).mean()))


def muted(flat: NDArray[np.float32], most: float) -> NDArray[np.float32]:
    """A texture without its light ``[S, S, 3]``, no more colourful than `most`."""
    share = most / max(colourfulness(flat), 1e-6)
    if share >= 1:
        return flat
    brightness = flat.mean(-1, keepdims=True)
    return np.asarray(brightness + np.float32(share) * (flat - brightness), np.float32)
