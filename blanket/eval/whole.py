"""What is compared of whole pictures: outside the faces, at their outline, over time."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from blanket.eval.fidelity import Mask, error_outside, face_region, ssim_outside
from blanket.eval.flicker import WarpingError, warping_error
from blanket.eval.seam import changed_region, seam
from blanket.faces import Image, Points
from blanket.topology import SURFACE

COARSE = 256
"""Structure is compared at about this many pixels of the shorter side: at the scale at which
a picture is looked at (Wang et al. 2004, their suggested use)."""
AROUND = 0.6
"""How far around the faces a change is looked for, in sizes of the face."""


@dataclass(frozen=True)
class Whole:
    """The original's picture in which others are compared.

    picture: ``[H, W, 3]``. places: meshes ``[N, 478, 3]`` in its pixels. region: ``[H, W]``,
    where the faces are. around: the rows and columns in which a change is looked for.
    """

    picture: Image
    places: Points
    region: Mask
    around: tuple[slice, slice]

    @classmethod
    def of(cls, picture: Image, places: Points) -> Whole:
        """From the picture and its faces."""
        height, width = picture.shape[:2]
        return cls(
            picture, places, face_region(places, height, width), _around(places, height, width)
        )

    def figures(self, output: Image) -> dict[str, float]:
        """Of an output's picture: ``error_outside``, mean squared error; ``ssim_outside``;
        ``seam``, NaN where there is no face."""
        factor = max(round(min(self.region.shape) / COARSE), 1)
        coarse = [_shrunk(one, factor) for one in (self.picture, output)]
        covered = _shrunk(self.region.astype(np.float32), factor) > 0
        step = np.nan
        if len(self.places):
            before, after = self.picture[self.around], output[self.around]
            step = seam(before, after, changed_region(before, after, self.region[self.around]))
        return {
            "error_outside": error_outside(self.picture, output, self.region),
            "ssim_outside": ssim_outside(coarse[0], coarse[1], covered),
            "seam": step,
        }

    def warping(self, following: Image, output: Image, output_following: Image) -> WarpingError:
        """How far this frame of an output does not follow the original's motion to the next."""
        return warping_error((self.picture, following), (output, output_following), self.region)


def _around(places: Points, height: int, width: int) -> tuple[slice, slice]:
    if not len(places):
        return slice(0, 0), slice(0, 0)
    points = np.concatenate([mesh[:SURFACE, :2] for mesh in places])
    size = max(float(np.ptp(mesh[:SURFACE, :2], axis=0).max()) for mesh in places)
    low, high = points.min(0) - AROUND * size, points.max(0) + AROUND * size
    x0, y0 = (max(int(edge), 0) for edge in low)
    x1, y1 = min(int(high[0]) + 1, width), min(int(high[1]) + 1, height)
    return slice(y0, max(y1, y0)), slice(x0, max(x1, x0))


def _shrunk(picture: Image | np.ndarray, factor: int) -> Image:
    if factor == 1:
        return np.asarray(picture)
    height, width = picture.shape[:2]
    size = (max(width // factor, 1), max(height // factor, 1))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
