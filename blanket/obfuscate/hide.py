"""The fail-safe, for a face that cannot be replaced: a blur of which nothing comes back."""

from __future__ import annotations

import cv2
import numpy as np

from blanket.faces import Image
from blanket.obfuscate.region import Cutout, HeadBox
from blanket.picture import Picture

_CELLS = 5  # across the hidden ellipse, so about three across the face
_FINE = 8  # pixels for a cell while it is smoothed
_CLEAR, _EDGE = 1.1, 0.05
"""In axes of the hidden ellipse: the middle of its soft edge, and how far that reaches."""


def hide(picture: Picture, head: HeadBox, grow: float = 1.6) -> None:
    """Blur the head out of a picture, in place.

    grow: >= 1, the axes of the hidden ellipse over those of the one inscribed in the box;
    all of it is hidden, and its edge is soft on the outside, to 1.15 times as far.
    """
    outline = head.ellipse(max(grow, 1.0) * _CLEAR)
    edge = _EDGE * max(grow, 1.0) * float(head.half.min())
    cut = Cutout(picture, outline, edge)
    reach = 2 * int(edge / np.sqrt(2)) + 1
    cut.paste(
        _erased(cut.pixels, np.ptp(outline, axis=0) / _CELLS),
        cv2.blur(cut.mask(outline), (reach, reach)),
    )


def _erased(pixels: Image, cell: np.ndarray) -> Image:
    """Averaged over cells ``[2]`` pixels wide and high, and smoothed until none can be seen."""
    height, width = pixels.shape[:2]
    across, down = (
        max(round(side / of), 1) for side, of in zip((width, height), cell, strict=True)
    )
    cells = cv2.resize(pixels, (across, down), interpolation=cv2.INTER_AREA)
    fine = cv2.resize(cells, (across * _FINE, down * _FINE), interpolation=cv2.INTER_CUBIC)
    smooth = cv2.GaussianBlur(fine, (0, 0), _FINE / 2, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
