"""How calls into OpenCV and NumPy share the cores of a machine.

Decoding, reading faces, painting and encoding run beside each other, a thread for each. Were
each of their many small calls spread over all cores too, the helping threads would spend more
time waiting for work, which both libraries do by spinning, than doing it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
from threadpoolctl import threadpool_limits


@contextmanager
def one_core_a_call() -> Iterator[None]:
    """While it lasts, a call into OpenCV or BLAS works on one core; then as before."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(before)


def spare_cores() -> int:
    """How many cores are left for encoding while one paints, at least 1."""
    return max(cv2.getNumberOfCPUs() - 1, 1)
