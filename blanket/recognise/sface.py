"""SFace (Zhong et al. 2021), as OpenCV's model zoo publishes it: 128 numbers a face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.errors import BlanketError
from blanket.faces import Image, Points
from blanket.recognise import Metric
from blanket.store import find
from blanket.templates import cut, template_matrix


class SFaceRecogniser:
    """See `blanket.recognise.Recogniser`. Cosine distance; 0.637 for "the same person" is the
    similarity of 0.363 that OpenCV's documentation of `FaceRecognizerSF` gives.

    path: the ONNX file; by default that of OpenCV's model zoo.
    """

    name = "sface"
    metric: Metric = "cosine"
    threshold = 0.637

    def __init__(self, path: Path | None = None) -> None:
        path = path or find("sface")
        try:
            self._network = cv2.FaceRecognizerSF.create(str(path), "")
        except cv2.error as error:
            raise BlanketError(
                f"the network {path.name} cannot be read by OpenCV: get the file again"
            ) from error

    def embed(self, picture: Image, meshes: Points) -> NDArray[np.float32]:
        """``[N, 128]``, not of unit length. picture: ``[H, W, 3]``. meshes: ``[N, 478, 3]``
        pixels."""
        found = np.empty((len(meshes), 128), np.float32)
        for row, mesh in zip(found, meshes, strict=True):
            crop = cut(picture, template_matrix(mesh, "arcface_112_v2", 112), 112)
            row[:] = self._network.feature(np.ascontiguousarray(crop[..., ::-1]))[0]
        return found
