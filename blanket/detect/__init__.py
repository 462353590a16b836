"""Finding faces in one picture: a small protocol, one file a detector."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from blanket import align
from blanket.config import DetectSettings
from blanket.extras import needs
from blanket.faces import Face, Image
from blanket.manifest import entry
from blanket.store import present

if TYPE_CHECKING:
    from blanket.detect.ensemble import Ensemble

log = logging.getLogger(__name__)

_APART = 0.3
"""Overlap of two boxes up to which they are of two faces."""
_BY_PRECISION = ("scrfd", "scrfd_10g"), ("retinaface", "retinaface_r34")
"""Detectors better than CenterFace and their weights, by the average precision published for
WIDER FACE (easy, medium): SCRFD-10GF 0.952, 0.939 at 640 pixels, about the size of our search;
RetinaFace with ResNet-34 0.942, 0.931; CenterFace 0.935, 0.924. Of the rest, YuNet is made
for speed and MTCNN is older."""


class Detector(Protocol):
    """Anything that finds faces.

    name: what the report calls it.
    """

    name: str

    def detect(self, picture: Image) -> list[Face]:
        """The faces in an RGB picture ``[H, W, 3]``, best first, in its pixels."""
        ...


def build_detector(settings: DetectSettings) -> Ensemble:
    """The detectors that the settings name, put together as they say.

    Raises:
        BlanketError: what a detector needs is not installed, or its weights are not on this
            machine.
    """
    from blanket.detect.ensemble import Ensemble

    names = [settings.backend] if isinstance(settings.backend, str) else settings.backend
    found = [_best() if name == "auto" else name for name in names]
    members = [_build(name, settings.threshold) for name in found]
    return Ensemble(members, settings.combine, settings.expect_faces or 1)


def _best() -> str:
    """The best detector whose weights are on this machine."""
    best = next((name for name, weights in _BY_PRECISION if present(entry(weights))), "centerface")
    log.info("the detector is %s, the best one whose weights are on this machine", best)
    return best


def _build(name: str, threshold: float) -> Detector:
    if name == "scrfd":
        from blanket.detect.scrfd import SCRFD

        return SCRFD(threshold)
    if name == "retinaface":
        from blanket.detect.retinaface import RetinaFace

        return RetinaFace(threshold)
    if name == "mtcnn":
        with needs("facenet", "the detector mtcnn"):
            from blanket.detect.mtcnn import MTCNN
        return MTCNN(threshold)
    if name == "yunet":
        from blanket.detect.yunet import YuNet

        return YuNet(threshold)
    from blanket.detect.centerface import CenterFace

    return CenterFace(threshold)


def detect_turned(
    detector: Detector, picture: Image, quarters: Sequence[int] = (3, 2, 1)
) -> list[Face]:
    """The faces found in copies of the picture turned by 90, 180 and 270 degrees.

    For heads that the detector does not know at their own roll. Boxes are the upright
    bounds of the turned ones; points follow the head. quarters: rolls of the heads that are
    upright in the copies, clockwise, in quarters of a turn.
    """
    height, width = picture.shape[:2]
    turns = {
        1: (cv2.ROTATE_90_COUNTERCLOCKWISE, np.array([[0, -1, width - 1], [1, 0, 0]], np.float32)),
        2: (cv2.ROTATE_180, np.array([[-1, 0, width - 1], [0, -1, height - 1]], np.float32)),
        3: (cv2.ROTATE_90_CLOCKWISE, np.array([[0, 1, 0], [-1, 0, height - 1]], np.float32)),
    }
    found = []
    for code, back in (turns[quarter] for quarter in quarters):
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


def suppress(faces: list[Face]) -> list[Face]:
    """Of faces whose boxes overlap as those of one face do, only the first of the list."""
    kept: list[Face] = []
    for face in faces:
        if all(overlap(face.box, other.box) <= _APART for other in kept):
            kept.append(face)
    return kept
