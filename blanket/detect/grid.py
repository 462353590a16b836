"""What detectors share that look at the whole picture in one go, cell by cell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.detect import suppress
from blanket.faces import Array, Face, Image
from blanket.session import open_session

MOST = 400
"""Boxes that are looked at: the best ones."""


class Grid:
    """A network in an ONNX file that looks at one picture.

    size: (w, h) that the file fixes, None where it takes any multiple of 32.
    """

    def __init__(self, path: Path) -> None:
        self._session = open_session(path)
        self._input = self._session.get_inputs()[0].name
        height, width = self._session.get_inputs()[0].shape[2:4]
        fixed = isinstance(width, int) and isinstance(height, int)
        self.size: tuple[int, int] | None = (width, height) if fixed else None

    @property
    def outputs(self) -> list[list[Any]]:
        """The shapes of the outputs; dimensions that vary are names."""
        return [list(output.shape) for output in self._session.get_outputs()]

    def place(self, picture: Image) -> tuple[Image, float]:
        """The picture on a canvas of a size that the file takes, at its top left, and how
        much it was enlarged. It is resized only where the file fixes the size."""
        height, width = picture.shape[:2]
        if self.size is None:
            return _padded(picture, -(-width // 32) * 32, -(-height // 32) * 32), 1.0
        ratio = min(self.size[0] / width, self.size[1] / height)
        small = max(1, round(width * ratio)), max(1, round(height * ratio))
        how = cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR
        return _padded(cv2.resize(picture, small, interpolation=how), *self.size), ratio

    def run(self, pixels: NDArray[np.float32]) -> list[Array]:
        """All outputs for pixels ``[H, W, 3]``, in the order of the file."""
        return self._session.run(None, {self._input: pixels.transpose(2, 0, 1)[None]})


def _padded(picture: Image, width: int, height: int) -> Image:
    down, right = height - picture.shape[0], width - picture.shape[1]
    return cv2.copyMakeBorder(picture, 0, down, 0, right, cv2.BORDER_CONSTANT)


def faces_of(
    boxes: Array, scores: Array, points: Array, picture: Image, ratio: float
) -> list[Face]:
    """The faces among many boxes, best first, without those that lie on a better one.

    boxes: ``[N, 4]`` x0, y0, x1, y1. scores: ``[N]``. points: ``[N, 5, 2]``. All in pixels of
    the picture enlarged by `ratio`.
    """
    height, width = picture.shape[:2]
    order = np.argsort(-scores, kind="stable")[:MOST]
    found = []
    for box, score, five in zip(boxes[order], scores[order], points[order], strict=True):
        corners = ((box.reshape(2, 2) + 0.5) / ratio - 0.5).clip(0, (width - 1, height - 1))
        if (corners[1] - corners[0]).min() < 2:
            continue
        marks = (five + 0.5) / ratio - 0.5
        found.append(
            Face(corners.ravel().astype(np.float32), float(score), marks.astype(np.float32))
        )
    return suppress(found)
