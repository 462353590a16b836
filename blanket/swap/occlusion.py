"""What passes in front of the face, as a soft mask in the patch."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.appearance import (
    OTHER,
    SIDE,
    departure,
    small_texture,
    unlike_skin,
    well_inside,
)
from blanket.crop import FACE_HALF, FACE_SIDE, face_matrix, placement
from blanket.faces import Appearance, Array, Image, Points
from blanket.mesh import MASK_SIDE
from blanket.nearest import nearest
from blanket.picture import enlarge_mesh
from blanket.swap.raster import Raster
from blanket.texture import TEXTURE_SIDE, atlas, unwrap
from blanket.topology import LEFT_BROW, RIGHT_BROW, load_topology

_LEAST = 0.1
"""What the network must suspect for cells to be one piece."""
_SURE = 0.5
"""What both witnesses see for sure."""
_SPOT, _PIECE = 0.22, 0.3
"""Its share of a piece up to which the rest of the piece is not believed, and from which it is:
hands have 0.3 to 0.9, and what the network makes of a face in the shadows of leaves 0.1 to 0.25."""
_KNOWN = 0.99
"""Share of a texel that must lie in the picture."""
_NEAR_BORDER = 0.05
"""How near the border the network alone is not believed, in sides of the patch: of its cells two
reach beyond it."""
_TRACE = 0.04, 0.16
"""What the network must suspect of what is strange: less is no trace of a thing, more is one."""
_DETAIL, _WINDOW = (0.8, 3.0), 5.0
"""Texels (standard deviation) between which detail of skin lies, and over which it is compared."""
_FAINT = 2e-5
"""Power of detail (logarithms, squared) that is none: noise and coding."""
_OTHER, _OWN = 0.45, 0.7
"""Correlation of detail up to which skin may be another's, and from which it is the child's own:
hands and toys have -0.2 to 0.4, the same skin in a shadow that crosses it 0.75 to 0.95."""
_UNLIKE, _HARDLY = (1.2, 2.0), (0.2, 0.8)
"""Departures, over what is usual, between which texels are unlike the child's face, and between
which those are that have not the detail of the child's skin: a fist in the colour of the cheek."""
_THERE, _BARE = (0.4, 0.6), 0.01
"""Share of what is worn that has not the hue of skin, from where on it may be there, and is there;
and how little of a texel it covers where the face is bare."""
_PART, _WHOLE = 0.5, 0.9
"""Of what the network suspects where a piece is sure: from where on, and from where on fully,
the rest of the piece is believed."""


class OcclusionMask:
    """One track's occlusion over time.

    Two witnesses: the mesh network, which knows hands and things but not this child, and
    the child's own usual texture (`blanket.appearance`), from which whatever lies over the
    face departs, in its detail as in its light. The second one is trusted more the more often
    the face was seen, but only where the first one sees at least a trace. What is worn most of
    the time is usual itself: there the first one is asked alone.
    """

    def __init__(self, own: Appearance) -> None:
        self._own = own
        self._experience = min(max(own.frames - 3, 0) / 6, 1.0)
        self._wears = bool(own.worn.any())
        self._before: NDArray[np.float32] | None = None

    def __call__(
        self,
        patch: Image,
        mesh: Points,
        occluded: NDArray[np.float32],
        within: NDArray[np.bool_],
    ) -> NDArray[np.float32]:
        """``[S, S]`` float32: 1 where something lies in front.

        patch: ``[S, S, 3]`` RGB, with its mesh ``[478, 3]``. occluded: ``[48, 48]`` 0..1 on
        the face crop, as the network sees it. within: ``[S, S]``, which pixels lie in the
        picture: its border, repeated, tells nothing.
        """
        side = patch.shape[0]
        # At half size: the evidence is coarse and the filter below is what costs.
        half = side // 2
        coarse = _on_patch(occluded, face_matrix(mesh), half, side)
        trace = coarse
        if not within.all():
            coarse = coarse * _well_within(within[: 2 * half : 2, : 2 * half : 2])
        texture = small_texture(patch, mesh)
        if self._experience > 0:
            away = self._departure(texture, mesh, within)
            strange = self._strange(away)
            both = 0.45 * coarse - np.float32(0.15)
            if float(strange.max()) > 0.2:
                # A shadow that crosses the face is strange, too, and so is skin that was covered
                # until now: what the network sees no trace of, and what has the detail of the
                # child's own skin, is nothing in front of it.
                thing = strange * _traced(trace, mesh, side)
                foreign = 1 - _same_skin(texture, self._own.texture)
                thing *= foreign
                known = Raster(side).texture_positions(mesh)
                both = both + drawn(thing, known[::2, ::2])
                if float(both.max()) > _SURE:
                    below = _on_patch(occluded * _below_brows(), face_matrix(mesh), half, side)
                    rest = _joined(both, below) * drawn(_unlike(away, foreign), known[::2, ::2])
                    both = np.maximum(both, rest)
            both = both * self._experience + coarse * (1 - self._experience)
        else:
            both = coarse
        if self._wears:
            known = Raster(side).texture_positions(mesh)
            worn = drawn(self._own.worn, known[::2, ::2])
            both = both * (1 - worn) + coarse * worn
            both = np.maximum(both, self._still_worn(texture) * worn)
        if float(both.max()) < 0.3:
            return np.zeros((side, side), np.float32)
        guide = cv2.resize(patch, (half, half), interpolation=cv2.INTER_AREA)
        fine = guided(guide, both.clip(0, 1), radius=max(half // 20, 2), regularity=40.0)
        mask = ((fine - 0.3) / 0.4).clip(0, 1)
        mask = mask**2 * (3 - 2 * mask)
        return cv2.resize(mask.astype(np.float32), (side, side), interpolation=cv2.INTER_LINEAR)

    def _departure(
        self, texture: Image, mesh: Points, within: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        """``[64, 64]``: how far each texel is from the child's usual face, over what is usual."""
        known = None
        if not within.all():
            known = unwrap(within.astype(np.float32), mesh, SIDE) > _KNOWN
        away = departure(texture, self._own.texture, known)
        # The rim shows background as often as face: it follows what lies inside of it.
        return (away / (self._own.spread + 0.035)).ravel()[_inner()]

    def _still_worn(self, texture: Image) -> np.float32:
        """0..1: whether what is usually worn is there, by its hue: the network never sees all
        of it."""
        worn = self._own.worn
        hue = unlike_skin(texture, atlas(SIDE).inside & (worn < _BARE))
        least, enough = _THERE
        share = np.vdot(hue > OTHER, worn) / worn.sum()
        return np.float32(np.clip((share - least) / (enough - least), 0, 1))

    def _strange(self, away: NDArray[np.float32]) -> NDArray[np.float32]:
        """``[64, 64]`` 0..1: which texels are strange to the child's face, for a while."""
        now = ((away - 2.2) / 2.0).clip(0, 1)
        # A hand is a large thing: single texels are lids, lips and noise.
        now = cv2.morphologyEx(now, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
        now = cv2.morphologyEx(now, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
        now = cv2.GaussianBlur(now, (0, 0), 1.2)
        if self._before is not None:
            now = np.maximum(now, 0.5 * self._before)
        self._before = now
        return now


def _well_within(within: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """What lies within the picture, ``[S, S]``, and not near its border: 1, else 0."""
    reach = 2 * round(_NEAR_BORDER * within.shape[0]) + 1
    # The patch's own border is none.
    return cv2.erode(within.astype(np.uint8), np.ones((reach, reach), np.uint8), borderValue=1)


def _traced(suspected: NDArray[np.float32], mesh: Points, side: int) -> NDArray[np.float32]:
    """``[64, 64]`` 0..1: texels of which, or near which, the network suspects anything.

    suspected: its map on half of a patch of `side` pixels, with its mesh ``[478, 3]``.
    """
    reach = side // 24 * 2 + 1
    spread = cv2.dilate(suspected, np.ones((reach, reach), np.uint8))
    found = unwrap(spread, enlarge_mesh(mesh, (side, side), suspected.shape), SIDE)
    least, enough = _TRACE
    return ((found - least) / (enough - least)).clip(0, 1)


def _same_skin(texture: Array, usual: Array) -> NDArray[np.float32]:
    """``[64, 64]`` 0..1: where a texture has the detail of the usual one, in whatever light: the
    correlation, over a window, of the logarithms' detail."""

    def window(values: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.GaussianBlur(values, (0, 0), _WINDOW)

    a, b = _detail(texture), _detail(usual)
    power = (window(a * a) + _FAINT) * (window(b * b) + _FAINT)
    alike = window(a * b) / np.sqrt(power)
    return ((alike - _OTHER) / (_OWN - _OTHER)).clip(0, 1)


def _detail(texture: Array) -> NDArray[np.float32]:
    fine, coarse = _DETAIL
    light = np.log(texture.astype(np.float32).mean(-1) + 8)
    return cv2.GaussianBlur(light, (0, 0), fine) - cv2.GaussianBlur(light, (0, 0), coarse)


def _unlike(away: NDArray[np.float32], foreign: NDArray[np.float32]) -> NDArray[np.float32]:
    """``[64, 64]`` 0..1: which texels are unlike the child's face at all, by how far they depart
    from it and by how foreign their detail is."""
    clearly, hardly = ((away - least) / (enough - least) for least, enough in (_UNLIKE, _HARDLY))
    unlike = np.maximum(clearly, hardly * foreign).clip(0, 1)
    unlike = cv2.morphologyEx(unlike, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    return np.asarray(cv2.GaussianBlur(unlike, (0, 0), 1.2), np.float32)


def _joined(agreed: NDArray[np.float32], suspected: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the network suspects (``[H, W]`` 0..1) in one piece with what both witnesses see.

    A hand in the colour of the cheek behind it is hardly strange; that it is a part of
    something that is tells it from a forehead that the network takes for an arm.
    """
    _, pieces = cv2.connectedComponents((suspected > _LEAST).astype(np.uint8))
    inside, sure = pieces.ravel(), (agreed > _SURE).ravel()
    size, seen = np.bincount(inside), np.bincount(inside[sure], minlength=pieces.max() + 1)
    # How much the network suspects what is sure is the measure of the rest of the piece.
    total = np.bincount(inside[sure], suspected.ravel()[sure], minlength=len(size))
    usual = (total / np.maximum(seen, 1)).astype(np.float32)
    # A piece must rest on more than a spot; 0 is no piece.
    rests = ((seen / np.maximum(size, 1) - _SPOT) / (_PIECE - _SPOT)).clip(0, 1).astype(np.float32)
    rests[0] = 0
    share = suspected / np.maximum(usual, 1e-6)[pieces]
    return np.asarray(((share - _PART) / (_WHOLE - _PART)).clip(0, 1) * rests[pieces])


@cache
def _below_brows() -> NDArray[np.float32]:
    """``[48, 1]``, rows of the face crop: 1 below the brows, 0 on the forehead."""
    brows = align.apply(
        placement(MASK_SIDE, FACE_HALF), load_topology().mean[list(LEFT_BROW + RIGHT_BROW), :2]
    )
    rows = np.arange(MASK_SIDE, dtype=np.float32)[:, None]
    return (rows - brows[:, 1].mean() + 0.5).clip(0, 1)


def drawn(strange: NDArray[np.float32], where: NDArray[np.float32]) -> NDArray[np.float32]:
    """What is known of the texture ``[64, 64]``, in a patch, and a little beyond the mesh.

    where: the positions in the texture, ``[H, W, 2]`` (`blanket.swap.raster`).
    """
    ratio = np.float32(SIDE / TEXTURE_SIDE)
    inside = cv2.remap(strange, (where + 0.5) * ratio - 0.5, None, cv2.INTER_LINEAR)
    # A hand does not end where the face does.
    reach = max(where.shape[0] // 12, 1) * 2 + 1
    beyond = cv2.dilate(inside, np.ones((reach, reach), np.uint8))
    return np.where(where[..., 0] < 0, beyond, inside)


@cache
def _inner() -> NDArray[np.int64]:
    """``[64, 64]``: for each texel itself, or the nearest one that is well in the hull."""
    return nearest(well_inside())[0]


def _on_patch(
    occluded: NDArray[np.float32], in_crop: align.Matrix, half: int, side: int
) -> NDArray[np.float32]:
    """The network's map on the patch at half size, ``[half, half]``."""
    ratio = occluded.shape[0] / FACE_SIDE
    shrink = np.array([[ratio, 0, 0.5 * ratio - 0.5], [0, ratio, 0.5 * ratio - 0.5]])
    enlarge = np.array([[side / half, 0, 0.5], [0, side / half, 0.5]])
    matrix = align.compose(align.compose(shrink, in_crop), enlarge)
    drawn = cv2.warpAffine(
        occluded,
        matrix,
        (half, half),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return drawn.clip(0, 1)


def guided(
    guide: Image, mask: NDArray[np.float32], radius: int, regularity: float
) -> NDArray[np.float32]:
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
