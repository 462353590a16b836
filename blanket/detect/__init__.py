"""Finding faces in one picture: a small protocol, one file a detector."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from blanket import align
from blanket.config import DetectSettings
from blanket.faces import Face, Image


class Detector(Protocol):
    """Anything that finds faces.

    name: what the report calls it.
    """

    name: str

    def detect(self, picture: Image) -> list[Face]:
        """The faces in an RGB picture ``[H, W, 3]``, best first, in its pixels."""
        ...


def build_detector(settings: DetectSettings) -> Detector:
    """The detector that the settings name."""
    from blanket.detect.centerface import CenterFace

    return CenterFace(settings.threshold)


def detect_turned(detector: Detector, picture: Image) -> list[Face]:
    """The faces found in copies of the picture turned by 90, 180 and 270 degrees.

    For heads that the detector does not know at their own roll. Boxes are the upright
    bounds of the turned ones; points follow the head.
    """
    height, width = picture.shape[:2]
    turns = (
        (cv2.ROTATE_90_CLOCKWISE, np.array([[0, 1, 0], [-1, 0, height - 1]], np.float32)),
        (cv2.ROTATE_180, np.array([[-1, 0, width - 1], [0, -1, height - 1]], np.float32)),
        (cv2.ROTATE_90_COUNTERCLOCKWISE, np.array([[0, -1, width - 1], [1, 0, 0]], np.float32)),
    )
    found = []
    for code, back in turns:
        for face in detector.detect(cv2.rotate(picture, code)):
            ends = align.apply(back, face.box.reshape(2, 2))
            box = np.concatenate([ends.min(0), ends.max(0)])
            found.append(Face(box, face.score, align.apply(back, face.points)))
    found.sort(key=lambda face: -face.score)
    return suppress(found)


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes x0, y0, x1, y1."""
    x0, y0 = np.maximum(a[:2], b[:2])
    x1, y1 = np.minimum(a[2:], b[2:])
    shared = max(float(x1 - x0), 0.0) * max(float(y1 - y0), 0.0)
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return shared / max(float(areas) - shared, 1e-9)


def suppress(faces: list[Face], most: float = 0.3) -> list[Face]:
    """Of faces whose boxes overlap by more than `most`, only the first of the list."""
    kept: list[Face] = []
    for face in faces:
        if all(overlap(face.box, other.box) <= most for other in kept):
            kept.append(face)
    return kept
