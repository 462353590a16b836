"""How far a face has changed between two pictures, told apart from the noise of coding.

Only detail about the size of a face's parts counts: finer detail does not outlive a low
bitrate, coarser one is light, and outlives a blur. Eyeballs, the inside of the mouth and the
outline are left out, because they may stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.border import lies_within
from blanket.crop import FACE_HALF, face_matrix, placement
from blanket.faces import Points
from blanket.mesh import MASK_SIDE
from blanket.picture import Picture
from blanket.topology import INNER_LIPS, LEFT_EYE, OVAL, RIGHT_EYE, load_topology

SIDE, HALF = 64, 2.0
"""The patch that is compared: pixels, and half its side in units of the mean face."""
_FINE, _COARSE = 0.7, 4.0
"""Pixels of the patch: detail between these (standard deviations) is compared."""
_MIDDLE, _NEARBY = 2.2, 2.0
"""The same from `_FINE` to here is compared place by place, with what is so near: what was painted
over a part spoils coarser detail all around it."""
_SIGMAS = _FINE, _MIDDLE, _COARSE
_COVERED, _DOUBT = 0.5, 0.25
"""How far what lies in front covers what is not compared, and what no part is judged by: a hand
that the mesh network half sees stays as it was, and would pass for a part of a face."""
_LEAST = 0.15
"""Share of the face that must be free of what is in front of it to be compared."""
_PARTLY = 0.6
"""The same share below which only a part of the face is compared: without eyes and mouth, a face
that is free all around has 0.8. Parts of two faces are sooner alike than all of them."""
_CELLS = 8
"""Across the patch; the noise of the surroundings is that of a cell."""
_INNER = 0.9
"""Of the face's size: what lies farther out is outline, which stays in a swap as eyeballs do."""
_RIM = 3
"""Pixels of the patch across the lash line, which stays as eyeballs do."""
_AROUND = 1.7
"""Where the surroundings begin, in sizes of the face: beyond every hidden ellipse."""

UNTOUCHED = 0.95
"""Correlation from which a face is as it was. On real clips an encoder leaves 0.99 at usual
bitrates, 0.97 at a low one and 0.94 at a very low one; a new face has 0.3 to 0.91."""
UNCLEAR = 0.935
WITHIN_NOISE, NEAR_NOISE = 5.0, 9.0
"""Change of the face over that of its surroundings, in power: an untouched face lies below
these at any bitrate (median 1 to 3), a new one at 5 and more at the lowest and in the
hundreds at usual bitrates."""
_SAME_AT_ALL = 0.6
"""Below this correlation noise is no explanation."""
_NOTHING_ALIKE = 0.1
"""Below this correlation what is there is no face of the same pose and expression."""
_PART = 0.97
"""`UNTOUCHED` where only a part of a face is compared. Bitrates that leave less of one as it was
leave noise all around, which explains the change."""
_KEPT, _KEPT_NOISE = 0.96, 9.0
"""Correlation from which, and change over that of the surroundings, in power, up to which a place
of a face is as it was."""
BARE, LASTING = 0.3, 0.05
"""Share of a face's detail that shows something of it: in a frame, and in half of the frames of a
track. A bar over the eyes leaves 0.2 to 0.4, a patch over nose or mouth 0.05 to 0.3. Of new faces
on 150 clips and pictures half of the frames kept less than 0.01, and no frame more than 0.21 (the
fist of a child, and shadows)."""


@dataclass(frozen=True)
class Change:
    """One face in the original and in the output.

    correlation: of its detail, -1 to 1. kept: the share of its detail, in power, that lies where it
    is as it was. detail: how much of it the output has, 1 for as much. over_noise: power of what
    changed in the face over that in its surroundings. part: only a part of it is compared, for
    the rest is covered or beyond the border.
    """

    correlation: float
    kept: float
    detail: float
    over_noise: float
    part: bool

    @property
    def untouched(self) -> bool:
        """The output shows the face as it was, but for noise."""
        noise = self.over_noise < WITHIN_NOISE and self.correlation > _SAME_AT_ALL
        least = _PART if self.part else UNTOUCHED
        return self.correlation > least or (noise and self.detail > 0.75)

    @property
    def unclear(self) -> bool:
        """It may be as it was, or a part of it is, or all of it in negative."""
        noise = self.over_noise < NEAR_NOISE and self.correlation > _SAME_AT_ALL
        told = self.correlation > UNCLEAR or self.kept > BARE or self.correlation < -_SAME_AT_ALL
        return self.untouched or told or (noise and self.detail > 0.75)

    @property
    def hidden(self) -> bool:
        """The output shows no face of its own there, only a blur or a patch."""
        return not self.untouched and (self.detail < 0.55 or self.correlation < _NOTHING_ALIKE)


class Patch:
    """One face of an original, to compare outputs with.

    picture: the original. mesh: ``[478, 3]`` pixels, or None where only the box ``[4]`` is
    known. occluded: ``[48, 48]`` float32 0..1, on the face crop of the mesh.
    """

    def __init__(
        self,
        picture: Picture,
        box: Points,
        mesh: Points | None = None,
        occluded: NDArray[np.float32] | None = None,
    ) -> None:
        self._matrix = _box_matrix(box) if mesh is None else face_matrix(mesh, SIDE, HALF)
        upright, around = _masks()
        face = upright if mesh is None else _inner_face(align.apply(self._matrix, mesh))
        size = (picture.width, picture.height)
        inside = lies_within(self._matrix, SIDE, size)
        self._face, self._around = face & inside, around & inside
        self._bare = self._face
        if occluded is not None:
            cover = _on_patch(occluded)
            self._face, self._bare = self._face & (cover < _COVERED), self._face & (cover < _DOUBT)
        share = float(self._face.sum()) / float(upright.sum())
        self.seen, self._part = share >= _LEAST, share < _PARTLY
        if float(self._bare.sum()) < _LEAST * float(upright.sum()):
            self._bare = self._face
        # The face and its surroundings, each blurred by itself, and what to multiply it by then.
        self._parts = np.dstack([self._face, self._around]).astype(np.float32)
        blurred = (_blurred(self._parts, sigma) for sigma in _SIGMAS)
        self._scales = [self._parts / total.clip(1e-6) for total in blurred]
        self._pattern, self._finer = self._detail(picture, self._matrix)
        self._size = size

    @property
    def detail(self) -> float:
        """How much of it there is, in levels (root mean square): little in a blurred face."""
        return float(np.sqrt((self._pattern[self._face] ** 2).mean()))

    def change(self, output: Picture) -> Change:
        """The same place of the output, which may be of another size."""
        ratio = np.array([self._size[0] / output.width, self._size[1] / output.height])
        to_original = np.array(
            [[ratio[0], 0, ratio[0] / 2 - 0.5], [0, ratio[1], ratio[1] / 2 - 0.5]]
        )
        new, finer = self._detail(output, align.compose(self._matrix, to_original))
        a, b = self._pattern[self._face], new[self._face]
        # A level of noise, so that a flat face is not all noise.
        power = float((a * a).sum()) + 0.05 * a.size
        shared = float((a * b).sum()) + 0.05 * a.size
        correlation = shared / np.sqrt(power * (float((b * b).sum()) + 0.05 * a.size))
        gain = max(shared / power, 0.05)
        changed = float(((b - gain * a) ** 2).mean()) / gain**2
        noise = 0.02 + self._noise((new - self._pattern) ** 2)
        detail = np.sqrt((float((b * b).mean()) + 0.05) / (power / a.size))
        kept = self._kept(finer)
        return Change(float(correlation), kept, float(detail), changed / noise, self._part)

    def _kept(self, finer: NDArray[np.float32]) -> float:
        """`Change.kept`, of the finer detail ``[SIDE, SIDE]`` of the output."""
        a, changed = self._finer, (finer - self._finer) ** 2
        weight = self._bare.astype(np.float32)
        total = _blurred(weight, _NEARBY).clip(1e-6)
        products = np.dstack([a * a, finer * finer, a * finer, changed]) * weight[..., None]
        power, new, shared, noise = cv2.split(_blurred(products, _NEARBY) / total[..., None])
        # Where there is none it is neither kept nor changed.
        alike = shared > _KEPT * np.sqrt((power + 0.05) * (new + 0.05))
        here = alike & (noise < _KEPT_NOISE * (0.02 + self._noise(changed))) & self._bare
        return float((a[here] ** 2).sum() / max(float((a[self._bare] ** 2).sum()), 1e-6))

    def _detail(
        self, picture: Picture, matrix: align.Matrix
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Of the face and of its surroundings, each by itself: the edge of a hand or of hair
        is none of the face's detail. Second, only the finer part of it."""
        luma = picture.luma(matrix, (SIDE, SIDE))
        seen = luma[..., None] * self._parts
        fine, middle, coarse = (
            _blurred(seen, sigma) * scale
            for sigma, scale in zip(_SIGMAS, self._scales, strict=True)
        )
        return (fine - coarse).sum(-1), (fine - middle).sum(-1)

    def _noise(self, power: NDArray[np.float32]) -> float:
        """Of the surroundings: the median over cells of the mean power of the change, for
        something else may have been painted over some of them."""
        weight = self._around.astype(np.float32)
        share, sums = (
            cv2.resize(values * weight, (_CELLS, _CELLS), interpolation=cv2.INTER_AREA)
            for values in (np.ones_like(power), power)
        )
        used = share > 0.5
        return float(np.median(sums[used] / share[used])) if used.any() else 0.0


def _blurred(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), np.float32)


def _box_matrix(box: Points) -> align.Matrix:
    """Picture to patch for an upright face: its box on that of the mean face."""
    mean = load_topology().mean[list(OVAL), :2]
    low, high = mean.min(0), mean.max(0)
    scale = (high - low) / np.maximum(box[2:4] - box[:2], 1.0)
    shift = (low + high) / 2 - scale * (box[:2] + box[2:4]) / 2
    on_mean = np.array([[scale[0], 0, shift[0]], [0, scale[1], shift[1]]], np.float32)
    return align.compose(placement(SIDE, HALF), on_mean)


@cache
def _masks() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """On the patch: an upright face of unknown roll, and what surrounds a face."""
    outline = align.apply(placement(SIDE, HALF), load_topology().mean[list(OVAL), :2])
    return _filled(outline, _INNER).astype(bool), ~_filled(outline, _AROUND).astype(bool)


def _inner_face(mesh: Points) -> NDArray[np.bool_]:
    """A face without its eyes and its mouth's inside, from its mesh ``[478, 3]`` in pixels of
    the patch: where its head is turned, its outline and its parts lie elsewhere than usual."""
    face = _filled(mesh[list(OVAL), :2], _INNER)
    for hole, rim in ((LEFT_EYE, _RIM), (RIGHT_EYE, _RIM), (INNER_LIPS, 1)):
        ring = np.round(mesh[list(hole), :2] * 16).astype(np.int32)
        cv2.fillPoly(face, [ring], 0, cv2.LINE_8, 4)
        cv2.polylines(face, [ring], True, 0, rim, cv2.LINE_8, 4)
    return face.astype(bool)


def _filled(outline: NDArray[np.float32], grow: float) -> NDArray[np.uint8]:
    canvas = np.zeros((SIDE, SIDE), np.uint8)
    middle = (outline.min(0) + outline.max(0)) / 2
    ring = np.round((outline - middle) * grow + middle).astype(np.int32)
    cv2.fillConvexPoly(canvas, cv2.convexHull(ring), 1)
    return canvas


def _on_patch(occluded: NDArray[np.float32]) -> NDArray[np.float32]:
    """From the cells of the face crop to the pixels of the patch."""
    to_cells = align.compose(placement(MASK_SIDE, FACE_HALF), align.invert(placement(SIDE, HALF)))
    return np.asarray(cv2.warpAffine(occluded, align.invert(to_cells), (SIDE, SIDE)), np.float32)
