"""Still pictures: read, write, and work on them as on a video of one frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.errors import BlanketError, InputError
from blanket.faces import Image, Points
from blanket.frame import unit_alpha
from blanket.imageinfo import animated, orientation, upright
from blanket.media import IMAGE_SUFFIXES, is_image
from blanket.picture import Alpha, fit
from blanket.resample import as_affine, blend, extract, invert

_JPEG = (".jpg", ".jpeg")
_QUALITY = {
    ".jpg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".jpeg": [cv2.IMWRITE_JPEG_QUALITY, 95],
    ".webp": [cv2.IMWRITE_WEBP_QUALITY, 95],
    ".png": [],
}


@dataclass(frozen=True)
class ImageFile:
    """What a picture file holds, turned upright.

    pixels: ``[h, w, 3]``, black where nothing of them shows. alpha: ``[h, w]`` uint8, from 0
    for clear to 255, None where all is opaque. bits: of a sample in the file; ``pixels`` have
    8. animated: more pictures follow this one.
    """

    pixels: Image
    alpha: NDArray[np.uint8] | None = None
    bits: int = 8
    animated: bool = False

    def unkept(self, target: Path) -> list[str]:
        """What `write_image` loses of it under this name, in sentences."""
        lost = []
        if self.bits > 8:
            lost.append(f"the picture has {self.bits} bits a sample and was written with 8")
        if self.animated:
            lost.append("the picture is animated, and only its first picture was written")
        if self.alpha is not None and target.suffix.lower() in _JPEG:
            lost.append("JPEG files hold no transparency: it was written as black")
        return lost


def read_image(path: Path) -> Image:
    """The pixels of a JPEG, PNG or WebP file, ``[h, w, 3]``; see `open_image`."""
    return open_image(path).pixels


def open_image(path: Path) -> ImageFile:
    """Read a JPEG, PNG or WebP file, turned upright as its EXIF data asks.

    Raises:
        InputError: no such file, or not a picture.
    """
    path = Path(path)
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    try:
        read = _decode(data) if data.size else None
    except cv2.error:  # larger than OpenCV takes
        read = None
    if read is None:
        raise InputError(f"{path} is not a picture that can be read (JPEG, PNG or WebP)")
    return read


def _decode(data: NDArray[np.uint8]) -> ImageFile | None:
    if data[:2].tobytes() == b"\xff\xd8":  # JPEG has 8 bits and no transparency
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
        return None if bgr is None else ImageFile(_rgb(bgr))
    stored, kinds, blocks = cv2.imdecodeWithMetadata(data, flags=cv2.IMREAD_UNCHANGED)
    if stored is None or stored.dtype.kind != "u":
        return None
    bits, moves = 8 * stored.itemsize, animated(data.tobytes())
    if stored.ndim < 3:
        stored = cv2.cvtColor(stored, cv2.COLOR_GRAY2BGR)
    # What OpenCV reads unchanged it does not turn.
    exif = dict(zip(np.ravel(kinds).tolist(), blocks, strict=True)).get(cv2.IMAGE_METADATA_EXIF)
    turned = upright(stored, 1 if exif is None else orientation(exif.tobytes()))
    turned = np.asarray(turned >> (bits - 8), np.uint8)
    pixels, alpha = _rgb(turned[..., :3]), turned[..., 3:]
    if not alpha.size or alpha.min() == 255:
        return ImageFile(pixels, None, bits, moves)
    alpha = alpha[..., 0]
    pixels[alpha == 0] = 0
    return ImageFile(pixels, alpha, bits, moves)


def _rgb(bgr: NDArray[Any]) -> Image:
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def refuse_suffix(path: Path) -> None:
    """Raise InputError where a picture cannot be written under this name."""
    if not is_image(path):
        raise InputError(
            f"{path} must end in one of {', '.join(sorted(IMAGE_SUFFIXES))} to be written"
        )


def write_image(path: Path, rgb: Image, alpha: NDArray[np.uint8] | None = None) -> None:
    """Write ``[h, w, 3]`` as the suffix of ``path`` says, without any metadata.

    alpha: ``[h, w]``, 0 for clear to 255. Colours that nobody sees are not written; formats
    without transparency show black behind.

    Raises:
        InputError: the suffix is of no known format.
        BlanketError: the format cannot hold a picture of this size.
    """
    refuse_suffix(path)
    suffix = path.suffix.lower()
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    if alpha is not None and suffix in _JPEG:
        bgr = np.rint(bgr * (alpha[..., None] / np.float32(255))).astype(np.uint8)
    elif alpha is not None:
        bgr = np.dstack([bgr * (alpha[..., None] > 0), alpha])
    try:
        done, data = cv2.imencode(suffix, bgr, _QUALITY[suffix])
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
