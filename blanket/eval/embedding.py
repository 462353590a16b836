"""dlib's face recogniser (King 2017): it measures identity, and taught the likeness map."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import dlib
import numpy as np
from numpy.typing import NDArray

from blanket.errors import BlanketError
from blanket.faces import Image, Points
from blanket.topology import SURFACE


def _models() -> Path:
    # Importing the package needs an old setuptools; its files do not.
    spec = importlib.util.find_spec("face_recognition_models")
    if spec is None or not spec.submodule_search_locations:
        raise BlanketError("dlib's weights are missing: pip install face_recognition_models.")
    return Path(spec.submodule_search_locations[0]) / "models"


def face_embeddings(pictures: list[Image], meshes: Points) -> NDArray[np.float32]:
    """``[N, 128]`` descriptors of the faces under the meshes ``[N, 478, 3]``.

    Euclidean distance; 0.6 is dlib's threshold for "the same person".
    """
    models = _models()
    shape = dlib.shape_predictor(str(models / "shape_predictor_68_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(
        str(models / "dlib_face_recognition_resnet_model_v1.dat")
    )
    found = []
    for picture, mesh in zip(pictures, meshes, strict=True):
        x0, y0 = mesh[:SURFACE, :2].min(0)
        x1, y1 = mesh[:SURFACE, :2].max(0)
        # dlib's boxes begin at the brows.
        box = dlib.rectangle(int(x0), int(y0 + 0.12 * (y1 - y0)), int(x1), int(y1))
        points = shape(picture, box)
        found.append(network.compute_face_descriptor(np.ascontiguousarray(picture), points))
    return np.array(found, np.float32)
