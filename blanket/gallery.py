"""Known people, from pictures of them: who in a video is who.

A gallery is a folder with a folder for each person, named by the person's ID, with some
pictures of the face: ``subjects/ID/*.jpg``. They are compared, never stored or written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from blanket.appearance import Album, Look
from blanket.detect import Detector
from blanket.errors import InputError
from blanket.faces import Appearance, Image, Points
from blanket.inpaint.morphable import load_likeness
from blanket.likeness import describe
from blanket.media import is_image
from blanket.mesh import MeshNetwork
from blanket.recognise import Recogniser, build_recogniser, distances, dlib_is_here
from blanket.snapshot import largest_face
from blanket.subjects import SAME
from blanket.view import View


class Comparer(Protocol):
    """Compares faces. name: what the report calls it. threshold: nearer ones are one person."""

    name: str
    threshold: float

    def of_picture(self, picture: Image, mesh: Points) -> NDArray[np.float32]:
        """``[D]``, of the face under a mesh ``[478, 3]`` in a picture ``[H, W, 3]``."""
        ...

    def of_person(self, own: Appearance, view: View) -> NDArray[np.float32]:
        """``[D]``, of a person in a video."""
        ...

    def distance(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
        """Between two of these."""
        ...


class ByRecogniser:
    """With a recogniser (`blanket.recognise`)."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self.name, self.threshold = recogniser.name, recogniser.threshold

    def of_picture(self, picture: Image, mesh: Points) -> NDArray[np.float32]:
        return self._recogniser.embed(picture, mesh[None])[0]

    def of_person(self, own: Appearance, view: View) -> NDArray[np.float32]:
        return self.of_picture(view.picture.rgb(), view.mesh)

    def distance(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
        return float(distances(self._recogniser, a, b))


class ByLikeness:
    """With the map that new faces are chosen by (`blanket.likeness`): always there,
    and far less sure than a recogniser."""

    name, threshold = "likeness", SAME

    def of_picture(self, picture: Image, mesh: Points) -> NDArray[np.float32]:
        own = Album([Look.taken(0, picture, mesh, 1.0)]).appearance()
        assert own is not None
        return self._embedded(own)

    def of_person(self, own: Appearance, view: View) -> NDArray[np.float32]:
        return self._embedded(own)

    def distance(self, a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
        return float(np.linalg.norm(a - b))

    def _embedded(self, own: Appearance) -> NDArray[np.float32]:
        return load_likeness().embed(describe(own.flat, own.shape))


def build_comparer(name: str) -> Comparer:
    """Of a name, or ``auto``: dlib's recogniser where it is installed, else the map."""
    if name == "auto":
        name = "dlib" if dlib_is_here() else "likeness"
    return ByLikeness() if name == "likeness" else ByRecogniser(build_recogniser(name))


class Gallery:
    """The known people of a folder.

    Raises:
        InputError: there is nobody in it, or a picture without a face.
    """

    def __init__(
        self, folder: Path, comparer: Comparer, detector: Detector, network: MeshNetwork
    ) -> None:
        self.comparer = comparer
        if not folder.is_dir():
            raise InputError(f"there is no gallery {folder}: a folder with a folder for each ID")
        self._faces: dict[str, list[NDArray[np.float32]]] = {}
        for home in sorted(one for one in folder.iterdir() if one.is_dir()):
            pictures = sorted(path for path in home.iterdir() if is_image(path))
            if pictures:
                self._faces[home.name] = [self._face(path, detector, network) for path in pictures]
        if not self._faces:
            raise InputError(f"there are no pictures in the gallery {folder}: ID/*.jpg")

    def _face(self, path: Path, detector: Detector, network: MeshNetwork) -> NDArray[np.float32]:
        found = largest_face(path, detector, network)
        if found is None:
            raise InputError(f"no face is found in {path} of the gallery: take it out")
        return self.comparer.of_picture(*found)

    def distances(self, own: Appearance, view: View) -> Mapping[str, float]:
        """How far a person in a video is from each of the known ones, by the nearest of their
        pictures."""
        mine = self.comparer.of_person(own, view)
        return {
            name: min(self.comparer.distance(mine, face) for face in faces)
            for name, faces in self._faces.items()
        }
