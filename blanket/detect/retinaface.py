"""RetinaFace (Deng et al. 2020), as ONNX files of its ports to PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blanket.detect.grid import Grid, faces_of
from blanket.errors import BlanketError
from blanket.faces import Face, Image
from blanket.store import find

_STRIDES = 8, 16, 32
_SIDES = (16, 32), (64, 128), (256, 512)
"""Sides of the two anchors of a cell, pixels, by stride."""
_MEAN = np.array((123, 117, 104), np.float32)
_VARIANCES = 0.1, 0.2
"""Units of what is predicted: of places in sides of the anchor, of the logarithm of sizes."""


class RetinaFace:
    """Single-stage detector with five landmarks, relative to anchors (Liu et al. 2016).

    threshold: least score, 0..1. path: an ONNX file, input BGR less the means of ImageNet,
    three outputs ``[1, A, 4]`` boxes, ``[1, A, 2]`` probabilities of background and face and
    ``[1, A, 10]`` points; by default the one with ResNet-34 of yakhyo/retinaface-pytorch.
    """

    name = "retinaface"

    def __init__(self, threshold: float = 0.35, path: Path | None = None) -> None:
        path = path or find("retinaface_r34")
        self._network = Grid(path)
        self._order = {shape[-1]: n for n, shape in enumerate(self._network.outputs)}
        if sorted(self._order) != [2, 4, 10]:
            raise BlanketError(f"{path.name} is no RetinaFace network with five points a face")
        self.threshold = threshold

    def detect(self, picture: Image) -> list[Face]:
        """See `blanket.detect.Detector`."""
        canvas, ratio = self._network.place(picture)
        pixels = canvas.astype(np.float32) - _MEAN
        found = self._network.run(np.ascontiguousarray(pixels[..., ::-1]))
        score = found[self._order[2]][0, :, 1]
        kept = np.flatnonzero(score > self.threshold)
        anchor = _anchors(canvas.shape[1], canvas.shape[0])[kept]
        change = found[self._order[4]][0, kept]
        place, size = anchor[:, :2], anchor[:, 2:]
        centre = place + change[:, :2] * _VARIANCES[0] * size
        half = size * np.exp(change[:, 2:] * _VARIANCES[1]) / 2
        boxes = np.hstack([centre - half, centre + half])
        five = found[self._order[10]][0, kept].reshape(-1, 5, 2)
        points = place[:, None] + five * _VARIANCES[0] * size[:, None]
        return faces_of(boxes, score[kept], points, picture, ratio)


def _anchors(width: int, height: int) -> NDArray[np.float32]:
    """``[A, 4]`` centres and sides in pixels: by stride, row, column, side."""
    levels = []
    for stride, sides in zip(_STRIDES, _SIDES, strict=True):
        rows, columns, side = np.meshgrid(
            np.arange(-(-height // stride)), np.arange(-(-width // stride)), sides, indexing="ij"
        )
        centre = (np.stack([columns, rows], axis=-1) + 0.5) * stride
        square = np.stack([side, side], axis=-1)
        levels.append(np.concatenate([centre, square], axis=-1).reshape(-1, 4))
    return np.concatenate(levels).astype(np.float32)
