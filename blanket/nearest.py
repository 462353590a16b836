"""The nearest pixel of a mask, for every pixel."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def nearest(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """For each pixel of a mask ``[H, W]``, which has some, the flat index of the nearest one that
    is in it, ``[H, W]``, and how far off that is, ``[H, W]`` in pixels.

    Ties go either way.
    """
    away, labels = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros(labels.max() + 1, np.int64)
    of_label[labels[mask]] = np.flatnonzero(mask)
    return of_label[labels], np.asarray(away, np.float32)
