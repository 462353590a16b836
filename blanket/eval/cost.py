"""Cost: how long a method takes, and how much memory."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import psutil

EVERY = 0.02
"""Seconds from one look at the memory to the next."""


@dataclass(frozen=True)
class Cost:
    """seconds: of wall clock. peak_memory: largest resident set in bytes, of the process and
    its children together. gpu_memory: largest allocation of torch on its GPUs in bytes, None
    where torch is not in use or has no GPU; what other libraries hold there is not in it."""

    seconds: float
    peak_memory: int
    gpu_memory: int | None

    def frames_per_second(self, frames: int) -> float:
        """Of a job of so many frames."""
        return frames / max(self.seconds, 1e-9)


class Meter:
    """Measures what happens between its beginning and its end.

        with Meter() as meter:
            ...
        meter.cost

    The resident set is looked at every 20 ms by a thread, since what the system keeps is the
    peak of the whole process, earlier methods included. Memory that earlier work left
    allocated is counted: for a figure of its own run the method in a process of its own.
    """

    cost: Cost

    def __enter__(self) -> Self:
        self._process = psutil.Process()
        self._done = threading.Event()
        self._peak = self._resident()
        self._watch = threading.Thread(target=self._look, daemon=True)
        if cuda := _cuda():
            for device in range(cuda.device_count()):
                cuda.reset_peak_memory_stats(device)
        self._start = time.perf_counter()
        self._watch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._start
        self._done.set()
        self._watch.join()
        self._peak = max(self._peak, self._resident())
        gpu = None
        if cuda := _cuda():
            gpu = sum(cuda.max_memory_allocated(i) for i in range(cuda.device_count()))
        self.cost = Cost(seconds, self._peak, gpu)

    def _look(self) -> None:
        while not self._done.wait(EVERY):
            self._peak = max(self._peak, self._resident())

    def _resident(self) -> int:
        total = 0
        for process in (self._process, *self._process.children(recursive=True)):
            try:
                total += process.memory_info().rss
            except psutil.Error:  # it has just ended
                continue
        return int(total)


def _cuda() -> Any:
    """`torch.cuda`, where the program uses torch and there is a GPU; else None."""
    torch = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None
