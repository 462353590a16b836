"""Something large that is in the picture at once, as a face is that turns round or looks in."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Points

_CHANGE = 35.0
"""Levels by which a patch of three by three cells of a thumb changes from one picture to the
next: more than a camera in the hand makes of a patterned cloth."""
_AROUND = 0.3
"""How far around a face its own movement reaches, in sizes of its box."""


class Arrival:
    """Watches the thumbs of pictures (`blanket.copies.Copy`), in order."""

    def __init__(self) -> None:
        self._before: NDArray[np.float32] | None = None

    def __call__(self, thumb: NDArray[np.int16], faces: Sequence[Points]) -> bool:
        """Whether something has come in since the picture before.

        thumb: ``[h, w, 3]``. faces: boxes ``[4]`` of those that are followed, in shares of the
        picture's sides.
        """
        smooth = cv2.blur(thumb.astype(np.float32), (3, 3), borderType=cv2.BORDER_REFLECT)
        before, self._before = self._before, smooth
        if before is None:
            return False
        change = np.abs(smooth - before).mean(-1)
        height, width = change.shape
        for box in faces:
            reach = _AROUND * (box[2:] - box[:2])
            x0, y0 = np.floor((box[:2] - reach) * (width, height)).clip(0).astype(int)
            x1, y1 = np.ceil((box[2:] + reach) * (width, height)).clip(0).astype(int)
            change[y0:y1, x0:x1] = 0
        return bool((change > _CHANGE).any())
