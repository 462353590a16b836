"""The upright crop that a face is inpainted in, its mask, and the way back into the frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.border import lies_within
from blanket.faces import Appearance, Image, Points
from blanket.mask import face_mask
from blanket.swap.occlusion import OcclusionMask
from blanket.topology import SURFACE
from blanket.view import View


@dataclass(frozen=True)
class InpaintCrop:
    """An upright square around a face. matrix: ``[2, 3]``, picture to crop. pixels:
    ``[S, S, 3]``. mesh: ``[478, 3]`` in the crop. mask: ``[S, S]`` float32, 1 where the new
    face is painted, soft at its edge, 0 where the frame stays as it is."""

    matrix: align.Matrix
    pixels: Image
    mesh: Points
    mask: NDArray[np.float32]

    @property
    def to_paint(self) -> NDArray[np.uint8]:
        """``[S, S]``: 255 wherever the mask is not 0: all that will be seen is invented."""
        return (self.mask > 0).astype(np.uint8) * 255

    def back(self, view: View, painted: Image) -> Image:
        """A painted crop turned back into its frame, and the crop as the frame then shows it,
        ``[S, S, 3]``. The view keeps its own."""
        picture = view.picture.copy()
        picture.paste(painted, self.mask, self.matrix)
        side = len(self.pixels)
        return picture.sample(self.matrix, (side, side))


def inpaint_crop(
    view: View, own: Appearance, side: int, context: float, grow: float, feather: float
) -> InpaintCrop:
    """The crop of a view.

    own: the usual face, which tells what lies in front of it. side, context, grow, feather:
    see `blanket.config.InpaintSettings`.
    """
    matrix = crop_matrix(view.mesh, view.roll, side, context)
    pixels = view.picture.sample(matrix, (side, side))
    mesh = align.apply(matrix, view.mesh)
    within = lies_within(matrix, side, (view.picture.width, view.picture.height))
    cover = OcclusionMask(own)(pixels, mesh, view.occluded, within)
    mask = face_mask(mesh, side, grow * side, feather * side) * (1 - cover)
    return InpaintCrop(matrix, pixels, mesh, mask)


def crop_matrix(mesh: Points, roll: float, side: int, context: float) -> align.Matrix:
    """Picture to an upright square crop of `side` pixels, ``[2, 3]``, around a mesh.

    roll: of the head in space, degrees: a turned head would tilt one fitted in the picture.
    context: how much lies around the face on each side, in shares of the face.
    """
    cos, sin = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    turn = np.array([[cos, sin], [-sin, cos]])
    points = mesh[:SURFACE, :2] @ turn.T
    low, high = points.min(0), points.max(0)
    scale = side / (float((high - low).max()) * (1 + 2 * context))
    shift = (side - 1) / 2 - scale * (low + high) / 2
    return np.column_stack([scale * turn, shift]).astype(np.float32)
