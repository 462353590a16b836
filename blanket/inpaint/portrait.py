"""A picture of a new face, to look at and to be recognised by."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.crop import placement
from blanket.faces import Identity, Photograph
from blanket.light import flatten
from blanket.swap.raster import Raster
from blanket.texture import TEXTURE_SIDE, atlas

_SIDE = 512
"""Pixels of the drawing."""


def portrait(identity: Identity, colour: NDArray[np.float32]) -> Photograph:
    """The photograph of the face; of one that has none, a drawing that shows it from the front
    with its eyes closed, on grey.

    colour: ``[3]`` RGB, the complexion that it takes from the scene.
    """
    if identity.photograph is not None:
        return identity.photograph
    mesh = align.apply(placement(_SIDE, 1.06), identity.shape)
    inside = atlas(TEXTURE_SIDE).inside.astype(np.float32)
    soft = cv2.GaussianBlur(inside, (0, 0), 2)
    layers = np.dstack([flatten(identity.texture) * colour, soft]).astype(np.float32)
    where = Raster(_SIDE).texture_positions(mesh)
    drawn = cv2.remap(layers, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = drawn[..., 3:]
    pixels = np.clip(drawn[..., :3] * alpha + 200 * (1 - alpha), 0, 255).astype(np.uint8)
    return Photograph(pixels, mesh)
