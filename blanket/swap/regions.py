"""Which pixels of a crop are face, by a parser of regions (hair and glasses are not)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Array
from blanket.swap.network import Network, normalised
from blanket.swap.table import ParserKind


class RegionParser:
    """A network whose output is ``[N, classes, size, size]``."""

    def __init__(self, network: Network, kind: ParserKind) -> None:
        self.network, self.kind = network, kind

    def __call__(self, crops: Array) -> NDArray[np.float32]:
        """``[N, S, S]``, 1 where crops ``[N, S, S, 3]`` 0..255 show face, soft at the edge."""
        side, size = crops.shape[1], self.kind.size
        large = np.stack([cv2.resize(crop, (size, size)) for crop in crops])
        name = next(iter(self.network.inputs))
        classes = self.network.run({name: normalised(large, self.kind)}).argmax(1)
        face = np.isin(classes, self.kind.face).astype(np.float32)
        soft = [cv2.GaussianBlur(one, (0, 0), size / 100) for one in face]
        return np.stack([cv2.resize(one, (side, side), None, 0, 0, cv2.INTER_AREA) for one in soft])
