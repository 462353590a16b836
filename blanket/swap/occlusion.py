"""What passes in front of the face, as a soft mask in the patch."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.crop import FACE_SIDE
from blanket.faces import Image


class OcclusionMask:
    """From the network's coarse map to a mask that follows the edges in the picture."""

    def __call__(
        self, patch: Image, in_crop: align.Matrix, occluded: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """``[S, S]`` float32: 1 where something lies in front.

        patch: ``[S, S, 3]`` RGB. in_crop: ``[2, 3]``, patch to face crop. occluded:
        ``[48, 48]`` 0..1 on the face crop.
        """
        side = patch.shape[0]
        if float(occluded.max()) < 0.25:
            return np.zeros((side, side), np.float32)
        ratio = occluded.shape[0] / FACE_SIDE
        shrink = np.float32([[ratio, 0, 0.5 * ratio - 0.5], [0, ratio, 0.5 * ratio - 0.5]])
        # At half size: the map is coarse and the filter below is what costs.
        half = side // 2
        enlarge = np.float32([[side / half, 0, 0.5], [0, side / half, 0.5]])
        matrix = align.compose(align.compose(shrink, in_crop), enlarge)
        coarse = cv2.warpAffine(
            occluded,
            matrix,
            (half, half),
            flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        guide = cv2.resize(patch, (half, half), interpolation=cv2.INTER_AREA)
        fine = guided(guide, coarse.clip(0, 1), radius=max(half // 24, 2), regularity=40.0)
        mask = ((fine - 0.3) / 0.4).clip(0, 1)
        mask = mask**2 * (3 - 2 * mask)
        return cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)


def guided(guide: Image, mask: NDArray[np.float32], radius: int, regularity: float) -> NDArray[np.float32]:
    """A mask ``[H, W]`` made to follow the edges of an RGB picture (He et al. 2010).

    radius: pixels of the window. regularity: variance (squared levels) below which a window
    counts as flat.
    """
    window = (2 * radius + 1, 2 * radius + 1)
    picture = guide.astype(np.float32)
    mean_p = cv2.blur(mask, window)
    mean_i = cv2.blur(picture, window)
    covariance = cv2.blur(picture * mask[..., None], window) - mean_i * mean_p[..., None]
    def variance(i: int, j: int) -> NDArray[np.float32]:
        product = cv2.blur(picture[..., i] * picture[..., j], window)
        return product - mean_i[..., i] * mean_i[..., j] + (regularity if i == j else 0)

    # The symmetric 3x3 system of each pixel, solved by its adjugate.
    rr, gg, bb = variance(0, 0), variance(1, 1), variance(2, 2)
    rg, rb, gb = variance(0, 1), variance(0, 2), variance(1, 2)
    c_rr, c_rg, c_rb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    c_gg, c_gb, c_bb = rr * bb - rb * rb, rg * rb - rr * gb, rr * gg - rg * rg
    adjugate = ((c_rr, c_rg, c_rb), (c_rg, c_gg, c_gb), (c_rb, c_gb, c_bb))
    determinant = rr * c_rr + rg * c_rg + rb * c_rb
    channels = cv2.split(covariance)
    slope = np.dstack([sum(k * c for k, c in zip(row, channels, strict=True)) for row in adjugate])
    slope /= np.maximum(determinant, 1e-6)[..., None]
    offset = mean_p - (slope * mean_i).sum(-1)
    return (cv2.blur(slope, window) * picture).sum(-1) + cv2.blur(offset, window)
