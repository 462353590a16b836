"""A restorer: sharpens faces that a small swapper has made (GFPGAN, CodeFormer)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from blanket.faces import Array
from blanket.swap.network import Network, normalised, pixels_of
from blanket.swap.table import RestorerKind


class Restorer:
    """fidelity: 0 (as sharp as can be) to 1 (as it was), where the network is told."""

    def __init__(self, network: Network, kind: RestorerKind, fidelity: float) -> None:
        self.network, self.kind, self._fidelity = network, kind, fidelity

    def __call__(self, crops: Array) -> NDArray[np.float32]:
        """Crops ``[N, S, S, 3]`` 0..255 in the kind's template, restored."""
        names = list(self.network.inputs)
        feeds: dict[str, Any] = {names[0]: normalised(crops, self.kind)}
        if self.kind.fidelity:
            feeds[names[1]] = np.array([self._fidelity])
        return pixels_of(self.network.run(feeds), self.kind, self.kind.denormalise)
