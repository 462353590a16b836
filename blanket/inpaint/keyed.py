"""The new face of a known person: the same in every video, for the same key.

It is drawn from the morphable model as any other, but by numbers that the key and the
person's ID determine (`blanket.key`), and without a look at the person: what a video shows
differs from session to session, so a face chosen to be far from that would be another one
each time. It is drawn far from the average of its age instead, which most people are near.
If it happens to look like the person, that is an error and not a reason to draw again, which
would depend on the video too: the person is given another ID, in all of the videos.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.errors import BlanketError
from blanket.faces import Appearance, Identity
from blanket.inpaint.morphable import (
    AGES,
    STEPS,
    Foresight,
    age_group,
    exemplar,
    foreseen,
    load_likeness,
    load_model,
    mixed_texture,
    years_of,
)
from blanket.inpaint.young import young
from blanket.light import flatten
from blanket.likeness import describe
from blanket.texture import atlas

NEAREST, POOL = 48, 36
"""Exemplars that may lead: of those nearest in age (and gender, if grown), the ones that are
the same on both sides, which strands of hair and hard light are not."""
LEAST = 0.2
"""A keyed face that is foreseen nearer than this to the person looks like them."""
MIXTURES = 60
NUMBERS = 2 + 8 * MIXTURES
_SIDE = 64


@dataclass(frozen=True)
class Group:
    """People whose faces are drawn from the same pool. pool: ``[P]`` int, the exemplars.
    chances: ``[P]``, their shares of the average. average: of the pool."""

    pool: NDArray[np.int64]
    chances: NDArray[np.float64]
    average: Appearance


def group_of(own: Appearance, age: str) -> str:
    """``infant``, ``child``, ``woman`` or ``man``. age: that of the settings."""
    group = age_group(years_of(own)) if age == "auto" else age
    if group != "adult":
        return group
    man = float(load_likeness().man(describe(own.flat, own.shape)))
    return "man" if man >= 50 else "woman"


@cache
def load_group(name: str) -> Group:
    """The group of a name (`group_of`)."""
    model = load_model()
    years = AGES.get(name, AGES["adult"])
    apart = np.log(model["ages"].astype(np.float64) + 1) - np.log(years + 1)
    score = -0.5 * (apart / 0.35) ** 2
    if name in ("woman", "man"):
        usual = 85.0 if name == "man" else 15.0
        score -= 0.5 * ((model["genders"].astype(np.float64) - usual) / 20) ** 2
    near = np.argsort(-score, kind="stable")[:NEAREST]
    flats = np.stack(
        [
            cv2.resize(flatten(exemplar(int(n))), (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
            for n in near
        ]
    )
    uneven = np.abs(flats - flats[:, :, ::-1])[:, atlas(_SIDE).inside].mean((1, 2))
    even = np.sort(np.argsort(uneven, kind="stable")[:POOL])
    pool = near[even]
    chances = np.exp(score[pool] - score[pool].max())
    chances /= chances.sum()
    flat = np.tensordot(chances, flats[even], 1).astype(np.float32)
    colour = np.tensordot(chances, model["colours"][pool], 1).astype(np.float32)
    shape = np.tensordot(chances, model["shapes"][pool].astype(np.float32), 1)
    average = Appearance(
        texture=flat * colour, spread=np.zeros((_SIDE, _SIDE), np.float32), flat=flat,
        shape=shape.astype(np.float32), colour=colour, frames=1,
        worn=np.zeros((_SIDE, _SIDE), np.float32),
    )  # fmt: skip
    return Group(pool, chances, average)


def keyed_face(numbers: NDArray[np.float64], group: str) -> Identity:
    """The face of `NUMBERS` numbers in [0, 1) in a group. Its distance is that from the
    average."""
    chosen = load_group(group)
    # 1. Who leads in texture and in shape: any of the pool. Who is mixed in: those of that age
    # rather.
    leaders = chosen.pool[(numbers[:2] * len(chosen.pool)).astype(int)]
    drawn = numbers[2:].reshape(2, MIXTURES, 4)
    textures, shapes = (
        _mixtures(int(leader), chosen, rows) for leader, rows in zip(leaders, drawn, strict=True)
    )
    # 2. Of these mixtures, the one that is farthest from the average, its shape taken farther.
    foresight, step = Foresight(chosen.average), STEPS[-1]
    apart = foresight.distances(textures, shapes, step)
    best = int(apart.argmax())
    shape = foresight.shapes(shapes[[best]], step)[0]
    texture = young(mixed_texture(textures[best]), AGES.get(group, AGES["adult"]))
    return Identity(texture, shape, "keyed", float(apart[best]))


def _mixtures(leader: int, group: Group, rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """``[M, exemplars]``: weights of mixtures, from numbers ``[M, 4]``: two partners, how far
    the leader leads, and how the partners share the rest."""
    reach = np.cumsum(group.chances)
    weights = np.zeros((len(rows), len(load_model()["ages"])), np.float32)
    for row, (first, second, lead, split) in zip(weights, rows, strict=True):
        share, part = 0.75 + 0.17 * lead, 0.25 + 0.5 * split
        for number, weight in ((first, part), (second, 1 - part)):
            partner = min(int(np.searchsorted(reach, number)), len(reach) - 1)
            row[group.pool[partner]] += (1 - share) * weight
        row[leader] += share
    return weights


def keyed_identity(numbers: NDArray[np.float64], own: Appearance, age: str) -> Identity:
    """The face of `NUMBERS` numbers for a person. own: only its age group is taken from it, and
    how far the face is. age: that of the settings.

    Raises:
        BlanketError: the face looks like the person.
    """
    face = keyed_face(numbers, group_of(own, age))
    distance = foreseen(face, own)
    if distance < LEAST:
        raise BlanketError(
            "the new face of a subject looks like the face that it replaces (foreseen distance "
            f"{distance:.2f}, least {LEAST}): give this person another ID, in all videos"
        )
    return replace(face, distance=distance)
