"""How much contrast a face has beside its light: a new face has hardly more.

Through steam, glare or the wall of an incubator all of a picture is paler, and what is put
into it must be so too. A veil of light that lies over a face divides what its broad light has
been divided out of by the same number everywhere.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.appearance import SIDE, small_texture, well_inside
from blanket.faces import Image, Points
from blanket.light import flatten

_EVERY = 4
"""Pictures from one measurement to the next: a veil comes and goes slowly."""
_MORE = 0.75
"""How much more contrast a new face may have where the face has as much: features differ, and
heads that turn show less. Under a veil, hardly any more."""
_FREE, _LEAST = 0.1, 200
"""How little of a texel is covered that is seen, and how many must be."""
_BURNT, _MUCH = 250, 0.05
"""Level at which a colour is burnt out, and of how many texels: over-exposure takes contrast from
the middle of a face only, and one that is left there would be too faint to hide the old one."""
_NOISE = 1.2
"""Texels (standard deviation) over which noise is averaged."""


class Contrast:
    """The contrast of one face over time, as a share of the new one's.

    new: the new face's texture without its light (`blanket.light.flatten`), ``[S, S, 3]``.
    """

    def __init__(self, new: NDArray[np.float32]) -> None:
        self._new = max(contrast_of(new), 1e-6)
        self._share: float | None = None
        self._seen = 0

    def __call__(self, patch: Image, mesh: Points, cover: NDArray[np.float32]) -> float:
        """0..1, for the next picture: how much of its own contrast the new face may have.

        patch: ``[S, S, 3]`` RGB, with its mesh ``[478, 3]``. cover: ``[S, S]`` 0..1, what lies
        in front.
        """
        if self._seen % _EVERY == 0:
            self._measure(patch, mesh, cover)
        self._seen += 1
        return 1.0 if self._share is None else self._share

    def _measure(self, patch: Image, mesh: Points, cover: NDArray[np.float32]) -> None:
        texture, veil = (small_texture(layer, mesh) for layer in (patch, cover))
        seen = (veil < _FREE) & well_inside()
        if seen.sum() < _LEAST or (texture[seen].max(-1) >= _BURNT).mean() > _MUCH:
            return
        contrast = float(_brightness(flatten(texture))[seen].std()) / self._new
        share = min(contrast * (1 + _MORE * contrast), 1.0)
        self._share = share if self._share is None else (self._share + share) / 2


def contrast_of(flat: NDArray[np.float32]) -> float:
    """Of a texture without its light ``[S, S, 3]``: how far its brightness is from even (root
    mean square), without its finest detail. Faces have 0.09 to 0.19, in steam 0.02 to 0.05."""
    return float(_brightness(flat)[well_inside()].std())


def _brightness(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    small = cv2.resize(flat, (SIDE, SIDE), interpolation=cv2.INTER_AREA).mean(-1)
    return np.asarray(cv2.GaussianBlur(small, (0, 0), _NOISE), np.float32)
