"""Progress: a bar on a terminal, lines elsewhere, nothing where quiet."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from blanket.progress import shown, telling


def _told(terminal: bool, quiet: bool = False) -> str:
    console = Console(file=StringIO(), force_terminal=terminal, width=100)
    with shown(console, quiet) as progress:
        for done in range(301):
            progress("detect [b]x[/b]", done, 300)
        progress("encode", 7, None)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_lines_are_few() -> None:
    assert _told(terminal=False).splitlines() == [
        "detect [b]x[/b]: 0 of 300",
        "detect [b]x[/b]: 300 of 300",
        "encode: 7",
    ]


def test_a_terminal_shows_a_bar_for_each_stage() -> None:
    told = _told(terminal=True)
    assert "detect [b]x[/b]" in told
    assert "300/300" in told
    assert "encode" in told


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_says_nothing(terminal: bool) -> None:
    assert _told(terminal, quiet=True) == ""


@pytest.mark.parametrize(("count", "told"), [(0, [0]), (20, [10, 20]), (25, [10, 20, 25])])
def test_every_tenth_and_the_end_are_told(count: int, told: list[int]) -> None:
    said: list[tuple[str, int, int | None]] = []
    things = telling("read", range(count), count, lambda *one: said.append(one))
    assert list(things) == list(range(count))
    assert said == [("read", done, count) for done in told]
