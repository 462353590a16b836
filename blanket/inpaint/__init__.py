"""Stage 1: a new face, compatible with the child. A small protocol, one file a way to do it."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from blanket.config import Settings
from blanket.detect import Detector
from blanket.faces import Appearance, Identity
from blanket.mesh import MeshNetwork


class IdentityGenerator(Protocol):
    """Invents faces. name: what the report calls it."""

    name: str

    def invent(self, own: Appearance, rng: np.random.Generator) -> Identity:
        """A new face that fits `own` and is far from it."""
        ...


def build_generator(
    settings: Settings, detector: Detector, network: MeshNetwork
) -> IdentityGenerator:
    """The generator that the settings name; a given picture comes before any other.

    detector, network: for the face in a given picture.
    """
    from blanket.inpaint.given import GivenFace
    from blanket.inpaint.morphable import Morphable

    if settings.identity.image is not None:
        return GivenFace(settings.identity.image, detector, network)
    return Morphable(settings.identity.age, settings.identity.distance)
