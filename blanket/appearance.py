"""What a face looks like on the whole, from some dozens of looks at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from blanket import align
from blanket.attributes import head_pose
from blanket.crop import face_matrix
from blanket.faces import Appearance, Array, Image, Points
from blanket.light import flatten
from blanket.mesh import MASK_SIDE, Reading
from blanket.picture import enlarge_mesh
from blanket.texture import atlas, texel_positions, unwrap
from blanket.topology import load_topology

SIDE = 64
MOST = 48
"""Looks that are kept of one track, however long it is."""
EVERY = 5
"""Frames from one look to the next, at first."""
_HARDLY, _WORN = 0.04, 0.6
"""How far most looks must see something in front for it to belong to what is worn, and to be
worn: hands that come and go, and what the mesh network takes for hands, are not seen in most."""
_NEAR_BORDER = 2
"""Cells of the network's map beyond which it tells what lies at the picture's border."""
_REACH, _SKIN = 10, 100
"""Texels from what most looks see in front to what belongs to it, and how many at least tell
the colour of skin."""
_HUE, OTHER = 0.25, 0.35
"""Departures from its hue (natural logarithms) beyond which a texel hardly is of skin, and
beyond which it is not: skin in a shadow has 0.1 to 0.2, something white 0.5, blue 1."""
_NEAREST = 3.0
"""Texels (standard deviation) from which skin is continued under what is worn."""


@dataclass(frozen=True)
class Look:
    """One look at a face. frame: its number. texture: ``[64, 64, 3]`` uint8: the child's own
    pixels, never stored. shape: ``[478, 3]`` float32 on the mean face. clear: 0..1, how well
    the face was seen. cover: ``[64, 64]`` uint8, 0..255, how far it is covered."""

    frame: int
    texture: Image
    shape: Points
    clear: float
    cover: NDArray[np.uint8]

    @classmethod
    def taken(
        cls,
        frame: int,
        picture: Image,
        mesh: Points,
        clear: float,
        occluded: NDArray[np.uint8] | None = None,
    ) -> Look:
        """At the face under a mesh ``[478, 3]`` in a picture ``[H, W, 3]``. occluded: as in
        `blanket.mesh.Reading`, None for a face that is seen freely."""
        cover = np.zeros((SIDE, SIDE), np.uint8)
        if occluded is not None:
            to_cells = face_matrix(mesh, MASK_SIDE)
            cover = unwrap(occluded, align.apply(to_cells, mesh), SIDE)
            # To the network the picture's border covers a face, too.
            where, margin = texel_positions(mesh, SIDE), _NEAR_BORDER / align.scale_of(to_cells)
            size = np.array(picture.shape[1::-1])
            cover = cover * ((where >= margin) & (where < size - margin)).all(-1)
        shape = align.rigid(mesh, load_topology().mean)
        return cls(frame, unwrap(picture, mesh, SIDE), shape, clear, cover)


def clearness(reading: Reading) -> float:
    """How well a reading shows the face, 0..1: trusted, uncovered, seen from the front."""
    yaw, pitch, _ = head_pose(reading.mesh)
    free = freeness(reading.occluded)
    return float(reading.trust * free**2 / (1 + (yaw / 20) ** 2 + (pitch / 20) ** 2))


def freeness(occluded: NDArray[np.uint8]) -> float:
    """How free a face is of what covers it, 0.05..1, for choosing between views of it: covered
    by two fifths it is as good as hidden. occluded: ``[48, 48]`` 0..255."""
    return 1 - min(float(occluded[8:40, 8:40].mean()) / 100, 0.95)


class Album:
    """Looks at one face, spread evenly over the time in which it is seen; once it is closed,
    only what they come to."""

    def __init__(self, looks: Sequence[Look] = ()) -> None:
        self._looks = list(looks)
        self._every = EVERY
        self._taken: list[tuple[int, float]] = []
        self._appearance: Appearance | None = None

    @property
    def taken(self) -> list[tuple[int, float]]:
        """Frame and clearness of each look, in the order in which they were taken."""
        return self._taken + [(look.frame, look.clear) for look in self._looks]

    def close(self) -> None:
        """No look comes any more: their pixels, a megabyte of them, are let go."""
        self._appearance = self.appearance()
        self._taken, self._looks = self.taken, []

    def due(self, frame: int) -> bool:
        """Whether to look in a frame."""
        return not self._looks or frame % self._every == 0

    def add(self, look: Look) -> None:
        """Take a look into the album."""
        self._looks.append(look)
        if len(self._looks) > MOST:
            self._looks = self._looks[::2]
            self._every *= 2

    def forget(self, frame: int) -> None:
        """Leave out what was seen in a frame: it was not this face."""
        self._looks = [look for look in self._looks if look.frame != frame]

    def appearance(self) -> Appearance | None:
        """The usual face, by the clearest half of the looks; None where there is none."""
        if not self._looks:
            return self._appearance
        clear = np.array([look.clear for look in self._looks])
        best = np.argsort(-clear)[: max(len(clear) // 2, 1)]
        usual = np.median([self._looks[i].texture for i in best], axis=0).astype(np.float32)
        shape = np.average([self._looks[i].shape for i in best], axis=0, weights=clear[best] + 1e-6)
        away = [departure(look.texture, usual) for look in self._looks]
        worn = _worn([look.cover for look in self._looks], usual)
        skin = _without(worn, usual)
        return Appearance(
            texture=usual,
            spread=np.median(away, axis=0).astype(np.float32),
            flat=flatten(skin),
            shape=shape.astype(np.float32),
            colour=skin[atlas(SIDE).inside].mean(0),
            frames=len(self._looks),
            worn=worn,
        )


def appearance_of(picture: Image, mesh: Points) -> Appearance:
    """What the face at a mesh looks like in a single picture ``[H, W, 3]``, seen freely."""
    texture = unwrap(picture, mesh, SIDE).astype(np.float32)
    return Appearance(
        texture=texture,
        spread=np.zeros((SIDE, SIDE), np.float32),
        flat=flatten(texture),
        shape=align.rigid(mesh, load_topology().mean),
        colour=texture[atlas(SIDE).inside].mean(0),
        frames=1,
        worn=np.zeros((SIDE, SIDE), np.float32),
    )


def _worn(covers: Sequence[NDArray[np.uint8]], usual: NDArray[np.float32]) -> NDArray[np.float32]:
    """`Appearance.worn`, of looks' `cover` and the usual texture."""
    seen = np.median(covers, axis=0).astype(np.float32) / 255
    inside = atlas(SIDE).inside
    if not (inside & (seen > _WORN)).any():
        return np.zeros((SIDE, SIDE), np.float32)
    reach = cv2.dilate(((seen > _WORN) & inside).astype(np.uint8), _disc(_REACH)) > 0
    hue = unlike_skin(usual, inside & ~reach)
    # In the hue of skin it may be skin in a shadow, or a beard: a face that must be replaced.
    core = ((seen > _WORN) & inside & (hue > OTHER)).astype(np.uint8)
    core = cv2.morphologyEx(core, cv2.MORPH_OPEN, _disc(1))
    if not core.any():
        return np.zeros((SIDE, SIDE), np.float32)
    # The network sees the upper rim of a pacifier better than its middle and what is below. The
    # rest is in one piece with it, near, and not of the colour of skin.
    other = (hue > _HUE) & reach & inside & (seen > _HARDLY)
    whole = cv2.morphologyEx((other | (core > 0)).astype(np.uint8), cv2.MORPH_CLOSE, _disc(3))
    _, pieces = cv2.connectedComponents(cv2.morphologyEx(whole, cv2.MORPH_OPEN, _disc(2)))
    held = np.isin(pieces, np.unique(pieces[core > 0])) & (pieces > 0)
    return cv2.GaussianBlur(held.astype(np.float32), (0, 0), 0.8)


def small_texture(patch: Array, mesh: Points) -> Array:
    """The texture ``[64, 64(, C)]`` of the face in a patch ``[S, S(, C)]`` under a mesh ``[478,
    3]``, in pixels of the patch."""
    # Smaller by a whole number: else it takes many times as long.
    side = patch.shape[0]
    size = (side // max(side // (2 * SIDE), 1),) * 2
    small = cv2.resize(patch, size, interpolation=cv2.INTER_AREA)
    return unwrap(small, enlarge_mesh(mesh, patch.shape[:2], size), SIDE)


@cache
def well_inside() -> NDArray[np.bool_]:
    """``[64, 64]``: which texels lie so far in the hull that they never show hair or cloth."""
    hull = atlas(SIDE).inside.astype(np.uint8)
    return np.asarray(cv2.erode(hull, np.ones((7, 7), np.uint8)) > 0)


def unlike_skin(texture: Array, bare: NDArray[np.bool_]) -> NDArray[np.float32]:
    """``[64, 64]``: how far the hue of each texel is from that of the face (natural logarithms),
    in whatever light.

    texture: ``[64, 64, 3]``. bare: ``[64, 64]``, where it is of skin; where that is little, all
    of the face is asked.
    """
    skin = texture[bare if bare.sum() >= _SKIN else atlas(SIDE).inside]
    apart = np.log((texture.astype(np.float32) + 8) / (np.median(skin, axis=0) + 8))
    apart -= apart.mean(-1, keepdims=True)
    return np.asarray(np.linalg.norm(apart, axis=-1), np.float32)


def _disc(radius: int) -> NDArray[np.uint8]:
    size = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)))


def _without(worn: NDArray[np.float32], usual: NDArray[np.float32]) -> NDArray[np.float32]:
    """A texture ``[64, 64, 3]`` with skin continued under what is worn (normalised
    convolution, Knutsson & Westin 1993)."""
    if not worn.any():
        return usual
    # Its edge is soft, and of neither.
    covered = cv2.dilate(worn, _disc(2))[..., None]
    known = (1 - covered) * atlas(SIDE).inside[..., None]
    total = np.dstack([usual * known, known])
    near, far = (cv2.GaussianBlur(total, (0, 0), sigma) for sigma in (_NEAREST, 4 * _NEAREST))
    mixed = near + 1e-3 * far + 1e-6 * total.mean((0, 1))
    skin = mixed[..., :3] / np.maximum(mixed[..., 3:], 1e-9)
    return np.asarray(usual + covered * (skin - usual), np.float32)


def departure(
    texture: Array, usual: NDArray[np.float32], known: NDArray[np.bool_] | None = None
) -> NDArray[np.float32]:
    """How far each texel departs from the usual, ``[64, 64]``: the logarithm of the ratio,
    the light's change taken out, the mean over the colours.

    texture, usual: ``[64, 64, 3]``, 0..255. known: ``[64, 64]``, texels that lie in the
    picture, where some do not: those do not depart.
    """
    ratio = np.log((texture.astype(np.float32) + 8) / (usual + 8))
    ratio = cv2.GaussianBlur(ratio, (0, 0), 1.0)
    inside = atlas(SIDE).inside
    if known is not None and (inside & known).any():
        inside = inside & known
    # The middle of the hull decides what the light did: less than half of it is covered.
    ratio -= [np.median(colour[inside]) for colour in cv2.split(ratio)]
    away = np.abs(ratio).mean(-1)
    return away if known is None else np.where(known, away, np.float32(0))
