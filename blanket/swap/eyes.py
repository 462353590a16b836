"""Eyes that a new face uncovers from behind a hand: as they were seen last.

Eyes of the new face lie elsewhere than the child's; where a hand covers the one but not the
other, there is nothing in the picture to show.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.attributes import Values, eye_opening
from blanket.faces import Image, Points
from blanket.topology import LEFT_EYE, LEFT_EYE_OUTER, RIGHT_EYE, RIGHT_EYE_OUTER

_CLEAR = 0.02
"""Cover up to which an eye is seen well enough to be remembered."""
_OPEN = 0.6
"""Share of its usual opening from which on it is: a closed one cannot be opened."""
_SEEN, _HIDDEN = 0.15, 0.5
"""Cover from which on what is remembered takes part, and from which on there is nothing else."""
_EDGE = 0.015
"""How far beyond what lies in front its edge is still seen, in distances between the outer eye
corners."""
_AROUND = 0.16
"""How far around an eye this goes, in distances between the outer eye corners."""


@dataclass(frozen=True)
class _Seen:
    """An eye in a patch. patch: ``[S, S, 3]``. lids: ``[16, 2]`` in it. light: ``[3]``."""

    patch: Image
    lids: Points
    light: NDArray[np.float32]

    def at(
        self, lids: Points, light: NDArray[np.float32], shape: tuple[int, ...]
    ) -> NDArray[np.float32]:
        """``[h, w, 3]``: the eye where its lids are now, in the light there is now."""
        now = np.column_stack([lids, np.ones(len(lids))])
        matrix, *_ = np.linalg.lstsq(now, self.lids, rcond=None)
        moved = cv2.warpAffine(
            self.patch.astype(np.float32),
            matrix.T,
            shape[1::-1],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(moved * (light / self.light))


class Eyes:
    """One track's eyes over time. usual: ``[2]``, how far open they usually are."""

    def __init__(self, usual: Values) -> None:
        self._usual = usual
        self._seen: list[_Seen | None] = [None, None]

    def __call__(
        self, patch: Image, mesh: Points, veil: NDArray[np.float32], light: NDArray[np.float32]
    ) -> tuple[Image, NDArray[np.float32]]:
        """The patch ``[S, S, 3]`` with hidden eyes as they were seen last, and what now hides its
        pixels ``[S, S]``.

        mesh: ``[478, 3]`` in it. veil: ``[S, S]``, 1 where something lies in front. light:
        ``[40, 40, 3]``, on the texture.
        """
        unit = float(np.linalg.norm(mesh[LEFT_EYE_OUTER] - mesh[RIGHT_EYE_OUTER]))
        bright, open_ = light.mean((0, 1)), eye_opening(mesh) >= _OPEN * self._usual
        for number, eye in enumerate((LEFT_EYE, RIGHT_EYE)):
            lids, seen = mesh[list(eye), :2], self._seen[number]
            low = np.floor(lids.min(0) - _AROUND * unit).astype(int).clip(0)
            high = (np.ceil(lids.max(0) + _AROUND * unit).astype(int) + 1).clip(low)
            box = slice(low[1], high[1]), slice(low[0], high[0])
            hidden = veil[box]
            if not hidden.size:
                continue
            if float(hidden.max()) <= _CLEAR:
                if open_[number]:
                    self._seen[number] = _Seen(patch, lids, bright)
            elif seen is not None:
                patch, veil = patch.copy(), veil.copy()
                zone = _zone(lids - low, hidden.shape, unit)
                reach = 2 * round(_EDGE * unit) + 1
                near = cv2.dilate(hidden, np.ones((reach, reach), np.uint8))
                share = zone * ((near - _SEEN) / (_HIDDEN - _SEEN)).clip(0, 1)
                eye_now = seen.at(lids - low, bright, hidden.shape)
                mixed = patch[box] + share[..., None] * (eye_now - patch[box])
                patch[box] = mixed.clip(0, 255).astype(np.uint8)
                veil[box] = hidden * (1 - zone)
        return patch, veil


def _zone(lids: Points, shape: tuple[int, ...], unit: float) -> NDArray[np.float32]:
    """``[h, w]``: 1 in an eye and near it, falling to 0 around it."""
    canvas = np.zeros(shape, np.uint8)
    points = np.round(lids * 16).astype(np.int32)
    cv2.fillPoly(canvas, [points], 255, cv2.LINE_AA, 4)
    cv2.polylines(canvas, [points], True, 255, max(round(_AROUND * unit), 1), 8, 4)
    soft = cv2.GaussianBlur(canvas, (0, 0), max(0.2 * _AROUND * unit, 0.6))
    return soft.astype(np.float32) / 255
