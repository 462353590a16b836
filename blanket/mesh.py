"""The dense face mesh: one look at the whole face, then a second at each eye and the lips.

Two stages as in attention mesh (Grishchenko et al. 2020): 192 pixels across a face leave a
handful for a lid, so the parts are cut out of the picture again and read by networks of
their own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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
    part_middles,
    placement,
)
from blanket.faces import Face, Image, Points
from blanket.session import PROVIDER, open_session
from blanket.topology import five_points, load_topology
from blanket.weights import weights_path

MASK_SIDE = 48
_MIDDLE = slice(10, 38), slice(12, 36)
"""Cells of the face crop that most faces fill."""
_AIMED = 3
"""Readings of a face for which one aim serves."""


@dataclass(frozen=True)
class Aim:
    """Where the eyes and the lips of a face lie, seen from where the network for the whole face
    puts them.

    shifts: ``[3, 2]`` float32 on the mean face. age: readings that it has served for.
    """

    shifts: Points
    age: int = 0


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
    aim: Aim | None = None


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
        best = self.read(picture, align.compose(_FACE, first))
        if best.trust < 0.8:
            middle = (face.box[:2] + face.box[2:]) / 2
            span = float(np.sqrt(np.prod(face.box[2:] - face.box[:2])))
            for quarter in range(4):
                matrix = cv2.getRotationMatrix2D(middle.tolist(), 90 * quarter, 1.75 / span)
                matrix[:, 2] -= middle
                crop = align.compose(_FACE, matrix)
                reading = self._face_reading(picture, crop)
                if reading.trust > best.trust:
                    best = self.read(picture, crop)
        return best

    def follow(self, picture: Image, mesh: Points, aim: Aim | None = None) -> Reading:
        """The mesh of a face that lay about at `mesh` in the frame before. aim: of its reading
        there."""
        return self.read(picture, face_matrix(mesh), aim)

    def read(self, picture: Image, crop: align.Matrix, aim: Aim | None = None) -> Reading:
        """The mesh of the face in a crop of an RGB picture ``[H, W, 3]``.

        crop: ``[2, 3]``, picture to face crop. Where the face turns out to lie otherwise
        in the crop than the networks are used to, it is cropped and read again. aim: of an
        earlier reading of this face, if it lies about as it did.
        """
        # OpenCV cuts out four channels in half the time of three.
        picture = cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA)
        reading = self._face_reading(picture, crop)
        to_mean = _to_mean(reading.mesh)
        change = align.compose(align.compose(_FACE, to_mean), align.invert(crop))
        turn = np.abs(change[:, :2] - np.eye(2)).max()
        shift = np.abs(change @ (FACE_SIDE / 2, FACE_SIDE / 2, 1) - FACE_SIDE / 2).max()
        if reading.trust > 0.05 and (turn > 0.12 or shift > 0.06 * FACE_SIDE):
            reading = self._face_reading(picture, face_matrix(reading.mesh))
            to_mean, aim = _to_mean(reading.mesh), None
        mesh = reading.mesh.copy()
        middles = part_middles(mesh, _parts(), to_mean)
        if aim is None or aim.age >= _AIMED:
            # A look to take aim by: the whole face's network misplaces the far eye.
            self._look_closer(picture, mesh, part_matrices(middles, _parts(), to_mean))
            aim = Aim(part_middles(mesh, _parts(), to_mean) - middles)
            mesh = reading.mesh.copy()
        crops = part_matrices(middles + aim.shifts, _parts(), to_mean)
        self._look_closer(picture, mesh, crops)
        aim = replace(aim, age=aim.age + 1)
        return replace(reading, mesh=mesh, aim=aim)

    def _face_reading(self, picture: Image, crop: align.Matrix) -> Reading:
        pixels = _cut(picture, crop, FACE_SIDE)
        points, trust, occluded = self._face.run(None, {"pixels": pixels[None]})
        mesh = align.apply(align.invert(crop), _pixels(points[0], FACE_SIDE))
        cover = (occluded[0] * 255).astype(np.uint8)
        return Reading(mesh, float(trust[0]), cover, crop)

    def _look_closer(self, picture: Image, mesh: Points, crops: list[align.Matrix]) -> None:
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


_FACE = placement(FACE_SIDE, FACE_HALF)
"""Mean face to face crop."""
_FLIP = np.array([[-1, 0, PART_SIDE - 1], [0, 1, 0]], np.float32)


def _to_mean(mesh: Points) -> align.Matrix:
    return face_matrix(mesh, side=1, half=0.5)


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
    """A crop ``[side, side, 3]`` of a picture ``[H, W, 4]``, filtered where the picture is much
    finer than the crop."""
    coarse = align.scale_of(matrix) < 0.6
    if coarse:
        matrix = align.compose(np.array([[2, 0, 0.5], [0, 2, 0.5]], np.float32), matrix)
    size = (2 * side, 2 * side) if coarse else (side, side)
    crop = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    if coarse:
        crop = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(crop, cv2.COLOR_RGBA2RGB)
