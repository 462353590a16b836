"""Fewer pixels: mosaics with hard edges, and down-sampling that is enlarged smoothly."""

from __future__ import annotations

import cv2
import numpy as np

from blanket.config import MethodSettings
from blanket.faces import Points
from blanket.obfuscate.region import Cutout, HeadBox
from blanket.picture import Picture
from blanket.timeline import Placement


def pixelate(
    picture: Picture, head: HeadBox, outline: Points, _: Placement, settings: MethodSettings
) -> None:
    """A mosaic along the picture's axes, so many cells across the face."""
    _coarsen(picture, head, outline, settings.cells, cv2.INTER_NEAREST)


def downsample(
    picture: Picture, head: HeadBox, outline: Points, _: Placement, settings: MethodSettings
) -> None:
    """The face as a camera of few pixels would see it, so many across the face, enlarged by
    linear interpolation."""
    _coarsen(picture, head, outline, settings.cells, cv2.INTER_LINEAR)


def _coarsen(
    picture: Picture, head: HeadBox, outline: Points, cells: int, interpolation: int
) -> None:
    cut = Cutout(picture, outline)
    height, width = cut.pixels.shape[:2]
    cell = max(2 * float(head.half[0]) / cells, 1.0)
    size = max(round(width / cell), 1), max(round(height / cell), 1)
    small = cv2.resize(cut.pixels, size, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(small, (width, height), interpolation=interpolation)
    cut.paste(np.asarray(coarse, np.uint8), cut.mask(outline))
