"""The blurs: over the face, weaker over its features, over its upper part, of movement."""

from __future__ import annotations

import cv2
import numpy as np

from blanket.config import MethodSettings
from blanket.faces import Image, Points
from blanket.obfuscate.region import Cutout, HeadBox, grown_hull
from blanket.picture import Picture
from blanket.timeline import Placement
from blanket.topology import LEFT_EYE, OUTER_LIPS, RIGHT_EYE

EXACT = 129
"""Kernels up to this are computed as OpenCV does, larger ones on a shrunk copy."""
_SHRUNK = 25
"""What they are there: a standard deviation of four pixels, far above that of the shrinking."""
NOSE = (168, 129, 98, 2, 327, 358)
"""Corners around the nose: its root, and its base with both wings."""
_FEATURES = ((LEFT_EYE, 1.5), (RIGHT_EYE, 1.5), (NOSE, 1.1), (OUTER_LIPS, 1.2))
"""What is blurred less, and how much larger than its vertices that is, lids and lashes in."""


def sigma_of(kernel: int) -> float:
    """The standard deviation, in pixels, that OpenCV derives from a kernel's side."""
    return 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8


def kernel_of(settings: MethodSettings, head: HeadBox) -> int:
    """The side of the kernel for a face: as fixed, or the odd one whose standard deviation
    comes nearest to a share of the longer side of the face's box.

    A share of 0.1 on a box that is 1.2 times as large is the blur of Yang et al. (A study
    of face obfuscation in ImageNet, ICML 2022).
    """
    if settings.kernel is not None:
        return settings.kernel
    sigma = settings.sigma * 2 * float(head.half.max())
    return max(2 * round((sigma - 0.8) / 0.3 + 1) + 1, 3)


def gaussian(pixels: Image, kernel: int) -> Image:
    """A Gaussian blur of ``[h, w, 3]``. kernel: odd, pixels."""
    if kernel <= EXACT:
        return np.asarray(cv2.GaussianBlur(pixels, (kernel, kernel), 0), np.uint8)
    height, width = pixels.shape[:2]
    step = kernel / _SHRUNK
    size = (max(round(width / step), 1), max(round(height / step), 1))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    sigma = sigma_of(kernel)
    small = cv2.GaussianBlur(
        small, (0, 0), sigmaX=sigma * size[0] / width, sigmaY=sigma * size[1] / height
    )
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def blur(
    picture: Picture, head: HeadBox, outline: Points, _: Placement, settings: MethodSettings
) -> None:
    """A Gaussian blur over the face."""
    kernel = kernel_of(settings, head)
    cut = Cutout(picture, outline, kernel // 2)
    cut.paste(gaussian(cut.pixels, kernel), cut.mask(outline))


def top_blur(
    picture: Picture, head: HeadBox, outline: Points, _: Placement, settings: MethodSettings
) -> None:
    """A Gaussian blur over the upper part of the face: brows, eyes and most of the nose go,
    the mouth stays readable."""
    kernel = kernel_of(settings, head)
    cut = Cutout(picture, outline, kernel // 2)
    upper = head.rectangle(settings.grow, settings.top)
    cut.paste(gaussian(cut.pixels, kernel), np.minimum(cut.mask(outline), cut.mask(upper)))


def feature_blur(
    picture: Picture, head: HeadBox, outline: Points, face: Placement, settings: MethodSettings
) -> None:
    """A Gaussian blur over the face, and a weaker one over eyes, nose and mouth, so that
    landmarks can still be found."""
    assert face.mesh is not None
    kernel = kernel_of(settings, head)
    cut = Cutout(picture, outline, kernel // 2)
    features = np.zeros(cut.pixels.shape[:2], np.uint8)
    for vertices, grow in _FEATURES:
        hull = grown_hull(face.mesh[list(vertices), :2], grow)
        features = np.maximum(features, cut.mask(hull))
    strong = gaussian(cut.pixels, kernel)
    weak = gaussian(cut.pixels, settings.weak_kernel)
    mixed = cv2.blendLinear(
        weak, strong, features.astype(np.float32), 255 - features.astype(np.float32)
    )
    cut.paste(np.asarray(mixed, np.uint8), cut.mask(outline))


def motion_blur(
    picture: Picture, head: HeadBox, outline: Points, _: Placement, settings: MethodSettings
) -> None:
    """A box filter along the rows of the picture, as if the camera had been turned.

    Where the kernel is relative to the face, it is as long as has the standard deviation of
    the Gaussian, ``sqrt(12)`` times that.
    """
    length = settings.kernel or round(np.sqrt(12) * sigma_of(kernel_of(settings, head))) | 1
    cut = Cutout(picture, outline, length // 2)
    cut.paste(np.asarray(cv2.blur(cut.pixels, (length, 1)), np.uint8), cut.mask(outline))
