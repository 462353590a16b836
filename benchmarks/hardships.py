"""Clips with known faces, made hard: dark, noisy, tiny, turned, cut to pieces and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from blanket.faces import Image, Points
from blanket.topology import OVAL, load_topology

WIDE = 1280, 720
_BT709 = 1


@dataclass(frozen=True)
class Shot:
    """One frame. faces: meshes ``[478, 3]`` in its pixels. covered: ``[n]``, the share of
    each face with something in front of it. front: ``[H, W]``, pixels that are in front of
    faces."""

    picture: Image
    faces: list[Points]
    covered: list[float]
    front: NDArray[np.bool_]


@dataclass(frozen=True)
class Hardship:
    """A way to make a clip hard. name: of the row. shots: what becomes of some shots. rate:
    frames a second. quality: constant rate factor of x264."""

    name: str
    shots: Callable[[Sequence[Shot]], Iterator[Shot]]
    rate: int = 30
    quality: int = 16


def moved(shot: Shot, matrix: NDArray[np.floating], size: tuple[int, int] = WIDE) -> Shot:
    """A shot under an affine map ``[2, 3]``, on a picture of another size (w, h)."""
    shrinks = abs(np.linalg.det(matrix[:, :2])) < 0.5
    picture = shot.picture
    if shrinks:
        sigma = 0.4 / np.sqrt(abs(np.linalg.det(matrix[:, :2])))
        picture = cv2.GaussianBlur(picture, (0, 0), sigma)
    picture = cv2.warpAffine(
        picture, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    faces = []
    for mesh in shot.faces:
        xy = mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        faces.append(np.concatenate([xy, mesh[:, 2:] * scale], axis=1).astype(np.float32))
    front = cv2.warpAffine(shot.front.astype(np.uint8), matrix, size, flags=cv2.INTER_NEAREST)
    return Shot(np.asarray(picture, np.uint8), faces, shot.covered, front > 0)


def painted(shot: Shot, picture: NDArray[Any]) -> Shot:
    """A shot with other pixels."""
    return replace(shot, picture=np.asarray(picture.clip(0, 255), np.uint8))


def width(mesh: Points) -> float:
    """Of a face in pixels, across, whatever its roll."""
    outline = mesh[list(OVAL), :2]
    return float(min(cv2.minAreaRect(outline)[1]))


def seen(mesh: Points, size: tuple[int, int]) -> float:
    """The share of a face that lies in the picture, or of the picture that the face fills."""
    outline = cv2.convexHull(mesh[list(OVAL), :2])
    frame = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    shared, _ = cv2.intersectConvexConvex(outline, frame)
    return float(max(shared / cv2.contourArea(outline), shared / (size[0] * size[1])))


def _each(change: Callable[[Shot], Shot]) -> Callable[[Sequence[Shot]], Iterator[Shot]]:
    return lambda shots: (change(shot) for shot in shots)


def _noisy(shots: Sequence[Shot]) -> Iterator[Shot]:
    rng = np.random.default_rng(0)
    for shot in shots:
        yield painted(shot, shot.picture + rng.normal(0, 25, shot.picture.shape))


def _dark(shot: Shot) -> Shot:
    return painted(shot, 16 + shot.picture.astype(np.float32) * 0.12)


def _bright(shot: Shot) -> Shot:
    return painted(shot, shot.picture.astype(np.float32) * 1.9 + 30)


def _blurred(shot: Shot, kernel: NDArray[np.float32]) -> Shot:
    """What is in front is spread as far as anything."""
    front = cv2.dilate(shot.front.astype(np.uint8), (kernel > 0).astype(np.uint8))
    picture = cv2.filter2D(shot.picture, -1, kernel)
    return replace(shot, picture=np.asarray(picture, np.uint8), front=front > 0)


def _smeared(shot: Shot) -> Shot:
    kernel = np.zeros((25, 25), np.float32)
    cv2.line(kernel, (0, 18), (24, 6), 1.0, 1)
    return _blurred(shot, kernel / kernel.sum())


def _doubled(shots: Sequence[Shot]) -> Iterator[Shot]:
    for one, other in zip(shots, [*shots[1:], shots[-1]], strict=True):
        yield one
        middle = (one.picture.astype(np.float32) + other.picture) / 2
        if len(one.faces) == len(other.faces):
            faces = [(a + b) / 2 for a, b in zip(one.faces, other.faces, strict=True)]
            yield Shot(middle.astype(np.uint8), faces, one.covered, one.front | other.front)


def _thinned(shots: Sequence[Shot]) -> Iterator[Shot]:
    for number in range(round(len(shots) * 12 / 30)):
        yield shots[min(round(number * 30 / 12), len(shots) - 1)]


def _interlaced(shots: Sequence[Shot]) -> Iterator[Shot]:
    for one, other in zip(shots, [*shots[1:], shots[-1]], strict=True):
        picture = one.picture.copy()
        picture[1::2] = other.picture[1::2]
        yield replace(one, picture=picture, front=one.front | other.front)


def _scaled(size: tuple[int, int]) -> Callable[[Sequence[Shot]], Iterator[Shot]]:
    def change(shot: Shot) -> Shot:
        x, y = size[0] / shot.picture.shape[1], size[1] / shot.picture.shape[0]
        return moved(shot, np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5]]), size)

    return _each(change)


def _turned(quarter: int) -> Callable[[Sequence[Shot]], Iterator[Shot]]:
    def change(shot: Shot) -> Shot:
        height, across = shot.picture.shape[:2]
        matrix = {
            1: np.array([[0, -1, height - 1], [1, 0, 0]]),
            2: np.array([[-1, 0, across - 1], [0, -1, height - 1]]),
            3: np.array([[0, 1, 0], [-1, 0, across - 1]]),
        }[quarter]
        size = (height, across) if quarter % 2 else (across, height)
        return moved(shot, matrix.astype(np.float64), size)

    return _each(change)


def _mirrored(shot: Shot) -> Shot:
    across = shot.picture.shape[1]
    flipped = moved(shot, np.array([[-1.0, 0, across - 1], [0, 1, 0]]), (across, 720))
    return replace(flipped, faces=[mesh[load_topology().mirror] for mesh in flipped.faces])


def _around(shot: Shot, scale: float, middle: tuple[float, float]) -> NDArray[np.float64]:
    """The map that shows the first face at a scale, its middle at a place."""
    centre = shot.faces[0][list(OVAL), :2].mean(0) if shot.faces else np.array([640, 360])
    return np.array(
        [[scale, 0, middle[0] - scale * centre[0]], [0, scale, middle[1] - scale * centre[1]]]
    )


def _sized(target: float) -> Callable[[Sequence[Shot]], Iterator[Shot]]:
    """The face about so many pixels across, drifting over the picture."""

    def change(shots: Sequence[Shot]) -> Iterator[Shot]:
        scale = target / np.median([width(shot.faces[0]) for shot in shots if shot.faces])
        for number, shot in enumerate(shots):
            place = (640 + 200 * np.sin(number / 30), 360 + 80 * np.cos(number / 24))
            yield moved(shot, _around(shots[0], scale, place))

    return change


def _panned(shots: Sequence[Shot]) -> Iterator[Shot]:
    """There and back by 50 pixels a frame."""
    kernel = np.zeros((1, 25), np.float32)
    kernel[:] = 1 / 25
    for number, shot in enumerate(shots):
        phase = number % 16
        shift = 50.0 * (phase if phase < 8 else 16 - phase) - 200
        there = moved(shot, np.array([[1, 0, shift], [0, 1, 0]]))
        yield _blurred(there, kernel)


def _entering(shots: Sequence[Shot]) -> Iterator[Shot]:
    """In from the right at 24 pixels a frame, then out at the top."""
    for number, shot in enumerate(shots):
        half = len(shots) // 2
        x = 1480 - 24 * min(number, half)
        y = 360 - 30 * max(number - half - 4, 0)
        matrix = _around(shots[0], 0.75, (x, y))
        canvas = cv2.warpAffine(shot.picture, matrix, WIDE, borderValue=(120, 110, 100))
        yield painted(moved(shot, matrix), canvas)


def _crowd(shots: Sequence[Shot]) -> Iterator[Shot]:
    """Ten copies, five across and two down, each at another moment."""
    scale = 0.2
    for number in range(len(shots)):
        canvas, front = np.zeros((720, 1280, 3), np.uint8), np.zeros((720, 1280), bool)
        faces: list[Points] = []
        covered: list[float] = []
        for cell in range(10):
            shot = shots[(number + 7 * cell) % len(shots)]
            x, y = 256 * (cell % 5), 360 * (cell // 5)
            matrix = _around(shots[(7 * cell) % len(shots)], scale * 2, (x + 128, y + 180))
            small = moved(shot, matrix)
            window = np.s_[y : y + 360, x : x + 256]
            canvas[window], front[window] = small.picture[window], small.front[window]
            if small.faces:
                faces.append(small.faces[0])
                covered.append(shot.covered[0])
        yield Shot(canvas, faces, covered, front)


def _occluded(shots: Sequence[Shot]) -> Iterator[Shot]:
    """Something of the colour of skin rises over the first face until 80 % is under it."""
    for number, shot in enumerate(shots):
        picture, covered = shot.picture.copy(), list(shot.covered)
        front = shot.front.astype(np.uint8)
        if shot.faces:
            share = 0.8 * min(number / (0.6 * len(shots)), 1.0)
            outline = shot.faces[0][list(OVAL), :2]
            bottom, top = outline[:, 1].max(), outline[:, 1].min()
            level = round(float(bottom - share * (bottom - top)))
            left, right = (int(edge) for edge in (outline[:, 0].min(), outline[:, 0].max()))
            corners = (left - 30, max(level, 0)), (right + 30, int(bottom) + 40)
            cv2.rectangle(picture, *corners, (196, 150, 128), -1)
            cv2.rectangle(front, *corners, 1, -1)
            covered[0] = max(covered[0], share)
        yield Shot(picture, shot.faces, covered, front.astype(bool))


def cut_every_second(shots: Sequence[Shot], others: Sequence[Shot]) -> list[Shot]:
    """One clip, then another, in turn, a second of each."""
    kinds = (shots, others)
    most = min(len(shots), len(others))
    return [kinds[(number // 30) % 2][number] for number in range(most)]


HARDSHIPS = (
    Hardship("as it is", iter),
    Hardship("dark", _each(_dark)),
    Hardship("over-exposed", _each(_bright)),
    Hardship("noisy", _noisy),
    Hardship("low bitrate", iter, quality=42),
    Hardship("motion blur", _each(_smeared)),
    Hardship("60 fps", _doubled, rate=60),
    Hardship("12 fps", _thinned, rate=12),
    Hardship("interlaced", _interlaced),
    Hardship("240p", _scaled((426, 240))),
    Hardship("4K", _scaled((3840, 2160))),
    Hardship("turned by 90 degrees", _turned(1)),
    Hardship("turned by 180 degrees", _turned(2)),
    Hardship("turned by 270 degrees", _turned(3)),
    Hardship("mirrored", _each(_mirrored)),
    Hardship("faces of 24 pixels", _sized(24)),
    Hardship("a face larger than the frame", _sized(1000)),
    Hardship("fast pans", _panned),
    Hardship("in and out at the border", _entering),
    Hardship("ten people", _crowd),
    Hardship("occluded up to 80 %", _occluded),
)
"""Cuts every second need two clips: `cut_every_second`."""


def encode(path: Path, shots: Sequence[Shot], rate: int, quality: int) -> None:
    """Write the pictures as H.264."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=Fraction(rate))
        height, across = shots[0].picture.shape[:2]
        stream.width, stream.height, stream.pix_fmt = across, height, "yuv420p"
        stream.options = {"crf": str(quality), "preset": "veryfast"}
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = 1
        for shot in shots:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(shot.picture), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=_BT709, dst_color_range=1)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
