"""Working ahead: order, errors, and an end to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blanket.ahead import ahead
from blanket.config import TrackSettings
from blanket.copies import copies
from blanket.faces import Image
from blanket.image import Still


@given(st.lists(st.none() | st.integers()), st.integers(1, 4))
def test_every_item_comes_in_order(items: list[int | None], most: int) -> None:
    assert list(ahead(items, most, "test")) == items


def test_no_more_is_fetched_than_asked_for() -> None:
    fetched: list[int] = []
    enough = threading.Event()

    def count() -> Iterator[int]:
        for number in range(100):
            fetched.append(number)
            if number == 3:
                enough.set()
            yield number

    numbers = ahead(count(), 2, "test")
    assert next(numbers) == 0
    # Two wait, and one is held that finds no room.
    assert enough.wait(5)
    assert not any(number > 3 for number in fetched)
    numbers.close()  # type: ignore[attr-defined]
    assert fetched == [0, 1, 2, 3]


def test_an_error_comes_in_its_place() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise KeyboardInterrupt

    numbers = ahead(broken(), 3, "test")
    assert next(numbers) == 1
    with pytest.raises(KeyboardInterrupt):
        next(numbers)
    assert not any(thread.name == "test" for thread in threading.enumerate())


def test_copies_stay_as_long_as_is_looked_back() -> None:
    settings = TrackSettings(lookback=5, analysis_side=128)
    pictures = np.random.default_rng(0).integers(0, 256, (40, 144, 192, 3), np.uint8)
    kept: list[tuple[Image, Image]] = []
    for number, copy in enumerate(copies(map(Still, pictures), settings)):
        expected = Still(pictures[number]).rgb(128)
        assert copy.size == (128, 96) and copy.full == (192, 144)
        assert (copy.pixels == expected).all()
        kept = [*kept[-5:], (copy.pixels, expected)]
        assert all((pixels == before).all() for pixels, before in kept)
