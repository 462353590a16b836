"""The new face by mesh warp: its texture and shape, the frame's pose, expression and light.

In each frame: cut a roll-normalised patch out of the picture; bring the face in it to the
new face's shape, eyeballs, mouth and all; lay the texture on it, lit as the patch is lit,
but for eyeballs, mouth and whatever lies in front; paste the patch back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.attributes import Values, eye_opening, eye_widths
from blanket.border import lies_within
from blanket.config import SwapSettings
from blanket.contrast import Contrast
from blanket.crop import face_matrix
from blanket.crop import placement as crop_placement
from blanket.faces import Appearance, Array, Identity, Image, Points
from blanket.light import Lighting, flatten
from blanket.models import Model
from blanket.picture import Picture
from blanket.swap.colourfulness import colourfulness, muted
from blanket.swap.eyes import Eyes
from blanket.swap.horizon import featureless
from blanket.swap.occlusion import OcclusionMask
from blanket.swap.raster import Raster, drawn_step, soften_edges
from blanket.swap.shape import MARGIN, ShapeChange, reshape
from blanket.texture import TEXTURE_SIDE, atlas
from blanket.timeline import Placement
from blanket.topology import (
    INNER_LIPS,
    LEFT_EYE,
    LEFT_EYE_OUTER,
    RIGHT_EYE,
    RIGHT_EYE_OUTER,
    SURFACE,
)

if TYPE_CHECKING:
    from blanket.view import View

PATCH_HALF = 1.06
EYE_RIM, LIP_RIM = 0.05, 0.015
"""How far around eyeballs and mouth the child's own pixels reach, in distances between the
outer eye corners."""
LID_SHARE = 0.6
"""How much farther they reach around an eye that closes, as a share of how far its lids have
come together: more, and gaze follows less well."""
SOFT = 0.027
"""Standard deviation of how they give way to the texture, in the same unit."""
_HALF = np.array([[0.5, 0, -0.25], [0, 0.5, -0.25]], np.float32)
PATCH_SIDES = (64, 96, 128, 192, 256, 320, 384, 448)


class WarpMethod:
    """See `blanket.swap.SwapMethod`. Costs about 12 ms a face on one core, whatever its size."""

    name = "warp"
    looks = False
    batch = 1

    def __init__(self, settings: SwapSettings) -> None:
        self._settings = settings
        self.models: list[Model] = []

    def fit(self, identity: Identity, own: Appearance, view: View | None) -> WarpSwapper:
        """One identity on one track."""
        return WarpSwapper(identity, own, self._settings)


class WarpSwapper:
    """See `blanket.swap.Swapper`."""

    def __init__(self, identity: Identity, own: Appearance, settings: SwapSettings) -> None:
        self._settings = settings
        self._flat = muted(flatten(identity.texture), colourfulness(own.flat))
        self._bare = featureless(self._flat)
        self._contrast = Contrast(self._flat)
        self._change = ShapeChange(own.shape, identity.shape, settings.shape)
        self._lighting = Lighting()
        self._occlusion = OcclusionMask(own)
        self._alpha = _texture_alpha()
        self._open = eye_opening(own.shape)
        self._softness: float | None = None
        self._eyes = Eyes(self._open)

    def swap(self, faces: Sequence[tuple[Picture, Placement]]) -> list[bool]:
        """Paint the new face over each of the next faces, in place."""
        for picture, placement in faces:
            assert placement.mesh is not None and placement.occluded is not None
            self.paint(picture, placement.mesh, placement.occluded)
        return [True] * len(faces)

    def paint(self, picture: Picture, mesh: Points, occluded: NDArray[np.float32]) -> None:
        """Paint the new face over the one at a mesh; occluded: as in `Placement`."""
        # 1. A patch as fine as the face, up to the texture's own resolution.
        matrix, side = _patch(mesh)
        patch, mesh = picture.sample(matrix, (side, side)), align.apply(matrix, mesh)
        # 2. What lies in front.
        within = lies_within(matrix, side, (picture.width, picture.height))
        cover = self._occlusion(patch, mesh, occluded, within)
        # 3. Features where the new face has them.
        unshaped = mesh
        source, mesh, touched = reshape(side, mesh, self._change)
        shaped = _moved_sharply(patch, source)
        veil = _moved(cover, source) if cover.any() else cover
        # 4. Where in the texture each pixel lies.
        where, ended = Raster(side).with_horizon(mesh, shaped)
        # 5. The texture in the light of the patch.
        light = self._lighting(shaped, mesh, veil)
        # Less of it: towards light that is even, as bright as this on the whole.
        light = light + (light.mean((0, 1)) - light) * np.float32(1 - self._settings.light)
        large = cv2.resize(light, (TEXTURE_SIDE, TEXTURE_SIDE), interpolation=cv2.INTER_LINEAR)
        flat, bare, share = self._flat, self._bare, self._contrast(patch, unshaped, cover)
        if share < 1:
            flat, bare = (1 + np.float32(share) * (whole - 1) for whole in (flat, bare))
        lit = cv2.multiply(flat, large, dtype=cv2.CV_8U)
        # 6. The texture on the mesh, as sharp as the picture is.
        face = _moved_colours(lit, where)
        if ended is not None:
            _end_features(face, cv2.multiply(bare, large, dtype=cv2.CV_8U), where, ended)
        soften_edges(face, where)
        # 7. Eyes that are uncovered where the child's are not: as they were seen last.
        own, hidden = self._eyes(shaped, mesh, veil, light)
        mask = self._mask(where, mesh, hidden)
        face = self._as_sharp(face, shaped, mask, veil)
        painted = cv2.blendLinear(face, own, mask, 1 - mask)
        # 8. What lies in front stays, and where it was: hands do not move with a face's shape.
        picture.paste(painted, touched * (1 - cover), matrix)

    def _mask(
        self, where: NDArray[np.float32], mesh: Points, veil: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """``[S, S]``: 1 where the new face is to be seen unless something lies in front of it,
        0 beyond the mesh, over eyeballs and in the mouth. Worked out as coarsely as the mesh is
        drawn: all of it is smooth.

        veil: ``[S, S]``, 1 where the person's own pixels are of something else: what eyes and
        mouth uncover as they move away from it is the new face's.
        """
        side = where.shape[0]
        step = drawn_step(side)
        coarse = np.ascontiguousarray(where[::step, ::step])
        alpha = _moved(self._alpha, coarse)
        alpha *= _inside(coarse)
        near = align.apply(_HALF, mesh) if step == 2 else mesh
        # Where that is sure: what is half seen is the person's own.
        uncovered = (3 * veil[::step, ::step] - 2).clip(0)
        alpha *= cv2.max(_holes(near, coarse.shape[0], self._open), uncovered)
        if step == 1:
            return alpha
        return cv2.resize(alpha, (side, side), interpolation=cv2.INTER_LINEAR)

    def _as_sharp(
        self,
        face: Image,
        patch: Image,
        mask: NDArray[np.float32],
        cover: NDArray[np.float32],
    ) -> Image:
        """Blur the drawn face until it has no more fine detail than the picture has."""
        clear = ((mask > 0.9) & (cover < 0.1)).astype(np.float32)
        total = float(clear.sum())
        if total > 400:
            real = _detail(patch, clear, total)
            ours = _detail(face, clear, total)
            # Detail falls with the blur about as 1 / (1 + 1.5 sigma^2) does on skin.
            sigma = np.sqrt(max(ours / max(real, 0.3) - 1, 0) / 1.5)
            wanted = float(min(sigma, 2.5))
            self._softness = (
                wanted if self._softness is None else 0.8 * self._softness + 0.2 * wanted
            )
        softness = self._softness or 0.0
        return cv2.GaussianBlur(face, (0, 0), softness) if softness > 0.25 else face


def _moved(picture: Array, source: NDArray[np.float32]) -> Array:
    """A picture whose pixels come from the places ``[S, S, 2]`` in another."""
    return cv2.remap(picture, source, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _moved_colours(picture: Image, source: NDArray[np.float32]) -> Image:
    """The same of ``[S, S, 3]``: OpenCV moves four channels in half the time of three."""
    four = _moved(cv2.cvtColor(picture, cv2.COLOR_RGB2RGBA), source)
    return cv2.cvtColor(four, cv2.COLOR_RGBA2RGB)


def _end_features(
    face: Image, bare: Image, where: NDArray[np.float32], ended: NDArray[np.float32]
) -> None:
    """Let brow and eye give way to the bare texture, in place, as far as they have ended."""
    x, y, width, height = cv2.boundingRect((ended > 0).astype(np.uint8))
    area = slice(y, y + height), slice(x, x + width)
    share = np.ascontiguousarray(ended[area])
    skin = _moved_colours(bare, np.ascontiguousarray(where[area]))
    face[area] = cv2.blendLinear(skin, np.ascontiguousarray(face[area]), share, 1 - share)


def _moved_sharply(picture: Image, source: NDArray[np.float32]) -> Image:
    """The same, but cubic, so that it is as sharp as before. In floats, because that takes three
    quarters of the time that bytes take."""
    moved = cv2.remap(
        picture.astype(np.float32), source, None, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    # Rounded, and from 0 to 255: where it rings it goes beyond either.
    return cv2.convertScaleAbs(cv2.max(moved, 0))


def _detail(picture: Array, clear: NDArray[np.float32], total: float) -> float:
    fine = np.abs(cv2.Laplacian(cv2.extractChannel(picture, 1), cv2.CV_32F))
    return float((fine * clear).sum() / total)


def _patch(mesh: Points) -> tuple[align.Matrix, int]:
    """Picture to patch ``[2, 3]`` and the patch's side in pixels."""
    to_mean = face_matrix(mesh, side=1, half=0.5)
    wanted = 2 * PATCH_HALF / float(align.scale_of(to_mean))
    side = next((s for s in PATCH_SIDES if s >= 0.9 * wanted), PATCH_SIDES[-1])
    low, high = (
        align.apply(to_mean, mesh[:SURFACE]).min(0),
        align.apply(to_mean, mesh[:SURFACE]).max(0),
    )
    middle = (low + high) / 2
    half = max(float((high - low)[:2].max()) / 2 * (MARGIN + 0.03), PATCH_HALF)
    return align.compose(crop_placement(side, half, (middle[0], middle[1])), to_mean), side


def _texture_alpha() -> NDArray[np.float32]:
    """``[320, 320]``: 1 well inside the hull, falling smoothly to 0 at the outline."""
    inside = atlas(TEXTURE_SIDE).inside.astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5) / TEXTURE_SIDE
    ramp = ((depth - 0.004) / 0.055).clip(0, 1)
    return (ramp**2 * (3 - 2 * ramp)).astype(np.float32)


def _inside(where: NDArray[np.float32]) -> NDArray[np.float32]:
    """``[S, S]``: 1 inside the drawn mesh, falling to 0 at its edge as it is seen."""
    drawn = (where[..., 0] >= 0).astype(np.uint8)
    depth = cv2.distanceTransform(drawn, cv2.DIST_L2, 3) / where.shape[0]
    return np.asarray(((depth - 0.008) / 0.03).clip(0, 1), np.float32)


def _holes(mesh: Points, side: int, usual: Values) -> NDArray[np.float32]:
    """``[side, side]``: 0 over eyeballs and inner mouth and on their rims, rising to 1 a
    little farther out.

    The rims (lash line, red of the lips towards the mouth) are the child's too: a lid that
    is off by a pixel would cover some of the iris, and gaze is read off that. So is what a
    closing lid spreads over the eyeball, which no texture of an open eye has.
    """
    canvas = np.full((side, side), 255, np.uint8)
    unit = float(np.linalg.norm(mesh[LEFT_EYE_OUTER] - mesh[RIGHT_EYE_OUTER]))
    closed = (usual - eye_opening(mesh)).clip(0) * eye_widths(mesh)
    left, right = EYE_RIM * unit + LID_SHARE * closed
    for ring, rim in ((LEFT_EYE, left), (RIGHT_EYE, right), (INNER_LIPS, LIP_RIM * unit)):
        points = np.round(mesh[list(ring), :2] * 16).astype(np.int32)
        cv2.fillPoly(canvas, [points], 0, cv2.LINE_AA, 4)
        width = max(round(2 * rim), 1)
        cv2.polylines(canvas, [points], True, 0, width, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(canvas, (0, 0), max(side / 256, SOFT * unit, 0.6))
    return soft.astype(np.float32) / 255
