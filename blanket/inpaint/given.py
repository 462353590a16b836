"""The face in a picture that the user gives, as the new face."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from blanket.detect import Detector, detect_turned
from blanket.errors import InputError
from blanket.faces import Appearance, Identity
from blanket.image import Still, read_image
from blanket.inpaint.photographed import photograph, photographed
from blanket.mesh import MeshNetwork
from blanket.models import Model
from blanket.picture import fit

if TYPE_CHECKING:
    from blanket.view import View

_LARGEST = 1024


class GivenFace:
    """See `blanket.inpaint.IdentityGenerator`. Everybody in the video gets this face.

    Raises InputError where the picture shows no face, or not clearly enough.
    """

    name = "given"
    looks = False

    def __init__(self, path: Path, detector: Detector, network: MeshNetwork) -> None:
        self.models: list[Model] = []
        picture = read_image(path)
        size = fit(picture.shape[1], picture.shape[0], _LARGEST)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        faces = detector.detect(picture) or detect_turned(detector, picture)
        readings = [network.find(picture, face) for face in faces]
        if not readings or max(reading.trust for reading in readings) < 0.3:
            raise InputError(f"no face is found in the picture {path.name}: give another one")
        mesh = max(readings, key=lambda reading: float(np.ptp(reading.mesh[:, 1]))).mesh
        self._photograph = photograph(Still(picture), mesh)

    def invent(self, own: Appearance, rng: np.random.Generator, view: View | None) -> Identity:
        """The given face, whoever it replaces."""
        return photographed(self._photograph, own, self.name)
