"""Looking for faces as hard as one can: every few frames, at several sizes, turned, and
taking what a usual search would leave as doubtful."""

from __future__ import annotations

from collections.abc import Iterable

import cv2

from blanket.analysis import Analysis, analyse
from blanket.config import Settings
from blanket.detect import Detector, build_detector, detect_turned, suppress
from blanket.faces import Face, Image
from blanket.mesh import MeshNetwork
from blanket.picture import Picture, enlarge_points, fit

_SIDES = 320, 640
"""Pixels of the longer side of the smaller copies: large faces are found in small copies."""
_CHANGES = {
    "detect.every": 4,
    "detect.max_side": 1280,
    "detect.threshold": 0.2,
    "detect.turned": False,
    "track.lookback": 45,
}


class Scrutiny:
    """A detector that asks another one about several copies of the picture."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.name = detector.name

    def detect(self, picture: Image) -> list[Face]:
        """See `blanket.detect.Detector`."""
        full = (picture.shape[1], picture.shape[0])
        found = self._detector.detect(picture)
        for side in _SIDES:
            size = fit(*full, side)
            if size == full:
                continue
            copy = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            faces = self._detector.detect(copy)
            if side == _SIDES[0]:
                faces += detect_turned(self._detector, copy)
            found += [_enlarged(face, size, full) for face in faces]
        return suppress(sorted(found, key=lambda face: -face.score))


def thorough(settings: Settings) -> Settings:
    """Settings under which next to nothing is missed, at some ten times the cost."""
    return settings.changed(_CHANGES)


def scrutinise(pictures: Iterable[Picture], network: MeshNetwork, settings: Settings) -> Analysis:
    """Every face, and much that is none: see `blanket.analysis.analyse`."""
    settings = thorough(settings)
    return analyse(pictures, Scrutiny(build_detector(settings.detect)), network, settings)


def _enlarged(face: Face, small: tuple[int, int], full: tuple[int, int]) -> Face:
    box = enlarge_points(face.box.reshape(2, 2), small, full).ravel()
    return Face(box, face.score, enlarge_points(face.points, small, full))
