"""Age and gender as InsightFace's small network reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blanket.errors import BlanketError
from blanket.faces import Image, Points
from blanket.session import open_session
from blanket.store import find
from blanket.templates import box_matrix, cut

_SIDE = 96
_CONTEXT = 1.5
"""Size of the crop over that of the face's box."""


@dataclass(frozen=True)
class GenderAge:
    """What is read in N faces. man: ``[N]`` float32, probability 0..1. years: ``[N]``
    float32."""

    man: NDArray[np.float32]
    years: NDArray[np.float32]


class GenderAgeReader:
    """Reads age and gender off faces, told where they are by their meshes. It was trained on
    adults: of infants it says little.

    path: an ONNX file, input RGB ``[N, 3, 96, 96]``, 0..255, output ``[N, 3]``: logits of
    woman and man, years in hundreds; by default that of InsightFace's buffalo packs.
    """

    name = "genderage"

    def __init__(self, path: Path | None = None) -> None:
        path = path or find("genderage")
        self._network = open_session(path)
        inputs, outputs = self._network.get_inputs(), self._network.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1 or outputs[0].shape[-1] != 3:
            raise BlanketError(f"{path.name} is no network for age and gender")
        self._input = inputs[0].name

    def read(self, picture: Image, meshes: Points) -> GenderAge:
        """The faces of a picture ``[H, W, 3]``. meshes: ``[N, 478, 3]`` pixels."""
        found = np.empty((len(meshes), 3), np.float32)
        for row, mesh in zip(found, meshes, strict=True):
            crop = cut(picture, box_matrix(mesh, _SIDE, _CONTEXT, square=True), _SIDE)
            pixels = crop.transpose(2, 0, 1)[None].astype(np.float32)
            row[:] = self._network.run(None, {self._input: pixels})[0][0]
        man = 1 / (1 + np.exp(found[:, 0] - found[:, 1]))
        return GenderAge(man.astype(np.float32), (found[:, 2] * 100).astype(np.float32))
