"""What the demo's drawings share: float pictures, and OpenCV with plain types."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float32]


def f32(values: ArrayLike) -> Float:
    """An array of 32-bit floats."""
    return np.asarray(values, np.float32)


def smooth(x: ArrayLike) -> Float:
    """0 below 0, 1 above 1, level at both ends."""
    t = np.clip(x, 0, 1)
    return f32(t * t * (3 - 2 * t))


def blur(picture: NDArray[Any], sigma: float, sigma_y: float = 0) -> Float:
    """Gaussian blur, sigma in pixels."""
    return f32(cv2.GaussianBlur(f32(picture), (0, 0), sigma, sigmaY=sigma_y))


def resize(picture: NDArray[Any], width: int, height: int, how: int = cv2.INTER_LINEAR) -> Float:
    """A picture at another size."""
    return f32(cv2.resize(f32(picture), (width, height), interpolation=how))


def sample(picture: Float, x: NDArray[Any], y: NDArray[Any], border: int) -> Float:
    """The picture at positions x, y ``[h, w]``, bilinear. border: OpenCV's code."""
    return f32(cv2.remap(picture, f32(x), f32(y), cv2.INTER_LINEAR, borderMode=border))
