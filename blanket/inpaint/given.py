"""The face in a picture that the user gives, as the new face."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from blanket.align import rigid
from blanket.detect import Detector, detect_turned
from blanket.errors import InputError
from blanket.faces import Appearance, Identity
from blanket.image import read_image
from blanket.inpaint.clean import Zones, clean
from blanket.inpaint.likeness import describe
from blanket.inpaint.morphable import load_likeness
from blanket.light import flatten
from blanket.mesh import MeshNetwork
from blanket.picture import fit
from blanket.texture import unwrap
from blanket.topology import load_topology

_LARGEST = 1024


class GivenFace:
    """See `blanket.inpaint.IdentityGenerator`. Everybody in the video gets this face.

    Raises InputError where the picture shows no face, or not clearly enough.
    """

    name = "given"

    def __init__(self, path: Path, detector: Detector, network: MeshNetwork) -> None:
        picture = read_image(path)
        size = fit(picture.shape[1], picture.shape[0], _LARGEST)
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        faces = detector.detect(picture) or detect_turned(detector, picture)
        readings = [network.find(picture, face) for face in faces]
        if not readings or max(reading.trust for reading in readings) < 0.3:
            raise InputError(f"no face is found in the picture {path.name}: give another one")
        mesh = max(readings, key=lambda reading: float(np.ptp(reading.mesh[:, 1]))).mesh
        self._texture, _ = clean(unwrap(picture, mesh), mesh, Zones.build())
        self._shape = rigid(mesh, load_topology().mean)

    def invent(self, own: Appearance, rng: np.random.Generator) -> Identity:
        """The given face, whoever it replaces."""
        likeness = load_likeness()
        mine = likeness.embed(describe(flatten(self._texture), self._shape))
        theirs = likeness.embed(describe(own.flat, own.shape))
        distance = float(np.linalg.norm(mine - theirs))
        return Identity(self._texture, self._shape, self.name, distance)
