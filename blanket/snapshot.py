"""The face in a picture that a user gives: of somebody known, or as the new face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from blanket.detect import Detector, detect_turned
from blanket.faces import Image, Points
from blanket.image import read_image
from blanket.mesh import MeshNetwork
from blanket.picture import fit

_LARGEST = 1024
_TRUST = 0.3


def largest_face(
    path: Path, detector: Detector, network: MeshNetwork
) -> tuple[Image, Points] | None:
    """A picture ``[H, W, 3]``, shrunk where it is large, and the mesh ``[478, 3]`` of the
    largest face in it; None where it shows none clearly enough."""
    picture = read_image(path)
    size = fit(picture.shape[1], picture.shape[0], _LARGEST)
    picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    faces = detector.detect(picture) or detect_turned(detector, picture)
    readings = [network.find(picture, face) for face in faces]
    if not readings or max(reading.trust for reading in readings) < _TRUST:
        return None
    mesh = max(readings, key=lambda reading: float(np.ptp(reading.mesh[:, 1]))).mesh
    return picture, mesh
