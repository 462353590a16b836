"""Hiding: nothing of the face is left, and nothing else is touched."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from blanket.faces import Image, Points
from blanket.image import Still
from blanket.obfuscate.hide import hide
from blanket.obfuscate.region import HeadBox

WIDTH, HEIGHT = 320, 240


def _noise(seed: int = 0) -> Image:
    """Detail at every scale, as strong as it can be."""
    rng = np.random.default_rng(seed)
    fine = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    coarse = cv2.resize(
        rng.integers(0, 256, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8), (WIDTH, HEIGHT)
    )
    return np.asarray(cv2.addWeighted(fine, 0.5, coarse, 0.5, 0), np.uint8)


def _box(*edges: float) -> Points:
    return np.array(edges, np.float32)


def _distance(box: Sequence[float], angle: float) -> NDArray[np.float64]:
    """How far each pixel is from the box's middle, in axes of its ellipse."""
    x0, y0, x1, y1 = box
    x = np.arange(WIDTH)[None, :] - (x0 + x1) / 2
    y = np.arange(HEIGHT)[:, None] - (y0 + y1) / 2
    across = (np.cos(angle) * x + np.sin(angle) * y) / max((x1 - x0) / 2, 1)
    down = (np.cos(angle) * y - np.sin(angle) * x) / max((y1 - y0) / 2, 1)
    return np.asarray(np.hypot(across, down))


@pytest.mark.parametrize("angle", [0.0, 1.0, -2.5])
@pytest.mark.parametrize("box", [[120, 70, 200, 170], [150, 110, 170, 135], [90, 60, 230, 180]])
def test_detail_is_gone_inside_and_every_bit_kept_outside(box: list[float], angle: float) -> None:
    before = _noise()
    picture = Still(before.copy())
    hide(picture, HeadBox.upright(_box(*box), angle), grow=1.6)
    away = _distance(box, angle) / 1.6
    inside = away < 0.95
    sharpness = [
        cv2.Laplacian(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.CV_32F)[inside].std()
        for rgb in (before, picture.pixels)
    ]
    assert sharpness[1] < 0.1 * sharpness[0]
    outside = away > 1.25
    assert outside.any()
    assert (picture.pixels[outside] == before[outside]).all()


def test_the_whole_face_is_hidden_even_without_growing() -> None:
    before = _noise()
    picture = Still(before.copy())
    box = [100, 60, 220, 190]
    hide(picture, HeadBox.upright(_box(*box), 0.3), grow=1.0)
    inside = _distance(box, 0.3) <= 1
    # Where it covers fully, the result does not depend on single pixels of the picture.
    changed = before.copy()
    changed[::2, ::2] = np.clip(changed[::2, ::2].astype(int) + 1, 0, 255)
    other = Still(changed)
    hide(other, HeadBox.upright(_box(*box), 0.3), grow=1.0)
    difference = np.abs(other.pixels.astype(int) - picture.pixels.astype(int))
    # One level by the change itself, one by rounding.
    assert difference[inside].max() <= 2


def test_two_faces_leave_nearly_the_same_blur() -> None:
    """What is a tenth of a face in size, as an eye is, does not tell them apart afterwards."""
    box = [110, 70, 210, 170]
    inside = _distance(box, 0) < 1
    before, after = [], []
    for seed in (1, 2):
        blocks = np.random.default_rng(seed).integers(0, 2, (HEIGHT // 10, WIDTH // 10)) * 255
        pixels = np.repeat(np.kron(blocks, np.ones((10, 10)))[..., None], 3, axis=2)
        picture = Still(pixels.astype(np.uint8))
        before.append(pixels[inside])
        hide(picture, HeadBox.upright(_box(*box)))
        after.append(picture.pixels[inside].astype(float))
    assert (after[0] - after[1]).std() < 0.25 * (before[0] - before[1]).std()


@settings(max_examples=60, deadline=None)
@given(
    x=st.floats(-1000, 1000),
    y=st.floats(-1000, 1000),
    width=st.floats(0, 2000),
    height=st.floats(0, 2000),
    angle=st.floats(-10, 10),
)
def test_any_box_can_be_hidden(
    x: float, y: float, width: float, height: float, angle: float
) -> None:
    picture = Still(np.full((HEIGHT, WIDTH, 3), 128, np.uint8))
    hide(picture, HeadBox.upright(_box(x, y, x + width, y + height), angle))
    assert (np.abs(picture.pixels.astype(int) - 128) <= 1).all()


def test_a_picture_of_one_pixel() -> None:
    picture = Still(np.full((1, 1, 3), 200, np.uint8))
    hide(picture, HeadBox.upright(_box(0, 0, 0, 0)))
    assert picture.pixels.tolist() == [[[200, 200, 200]]]


def test_nobody_knows_where() -> None:
    picture = Still(_noise())
    with pytest.raises(ValueError, match="finite"):
        hide(picture, HeadBox.upright(_box(0, 0, np.nan, 5)))
