"""Working ahead: a thread of its own goes through what another one works on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

_POLL = 0.1  # seconds; only how soon it is noticed that nobody wants more
T = TypeVar("T")


def offer(items: queue.Queue[T], item: T, wanted: Callable[[], bool]) -> bool:
    """Put an item where another thread fetches it, or give up once nobody wants it any more."""
    while wanted():
        try:
            items.put(item, timeout=_POLL)
            return True
        except queue.Full:
            continue
    return False


def ahead(items: Iterable[T], most: int, name: str) -> Iterator[T]:
    """The items, in order, fetched by a thread called `name`, up to `most` ahead.

    What is raised on the way is raised here in its place. Closing the iterator early stops
    the thread.
    """
    fetched: queue.Queue[tuple[T] | BaseException | None] = queue.Queue(most)
    stop = threading.Event()

    def put(item: tuple[T] | BaseException | None) -> bool:
        return offer(fetched, item, lambda: not stop.is_set())

    def fetch() -> None:
        try:
            for item in items:
                if not put((item,)):
                    return
            put(None)
        except BaseException as error:
            put(error)

    worker = threading.Thread(target=fetch, name=name, daemon=True)
    worker.start()
    try:
        while (item := fetched.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        stop.set()
        worker.join()
