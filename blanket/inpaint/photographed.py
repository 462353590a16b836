"""An identity from a photograph: the face in it, cut out to be worn."""

from __future__ import annotations

import numpy as np

from blanket import align
from blanket.align import rigid
from blanket.crop import face_matrix
from blanket.faces import Appearance, Identity, Photograph, Trials
from blanket.inpaint.clean import Zones, clean, soft_rim
from blanket.inpaint.morphable import load_likeness
from blanket.light import flatten
from blanket.likeness import describe
from blanket.picture import Picture
from blanket.texture import unwrap
from blanket.topology import load_topology

SIDE = 512
HALF = 1.6
"""Half the photograph's side, in distances between the outer eye corners: the head and a
little around it, which detectors and recognisers want."""


def photograph(picture: Picture, mesh: np.ndarray) -> Photograph:
    """An upright photograph of the face of a mesh ``[478, 3]`` in a picture."""
    matrix = face_matrix(mesh, SIDE, HALF)
    return Photograph(picture.sample(matrix, (SIDE, SIDE)), align.apply(matrix, mesh))


def photographed(
    taken: Photograph, own: Appearance, origin: str, trials: Trials | None = None
) -> Identity:
    """The face in a photograph as a new face.

    own: the face that it replaces. origin, trials: see `Identity`.
    """
    bare, _ = clean(unwrap(taken.pixels, taken.mesh), taken.mesh, Zones.build())
    texture = soft_rim(bare)
    shape = rigid(taken.mesh, load_topology().mean)
    likeness = load_likeness()
    mine = likeness.embed(describe(flatten(texture), shape))
    theirs = likeness.embed(describe(own.flat, own.shape))
    distance = float(np.linalg.norm(mine - theirs))
    return Identity(texture, shape, origin, distance, taken, trials)
