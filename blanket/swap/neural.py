"""The new face by a neural swapper: inswapper and its like, as ONNX files.

For a batch of frames: cut aligned crops out of the pictures, by the five points of the mesh,
so that a rolled head is no special case; swap them at once; match the colours; leave out what
lies in front; look whether a face came out that lies as the child's does; paste it back; and
sharpen it, where a restorer is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.attributes import eye_distance
from blanket.border import lies_within
from blanket.config import SwapSettings, is_path
from blanket.crop import face_matrix
from blanket.errors import InputError
from blanket.faces import Appearance, Array, Identity, Image, Points
from blanket.image import Still
from blanket.inpaint.portrait import portrait
from blanket.manifest import manifest
from blanket.mask import border_mask, face_mask, moved
from blanket.mesh import MeshNetwork
from blanket.models import Model, model_path
from blanket.picture import Picture
from blanket.recognise import Recogniser
from blanket.swap.boost import apart, together
from blanket.swap.colour import match_colour
from blanket.swap.network import Network, normalised, pixels_of
from blanket.swap.occlusion import OcclusionMask
from blanket.swap.regions import RegionParser
from blanket.swap.restore import Restorer
from blanket.swap.source import (
    converted,
    embedding,
    embedding_matrix,
    load_recogniser,
    source_crop,
)
from blanket.swap.table import parser_kind, restorer_kind, swapper_kind
from blanket.templates import template_matrix
from blanket.timeline import Placement
from blanket.topology import SURFACE
from blanket.view import View

LOOK_SIDE, LOOK_HALF = 256, 1.25
"""The upright patch on which occluders are found and the result is looked at: pixels, and
half its side in distances between the outer eye corners."""
FADE = 0.1
"""Over which the mask falls at the outline, in shares of the crop."""
UNCHANGED = 2.0
"""Mean change, in grey levels, below which the network has left the face as it was."""
NEAR, FAR = 0.05, 0.15
"""Mean distance of the mesh of the result from the child's, in distances between the outer
eye corners: up to the first it lies as the child's does, from the second on it does not."""


class NeuralMethod:
    """See `blanket.swap.SwapMethod`."""

    looks = True

    def __init__(self, settings: SwapSettings) -> None:
        self.settings, self.batch = settings, settings.batch
        self.mesh = MeshNetwork()
        self.name, self.kind = swapper_kind(settings.model, settings.kind)
        side = settings.side or self.kind.size
        if side % self.kind.size:
            raise InputError(
                f"swap.side cannot be {side}: it must be a multiple of {self.kind.size}, the "
                f"size of {self.name}"
            )
        self.factor = side // self.kind.size
        self.models: list[Model] = []
        self.network = self._load("model", settings.model)
        self._converter = None
        if self.kind.converter is not None:
            self._converter = self._load("model", self.kind.converter)
        self._recogniser: Recogniser | None = None
        self._matrix = None
        if self.kind.source == "embedding":
            self._recogniser = load_recogniser(settings.recogniser)
            self._note("recogniser", settings.recogniser, "CPU, fp32")
        if self.kind.matrix:
            self._matrix = embedding_matrix(self.network)
        self.restorer: Restorer | None = None
        if settings.restorer is not None:
            _, restores = restorer_kind(settings.restorer)
            loaded = self._load("restorer", settings.restorer)
            self.restorer = Restorer(loaded, restores, settings.fidelity)
        self.parser: RegionParser | None = None
        if settings.parser is not None:
            _, parses = parser_kind(settings.parser)
            self.parser = RegionParser(self._load("parser", settings.parser), parses)

    def fit(self, identity: Identity, own: Appearance, view: View | None) -> NeuralSwapper:
        """One identity on one track."""
        photograph = portrait(identity, own.colour)
        if self._recogniser is None:
            source = source_crop(photograph, self.kind)
        else:
            row = embedding(photograph, view, self._recogniser, self.settings.away)
            source = converted(row, self.kind, self._converter, self._matrix)
        return NeuralSwapper(self, source, own)

    def swapped(self, crops: Array, source: NDArray[np.float32]) -> NDArray[np.float32]:
        """The faces in crops ``[N, S, S, 3]`` 0..255, swapped; S is the size of the network
        times the pixel boost. source: ``[1, ...]``."""
        small = normalised(apart(crops, self.factor), self.kind)
        sources = np.repeat(source, len(small), axis=0)
        output = self.network.run({"target": small, "source": sources})
        return together(pixels_of(output, self.kind, self.kind.denormalise), self.factor)

    def _load(self, field: str, model: str) -> Network:
        chosen = self.settings
        network = Network(model_path(model), chosen.device, chosen.tensorrt, chosen.fp16)
        one_by_one = "" if network.takes_batches else ", one face at a time"
        self._note(field, model, network.device + one_by_one)
        return network

    def _note(self, field: str, model: str, device: str) -> None:
        if model in manifest() or is_path(model):
            path = model_path(model)
            self.models.append(Model(f"swap.{field}", path, path.name, device))


@dataclass
class _Face:
    """One face on its way. matrix: ``[2, 3]``, picture to the swapper's crop. crop, new:
    ``[S, S, 3]``. mask: ``[S, S]``. patch: upright, with its matrix and the mesh in it."""

    picture: Picture
    matrix: align.Matrix
    crop: Image
    patch: Image
    to_patch: align.Matrix
    mesh: Points
    mask: NDArray[np.float32]


class NeuralSwapper:
    """See `blanket.swap.Swapper`."""

    def __init__(self, method: NeuralMethod, source: NDArray[np.float32], own: Appearance) -> None:
        self._method, self._source = method, source
        self._occlusion = OcclusionMask(own)

    def swap(self, faces: Sequence[tuple[Picture, Placement]]) -> list[bool]:
        """Paint the new face over each of the next faces that it is sure of, in place."""
        method, settings = self._method, self._method.settings
        # 1. Aligned crops, and what of them is face and in front of all else.
        cut = [self._cut(picture, placement) for picture, placement in faces]
        crops = np.stack([face.crop for face in cut])
        if method.parser is not None:
            for face, region in zip(cut, method.parser(crops), strict=True):
                face.mask = face.mask * region
        # 2. All at once.
        new = method.swapped(crops, self._source)
        # 3. In the colours of the scene; is it a face that lies as the child's does?
        painted = [
            match_colour(pixels, face.crop, face.mask, settings.colour)
            for pixels, face in zip(new, cut, strict=True)
        ]
        sure = [
            self._confidence(face, pixels) >= settings.min_confidence
            for face, pixels in zip(cut, painted, strict=True)
        ]
        # 4. Back into the pictures.
        done = [face for face, one in zip(cut, sure, strict=True) if one]
        for face, pixels, one in zip(cut, painted, sure, strict=True):
            if one:
                face.picture.paste(_rounded(pixels), face.mask, face.matrix)
        if method.restorer is not None and done:
            self._restore(method.restorer, done)
        return sure

    def _cut(self, picture: Picture, placement: Placement) -> _Face:
        assert placement.mesh is not None and placement.occluded is not None
        kind, side = self._method.kind, self._method.kind.size * self._method.factor
        matrix = template_matrix(placement.mesh, kind.template, side)
        crop = picture.sample(matrix, (side, side))
        to_patch = face_matrix(placement.mesh, LOOK_SIDE, LOOK_HALF)
        patch = picture.sample(to_patch, (LOOK_SIDE, LOOK_SIDE))
        mesh = align.apply(to_patch, placement.mesh)
        within = lies_within(to_patch, LOOK_SIDE, (picture.width, picture.height))
        cover = self._occlusion(patch, mesh, placement.occluded, within)
        mask = face_mask(align.apply(matrix, placement.mesh), side, 0, FADE * side)
        clear = 1 - moved(cover, align.compose(matrix, align.invert(to_patch)), side)
        return _Face(picture, matrix, crop, patch, to_patch, mesh, mask * border_mask(side) * clear)

    def _confidence(self, face: _Face, pixels: NDArray[np.float32]) -> float:
        """0 to 1: the least of how much a face is seen in the result, how near its mesh is to
        the child's, how light and dark follow the child's, and whether it was changed at all.
        """
        if self._method.settings.min_confidence == 0:
            return 1.0
        seen = face.mask > 0.5
        if not seen.any() or not np.isfinite(pixels).all():
            return 0.0
        change = float(np.abs(pixels - face.crop)[seen].mean())
        alike = _correlation(pixels.mean(-1)[seen], face.crop.mean(-1)[seen])
        canvas = Still(face.patch.copy())
        canvas.paste(
            _rounded(pixels),
            face.mask,
            align.compose(face.matrix, align.invert(face.to_patch)),
        )
        reading = self._method.mesh.follow(canvas.pixels, face.mesh)
        away = np.linalg.norm(reading.mesh[:SURFACE, :2] - face.mesh[:SURFACE, :2], axis=1).mean()
        away /= float(eye_distance(face.mesh))
        near = np.clip((FAR - away) / (FAR - NEAR), 0, 1)
        return float(min(reading.trust, near, alike, change / UNCHANGED, 1.0))

    def _restore(self, restorer: Restorer, faces: Sequence[_Face]) -> None:
        kind, side = restorer.kind, restorer.kind.size
        back = [align.invert(face.to_patch) for face in faces]
        matrices = [
            template_matrix(align.apply(to_picture, face.mesh), kind.template, side)
            for to_picture, face in zip(back, faces, strict=True)
        ]
        crops = [
            face.picture.sample(matrix, (side, side))
            for face, matrix in zip(faces, matrices, strict=True)
        ]
        sharp = restorer(np.stack(crops))
        for face, matrix, pixels in zip(faces, matrices, sharp, strict=True):
            mask = moved(face.mask, align.compose(matrix, align.invert(face.matrix)), side)
            share = self._method.settings.restored
            face.picture.paste(_rounded(pixels), mask * np.float32(share), matrix)


def _correlation(a: Array, b: Array) -> float:
    """0 to 1; 0 where one of them is flat."""
    a, b = a - a.mean(), b - b.mean()
    power = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return max(float((a * b).sum()) / power, 0.0) if power > 1e-3 * a.size else 0.0


def _rounded(pixels: NDArray[np.float32]) -> Image:
    return (pixels.clip(0, 255) + 0.5).astype(np.uint8)
