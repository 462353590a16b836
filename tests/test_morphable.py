"""New faces from the morphable model: whom the mixtures are of."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from blanket.appearance import SIDE
from blanket.faces import Appearance
from blanket.inpaint.morphable import (
    AGE,
    TOO_OLD,
    USUAL,
    Foresight,
    Morphable,
    exemplar,
    foreseen,
    load_likeness,
    load_model,
)
from blanket.light import flatten
from blanket.likeness import describe
from blanket.swap.shape import ShapeChange, worn


def appearance_of(number: int) -> Appearance:
    """An exemplar as a person who is to be replaced."""
    small = cv2.resize(exemplar(number), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    texture = small.astype(np.float32)
    none = np.zeros((SIDE, SIDE), np.float32)
    model = load_model()
    shape, colour = (model[name][number].astype(np.float32) for name in ("shapes", "colours"))
    return Appearance(texture, none, flatten(texture), shape, colour, 10, none)


def mixtures(seed: int) -> np.ndarray:
    """``[200, exemplars]``, of three each."""
    rng = np.random.default_rng(seed)
    weights = np.zeros((200, len(load_model()["ages"])), np.float32)
    for row in weights:
        row[rng.choice(len(row), 3, replace=False)] = rng.dirichlet(np.ones(3))
    return weights


def test_of_faces_that_are_nearly_as_far_the_one_of_the_age_is_taken() -> None:
    own = appearance_of(int(np.argmax(load_model()["ages"])))
    foresight, likeness = Foresight(own), load_likeness()
    codes = load_model()["features"].astype(np.float32)[:, :-1]
    scale = likeness.at_age(60) - likeness.at_age(3)
    older = []
    for seed in range(4):
        textures, shapes = mixtures(seed), mixtures(seed + 10)
        ages, distances = [], []
        for years in (3, 60):
            texture, shape = foresight.best(textures, shapes, 0.0, years)
            # Unmoved by a step, and each by itself: enough to put them in order.
            ages.append(float((textures[texture] + shapes[shape]) @ codes @ likeness.age[:-1]))
            distances.append(foresight.distances(textures[[texture]], shapes[[shape]], 0.0)[0])
        older.append(ages[1] - ages[0])
        assert abs(distances[1] - distances[0]) <= 2 * AGE * scale, "age has its price"
    assert min(older) >= 0
    assert max(older) > 0


def test_a_place_on_the_scale_of_age_is_that_of_faces_of_the_age() -> None:
    likeness = load_likeness()
    for number in range(0, 150, 30):
        own = appearance_of(number)
        features = describe(own.flat, own.shape)
        years = float(likeness.years(features))
        if likeness.ages[1][0] < np.log(years) < likeness.ages[1][-1]:
            assert likeness.at_age(years) == pytest.approx(
                float(likeness.code(features) @ likeness.age), abs=0.02
            )


@pytest.mark.parametrize("number", [0, 60, 120])
def test_a_new_face_is_as_far_as_it_is_said_to_be(number: int) -> None:
    own = appearance_of(number)
    new = Morphable().invent(own, np.random.default_rng(0), None)
    assert new.distance == pytest.approx(foreseen(new, own), abs=1e-4)
    assert new.distance > 0.3
    nearer = Morphable(distance=0.1).invent(own, np.random.default_rng(0), None)
    assert nearer.distance < new.distance


def test_nobody_in_whose_shape_one_looks_too_old_leads() -> None:
    likeness, model = load_likeness(), load_model()
    grown = np.flatnonzero((model["ages"] > 20) & (model["ages"] < 45))
    alone = np.eye(len(model["ages"]), dtype=np.float32)[grown]
    found = 0
    for number in grown[::8]:
        own = appearance_of(int(number))
        foresight, years = Foresight(own), float(model["ages"][number])
        far = foresight.leading(foresight.with_shape(alone, USUAL), years)
        # Each exemplar's shape put on, and its age read off the face.
        shapes = worn(own.shape, ShapeChange(own.shape, foresight.shapes(alone, USUAL)))
        codes = np.stack([likeness.code(describe(own.flat, shape)) for shape in shapes])
        off = np.abs(codes @ likeness.age - likeness.at_age(years))
        barred = far == 0
        assert not barred[off < np.median(off) + TOO_OLD - 0.01].any()
        assert barred[off > np.median(off) + TOO_OLD + 0.01].all()
        found += int(barred.sum())
    assert found > 0, "an example"
