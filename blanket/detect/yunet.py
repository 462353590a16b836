"""YuNet (Wu et al. 2023), as OpenCV's model zoo publishes it and OpenCV runs it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from blanket.detect import suppress
from blanket.errors import BlanketError
from blanket.faces import Face, Image
from blanket.store import find

_MOST = 400


class YuNet:
    """Small anchor-free detector with five landmarks, made for speed.

    threshold: least score, 0..1. path: the ONNX file; by default that of OpenCV's model zoo.
    """

    name = "yunet"

    def __init__(self, threshold: float = 0.35, path: Path | None = None) -> None:
        path = path or find("yunet")
        try:
            self._network = cv2.FaceDetectorYN.create(
                str(path), "", (320, 320), threshold, 0.3, _MOST
            )
        except cv2.error as error:
            raise BlanketError(
                f"the network {path.name} cannot be read by OpenCV: get the file again"
            ) from error
        self.threshold = threshold

    def detect(self, picture: Image) -> list[Face]:
        """See `blanket.detect.Detector`."""
        height, width = picture.shape[:2]
        self._network.setInputSize((width, height))
        _, rows = self._network.detect(np.ascontiguousarray(picture[..., ::-1]))
        faces = []
        for row in [] if rows is None else rows:
            box = np.concatenate([row[:2], row[:2] + row[2:4]])
            box = box.reshape(2, 2).clip(0, (width - 1, height - 1)).ravel().astype(np.float32)
            if (box[2:] - box[:2]).min() >= 2:
                points = row[4:14].reshape(5, 2).astype(np.float32)
                faces.append(Face(box, float(row[14]), points))
        faces.sort(key=lambda face: -face.score)
        return suppress(faces)
