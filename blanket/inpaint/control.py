"""What ControlNets are shown: edges, or the landmarks of our own mesh, so that the new face
keeps pose and expression without a second detector."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from blanket.faces import Image, Points
from blanket.topology import IBUG, LEFT_IRIS, RIGHT_IRIS

LANDMARKS = (*IBUG, LEFT_IRIS[0], RIGHT_IRIS[0])
"""The vertices at OpenPose's 70 points of a face: iBUG's 68, then the pupils."""
LOW, HIGH = 100, 200
"""Canny's thresholds, those of the published ControlNets."""


def control_image(kind: Literal["canny", "landmarks"], crop: Image, mesh: Points) -> Image:
    """What a ControlNet of a kind is shown, ``[S, S, 3]``, of a crop ``[S, S, 3]`` with its
    mesh ``[478, 3]``."""
    if kind == "canny":
        edges = cv2.Canny(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), LOW, HIGH)
        return np.repeat(edges[..., None], 3, axis=-1)
    return drawn_landmarks(mesh, crop.shape[0])


def drawn_landmarks(mesh: Points, side: int) -> Image:
    """``[side, side, 3]``: the 70 points as OpenPose draws a face, white on black."""
    canvas = np.zeros((side, side), np.uint8)
    radius = round(max(side / 170, 1) * 16)
    for x, y in np.round(mesh[list(LANDMARKS), :2] * 16).astype(int).tolist():
        cv2.circle(canvas, (x, y), radius, 255, cv2.FILLED, cv2.LINE_AA, 4)
    return np.repeat(canvas[..., None], 3, axis=-1)
