"""The dense face mesh: one look at the whole face, then a second at each eye and the lips.

Two stages as in attention mesh (Grishchenko et al. 2020): 192 pixels across a face leave a
handful for a lid, so the parts are cut out of the picture again and read by networks of
their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.crop import (
    FACE_HALF,
    FACE_SIDE,
    PART_SIDE,
    Part,
    eye_part,
    face_matrix,
    lips_part,
    part_matrices,
    placement,
)
from blanket.faces import Face, Image, Points
from blanket.session import PROVIDER, open_session
from blanket.topology import five_points, load_topology
from blanket.weights import weights_path

MASK_SIDE = 48
_MIDDLE = slice(10, 38), slice(12, 36)
"""Cells of the face crop that most faces fill."""
LOOKS = 2
"""How often eyes and lips are cut out and read, each time where the last reading put them."""


@dataclass(frozen=True)
class Reading:
    """What the networks see in one face.

    mesh: ``[478, 3]`` float32 pixels. trust: 0..1, near 1 for a mesh that fits, 0 where
    there is no face. occluded: ``[48, 48]`` uint8, 0..255, how far each cell of the face
    crop is covered by something in front. crop: ``[2, 3]``, picture to face crop (192).
    """

    mesh: Points
    trust: float
    occluded: NDArray[np.uint8]
    crop: align.Matrix


def covered(occluded: NDArray[np.floating]) -> float:
    """How far a face is covered, 0 to 1: the mean of ``[48, 48]`` 0..1 over its middle."""
    return float(occluded[_MIDDLE].mean())


class MeshNetwork:
    """The networks in ``weights/{face,eye,lips}_mesh.onnx``, run by ONNX Runtime.

    provider: what ONNX Runtime runs on.
    """

    name = "face_mesh"
    provider = PROVIDER

    def __init__(self) -> None:
        self._face, self._eye, self._lips = (
            open_session(weights_path(f"{name}_mesh.onnx")) for name in ("face", "eye", "lips")
        )

    def find(self, picture: Image, face: Face) -> Reading:
        """The mesh of a newly detected face.

        Detectors misjudge the landmarks of heads that lie on their side, so the box is
        tried at four rolls as well, and the most trusted reading is taken.
        """
        mean = five_points(load_topology().mean)
        first = align.similarity(face.points, mean)
        best = self.read(picture, align.compose(placement(FACE_SIDE, FACE_HALF), first))
        if best.trust < 0.8:
            middle = (face.box[:2] + face.box[2:]) / 2
            span = float(np.sqrt(np.prod(face.box[2:] - face.box[:2])))
            for quarter in range(4):
                matrix = cv2.getRotationMatrix2D(middle.tolist(), 90 * quarter, 1.75 / span)
                matrix[:, 2] -= middle
                crop = align.compose(placement(FACE_SIDE, FACE_HALF), matrix)
                reading = self._face_reading(picture, crop)
                if reading.trust > best.trust:
                    best = self.read(picture, crop)
        return best

    def follow(self, picture: Image, mesh: Points) -> Reading:
        """The mesh of a face that lay about at `mesh` in the frame before."""
        return self.read(picture, face_matrix(mesh))

    def read(self, picture: Image, crop: align.Matrix) -> Reading:
        """The mesh of the face in a crop of an RGB picture ``[H, W, 3]``.

        crop: ``[2, 3]``, picture to face crop. Where the face turns out to lie otherwise
        in the crop than the networks are used to, it is cropped and read again.
        """
        reading = self._face_reading(picture, crop)
        change = align.compose(face_matrix(reading.mesh), align.invert(crop))
        turn = np.abs(change[:, :2] - np.eye(2)).max()
        shift = np.abs(change @ (FACE_SIDE / 2, FACE_SIDE / 2, 1) - FACE_SIDE / 2).max()
        if reading.trust > 0.05 and (turn > 0.12 or shift > 0.06 * FACE_SIDE):
            reading = self._face_reading(picture, face_matrix(reading.mesh))
        mesh = reading.mesh.copy()
        # The first look misplaces the crops of the far eye; the second one mends them.
        for _ in range(LOOKS):
            self._look_again(picture, mesh, part_matrices(mesh, _parts()))
        return Reading(mesh, reading.trust, reading.occluded, reading.crop)

    def _face_reading(self, picture: Image, crop: align.Matrix) -> Reading:
        pixels = _cut(picture, crop, FACE_SIDE)
        points, trust, occluded = self._face.run(None, {"pixels": pixels[None]})
        mesh = align.apply(align.invert(crop), _pixels(points[0], FACE_SIDE))
        cover = (occluded[0] * 255).astype(np.uint8)
        return Reading(mesh, float(trust[0]), cover, crop)

    def _look_again(self, picture: Image, mesh: Points, crops: list[align.Matrix]) -> None:
        """Replace lids, irises and lips of `mesh` by what the part networks read in crops."""
        left_eye, right_eye, lips = _parts()
        # The right eye is read as a left one in the mirror.
        right = align.compose(_FLIP, crops[1])
        eyes = np.stack([_cut(picture, crops[0], PART_SIDE), _cut(picture, right, PART_SIDE)])
        points = _pixels(self._eye.run(None, {"pixels": eyes})[0], PART_SIDE)
        _blend(mesh, left_eye, crops[0], points[0])
        _blend(mesh, right_eye, right, points[1])
        mouth = _cut(picture, crops[2], PART_SIDE)
        points = _pixels(self._lips.run(None, {"pixels": mouth[None]})[0], PART_SIDE)
        _blend(mesh, lips, crops[2], points[0])


_FLIP = np.array([[-1, 0, PART_SIDE - 1], [0, 1, 0]], np.float32)


@cache
def _parts() -> tuple[Part, Part, Part]:
    """Left eye, right eye, lips."""
    eye, mirror = eye_part(), load_topology().mirror
    right = Part(mirror[eye.vertices], eye.weights, tuple(mirror[list(eye.centre)]), eye.half)
    return eye, right, lips_part()


def _blend(mesh: Points, part: Part, matrix: align.Matrix, points: Points) -> None:
    seen = align.apply(align.invert(matrix), points)
    mesh[part.vertices] += (seen - mesh[part.vertices]) * part.weights[:, None]


def _pixels(points: Points, side: int) -> Points:
    return points * np.float32(side / 2) + np.array(((side - 1) / 2, (side - 1) / 2, 0), np.float32)


def _cut(picture: Image, matrix: align.Matrix, side: int) -> Image:
    """A crop of `side` pixels, filtered where the picture is much finer than the crop."""
    if align.scale_of(matrix) < 0.6:
        double = align.compose(np.array([[2, 0, 0.5], [0, 2, 0.5]], np.float32), matrix)
        large = cv2.warpAffine(
            picture, double, (2 * side, 2 * side), borderMode=cv2.BORDER_REPLICATE
        )
        return cv2.resize(large, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
