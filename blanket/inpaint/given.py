"""The face in a picture that the user gives, as the new face."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blanket.detect import Detector
from blanket.errors import InputError
from blanket.faces import Appearance, Identity
from blanket.image import Still
from blanket.inpaint.photographed import photograph, photographed
from blanket.mesh import MeshNetwork
from blanket.models import Model
from blanket.snapshot import largest_face

if TYPE_CHECKING:
    from blanket.view import View


class GivenFace:
    """See `blanket.inpaint.IdentityGenerator`. Everybody in the video gets this face.

    Raises InputError where the picture shows no face, or not clearly enough.
    """

    name = "given"
    looks = False

    def __init__(self, path: Path, detector: Detector, network: MeshNetwork) -> None:
        self.models: list[Model] = []
        found = largest_face(path, detector, network)
        if found is None:
            raise InputError(f"no face is found in the picture {path.name}: give another one")
        picture, mesh = found
        self._photograph = photograph(Still(picture), mesh)

    def invent(self, own: Appearance, rng: np.random.Generator, view: View | None) -> Identity:
        """The given face, whoever it replaces."""
        return photographed(self._photograph, own, self.name)
