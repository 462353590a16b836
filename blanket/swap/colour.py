"""Colours matched to the scene's."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Array


def match_colour(
    face: NDArray[np.float32], scene: Array, mask: NDArray[np.float32], share: float
) -> NDArray[np.float32]:
    """A face with the mean and spread of colour that the scene has in the mask, in Lab
    (Reinhard et al. 2001), 0..255.

    face, scene: ``[H, W, 3]`` RGB 0..255. mask: ``[H, W]`` 0..1. share: how much of it.
    """
    inside = mask > 0.5
    if share == 0 or inside.sum() < 16:
        return face
    new, old = (
        cv2.cvtColor(np.asarray(picture, np.float32) / 255, cv2.COLOR_RGB2LAB)
        for picture in (face, scene)
    )
    ratio = (old[inside].std(0) + 1) / (new[inside].std(0) + 1)
    matched = (new - new[inside].mean(0)) * ratio.clip(0.7, 1.4) + old[inside].mean(0)
    rgb = cv2.cvtColor(matched.astype(np.float32), cv2.COLOR_LAB2RGB).clip(0, 1) * 255
    return (face + share * (rgb - face)).astype(np.float32)
