"""Which piece of a picture is a face: boxes, ellipses and hulls, and cutting them out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.attributes import head_pose
from blanket.faces import Image, Points
from blanket.picture import Picture
from blanket.timeline import Placement
from blanket.topology import SURFACE

Shape = Literal["box", "ellipse", "hull"]

_SHIFT = 4  # bits after the point in OpenCV's coordinates
_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
_TURN = np.linspace(0, 2 * np.pi, 96, endpoint=False)
_CIRCLE = np.column_stack([np.cos(_TURN), np.sin(_TURN)]).astype(np.float32)


@dataclass(frozen=True)
class HeadBox:
    """The box around a face along the head's own axes, not those of the picture.

    middle, half: ``[2]`` float32 pixels, across and down the face, at least one pixel.
    angle: the head's roll in radians, clockwise as seen.
    """

    middle: Points
    half: Points
    angle: float

    @classmethod
    def upright(cls, box: Points, angle: float = 0.0) -> HeadBox:
        """From a box ``[4]``, x0, y0, x1, y1, that is then turned about its middle.

        Raises:
            ValueError: box or angle is not finite, so nobody can tell where the face is.
        """
        if not (np.isfinite(box).all() and np.isfinite(angle)):
            raise ValueError(f"box {box} and angle {angle} must be finite")
        low, high = np.asarray(box[:2], np.float32), np.asarray(box[2:4], np.float32)
        # A box of less than a pixel still has the pixel that it is in.
        half = np.maximum(np.abs(high - low) / 2, 1).astype(np.float32)
        return cls(((low + high) / 2).astype(np.float32), half, angle)

    @classmethod
    def of(cls, placement: Placement) -> HeadBox:
        """Of a face: turned with its mesh, and along the picture where it has none."""
        if placement.mesh is None:
            return cls.upright(placement.box)
        angle = float(np.radians(head_pose(placement.mesh)[2]))
        upright = placement.mesh[:SURFACE, :2] @ _turn(angle).T
        low, high = upright.min(0), upright.max(0)
        middle, half = (low + high) / 2 @ _turn(angle), (high - low) / 2
        return cls.upright(np.concatenate([middle - half, middle + half]), angle)

    def rectangle(self, grow: float = 1.0, top: float = 1.0) -> Points:
        """``[4, 2]`` pixels: its corners, or those of its upper part. top: share of its height."""
        corners = _CORNERS.copy()
        corners[2:, 1] = 2 * top - 1
        return self._placed(corners * grow)

    def ellipse(self, grow: float) -> Points:
        """``[96, 2]`` pixels: the ellipse inscribed in it."""
        return self._placed(_CIRCLE * grow)

    def _placed(self, points: Points) -> Points:
        return np.asarray(points * self.half @ _turn(self.angle) + self.middle, np.float32)


def outline_of(head: HeadBox, shape: Shape, grow: float, mesh: Points | None) -> Points:
    """``[N, 2]`` pixels: the corners of the convex piece of the picture that is the face.

    grow: its size over that of the face. mesh: ``[478, 3]``, for the shape hull only.
    """
    if shape == "box":
        return head.rectangle(grow)
    if shape == "ellipse":
        return head.ellipse(grow)
    if mesh is None:
        raise ValueError("a hull needs a mesh")
    return grown_hull(mesh[:SURFACE, :2], grow)


def grown_hull(points: Points, grow: float) -> Points:
    """``[N, 2]``: the convex hull of points ``[n, 2]``, enlarged about its middle."""
    hull = cv2.convexHull(np.ascontiguousarray(points, np.float32))[:, 0]
    middle = (hull.min(0) + hull.max(0)) / 2
    return np.asarray((hull - middle) * grow + middle, np.float32)


class Cutout:
    """The rectangle of a picture around an outline, pixel by pixel, as far as it lies in it.

    pixels: RGB ``[h, w, 3]``, a copy; nothing is resampled, so what a method does to it is
    what it would do to the whole picture. origin: x, y of its first pixel. Where the outline
    lies outside the picture, it is the pixel nearest to it.
    """

    def __init__(self, picture: Picture, outline: Points, margin: float = 0) -> None:
        """margin: pixels around the outline."""
        limit = np.array([picture.width, picture.height])
        low = np.clip(np.floor(outline.min(0) - margin), 0, limit - 1).astype(int)
        high = np.clip(np.ceil(outline.max(0) + margin) + 1, low + 1, limit).astype(int)
        width, height = (int(side) for side in high - low)
        self._picture, self.origin = picture, low
        self._matrix = np.array([[1, 0, -low[0]], [0, 1, -low[1]]], np.float32)
        self.pixels: Image = picture.sample(self._matrix, (width, height))

    def mask(self, outline: Points) -> NDArray[np.uint8]:
        """``[h, w]`` uint8: 255 inside a convex outline ``[N, 2]``, its edge antialiased."""
        canvas = np.zeros(self.pixels.shape[:2], np.uint8)
        corners = np.round((outline - self.origin) * (1 << _SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(canvas, corners, 255, cv2.LINE_AA, _SHIFT)
        return canvas

    def paste(self, pixels: Image, alpha: NDArray[np.uint8]) -> None:
        """Put pixels ``[h, w, 3]`` where they were cut out; alpha ``[h, w]``, 0 to 255."""
        x, y, width, height = cv2.boundingRect(alpha)
        if width:
            inside = slice(y, y + height), slice(x, x + width)
            matrix = self._matrix - np.array([[0, 0, x], [0, 0, y]], np.float32)
            self._picture.paste(pixels[inside], alpha[inside], matrix)


def _turn(angle: float) -> NDArray[np.float32]:
    """From the picture to the head's axes, ``[2, 2]``; points are rows and go through ``.T``."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, sin], [-sin, cos]], np.float32)
