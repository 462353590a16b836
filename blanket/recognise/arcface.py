"""ArcFace (Deng et al. 2019), as InsightFace publishes it: 512 numbers a face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blanket.errors import BlanketError
from blanket.faces import Image, Points
from blanket.recognise import Metric
from blanket.session import open_session
from blanket.store import find
from blanket.templates import cut, template_matrix


class ArcFaceRecogniser:
    """See `blanket.recognise.Recogniser`. Cosine distance; 0.72 for "the same person" is the
    similarity of 0.28 at which InsightFace's own demonstration of these weights says so
    (web-demos/src_recognition in its repository).

    path: an ONNX file, input RGB ``[N, 3, 112, 112]``, ``(pixel - 127.5) / 127.5``, output
    ``[N, 512]``; by default InsightFace's ResNet-50 trained on WebFace600K.
    """

    name = "arcface"
    metric: Metric = "cosine"
    threshold = 0.72

    def __init__(self, path: Path | None = None) -> None:
        path = path or find("arcface")
        self._network = open_session(path)
        inputs, outputs = self._network.get_inputs(), self._network.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or list(inputs[0].shape[1:]) != [3, 112, 112]:
            raise BlanketError(f"{path.name} is no ArcFace network for crops of 112x112 pixels")
        self._input = inputs[0].name

    def embed(self, picture: Image, meshes: Points) -> NDArray[np.float32]:
        """``[N, 512]``, not of unit length. picture: ``[H, W, 3]``. meshes: ``[N, 478, 3]``
        pixels."""
        found = np.empty((len(meshes), 512), np.float32)
        # One by one: files with a fixed batch of one are common.
        for row, mesh in zip(found, meshes, strict=True):
            crop = cut(picture, template_matrix(mesh, "arcface_112_v2", 112), 112)
            pixels = (crop.transpose(2, 0, 1)[None].astype(np.float32) - 127.5) / 127.5
            row[:] = self._network.run(None, {self._input: pixels})[0][0]
        return found
