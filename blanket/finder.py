"""Where in a picture faces are looked for: in all of it, turned, larger, around a place.

Pictures are the copies on which faces are followed; faces lie in pixels of these.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from blanket.detect import Detector, detect_turned
from blanket.faces import Face, Image, Points
from blanket.picture import enlarge_points, fit

CLOSER = 2.0
"""How much larger than usual the copy of a close search is: for small faces."""
SMALL = 64.0
"""Pixels of the analysis copy across a face up to which it may be missed in the usual copy."""


class Finder:
    """detector: what finds faces. side: pixels of the longer side of what it usually searches."""

    def __init__(self, detector: Detector, side: int) -> None:
        self._detector, self._side = detector, side

    def everywhere(self, picture: Image, leaning: int = 0) -> list[Face]:
        """The faces of a picture ``[h, w, 3]``, in the usual copy of it. leaning: roll of the
        heads that it is turned for, clockwise, in quarters of a turn."""
        copy, size = _shrunk(picture, self._side)
        if leaning:
            found = detect_turned(self._detector, copy, [leaning])
        else:
            found = self._detector.detect(copy)
        return [_enlarged(face, size, picture) for face in found]

    def turned(self, picture: Image) -> list[Face]:
        """Those with heads at other rolls than upright."""
        copy, size = _shrunk(picture, self._side)
        return [_enlarged(face, size, picture) for face in detect_turned(self._detector, copy)]

    def closely(self, picture: Image) -> Iterator[Face]:
        """Small ones, in a larger copy, a quarter at a time: at once it would take four times
        the memory."""
        copy, size = _shrunk(picture, round(CLOSER * self._side))
        # They overlap by more than a small face.
        wide, high = (-(-length // 2) + round(SMALL) for length in size)
        for left in (0, max(size[0] - wide, 0)):
            for top in (0, max(size[1] - high, 0)):
                quarter = np.ascontiguousarray(copy[top : top + high, left : left + wide])
                for face in self._detector.detect(quarter):
                    yield _enlarged(face, size, picture, np.array([left, top], np.float32))

    def around(self, picture: Image, box: Points) -> Iterator[Face]:
        """Those around a box ``[2, 2]``, enlarged; none where it is not small."""
        span = float((box[1] - box[0]).max())
        if span > SMALL:
            return
        full = np.array([picture.shape[1], picture.shape[0]])
        middle, half = box.mean(0), max(1.5 * span, 32.0)
        low = np.clip(middle - half, 0, full - 1).astype(int)
        high = np.clip(middle + half, low + 1, full).astype(int)
        window = np.ascontiguousarray(picture[low[1] : high[1], low[0] : high[0]])
        larger = min(2.0, 256 / max(window.shape[:2]))
        size = (round(larger * window.shape[1]), round(larger * window.shape[0]))
        copy = cv2.resize(window, size, interpolation=cv2.INTER_CUBIC)
        for face in self._detector.detect(copy):
            shrunk = (
                enlarge_points(points, size, (window.shape[1], window.shape[0])) + low
                for points in (face.box.reshape(2, 2), face.points)
            )
            bounds, points = (one.astype(np.float32) for one in shrunk)
            yield Face(bounds.ravel(), face.score, points)


def _shrunk(picture: Image, side: int) -> tuple[Image, tuple[int, int]]:
    """The copy that is searched, and its size (w, h)."""
    size = fit(picture.shape[1], picture.shape[0], side)
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA), size


def _enlarged(
    face: Face, size: tuple[int, int], picture: Image, corner: Points | float = 0.0
) -> Face:
    """A face of a copy, or of a part of it, in pixels of the picture. size: of the whole copy
    (w, h). corner: where the part begins, ``[2]``."""
    full = (picture.shape[1], picture.shape[0])
    box = enlarge_points(face.box.reshape(2, 2) + corner, size, full).ravel()
    return Face(box, face.score, enlarge_points(face.points + corner, size, full))
