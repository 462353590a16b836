"""Still pictures: read, write, and work on them as on a video of one frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.errors import BlanketError, InputError
from blanket.faces import Image, Points
from blanket.frame import unit_alpha
from blanket.media import IMAGE_SUFFIXES, is_image
from blanket.picture import Alpha, fit
from blanket.resample import as_affine, blend, extract, invert

_QUALITY = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
    ".png": [],
}


def read_image(path: Path) -> Image:
    """A JPEG, PNG or WebP file as ``[h, w, 3]``, turned upright as its EXIF data asks.

    Deeper samples are reduced to 8 bits and transparency is dropped.

    Raises:
        InputError: no such file, or not a picture.
    """
    path = Path(path)
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    try:
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:  # larger than OpenCV takes
        bgr = None
    if bgr is None:
        raise InputError(f"{path} is not a picture that can be read (JPEG, PNG or WebP)")
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def write_image(path: Path, rgb: Image) -> None:
    """Write ``[h, w, 3]`` as the suffix of ``path`` says, without any metadata.

    Raises:
        InputError: the suffix is of no known format.
        BlanketError: the format cannot hold a picture of this size.
    """
    suffix = path.suffix.lower()
    if not is_image(path):
        raise InputError(
            f"{path} must end in one of {', '.join(sorted(IMAGE_SUFFIXES))} to be written"
        )
    try:
        done, data = cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), _QUALITY[suffix])
    except cv2.error:
        done = False
    if not done:
        raise BlanketError(
            f"a picture of {rgb.shape[1]}x{rgb.shape[0]} pixels does not fit in a "
            f"{suffix[1:]} file: choose .png"
        )
    path.write_bytes(data.tobytes())


class Still:
    """A `Picture` over RGB pixels."""

    index = 0
    time = 0.0

    def __init__(self, pixels: Image) -> None:
        """pixels: ``[h, w, 3]``; painted on in place by `paste`."""
        self.pixels = pixels

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.pixels.shape[0])

    def rgb(self, max_side: int | None = None) -> Image:
        """See `Picture.rgb`; always a copy."""
        size = fit(self.width, self.height, max_side)
        if size == (self.width, self.height):
            return self.pixels.copy()
        return np.asarray(cv2.resize(self.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)

    def sample(self, matrix: NDArray[np.floating[Any]], size: tuple[int, int]) -> Image:
        """See `Picture.sample`."""
        return np.asarray(extract(self.pixels, invert(as_affine(matrix)), size), np.uint8)

    def luma(self, matrix: NDArray[np.floating[Any]], size: tuple[int, int]) -> Points:
        """See `Picture.luma`."""
        grey = cv2.cvtColor(self.sample(matrix, size), cv2.COLOR_RGB2GRAY)
        return np.asarray(grey, np.float32)

    def paste(self, patch: Image, alpha: Alpha, matrix: NDArray[np.floating[Any]]) -> None:
        """See `Picture.paste`."""
        blend([self.pixels], [patch], unit_alpha(alpha), as_affine(matrix))

    def copy(self) -> Self:
        """See `Picture.copy`."""
        return type(self)(self.pixels.copy())
