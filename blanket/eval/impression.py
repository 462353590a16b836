"""How the faces look to trained networks: LPIPS and FID of close-ups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from blanket.errors import InputError
from blanket.eval.closeup import closeup
from blanket.eval.results import Estimate
from blanket.extras import needs
from blanket.faces import Points
from blanket.picture import Picture

SIDE = 256
ROOM = 1.3
"""Side of the close-ups over that of the face."""


class Impressions:
    """Of each method, over all videos.

    Raises:
        BlanketError: the networks are not installed, or cannot be fetched.
    """

    def __init__(self, methods: Sequence[str]) -> None:
        with needs("downstream", "LPIPS and FID"):
            from blanket.eval.perceptual import Frechet, Lpips
        self._lpips = Lpips()
        self._fid = {name: Frechet() for name in methods}

    def look(self, method: str, before: Picture, after: Picture, places: list[Points]) -> float:
        """LPIPS of a method's faces in a frame, NaN without one. places: meshes
        ``[478, 3]`` in pixels."""
        found = []
        for place in places:
            pair = [closeup(picture, place, SIDE, ROOM) for picture in (before, after)]
            found.append(self._lpips(*pair))
            for one, original in zip(pair, (True, False), strict=True):
                self._fid[method].add(one, original)
        return float(np.mean(found)) if found else np.nan

    def overall(self, method: str) -> dict[str, Estimate]:
        """FID, where there are faces enough."""
        try:
            value = self._fid[method].value()
        except InputError:
            return {}
        return {"fid": Estimate(value=value, low=None, high=None)}
