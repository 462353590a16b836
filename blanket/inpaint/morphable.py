"""New faces from a morphable model: mixtures of clean synthetic faces.

A face is a convex combination of a few exemplars, in shape and in texture (Blanz & Vetter
1999), of the age and complexion of the child. An average of many faces is smooth and nobody
in particular: so few are mixed, one of them leads, and the finest detail is the leader's.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Appearance, Identity, Image
from blanket.inpaint.likeness import Likeness, describe
from blanket.light import broad_light, flatten
from blanket.weights import weights_path

CANDIDATES = 60
MIXED = 4
AGES = {"infant": 1.5, "child": 6.0, "adult": 32.0}


@cache
def _model() -> dict[str, NDArray]:
    with np.load(weights_path("morphable.npz")) as file:
        return {name: file[name] for name in file.files}


@cache
def load_likeness() -> Likeness:
    """The likeness map that was built with the model."""
    prefix = "likeness_"
    return Likeness(
        **{key.removeprefix(prefix): value for key, value in _model().items() if prefix in key}
    )


def age_group(years: float) -> str:
    """``infant`` (below about 4 as pictures go), ``child`` (below about 14) or ``adult``."""
    return "infant" if years < 4.5 else "child" if years < 14 else "adult"


class Morphable:
    """See `blanket.inpaint.IdentityGenerator`.

    age: the group of the new face; ``auto`` reads it off the face that is replaced.
    """

    name = "morphable"

    def __init__(self, age: Literal["auto", "infant", "child", "adult"] = "auto") -> None:
        self._age = age

    def invent(self, own: Appearance, rng: np.random.Generator) -> Identity:
        """A new face: of many plausible mixtures, the one least like `own`."""
        model, likeness = _model(), load_likeness()
        # 1. Who may be mixed: near in age and complexion.
        features = describe(own.flat, own.shape)
        chances = self._chances(float(likeness.years(features)), own.colour)
        # 2. Mixtures, each led by one exemplar.
        count = len(chances)
        weights = np.zeros((CANDIDATES, count), np.float32)
        for row in weights:
            chosen = rng.choice(count, MIXED, replace=False, p=chances)
            lead = rng.uniform(0.45, 0.6)
            row[chosen] = [lead, *((1 - lead) * rng.dirichlet(np.full(MIXED - 1, 4.0)))]
        # 3. The farthest from the child, by what a recogniser would see.
        codes = weights @ model["features"].astype(np.float32)
        there = codes @ likeness.embedding
        distances = np.linalg.norm(there - likeness.embed(features), axis=1)
        best = int(distances.argmax())
        # 4. Its texture and shape.
        return Identity(
            _mixed_texture(weights[best]), self._mixed_shape(weights[best]), self.name,
            float(distances[best]),
        )  # fmt: skip

    def _chances(self, years: float, colour: NDArray[np.float32]) -> NDArray[np.float64]:
        model = _model()
        target = np.clip(years if self._age == "auto" else AGES[self._age], 1.0, 60.0)
        # Ages as people see them in pictures: a year counts for less the older one is.
        apart = np.log(model["ages"] + 1) - np.log(target + 1)
        score = -0.5 * (apart / 0.22) ** 2
        tones = _tone(np.vstack([model["colours"], colour[None]]))
        score -= 0.5 * (np.linalg.norm(tones[:-1] - tones[-1], axis=1) / 30) ** 2
        chances = np.exp(score - score.max()).astype(np.float64)
        # Always enough to mix from: the nearest dozen have a fair share.
        nearest = np.argsort(-score)[: 3 * MIXED]
        chances[nearest] = np.maximum(chances[nearest], 0.2)
        return chances / chances.sum()

    def _mixed_shape(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        shapes = _model()["shapes"].astype(np.float32)
        mixed = np.tensordot(weights, shapes, 1)
        near = np.exp(-0.5 * ((np.log(_model()["ages"] + 1) - np.log(weights @ _model()["ages"] + 1)) / 0.4) ** 2)
        typical = np.tensordot(near / near.sum(), shapes, 1)
        # A mixture lies nearer to the middle than a person does: move it out again.
        return (typical + 1.35 * (mixed - typical)).astype(np.float32)


def _tone(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lightness (half weight: light varies more than skin) and hue of RGB ``[N, 3]``."""
    lab = cv2.cvtColor(colours[None].clip(0, 255).astype(np.uint8), cv2.COLOR_RGB2LAB)[0]
    return lab.astype(np.float32) * (0.5, 1.0, 1.0)


def _exemplar(number: int) -> Image:
    model = _model()
    start = int(model["ends"][number - 1]) if number else 0
    code = model["codes"][start : int(model["ends"][number])]
    return cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]


def _mixed_texture(weights: NDArray[np.float32]) -> Image:
    """``[320, 320, 3]`` uint8: the mixture, with the finest detail of its leader."""
    chosen = np.flatnonzero(weights)
    leader = int(weights.argmax())
    texture = {int(number): _exemplar(int(number)) for number in chosen}
    flat = {number: flatten(picture) for number, picture in texture.items()}
    mixed = sum(float(weights[number]) * flat[number] for number in flat)
    fine = flat[leader] - cv2.GaussianBlur(flat[leader], (0, 0), 2.0)
    detailed = cv2.GaussianBlur(mixed, (0, 0), 2.0) + fine
    light = broad_light(texture[leader])
    broad = cv2.resize(light, detailed.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(detailed * broad, 0, 255).astype(np.uint8)
