"""How alike two faces are, and how old one is, without a recogniser at hand.

A linear map from light-free texture and shape to the embedding that a recogniser (dlib's)
gives the face, learnt when the morphable model is built. It ranks candidates for a new
face; it does not prove anything (`blanket.eval` does, with real recognisers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Points
from blanket.texture import atlas
from blanket.topology import SURFACE

SIDE = 48
_RANK = 200
Float = NDArray[np.float32]


def describe(flat: Float, shape: Points) -> Float:
    """The features of a face, ``[F]``: its light-free texture (`blanket.light.flatten`)
    at 48 pixels, luminance and two colour differences, and its shape on the mean face."""
    small = cv2.resize(flat, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    red, green, blue = np.moveaxis(small, -1, 0)
    planes = np.stack([0.3 * red + 0.6 * green + 0.1 * blue, red - green, green - blue])
    inside = atlas(SIDE).inside
    return np.concatenate([planes[:, inside].ravel() * 0.5, shape[:SURFACE].ravel()]).astype(
        np.float32
    )


@dataclass(frozen=True)
class Lesson:
    """A face that teaches the map. features: ``[F]`` (`describe`). embedding: ``[128]``, a
    recogniser's. age: in years. gender: 0 (woman) to 100 (man). None where it is not known."""

    features: Float
    embedding: Float | None
    age: float | None
    gender: float | None


@dataclass(frozen=True)
class Likeness:
    """centre ``[F]``, basis ``[K, F]`` (principal axes, whitened), embedding ``[K + 1, 128]``,
    gender and age ``[K + 1]``: the last row is the constant. ages ``[2, Q]``: quantiles of what
    `age` gives over the faces that taught it, and the log years of those quantiles, since
    ridge regression draws the youngest and the oldest to the middle."""

    centre: Float
    basis: NDArray[np.float16]
    embedding: Float
    gender: Float
    age: Float
    ages: Float

    @classmethod
    def learn(cls, lessons: Sequence[Lesson]) -> Likeness:
        """From faces of which an embedding, or age and gender, are known (ridge regression
        on the principal components of all features)."""
        features = np.stack([lesson.features for lesson in lessons])
        centre = features.mean(0)
        _, singular, axes = np.linalg.svd(features - centre, full_matrices=False)
        basis = axes[:_RANK] / (singular[:_RANK, None] / np.sqrt(len(features)))
        code = np.hstack([(features - centre) @ basis.T, np.ones((len(features), 1))])

        def ridge(x: Float, y: Float) -> Float:
            penalty = 0.05 * len(x) * np.eye(x.shape[1])
            penalty[-1, -1] = 0
            return np.linalg.solve(x.T @ x + penalty, x.T @ y).astype(np.float32)

        known = [
            (row, lesson.embedding)
            for row, lesson in zip(code, lessons, strict=True)
            if lesson.embedding is not None
        ]
        rated = [
            (row, lesson.age, lesson.gender)
            for row, lesson in zip(code, lessons, strict=True)
            if lesson.age is not None and lesson.gender is not None
        ]
        faces = np.stack([row for row, _, _ in rated])
        years = np.log(np.maximum([age for _, age, _ in rated], 0.5))
        age = ridge(faces, years)
        steps = np.linspace(0, 1, 41)
        quantiles = np.stack([np.quantile(faces @ age, steps), np.quantile(years, steps)])
        return cls(
            centre.astype(np.float32),
            basis.astype(np.float16),
            ridge(np.stack([row for row, _ in known]), np.stack([one for _, one in known])),
            ridge(faces, np.array([gender for _, _, gender in rated])),
            age,
            quantiles.astype(np.float32),
        )

    def code(self, features: Float) -> Float:
        code = (features - self.centre) @ self.basis.astype(np.float32).T
        return np.concatenate([code, np.ones((*code.shape[:-1], 1), np.float32)], axis=-1)

    def embed(self, features: Float) -> Float:
        """Predicted embeddings ``[..., 128]`` of features ``[..., F]``."""
        return self.code(features) @ self.embedding

    def years(self, features: Float) -> Float:
        """Predicted ages in years ``[...]`` of features ``[..., F]``."""
        return np.exp(np.interp(self.code(features) @ self.age, *self.ages))

    def at_age(self, years: float) -> float:
        """What `age` gives over the code of a face of so many years."""
        return float(np.interp(np.log(years), self.ages[1], self.ages[0]))

    def man(self, features: Float) -> Float:
        """Predicted ratings of gender, 0 (woman) to 100 (man), ``[...]``."""
        return (self.code(features) @ self.gender).clip(0, 100)
