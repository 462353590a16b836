"""MTCNN (Zhang et al. 2016), with the weights that the package facenet-pytorch carries."""

from __future__ import annotations

import facenet_pytorch
import numpy as np

from blanket.detect import suppress
from blanket.faces import Face, Image

_SMALLEST = 20
"""Pixels of the smallest face that is looked for."""


class MTCNN:
    """Three small networks in turn, over a pyramid of sizes.

    threshold: least score of the last of them, 0..1; the others keep what is published.
    """

    name = "mtcnn"

    def __init__(self, threshold: float = 0.35) -> None:
        self._network = facenet_pytorch.MTCNN(
            keep_all=True,
            select_largest=False,
            min_face_size=_SMALLEST,
            thresholds=[0.6, 0.7, threshold],
        )
        self.threshold = threshold

    def detect(self, picture: Image) -> list[Face]:
        """See `blanket.detect.Detector`."""
        height, width = picture.shape[:2]
        if min(height, width) < _SMALLEST:
            return []
        boxes, scores, points = self._network.detect(np.ascontiguousarray(picture), landmarks=True)
        if boxes is None:
            return []
        faces = []
        for box, score, five in zip(boxes, scores, points, strict=True):
            corners = np.asarray(box, np.float32).reshape(2, 2).clip(0, (width - 1, height - 1))
            if (corners[1] - corners[0]).min() >= 2:
                faces.append(Face(corners.ravel(), float(score), np.asarray(five, np.float32)))
        return suppress(faces)
