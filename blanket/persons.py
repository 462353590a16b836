"""Whether an output still shows the same person, in the words of the audit."""

from __future__ import annotations

from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from blanket.align import rigid
from blanket.contrast import contrast_of
from blanket.faces import Points
from blanket.inpaint.morphable import load_likeness
from blanket.light import flatten
from blanket.likeness import describe
from blanket.picture import Picture
from blanket.recognise import build_recogniser, distances, dlib_is_here
from blanket.texture import unwrap
from blanket.topology import load_topology

_CLEAR, _VEILED = 0.09, 4.0
"""Contrast (`blanket.contrast`) up to which a veil lies over a face, and by how much of one two
faces are made clearer: beyond, noise is what is compared."""
_TEXTURE = 64
_CROP = 320  # pixels


class Persons(Protocol):
    """Compares one face of one frame before and after.

    name: what reports call it. same, doubtful: below these distances it is the same person,
    or may be. A face that was only encoded again lies well below `same`; a new face with the
    child's eyes, mouth and expression lies above `doubtful`.
    """

    name: str
    same: float
    doubtful: float

    def distance(self, before: Picture, after: Picture, mesh: Points) -> float:
        """Between the faces under a mesh ``[478, 3]`` in two pictures of one size."""
        ...


class LikenessPersons:
    """By the built-in measure (`blanket.likeness`): next to nothing to compute, and it
    sees changes that recognisers for adults do not see in infants."""

    # Measured on a real and a drawn infant: encoded again at x264's crf 35 up to 0.085, at
    # crf 45 up to 0.20; with a new face 0.22 and more, 0.37 in the middle.
    name, same, doubtful = "likeness", 0.10, 0.16

    def __init__(self) -> None:
        self._likeness = load_likeness()

    def distance(self, before: Picture, after: Picture, mesh: Points) -> float:
        """See `Persons.distance`."""
        shape = rigid(mesh, load_topology().mean)
        flats = [flatten(_texture(picture, mesh)) for picture in (before, after)]
        # Through steam or glare all faces are alike.
        veiled = _CLEAR / max(contrast_of(flats[0]), _CLEAR / _VEILED)
        looks = [describe(1 + max(veiled, 1) * (flat - 1), shape) for flat in flats]
        one, two = self._likeness.embed(np.stack(looks))
        return float(np.linalg.norm(one - two))


class DlibPersons:
    """By dlib's recogniser. Same frame, same place: a far stricter test than two photographs,
    so its bounds lie below the recogniser's own 0.6."""

    # Measured as above: up to 0.21 at crf 35; with a new face 0.49 and more.
    name, same, doubtful = "dlib", 0.30, 0.40

    def __init__(self) -> None:
        self._recogniser = build_recogniser("dlib")

    def distance(self, before: Picture, after: Picture, mesh: Points) -> float:
        """See `Persons.distance`."""
        one, two = (
            self._recogniser.embed(picture.rgb(), mesh[None]) for picture in (before, after)
        )
        return float(distances(self._recogniser, one, two)[0])


def build_persons(
    name: Literal["auto", "dlib", "likeness", "none"], thorough: bool
) -> Persons | None:
    """The measure that the settings name; `auto` takes dlib's recogniser for a thorough audit
    where it is installed, and otherwise the built-in one."""
    if name == "none":
        return None
    if name == "dlib" or (name == "auto" and thorough and dlib_is_here()):
        return DlibPersons()
    return LikenessPersons()


def _texture(picture: Picture, mesh: Points) -> NDArray[np.float32]:
    """``[64, 64, 3]``, without converting more of the picture than the face."""
    low, high = mesh[:, :2].min(0) - 2, mesh[:, :2].max(0) + 2
    scale = min(1.0, _CROP / float((high - low).max()))
    size = np.ceil((high - low) * scale).astype(int)
    matrix = np.array([[scale, 0, -low[0] * scale], [0, scale, -low[1] * scale]], np.float32)
    crop = picture.sample(matrix, (int(size[0]), int(size[1])))
    moved = mesh.copy()
    moved[:, :2] = (mesh[:, :2] - low) * scale
    return unwrap(crop, moved, _TEXTURE).astype(np.float32)
