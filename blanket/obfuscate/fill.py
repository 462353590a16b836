"""The face taken out altogether: painted black, or filled from around it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.config import MethodSettings
from blanket.crop import face_matrix
from blanket.faces import Points
from blanket.mesh import MASK_SIDE
from blanket.obfuscate.region import Cutout, HeadBox
from blanket.picture import Picture
from blanket.timeline import Placement

_RIM = 0.25  # of the face's longer half side: what is around the hole, to fill it from
_SIDE = 128  # pixels; a hole is smooth inside, so a small copy of it is enough
_RADIUS = 3  # pixels of that copy
_ALGORITHMS = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}


def blackbox(
    picture: Picture, head: HeadBox, outline: Points, face: Placement, settings: MethodSettings
) -> None:
    """Black over the face."""
    cut = Cutout(picture, outline)
    cut.paste(np.zeros_like(cut.pixels), cut.mask(outline))


def inpaint(
    picture: Picture, head: HeadBox, outline: Points, face: Placement, settings: MethodSettings
) -> None:
    """The face masked and inpainted from the skin, hair and room around it.

    The mask is where the picture is face rather than something in front of it, cut at a
    threshold. The algorithm is that of Telea (An image inpainting technique based on the
    fast marching method, Journal of Graphics Tools 2004) or that of Bertalmio, Bertozzi and
    Sapiro (Navier-Stokes, fluid dynamics, and image and video inpainting, CVPR 2001), both
    as in OpenCV.
    """
    cut = Cutout(picture, outline, _RIM * float(head.half.max()))
    mask = cut.mask(outline)
    if face.mesh is not None and face.occluded is not None:
        mask[1 - _in_front(cut, face.mesh, face.occluded) < settings.mask_threshold] = 0
    height, width = mask.shape
    ratio = min(_SIDE / max(height, width), 1.0)
    size = max(round(width * ratio), 1), max(round(height * ratio), 1)
    small = np.asarray(cv2.resize(cut.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    # Pixels that share a cell with the face belong to the hole.
    hole = cv2.resize((mask > 0).astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
    hole = cv2.dilate(hole.astype(np.uint8), np.ones((3, 3), np.uint8))
    # OpenCV leaves what it cannot reach as it was, and that would be the face.
    small[hole > 0] = 0
    filled = cv2.inpaint(small, hole, _RADIUS, _ALGORITHMS[settings.algorithm])
    whole = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    cut.paste(np.asarray(whole, np.uint8), mask)


def _in_front(cut: Cutout, mesh: Points, occluded: NDArray[np.float32]) -> NDArray[np.float32]:
    """``[h, w]`` float32 0..1: how far each pixel of a cutout is covered by something."""
    shift = np.array([[1, 0, cut.origin[0]], [0, 1, cut.origin[1]]], np.float32)
    to_crop = align.compose(face_matrix(mesh, MASK_SIDE), shift)
    height, width = cut.pixels.shape[:2]
    return np.asarray(
        cv2.warpAffine(
            occluded, to_crop, (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )
    )  # fmt: skip
