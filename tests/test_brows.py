"""Brows of a new face have the colour of the wearer's hair."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from blanket.appearance import SIDE
from blanket.inpaint.brows import dyed
from blanket.texture import TEXTURE_SIDE, texture_points
from blanket.topology import LEFT_BROW, NOSE, RIGHT_BROW

SKIN = np.array([200, 160, 140], np.float32)


def face(brows: tuple[float, float, float]) -> np.ndarray:
    """A texture of one skin, with brows that are so much darker in red, green and blue."""
    texture = np.tile(SKIN, (TEXTURE_SIDE, TEXTURE_SIDE, 1))
    for ring in (LEFT_BROW, RIGHT_BROW):
        outline = np.round(texture_points()[list(ring), :2]).astype(np.int32)
        colour = (SKIN * brows).tolist()
        cv2.fillConvexPoly(texture, cv2.convexHull(outline), colour)
    return texture


def worn_by(brows: tuple[float, float, float]) -> np.ndarray:
    """What `dyed` is told of somebody with such brows, light divided out."""
    small = cv2.resize(face(brows) / SKIN, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return small.astype(np.float32)


def brow_of(texture: np.ndarray) -> np.ndarray:
    """Its colour in the middle of a brow, over the skin's."""
    x, y = np.round(texture_points()[list(LEFT_BROW), :2].mean(0)).astype(int)
    return texture[y - 2 : y + 3, x - 2 : x + 3].mean((0, 1)) / SKIN


BLACK, BROWN = (0.45, 0.45, 0.45), (0.6, 0.5, 0.45)


def test_black_brows_turn_brown_on_one_whose_brows_are() -> None:
    black = face(BLACK).astype(np.uint8)
    new = dyed(black, worn_by(BROWN), 32)
    before, after = brow_of(black), brow_of(new)
    assert after[0] > before[0] + 0.1
    assert after[0] > after[1] > after[2] - 0.02
    assert after == pytest.approx(BROWN, abs=0.06)


def test_nothing_but_brows_is_dyed() -> None:
    black = face(BLACK).astype(np.uint8)
    new = dyed(black, worn_by(BROWN), 32)
    nose = np.round(texture_points()[list(NOSE), :2]).astype(int)
    assert (new[nose[:, 1], nose[:, 0]] == black[nose[:, 1], nose[:, 0]]).all()


def test_brows_get_no_darker() -> None:
    brown = face(BROWN).astype(np.uint8)
    assert (dyed(brown, worn_by(BLACK), 32) >= brown.astype(int) - 1).all()


def test_brows_are_never_taken_away() -> None:
    black = face(BLACK).astype(np.uint8)
    assert (brow_of(dyed(black, worn_by((1.0, 1.0, 1.0)), 32)) < 0.7).all()


def test_a_small_child_has_no_hair_to_go_by() -> None:
    black = face(BLACK).astype(np.uint8)
    assert (np.abs(dyed(black, worn_by(BROWN), 2.0).astype(int) - black) <= 1).all()
