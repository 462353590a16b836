"""SCRFD (Guo et al. 2022), as InsightFace publishes it.

Read straight from its ONNX file: the package insightface depends on `onnxruntime` by name,
which overwrites the files of `onnxruntime-gpu`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from blanket.detect.grid import Grid, faces_of
from blanket.errors import BlanketError
from blanket.faces import Face, Image
from blanket.store import find

_STRIDES = 8, 16, 32
_ANCHORS = 2
"""Predictions a cell."""


class SCRFD:
    """Single-stage detector with five landmarks. Every cell of a stride predicts a score, the
    distances to the four sides of a box, and where the points lie, all from its top left
    corner and in strides.

    threshold: least score, 0..1. path: an ONNX file with nine outputs (scores, boxes, points
    at strides of 8, 16 and 32); by default InsightFace's SCRFD-10GF. Its class RetinaFace
    reads the same files.
    """

    name = "scrfd"

    def __init__(self, threshold: float = 0.35, path: Path | None = None) -> None:
        path = path or find("scrfd_10g")
        self._network = Grid(path)
        if [shape[-1] for shape in self._network.outputs] != [1] * 3 + [4] * 3 + [10] * 3:
            raise BlanketError(f"{path.name} is no SCRFD network with five points a face")
        self.threshold = threshold

    def detect(self, picture: Image) -> list[Face]:
        """See `blanket.detect.Detector`."""
        canvas, ratio = self._network.place(picture)
        found = self._network.run((canvas.astype(np.float32) - np.float32(127.5)) / np.float32(128))
        boxes, scores, points = [], [], []
        for level, stride in enumerate(_STRIDES):
            score = found[level].reshape(-1)
            sides = found[level + 3].reshape(-1, 4) * stride
            five = found[level + 6].reshape(-1, 5, 2) * stride
            wide = canvas.shape[1] // stride
            kept = np.flatnonzero(score > self.threshold)
            cell = kept // _ANCHORS
            corner = np.stack([cell % wide, cell // wide], axis=1) * np.float32(stride)
            scores.append(score[kept])
            boxes.append(np.hstack([corner - sides[kept, :2], corner + sides[kept, 2:]]))
            points.append(corner[:, None] + five[kept])
        return faces_of(
            np.concatenate(boxes), np.concatenate(scores), np.concatenate(points), picture, ratio
        )
