"""New faces from a morphable model: mixtures of clean synthetic faces.

A face is a convex combination of a few exemplars, in shape and in texture, each by itself
(Blanz & Vetter 1999), of the age and complexion of the child. An average of many faces is
smooth and nobody in particular: so few are mixed, one of them leads, and the finest detail
is the leader's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Appearance, Array, Identity, Image, Points
from blanket.inpaint.brows import dyed
from blanket.inpaint.clean import soft_rim
from blanket.inpaint.young import young
from blanket.light import broad_light, flatten
from blanket.likeness import Likeness, describe
from blanket.models import Model
from blanket.swap.shape import ShapeChange, worn
from blanket.topology import SURFACE
from blanket.weights import weights_path

if TYPE_CHECKING:
    from blanket.view import View

CANDIDATES = 60
LEADERS = 3
"""Of how many exemplars that fit and are far from the child the seed picks a leader, once for
the texture and once for the shape."""
FIT = 0.004
"""What it is worth, as a distance, to fit better (the chance's logarithm): distances of exemplars
are often as good as equal."""
AGE = 0.05
"""What it is worth, as a distance, to look a factor of e nearer to the wanted age: of mixtures
that are nearly as far, the one of that age is taken."""
TOO_OLD = 0.5
"""By how many factors of e more than usual the age may be off with one who leads: a low brow
makes some look twice as old."""
PARTNERS = 2
LEAD = 0.65, 0.8
"""The leader's share, from and to: more, and its brows look drawn on another's skin."""
STEPS = tuple(0.1 * n for n in range(13))
"""How far the shape may go beyond a mixture, away from the child, as shares of the difference:
as few steps as the wanted distance needs, since each costs likelihood."""
USUAL = STEPS[8]
"""The step at which candidates are compared."""
_WHITE = np.array([0.9505, 1.0, 1.089], np.float32)
"""X, Y and Z of D65, sRGB's white."""
AGES = {"infant": 1.8, "child": 6.0, "adult": 32.0}


@cache
def load_model() -> dict[str, Array]:
    """The arrays in ``weights/morphable.npz`` (`blanket.train.morphable`)."""
    with np.load(weights_path("morphable.npz")) as file:
        return {name: file[name] for name in file.files}


@cache
def load_likeness() -> Likeness:
    """The likeness map that was built with the model."""
    prefix = "likeness_"
    return Likeness(
        **{key.removeprefix(prefix): value for key, value in load_model().items() if prefix in key}
    )


def age_group(years: float) -> str:
    """``infant`` (below about 4 as pictures go), ``child`` (below about 14) or ``adult``."""
    return "infant" if years < 4.5 else "child" if years < 14 else "adult"


def years_of(own: Appearance) -> float:
    """How old a face looks, in years."""
    return float(load_likeness().years(describe(own.flat, own.shape)))


class Morphable:
    """See `blanket.inpaint.IdentityGenerator`.

    age: the group of the new face; ``auto`` reads it off the face that is replaced.
    distance: how far from the child the new face should be (`blanket.likeness`).
    """

    name = "morphable"
    looks = False

    def __init__(
        self, age: Literal["auto", "infant", "child", "adult"] = "auto", distance: float = 0.68
    ) -> None:
        self._age, self._distance = age, distance
        self.models: list[Model] = []

    def invent(self, own: Appearance, rng: np.random.Generator, view: View | None) -> Identity:
        """A new face: of many plausible mixtures, the one least like `own`."""
        # 1. Who may be mixed: near in age, complexion and, if grown, gender.
        chances = self._chances(own)
        # 2. Who leads, in texture and in shape: of those who fit, one of the least like the
        # child, unless it would look too old.
        foresight, years = Foresight(own), self._years(own)
        fitting = np.flatnonzero(chances > 0.25 * np.sort(chances)[-LEADERS])
        alone = np.eye(len(chances), dtype=np.float32)[fitting]
        fit = FIT * np.log(chances[fitting])
        # Both are taken in the model's order: many are as good as equally far, and a hair's
        # breadth in how the child is read would turn whom the seed picks.
        skins, forms = (
            np.sort(fitting[np.argsort(-foresight.leading(codes, years) - fit)[:LEADERS]])[::-1]
            for codes in (foresight.with_texture(alone), foresight.with_shape(alone, USUAL))
        )
        leaders = int(rng.choice(skins)), int(rng.choice(forms))
        # 3. Who else is mixed in: of some random mixtures, the ones that are farthest away and
        # about of the age.
        textures, shapes = (_mixtures(leader, chances, rng) for leader in leaders)
        texture, shape = foresight.best(textures, shapes, USUAL, years)
        # 4. Steps on in the same direction, until it is far enough.
        chosen = textures[[texture]], shapes[[shape]]
        for step in STEPS:
            distance = float(foresight.distances(*chosen, step)[0])
            if distance >= self._distance:
                break
        new = foresight.shapes(chosen[1], step)[0]
        drawn = dyed(young(mixed_texture(textures[texture]), years), own.flat, years)
        # Brows and skin that were made to fit are a little nearer to the child's.
        face = Identity(drawn, new, self.name, 0.0)
        return replace(face, distance=foreseen(face, own))

    def _years(self, own: Appearance) -> float:
        if self._age != "auto":
            return AGES[self._age]
        read = years_of(own)
        # A new face looks older than those it is mixed from, the more so among the youngest.
        return min(read, AGES["infant"]) if age_group(read) == "infant" else read

    def _chances(self, own: Appearance) -> NDArray[np.float64]:
        model, target = load_model(), np.clip(self._years(own), 1.0, 60.0)
        # Ages as people see them in pictures: a year counts for less the older one is.
        apart = np.log(model["ages"] + 1) - np.log(target + 1)
        score = -0.5 * (apart / 0.35) ** 2
        tones = _tone(np.vstack([model["colours"], own.colour[None]]))
        score -= 0.5 * (np.linalg.norm(tones[:-1] - tones[-1], axis=1) / 30) ** 2
        # A small child has no gender to see; the older, the more it is seen.
        seen = float(np.clip((target - 4) / 10, 0, 1))
        man = float(load_likeness().man(describe(own.flat, own.shape)))
        score -= 0.5 * seen * ((model["genders"] - man) / 20) ** 2
        chances = np.exp(score - score.max()).astype(np.float64)
        # Always enough to mix from: the nearest dozen have a fair share.
        nearest = np.argsort(-score)[:12]
        chances[nearest] = np.maximum(chances[nearest], 0.2)
        return chances / chances.sum()


def _mixtures(
    leader: int, chances: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """``[CANDIDATES, exemplars]``: weights of mixtures that one exemplar leads."""
    weights = np.zeros((CANDIDATES, len(chances)), np.float32)
    for row in weights:
        lead = rng.uniform(*LEAD)
        partners = rng.choice(len(chances), PARTNERS, replace=False, p=chances)
        row[partners] = (1 - lead) * rng.dirichlet(np.full(PARTNERS, 4.0))
        row[leader] += lead
    return weights


class Foresight:
    """How far mixtures would be from a child once they are put on its face.

    Only what the swap changes counts: the texture, and the shape as far as features move
    (`blanket.swap.shape`).
    """

    def __init__(self, own: Appearance) -> None:
        self._own = own
        model, self._likeness = load_model(), load_likeness()
        self._shapes = model["shapes"].astype(np.float32)
        basis = self._likeness.basis.astype(np.float32)
        self._of_shape = basis[:, -SURFACE * 3 :].T
        codes = model["features"].astype(np.float32)[:, :-1]
        self._textures = codes - self._coded(self._shapes)
        mine = self._likeness.code(describe(own.flat, own.shape))[:-1]
        self._mine = mine, mine - self._coded(own.shape[None])[0]
        """What is the child's: all, and the texture alone."""

    def _coded(self, shapes: NDArray[np.float32]) -> NDArray[np.float32]:
        return shapes[:, :SURFACE].reshape(len(shapes), -1) @ self._of_shape

    def _worn(self, weights: NDArray[np.float32], step: float) -> NDArray[np.float32]:
        own = self._own.shape
        return self._coded(worn(own, ShapeChange(own, self.shapes(weights, step))))

    def _length(self, apart: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.linalg.norm(apart @ self._likeness.embedding[:-1], axis=1)

    def shapes(self, weights: NDArray[np.float32], step: float) -> Points:
        """``[N, 478, 3]``, the shapes of mixtures ``[N, exemplars]``, a step away from the
        child's."""
        mixed = np.tensordot(weights, self._shapes, 1)
        return (mixed + step * (mixed - self._own.shape)).astype(np.float32)

    def with_texture(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Codes of the child with the textures of mixtures ``[N, exemplars]``, in its shape."""
        return weights @ self._textures + (self._mine[0] - self._mine[1])

    def with_shape(self, weights: NDArray[np.float32], step: float) -> NDArray[np.float32]:
        """Codes of the child in the shapes of mixtures after a step of `STEPS`, with its
        texture."""
        return self._worn(weights, step) + self._mine[1]

    def leading(self, codes: NDArray[np.float32], years: float) -> NDArray[np.float32]:
        """``[N]``: how far faces of codes ``[N, D]`` are from the child; 0 where their age is off
        by much more than that of most."""
        age = self._likeness.age
        off = np.abs(codes @ age[:-1] + age[-1] - self._likeness.at_age(years))
        far = self._length(codes - self._mine[0])
        return np.where(off > np.median(off) + TOO_OLD, np.float32(0), far)

    def distances(
        self, textures: NDArray[np.float32], shapes: NDArray[np.float32], step: float
    ) -> NDArray[np.float32]:
        """``[N]``, of mixtures ``[N, exemplars]`` of textures and of shapes after a step."""
        return self._length(textures @ self._textures + self._worn(shapes, step) - self._mine[0])

    def best(
        self,
        textures: NDArray[np.float32],
        shapes: NDArray[np.float32],
        step: float,
        years: float,
    ) -> tuple[int, int]:
        """Of mixtures of textures and of shapes after a step, those that together are farthest,
        less what their age is off by."""
        seen, age = self._likeness.embedding[:-1], self._likeness.age
        of_textures, of_shapes = textures @ self._textures, self._worn(shapes, step)
        away = ((of_textures - self._mine[0]) @ seen)[:, None] + of_shapes @ seen
        ages = (of_textures @ age[:-1])[:, None] + of_shapes @ age[:-1] + age[-1]
        older = np.abs(ages - self._likeness.at_age(years))
        merit = np.linalg.norm(away, axis=-1) - AGE * older
        texture, shape = np.unravel_index(int(merit.argmax()), merit.shape)
        return int(texture), int(shape)


def foreseen(identity: Identity, own: Appearance) -> float:
    """How far a new face would be from a child once it is put on the child's face."""
    likeness = load_likeness()
    shape = worn(own.shape, ShapeChange(own.shape, identity.shape))
    theirs = likeness.embed(describe(flatten(identity.texture), shape))
    mine = likeness.embed(describe(own.flat, own.shape))
    return float(np.linalg.norm(theirs - mine))


def _tone(colours: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lightness (half weight: light varies more than skin) and hue of sRGB ``[N, 3]``: L*, a*
    and b* of CIE 1976, L* to 255.

    OpenCV spends longer on the tables of its own conversion than choosing a face takes.
    """
    stored = (colours.clip(0, 255) / 255).astype(np.float32)
    linear = np.where(stored > 0.04045, ((stored + 0.055) / 1.055) ** 2.4, stored / 12.92)
    xyz = cv2.cvtColor(linear[None], cv2.COLOR_RGB2XYZ)[0] / _WHITE
    x, y, z = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116).T
    lab = np.column_stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])
    return (lab * (0.5 * 2.55, 1.0, 1.0)).astype(np.float32)


def exemplar(number: int) -> Image:
    """The texture ``[320, 320, 3]`` of an exemplar."""
    model = load_model()
    start = int(model["ends"][number - 1]) if number else 0
    code = model["codes"][start : int(model["ends"][number])]
    return cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]


def mixed_texture(weights: NDArray[np.float32]) -> Image:
    """``[320, 320, 3]`` uint8: the mixture, with the finest detail of its leader."""
    chosen = np.flatnonzero(weights)
    leader = int(weights.argmax())
    texture = {int(number): exemplar(int(number)) for number in chosen}
    flat = {number: flatten(picture) for number, picture in texture.items()}
    mixed = sum(float(weights[number]) * flat[number] for number in flat)
    fine = flat[leader] - cv2.GaussianBlur(flat[leader], (0, 0), 2.0)
    detailed = cv2.GaussianBlur(mixed, (0, 0), 2.0) + fine
    # Glints and deep shadows of the picture that the leader was taken from.
    detailed = detailed.clip(0.3, 1.35)
    light = broad_light(texture[leader])
    broad = cv2.resize(light, detailed.shape[1::-1], interpolation=cv2.INTER_CUBIC)
    return soft_rim(np.clip(detailed * broad, 0, 255).astype(np.uint8))
