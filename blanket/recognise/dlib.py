"""dlib's face recogniser (King 2017): a ResNet of 29 layers, 128 numbers a face."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import cv2
import dlib
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.attributes import head_pose
from blanket.errors import BlanketError
from blanket.faces import Image, Points
from blanket.recognise import Metric
from blanket.topology import SURFACE

_BROWS = 0.12
"""How far below the top of the mesh dlib's detector begins its boxes, of the mesh's height."""
_LARGEST = 640
"""Pixels of the crop's side; dlib shrinks the face to 150 in any case."""


class DlibRecogniser:
    """See `blanket.recognise.Recogniser`. Euclidean, 0.6 for "the same person"; trained on
    adults, so infants lie closer together.

    The face is turned upright by its mesh and boxed as dlib's detector would; the 68
    landmarks by which it is aligned are dlib's own, found in the picture that is measured.
    """

    name = "dlib"
    metric: Metric = "euclidean"
    threshold = 0.6

    def __init__(self) -> None:
        models = _models()
        self._landmarks = dlib.shape_predictor(
            str(models / "shape_predictor_68_face_landmarks.dat")
        )
        self._network = dlib.face_recognition_model_v1(
            str(models / "dlib_face_recognition_resnet_model_v1.dat")
        )

    def embed(self, picture: Image, meshes: Points) -> NDArray[np.float32]:
        """``[N, 128]``. picture: ``[H, W, 3]``. meshes: ``[N, 478, 3]`` pixels."""
        found = np.empty((len(meshes), 128), np.float32)
        for row, mesh in zip(found, meshes, strict=True):
            matrix, side, box = _upright(mesh)
            crop = cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
            points = self._landmarks(crop, dlib.rectangle(*(int(edge) for edge in box)))
            row[:] = self._network.compute_face_descriptor(crop, points)
        return found


def _models() -> Path:
    # Importing the package needs an old setuptools; its files do not.
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise BlanketError("dlib's weights are missing: pip install face_recognition_models")
    return Path(spec.submodule_search_locations[0]) / "models"


def _upright(mesh: Points) -> tuple[align.Matrix, int, Points]:
    """Picture to an upright crop ``[2, 3]``, its side in pixels, and the face's box in it
    (x0, y0, x1, y1), from the brows down as dlib's detector draws it."""
    roll = np.radians(head_pose(mesh)[2])
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]], np.float32)
    spans = np.ptp(mesh[:SURFACE, :2] @ turn.T, axis=0)
    turn *= min(1.0, _LARGEST / (2 * float(spans.max())))
    points = mesh[:SURFACE, :2] @ turn.T
    low, high = points.min(0), points.max(0)
    side = max(int(np.ceil(2 * (high - low).max())), 2)
    shift = (side - 1) / 2 - (low + high) / 2
    box = np.concatenate([low + shift, high + shift])
    box[1] += _BROWS * (box[3] - box[1])
    return np.column_stack([turn, shift]).astype(np.float32), side, box
