"""Fidelity: outside the face nothing may change."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from blanket.errors import InputError
from blanket.faces import Array, Image, Points
from blanket.topology import SURFACE

Mask = NDArray[np.bool_]

GROWN = 0.15
"""How far beyond the mesh a face reaches, of its size: methods blend over its outline."""
SIGMA = 1.5
"""Of the window in which structure is compared, pixels (Wang et al. 2004)."""


def face_region(meshes: Points, height: int, width: int, grown: float = GROWN) -> Mask:
    """The faces of a frame ``[H, W]``: the hulls of meshes ``[N, 478, 3]``, each grown about
    its centre."""
    region = np.zeros((height, width), np.uint8)
    for mesh in meshes:
        hull = cv2.convexHull(np.ascontiguousarray(mesh[:SURFACE, :2], np.float32))[:, 0]
        middle = hull.mean(0)
        outline = middle + (hull - middle) * (1 + grown)
        cv2.fillConvexPoly(region, np.round(outline).astype(np.int32), 1)
    return region.astype(bool)


def error_outside(original: Image, output: Image, region: Mask) -> float:
    """Mean squared error over RGB outside the faces, of two frames ``[H, W, 3]``.

    region: ``[H, W]``, where the faces are. NaN where they fill the frame.

    Raises:
        InputError: the frames differ in size.
    """
    check_sizes(original, output)
    outside = ~region
    if not outside.any():
        return np.nan
    squares = cv2.norm(original, output, cv2.NORM_L2SQR, outside.astype(np.uint8))
    return float(squares) / (3 * int(outside.sum()))


def psnr(squared_error: float | Array) -> float:
    """Peak signal-to-noise ratio in decibels: 10 log10(255^2 / MSE), of the mean squared
    error of one frame, or of those of a video ``[N]``, pooled: errors are averaged, not
    decibels, and frames without any outside (NaN) are left out. Infinite where nothing
    changed; NaN without a frame."""
    errors = np.atleast_1d(np.asarray(squared_error, np.float64))
    errors = errors[np.isfinite(errors)]
    if not len(errors):
        return np.nan
    pooled = float(errors.mean())
    return float(10 * np.log10(255**2 / pooled)) if pooled > 0 else np.inf


def ssim_outside(original: Image, output: Image, region: Mask) -> float:
    """Structural similarity of the luma outside the faces, -1 to 1 (Wang et al. 2004), with
    their Gaussian window, over the windows that touch no face. NaN where there is none.

    Raises:
        InputError: the frames differ in size.
    """
    check_sizes(original, output)
    # The window reaches 3.5 sigma far, as the reference cuts it off.
    reach = 2 * int(3.5 * SIGMA + 0.5) + 1
    if min(region.shape) < reach:
        return np.nan
    near = cv2.dilate(region.astype(np.uint8), np.ones((reach, reach), np.uint8))
    if near.all():
        return np.nan
    _, map_ = structural_similarity(
        luma(original),
        luma(output),
        data_range=255.0,
        gaussian_weights=True,
        sigma=SIGMA,
        use_sample_covariance=False,
        full=True,
    )
    return float(map_[near == 0].mean(dtype=np.float64))


def luma(picture: Image) -> NDArray[np.float32]:
    """Luma ``[H, W]``, 0 to 255, of an RGB picture (ITU-R BT.601)."""
    return picture.astype(np.float32) @ np.array((0.299, 0.587, 0.114), np.float32)


def check_sizes(original: Image, output: Image) -> None:
    """Raises InputError where two frames differ in size."""
    if original.shape != output.shape:
        (height, width), (high, wide) = original.shape[:2], output.shape[:2]
        raise InputError(
            f"the original is {width}x{height} and the output {wide}x{high}: only pictures of "
            "one size can be compared"
        )
