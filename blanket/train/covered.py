"""Samples for `blanket.train.cover`: crops in which a hand or a thing lies in front."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from blanket import align
from blanket.crop import FACE_SIDE, face_matrix
from blanket.faces import Image, Points
from blanket.occluders import Float, Occluder, paste
from blanket.train.heads import elsewhere
from blanket.train.lesson import Batch
from blanket.train.samples import MASK_SIDE, Faces, Look, jitter

_CHEEKS = (50, 280, 151, 205, 425)
"""Where the skin is whose colour a hand takes: cheeks, forehead, beside the mouth."""
_REACH = 6
"""Pixels of the face crop beyond the hull that count as the face."""


class Covered(IterableDataset[Batch]):
    """Batches without end: ``face [B, 192, 192, 3]``, its ``mask [B, 48, 48]`` of what lies in
    front, and ``near [B, 48, 48]``, where the face is. All uint8."""

    def __init__(self, faces: Faces, occluders: list[Occluder], batch: int, seed: int) -> None:
        self.faces, self.occluders, self.batch, self.seed = faces, occluders, batch, seed

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        while True:
            samples = [self._sample(rng) for _ in range(self.batch)]
            yield {key: np.stack([s[key] for s in samples]) for key in samples[0]}

    def _sample(self, rng: np.random.Generator) -> Batch:
        picture, mesh = self.faces.drawn(rng)
        degrees, scale, shift = (28, 0.16, 0.12) if rng.random() < 0.25 else (7, 0.05, 0.035)
        matrix = align.compose(jitter(rng, FACE_SIDE, degrees, scale, shift), face_matrix(mesh))
        points = align.apply(matrix, mesh)
        border = cv2.BORDER_CONSTANT if rng.random() < 0.3 else cv2.BORDER_REFLECT
        size = (FACE_SIDE, FACE_SIDE)
        canvas = cv2.warpAffine(picture, matrix, size, borderMode=border).astype(np.float32)
        if rng.random() < 0.5:
            canvas = elsewhere(canvas, points, self.faces, rng)
        if rng.random() < 0.35:
            for _ in range(rng.integers(1, 4)):
                self._shadow(canvas, rng)
        mask = np.zeros(size, np.float32)
        if rng.random() < 0.62:
            mask = self._cover(canvas, points, float(align.scale_of(matrix)), rng)
        hull = np.zeros(size, np.uint8)
        outline = cv2.convexHull(points[:468, :2].round().astype(np.int32))
        cv2.fillConvexPoly(hull, outline, 255)
        near = cv2.dilate(hull, np.ones((2 * _REACH + 1, 2 * _REACH + 1), np.uint8))
        return {
            "face": Look(rng, 1.0)(_picture(canvas)),
            "mask": _small(np.asarray(mask * 255, np.uint8), MASK_SIDE),
            "near": _small(near, MASK_SIDE),
        }

    def _cover(
        self, canvas: Float, points: Points, scale: float, rng: np.random.Generator
    ) -> Float:
        """Draw one or two occluders over or beside the face, in place; returns their mask.

        scale: pixels of the canvas for one of the aligned picture.
        """
        side = canvas.shape[0]
        mask = np.zeros((side, side), np.float32)
        for _ in range(rng.choice([1, 1, 2])):
            occluder = self.occluders[rng.integers(len(self.occluders))]
            x, y = points[_CHEEKS[rng.integers(5)], :2].astype(int).clip(3, side - 4)
            skin = canvas[y - 2 : y + 3, x - 2 : x + 3].mean((0, 1))
            skin = skin * rng.uniform(0.75, 1.2) * rng.normal(1, 0.04, 3)
            anchor = points[rng.integers(468), :2] + rng.normal(0, 30 * scale, 2)
            width = float(np.exp(rng.uniform(np.log(110), np.log(520)))) * scale
            pasted = paste(canvas, occluder, (anchor[0], anchor[1]), width, skin, rng)
            mask = np.maximum(mask, pasted)
        return mask

    def _shadow(self, canvas: Float, rng: np.random.Generator) -> None:
        """Draw, in place, the shadow of something that is itself not in the picture."""
        side = canvas.shape[0]
        alpha = self.occluders[rng.integers(len(self.occluders))].alpha
        width = alpha.shape[0]
        matrix = cv2.getRotationMatrix2D(
            (width / 2, width / 2), rng.uniform(0, 360), rng.uniform(0.3, 1.7) * side / width
        )
        matrix[:, 2] += (side - width) / 2 + rng.normal(0, 0.18 * side, 2)
        cast = cv2.warpAffine(alpha, matrix, (side, side))
        cast = cv2.GaussianBlur(cast, (0, 0), rng.uniform(0.7, 6)) * rng.uniform(0.15, 0.55)
        canvas *= 1 - cast[..., None] * (1 + rng.normal(0, 0.05, 3).astype(np.float32))


def _picture(canvas: Float) -> Image:
    return np.asarray(canvas.clip(0, 255), np.uint8)


def _small(picture: Image, side: int) -> Image:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
