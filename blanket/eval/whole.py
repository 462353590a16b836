"""What is compared of whole pictures: outside the faces, at their outline, over time."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from blanket.eval.fidelity import Mask, error_outside, face_region, ssim_outside
from blanket.eval.flicker import WarpingError, warping_error
from blanket.eval.seam import changed_region, seam
from blanket.faces import Image, Points
from blanket.picture import enlarge_mesh, fit
from blanket.topology import SURFACE

COARSE = 256
"""Structure is compared at about this many pixels of the shorter side: at the scale at which
a picture is looked at (Wang et al. 2004, their suggested use)."""
SMALL = 640
"""The outline of a change, and motion, are looked at on copies of this many pixels of the
longer side: so a step means the same in videos of any size, and it takes a quarter of the
time."""
AROUND = 0.6
"""How far around the faces a change is looked for, in sizes of the face."""


@dataclass(frozen=True)
class Whole:
    """The original's picture in which others are compared.

    picture, small: ``[H, W, 3]`` and its copy of `SMALL` pixels. region, small_region:
    ``[H, W]``, where the faces are. around: the rows and columns of the copy in which a change
    is looked for.
    """

    picture: Image
    small: Image
    region: Mask
    small_region: Mask
    around: tuple[slice, slice]

    @classmethod
    def of(cls, picture: Image, places: Points) -> Whole:
        """From the picture and its faces, meshes ``[N, 478, 3]`` in its pixels."""
        small = shrunk(picture)
        sizes = [(one.shape[1], one.shape[0]) for one in (picture, small)]
        there = [enlarge_mesh(place, *sizes) for place in places]
        shrunk_places = np.stack(there) if there else places
        height, width = small.shape[:2]
        return cls(
            picture, small, face_region(places, *picture.shape[:2]),
            face_region(shrunk_places, height, width), _around(shrunk_places, height, width),
        )  # fmt: skip

    def figures(self, output: Image) -> dict[str, float]:
        """Of an output's picture: ``error_outside``, mean squared error; ``ssim_outside``;
        ``seam``, NaN where there is no face."""
        factor = max(round(min(self.region.shape) / COARSE), 1)
        coarse = [_coarse(one, factor) for one in (self.picture, output)]
        covered = _coarse(self.region.astype(np.float32), factor) > 0
        step = np.nan
        if self.small_region.any():
            near = self.small_region[self.around]
            before, after = self.small[self.around], shrunk(output)[self.around]
            step = seam(before, after, changed_region(before, after, near))
        return {
            "error_outside": error_outside(self.picture, output, self.region),
            "ssim_outside": ssim_outside(coarse[0], coarse[1], covered),
            "seam": step,
        }

    def warping(self, following: Image, output: Image, output_following: Image) -> WarpingError:
        """How far this frame of an output does not follow the original's motion to the next;
        all pictures as `shrunk` gives them."""
        return warping_error((self.small, following), (output, output_following), self.small_region)


def shrunk(picture: Image) -> Image:
    """The copy of `SMALL` pixels of a picture, or the picture where it is no larger."""
    size = fit(picture.shape[1], picture.shape[0], SMALL)
    if size == (picture.shape[1], picture.shape[0]):
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _around(places: Points, height: int, width: int) -> tuple[slice, slice]:
    if not len(places):
        return slice(0, 0), slice(0, 0)
    points = np.concatenate([mesh[:SURFACE, :2] for mesh in places])
    size = max(float(np.ptp(mesh[:SURFACE, :2], axis=0).max()) for mesh in places)
    low, high = points.min(0) - AROUND * size, points.max(0) + AROUND * size
    x0, y0 = (max(int(edge), 0) for edge in low)
    x1, y1 = min(int(high[0]) + 1, width), min(int(high[1]) + 1, height)
    return slice(y0, max(y1, y0)), slice(x0, max(x1, x0))


def _coarse(picture: Image | np.ndarray, factor: int) -> Image:
    if factor == 1:
        return np.asarray(picture)
    height, width = picture.shape[:2]
    size = (max(width // factor, 1), max(height // factor, 1))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
