"""Stage 1: a new face, compatible with the child. A small protocol, one file a way to do it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from blanket.config import Settings
from blanket.detect import Detector
from blanket.errors import InputError
from blanket.faces import Appearance, Identity
from blanket.mesh import MeshNetwork
from blanket.models import Model

if TYPE_CHECKING:
    from blanket.view import View


class IdentityGenerator(Protocol):
    """Invents faces. name: what the report calls it. looks: whether it starts from the best
    view of the face (`blanket.view`); otherwise it is given none. models: those made by
    others that it has loaded."""

    name: str
    looks: bool
    models: list[Model]

    def invent(self, own: Appearance, rng: np.random.Generator, view: View | None) -> Identity:
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

    chosen = settings.identity
    generator: IdentityGenerator
    if chosen.image is not None:
        generator = GivenFace(chosen.image, detector, network)
    elif chosen.generator == "diffusion":
        from blanket.inpaint.diffusion import Diffusion

        generator = Diffusion(settings.inpaint, chosen, detector, network)
    else:
        generator = Morphable(chosen.age, chosen.distance)
    if chosen.at is not None and not generator.looks:
        raise InputError(
            f"the generator {generator.name} starts from no frame: leave identity.at out"
        )
    return generator
