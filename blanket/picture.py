"""The pictures that the stages work on: frames of a video, or a still."""

from __future__ import annotations

from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from blanket.faces import Image, Points

Alpha = NDArray[np.uint8] | NDArray[np.float32]


class Picture(Protocol):
    """A picture that can be looked at and painted on.

    All coordinates are those of the upright, square-pixel picture, ``width`` x ``height``,
    whatever way the file stores it.
    """

    @property
    def index(self) -> int:
        """The number of the frame, from 0."""

    @property
    def time(self) -> float:
        """Seconds from the start of the file."""

    @property
    def width(self) -> int:
        """Pixels, of the upright picture."""

    @property
    def height(self) -> int:
        """Pixels, of the upright picture."""

    def rgb(self, max_side: int | None = None) -> Image:
        """The whole picture, ``[h, w, 3]``, shrunk so that its longer side is <= max_side.

        Never enlarged. Points of the small copy lead back with `enlarge_points`.
        """

    def sample(self, matrix: NDArray[np.floating[Any]], size: tuple[int, int]) -> Image:
        """A patch of the picture, RGB ``[h, w, 3]``, for ``size`` (w, h).

        matrix: ``[2, 3]``, from picture pixels to patch pixels. Beyond the picture its
        border is repeated; a patch coarser than the picture is filtered, not aliased.
        """

    def luma(self, matrix: NDArray[np.floating[Any]], size: tuple[int, int]) -> Points:
        """The brightness of a patch as it is stored, ``[h, w]`` float32 of about 0..255.

        Cheaper than `sample`, for what needs no colour; arguments as there.
        """

    def paste(self, patch: Image, alpha: Alpha, matrix: NDArray[np.floating[Any]]) -> None:
        """Blend a patch into the picture.

        patch: RGB ``[h, w, 3]``. alpha: ``[h, w]``, uint8 0..255 or float32 0..1; where it
        is 0 the picture keeps every bit. matrix: ``[2, 3]``, from picture pixels to patch
        pixels, as in `sample`.
        """

    def copy(self) -> Self:
        """The same picture; a paste into one leaves the other alone."""


def fit(width: int, height: int, max_side: int | None) -> tuple[int, int]:
    """The size (w, h) of a picture shrunk so that its longer side is <= max_side."""
    if max_side is None or max(width, height) <= max_side:
        return width, height
    ratio = max_side / max(width, height)
    return max(1, round(width * ratio)), max(1, round(height * ratio))


def enlarge_points(points: Points, small: tuple[int, int], full: tuple[int, int]) -> Points:
    """Points ``[..., 2]`` of a small copy, in the pixels of the full picture.

    small, full: sizes (w, h). A pixel's centre is at a whole number, so
    ``point_full = (point_small + 0.5) * full / small - 0.5``.
    """
    ratio = np.divide(full, small, dtype=np.float32)
    return ((points + np.float32(0.5)) * ratio - np.float32(0.5)).astype(np.float32)


def enlarge_mesh(mesh: Points, small: tuple[int, int], full: tuple[int, int]) -> Points:
    """A mesh ``[478, 3]`` of a small copy, in the pixels of the full picture; z too."""
    ratio = np.float32(full[0] / small[0])
    return np.column_stack([enlarge_points(mesh[:, :2], small, full), mesh[:, 2] * ratio])
