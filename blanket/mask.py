"""Where a face is, as a soft mask."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.faces import Points
from blanket.topology import SURFACE

_BORDER = 0.06
"""Of the side of a crop, the share over which its border fades."""


def face_mask(mesh: Points, side: int, grow: float, fade: float) -> NDArray[np.float32]:
    """``[side, side]``: 1 in the face, falling smoothly to 0 at its outline, 0 beyond.

    mesh: ``[478, 3]`` in the pixels of the crop; its convex hull, so that a turned head has
    its silhouette. grow: pixels by which the outline lies outside of the hull. fade: pixels,
    > 0, over which the mask falls.
    """
    # Drawn with a margin: what lies beyond the crop is no edge of the face.
    margin = int(np.ceil(fade)) + 1
    canvas = np.zeros((side + 2 * margin, side + 2 * margin), np.uint8)
    hull = cv2.convexHull(mesh[:SURFACE, :2].astype(np.float32)).reshape(-1, 2) + margin
    fixed = np.round(hull * 16).astype(np.int32)
    cv2.fillConvexPoly(canvas, fixed, 1, cv2.LINE_8, 4)
    if grow >= 1:
        reach = round(grow)
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        canvas = cv2.dilate(canvas, kernel)
    depth = cv2.distanceTransform(canvas, cv2.DIST_L2, 5)
    ramp = (depth / fade).clip(0, 1)[margin:-margin, margin:-margin]
    return (ramp**2 * (3 - 2 * ramp)).astype(np.float32)


def border_mask(side: int) -> NDArray[np.float32]:
    """``[side, side]``: 1 in the middle, falling to 0 at the border of the crop."""
    along = np.minimum(np.arange(side), np.arange(side)[::-1]) / (_BORDER * side)
    along = along.clip(0, 1)
    along = along**2 * (3 - 2 * along)
    return np.minimum(along[:, None], along[None]).astype(np.float32)


def moved(mask: NDArray[np.float32], matrix: align.Matrix, side: int) -> NDArray[np.float32]:
    """A mask of one crop on another, ``[side, side]``, 0 beyond it.

    matrix: ``[2, 3]``, from the pixels of the one to those of the other.
    """
    return cv2.warpAffine(mask, matrix, (side, side), flags=cv2.INTER_LINEAR)
