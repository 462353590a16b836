"""How far a job is, for the person who waits: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Callback = Callable[[str, int, int | None], None]
"""Called with a stage, how much of it is done, and how much there is (None: unknown)."""

T = TypeVar("T")

_PAUSE = 5.0  # seconds between two lines of one stage
_STEP = 10


def silent(stage: str, done: int, total: int | None) -> None:
    """A `Callback` that tells nobody."""


def telling(stage: str, things: Iterable[T], total: int | None, progress: Callback) -> Iterator[T]:
    """The things of a stage one by one; every tenth, and the end, is told. total: how many
    there are (None: unknown)."""
    done = 0
    for thing in things:
        yield thing
        done += 1
        if done % _STEP == 0 and done != total:
            progress(stage, done, total)
    progress(stage, done, done)


@contextmanager
def shown(console: Console, quiet: bool = False) -> Iterator[Callback]:
    """Yield a callback that shows progress on the console, or nothing where quiet."""
    if quiet:
        yield silent
    elif console.is_terminal:
        with _bar(console) as bar:
            yield _Bars(bar)
    else:
        yield _Lines(console)


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )


class _Bars:
    """One bar a stage."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[stage], completed=done, total=total)


class _Lines:
    """A line where a stage starts, every few seconds, and where it ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: dict[str, float] = {}

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        due = now - self._said.get(stage, float("-inf")) >= _PAUSE
        if due or (total is not None and done >= total):
            self._said[stage] = now
            of = "" if total is None else f" of {total}"
            line = f"{stage}: {done}{of}"
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
