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
from blanket.inpaint.clean import Zones
from blanket.inpaint.likeness import Likeness, describe
from blanket.light import broad_light, flatten
from blanket.weights import weights_path

CANDIDATES = 100
LEADERS = 6
"""Of how many exemplars that fit and are far from the child the seed picks the leader."""
PARTNERS = 2
SHAPE_AWAY, TEXTURE_AWAY = 1.5, 0.45
"""How far beyond the mixture, away from the child, shape and texture go at full `away`."""
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

    age: the group of the new face; ``auto`` reads it off the face that is replaced. away:
    0..1, how far the face goes beyond the mixture in the direction away from the child.
    """

    name = "morphable"

    def __init__(
        self, age: Literal["auto", "infant", "child", "adult"] = "auto", away: float = 1.0
    ) -> None:
        self._age, self._away = age, away

    def invent(self, own: Appearance, rng: np.random.Generator) -> Identity:
        """A new face: of many plausible mixtures, the one least like `own`."""
        model, likeness = _model(), load_likeness()
        # 1. Who may be mixed: near in age and complexion.
        features = describe(own.flat, own.shape)
        chances = self._chances(float(likeness.years(features)), own.colour)
        # 2. Who leads: one of those who fit well and are least like the child.
        here = likeness.embed(features)
        codes = model["features"].astype(np.float32)
        apart = np.linalg.norm(codes @ likeness.embedding - here, axis=1)
        fitting = np.flatnonzero(chances > 0.25 * np.sort(chances)[-LEADERS])
        leader = rng.choice(fitting[np.argsort(-apart[fitting])[:LEADERS]])
        # 3. Who else is mixed in: of some random pairs, the one that leads farthest away.
        weights = np.zeros((CANDIDATES, len(chances)), np.float32)
        for row in weights:
            lead = rng.uniform(0.75, 0.92)
            partners = rng.choice(len(chances), PARTNERS, replace=False, p=chances)
            row[partners] = (1 - lead) * rng.dirichlet(np.full(PARTNERS, 4.0))
            row[leader] += lead
        there = (weights @ codes) @ likeness.embedding
        best = int(np.linalg.norm(there - here, axis=1).argmax())
        # 4. Its texture and shape, and a step on in the same direction.
        texture = _mixed_texture(weights[best], own.flat, TEXTURE_AWAY * self._away)
        shape = self._mixed_shape(weights[best])
        shape += SHAPE_AWAY * self._away * (shape - own.shape)
        distance = np.linalg.norm(
            likeness.embed(describe(flatten(texture), shape)) - here
        )
        return Identity(texture, shape, self.name, float(distance))

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
        nearest = np.argsort(-score)[: 12]
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


def _mixed_texture(
    weights: NDArray[np.float32], own: NDArray[np.float32], away: float
) -> Image:
    """``[320, 320, 3]`` uint8: the mixture, with the finest detail of its leader.

    own: ``[64, 64, 3]``, the child's light-free texture, which what is not fine moves away
    from by the share `away` of the difference.
    """
    chosen = np.flatnonzero(weights)
    leader = int(weights.argmax())
    texture = {int(number): _exemplar(int(number)) for number in chosen}
    flat = {number: flatten(picture) for number, picture in texture.items()}
    mixed = sum(float(weights[number]) * flat[number] for number in flat)
    fine = flat[leader] - cv2.GaussianBlur(flat[leader], (0, 0), 2.0)
    coarse = cv2.GaussianBlur(mixed, (0, 0), 2.0)
    child = cv2.resize(own, coarse.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    # The child's eyeballs and mouth stay anyway, and must not be seen as skin.
    bare = cv2.GaussianBlur((~Zones.build().holes).astype(np.float32), (0, 0), 3.0)[..., None]
    detailed = coarse + away * bare * (coarse - child) + fine
    light = broad_light(texture[leader])
    broad = cv2.resize(light, detailed.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return np.clip(detailed * broad, 0, 255).astype(np.uint8)
