"""An infant that does not exist, as a puppet: a face of the morphable model in a hood.

Everything here is in the frame of the mean face (`blanket.topology`): x right, y down, z
away from the viewer, the outer eye corners 1 apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blanket.drawing import Float, f32, smooth
from blanket.faces import Points
from blanket.texture import texture_points
from blanket.topology import (
    LEFT_EYE,
    LEFT_IRIS,
    OVAL,
    RIGHT_EYE,
    RIGHT_IRIS,
    SURFACE,
    load_topology,
)

_UPPER = (246, 161, 160, 159, 158, 157, 173), (466, 388, 387, 386, 385, 384, 398)
_LOWER = (7, 163, 144, 145, 153, 154, 155), (249, 390, 373, 374, 380, 381, 382)
_LOWER_LIP = (95, 88, 178, 87, 14, 317, 402, 318, 324)
_UPPER_LIP = (191, 80, 81, 82, 13, 312, 311, 310, 415)
_HINGE = 0.05, 0.55
_EYEBALL = 0.15

# Materials of triangles.
FACE, EYES, MOUTH, SKIN, RIM, HOOD, BODY = range(7)


@dataclass(frozen=True)
class Pose:
    """What the puppet does in one frame.

    x, y: pixels, where the middle of the mean face is. scale: pixels between the outer eye
    corners. yaw, pitch, roll: degrees, roll after yaw after pitch. blink: 0 open,
    1 shut. mouth: 0 shut, 1 wide open. gaze: degrees to the face's right as seen in the
    picture, and down, relative to the head. lean: degrees of roll of the body.
    """

    x: float
    y: float
    scale: float
    yaw: float
    pitch: float
    roll: float
    blink: float = 0.0
    mouth: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    lean: float = 0.0

    def rotation(self) -> Float:
        """``[3, 3]``: roll after yaw after pitch."""
        return turn(self.yaw, self.pitch, self.roll)

    def place(self, points: Float) -> Points:
        """Points of the head's frame ``[..., 3]`` in the picture, pixels."""
        moved = points @ (self.rotation().T * self.scale)
        return f32(moved + f32([self.x, self.y, 0]))


def turn(yaw: float, pitch: float, roll: float) -> Float:
    """The rotation ``[3, 3]`` of a head, from degrees."""
    (sy, sp, sr), (cy, cp, cr) = (f(np.radians([yaw, pitch, roll])) for f in (np.sin, np.cos))
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    about_y = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return f32(about_z @ about_y @ about_x)


@dataclass(frozen=True)
class Solid:
    """Triangles to draw. points: ``[N, 3]``. normals: ``[N, 3]``, outwards. triangles:
    ``[T, 3]``. where: ``[N, 2]`` pixels of the material's texture. open: ``[N]``, how much
    of the surrounding light reaches it. material: ``[T]``."""

    points: Float
    normals: Float
    triangles: NDArray[np.int32]
    where: Float
    open: Float
    material: NDArray[np.int32]


def expressed(shape: Points, pose: Pose) -> Points:
    """The face ``[478, 3]`` with the lids, jaw and eyeballs of a pose, still unturned."""
    face = shape.astype(np.float32).copy()
    down = pose.gaze[1]
    lids = pose.blink + (1 - pose.blink) * float(np.clip(0.012 * down, -0.1, 0.35))
    anchors = []
    for upper, lower in zip(_UPPER, _LOWER, strict=True):
        gap = shape[list(lower)] - shape[list(upper)]
        forward = f32([0, 0, -0.018]) * max(lids, 0)
        anchors += [0.80 * lids * gap + forward, -0.18 * lids * gap]
    face[:SURFACE] += _lid_influence() @ np.concatenate(anchors)
    # The jaw turns about a hinge below the ears.
    angle = 0.34 * pose.mouth * _jaw()
    y, z = face[:SURFACE, 1] - _HINGE[0], face[:SURFACE, 2] - _HINGE[1]
    face[:SURFACE, 1] = _HINGE[0] + y * np.cos(angle) - z * np.sin(angle)
    face[:SURFACE, 2] = _HINGE[1] + y * np.sin(angle) + z * np.cos(angle)
    face[:SURFACE, 1] -= 0.035 * pose.mouth * _lift()
    face[:SURFACE, 0] *= 1 - 0.10 * pose.mouth * _purse()
    # Eyeballs turn about their own middle.
    rotation = turn(pose.gaze[0], down, 0)
    for iris, corners in ((LEFT_IRIS, (33, 133)), (RIGHT_IRIS, (362, 263))):
        ring = shape[list(iris)]
        front = shape[list(corners)].mean(0)
        centre = f32([front[0], 0.3 * front[1] + 0.7 * ring[0, 1], ring[0, 2] + _EYEBALL])
        straight = (ring - ring[0]) * 1.04 + centre - f32([0, 0, _EYEBALL])
        face[list(iris)] = (straight - centre) @ rotation.T + centre
    return face


def infantile(shape: Points) -> Points:
    """A small child's face ``[478, 3]`` as a younger one's: features lower and closer, a
    small flat nose and mouth, full cheeks, a short chin."""
    face = shape.astype(np.float32).copy()
    x, y = face[:, 0].copy(), face[:, 1].copy()
    inner = smooth((0.72 - np.abs(x)) / 0.3) * smooth((y + 0.92) / 0.4) * smooth((0.85 - y) / 0.3)
    face[:, 1] += 0.055 * inner * smooth((0.3 - y) / 0.9)
    face[:, 1] -= 0.06 * smooth((y - 0.30) / 0.6) - 0.015 * smooth((y - 0.2) / 0.2)
    nose = np.exp(-((x / 0.24) ** 4) - ((y - 0.02) / 0.30) ** 4)
    face[:, 0] *= 1 - 0.10 * nose
    face[:, 2] += 0.25 * nose * (-0.08 - face[:, 2]).clip(0)
    mouth = np.exp(-((x / 0.36) ** 4) - ((y - 0.42) / 0.24) ** 4)
    face[:, 0] *= 1 - 0.10 * mouth
    cheek = np.exp(-(((np.abs(x) - 0.48) / 0.24) ** 2) - ((y - 0.30) / 0.28) ** 2)
    face[:, 2] -= 0.085 * cheek
    face[:, 0] += 0.035 * cheek * np.sign(x)
    return face


def wide_eyed(shape: Points, grow: float) -> Points:
    """A face ``[478, 3]`` with larger eyes, `grow` times as wide, and wide open."""
    face = shape.astype(np.float32).copy()
    for side, ring in enumerate((LEFT_EYE, RIGHT_EYE)):
        middle = shape[list(ring)].mean(0)
        apart = np.linalg.norm(shape[:SURFACE, :2] - middle[:2], axis=1)
        near = np.exp(-((apart / 0.22) ** 4))[:, None]
        face[:SURFACE] += (grow - 1) * near * (shape[:SURFACE] - middle)
        opening = face[list(_UPPER[side])] - face[list(_LOWER[side])]
        width = np.linalg.norm(face[ring[0]] - face[ring[8]])
        short = 0.36 * width / np.linalg.norm(opening[2:5, :2], axis=1).mean() - 1
        gaps = np.zeros((28, 3), np.float32)
        gaps[14 * side : 14 * side + 7] = 0.75 * short * opening
        gaps[14 * side + 7 : 14 * side + 14] = -0.25 * short * opening
        face[:SURFACE] += _lid_influence() @ gaps
    return face


@cache
def _lid_influence() -> Float:
    """``[468, 28]``: how far each vertex follows each lid vertex."""
    mean = load_topology().mean[:SURFACE]
    anchors = [v for pair in zip(_UPPER, _LOWER, strict=True) for side in pair for v in side]
    apart = np.linalg.norm(mean[:, None, :2] - mean[anchors, :2], axis=-1)
    near = np.exp(-((apart / 0.05) ** 2))
    # Skin follows the lid on its own side of the eye.
    middle = np.repeat(
        [mean[[*u, *low], 1].mean() for u, low in zip(_UPPER, _LOWER, strict=True)], 14
    )
    above = np.tile(np.repeat([True, False], 7), 2)
    near *= np.where(above, mean[:, None, 1] < middle + 0.015, mean[:, None, 1] > middle - 0.015)
    reach = np.exp(-((apart.min(1) / 0.075) ** 2))
    share = near / np.maximum(near.sum(1, keepdims=True), 1e-6) * reach[:, None]
    share[anchors] = np.eye(len(anchors))
    corners = [33, 133, 362, 263]
    share[corners] = 0
    return f32(share)


@cache
def _jaw() -> Float:
    """``[468]``: how far each vertex goes with the jaw, 0..1."""
    mean = load_topology().mean[:SURFACE]
    x, y = np.abs(mean[:, 0]), mean[:, 1]
    known = np.full(SURFACE, np.nan)
    known[y < 0.20] = 0
    known[(y > 0.60) & (x < 0.28)] = 1
    oval = np.array(OVAL)
    known[oval] = smooth((y[oval] - 0.42) / 0.34)
    known[list(_UPPER_LIP)] = 0.30 * (x[list(_UPPER_LIP)] / 0.252) ** 2
    known[list(_LOWER_LIP)] = 0.30 + 0.70 * np.sqrt(
        (1 - (x[list(_LOWER_LIP)] / 0.252) ** 2).clip(0)
    )
    known[[78, 308, 61, 291]] = 0.30
    return _spread(known)


@cache
def _lift() -> Float:
    """``[468]``: how far each vertex goes up with the upper lip."""
    mean = load_topology().mean[:SURFACE]
    x, y = np.abs(mean[:, 0]), mean[:, 1]
    known = np.where((y < 0.14) | (x > 0.5) | (y > 0.7), 0.0, np.nan)
    known[list(_UPPER_LIP)] = np.sqrt((1 - (x[list(_UPPER_LIP)] / 0.252) ** 2).clip(0))
    known[[*_LOWER_LIP, 78, 308, 61, 291]] = 0
    return _spread(known)


def _spread(known: NDArray[Any]) -> Float:
    """Values ``[468]`` where known, elsewhere the mean of the neighbours on the mesh."""
    edges = load_topology().triangles
    near = np.zeros((SURFACE, SURFACE))
    for i, j in ((0, 1), (1, 2), (2, 0)):
        near[edges[:, i], edges[:, j]] = near[edges[:, j], edges[:, i]] = 1
    system = np.diag(near.sum(1)) - near
    fixed = ~np.isnan(known)
    system[fixed] = np.eye(SURFACE)[fixed]
    return np.linalg.solve(system, np.where(fixed, known, 0)).astype(np.float32)


@cache
def _purse() -> Float:
    """``[468]``: how far each vertex goes towards the middle as the mouth opens."""
    mean = load_topology().mean[:SURFACE]
    away = np.hypot(mean[:, 0] / 0.45, (mean[:, 1] - 0.42) / 0.4)
    return f32(np.exp(-(away**2)))


def head(face: Points) -> Solid:
    """The face with a border of skin that runs under the hood. face: ``[478, 3]``."""
    topology = load_topology()
    oval = face[list(OVAL)]
    along = np.roll(oval, -1, 0) - np.roll(oval, 1, 0)
    out = np.stack([along[:, 1], -along[:, 0], np.zeros(len(oval))], 1)
    out = -out / np.linalg.norm(out, axis=1, keepdims=True)
    out *= np.sign((out[:, :2] * oval[:, :2]).sum(1).mean())
    rings = [oval + a * out + f32([0, 0, b]) for a, b in ((0.03, 0.02), (0.07, 0.14), (0.10, 0.34))]
    points = np.concatenate([face[:SURFACE], *rings]).astype(np.float32)
    texture = texture_points()[:, :2]
    scale = float(np.linalg.norm(texture[263] - texture[33]))
    flat = [texture[list(OVAL)] + scale * a * out[:, :2] for a in (0.03, 0.08, 0.13)]
    where = np.concatenate([texture[:SURFACE], *flat])
    count = len(OVAL)
    here = np.arange(count)
    after = (here + 1) % count
    ids = [np.array(OVAL), *(SURFACE + k * count + here for k in range(3))]
    border = []
    for inner, outer in pairwise(ids):
        border += [
            np.stack([inner, outer, inner[after]], 1),
            np.stack([inner[after], outer, outer[after]], 1),
        ]
    surface = _wound()
    parts = [
        *np.split(surface, np.cumsum([len(topology.triangles), len(topology.eyes)])),
        np.concatenate(border),
    ]
    triangles = np.concatenate(parts).astype(np.int32)
    material = np.repeat([FACE, EYES, MOUTH, SKIN], [len(p) for p in parts]).astype(np.int32)
    normals = np.zeros_like(points)
    a, b, c = (points[triangles[:, k]] for k in range(3))
    area = np.cross(c - a, b - a)
    for k in range(3):
        np.add.at(normals, triangles[:, k], area)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    # A round head under soft skin: between the mesh and a ball.
    ball = points - f32([0, 0.05, 0.75])
    normals = 0.6 * normals + 0.4 * ball / np.linalg.norm(ball, axis=1, keepdims=True)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    light = np.concatenate(
        [np.ones(SURFACE), np.full(count, 0.30), np.full(count, 0.2), np.full(count, 0.1)]
    )
    # Finer triangles at the outline, where the hood's rim takes the light away.
    fine = _finer()
    values = np.concatenate([points, normals, where, light[:, None]], 1)
    values = np.concatenate([values, fine.shares @ values[:SURFACE]]).astype(np.float32)
    values[:SURFACE, 8], values[_COARSE:, 8] = np.split(fine.light, [SURFACE])
    triangles = np.concatenate([np.delete(triangles, fine.replaced, 0), fine.triangles])
    material = np.concatenate(
        [np.delete(material, fine.replaced), np.full(len(fine.triangles), FACE, np.int32)]
    )
    return Solid(values[:, :3], values[:, 3:6], triangles, values[:, 6:8], values[:, 8], material)


_COARSE = SURFACE + 3 * len(OVAL)
"""How many vertices `head` has before its triangles are made finer."""


@dataclass(frozen=True)
class _Finer:
    """The triangles at the outline in smaller ones. shares: ``[M, 468]``, the new vertices as
    means of the old. replaced: which triangles. triangles: ``[T, 3]``, in their place.
    light: ``[468 + M]``, for old and new vertices."""

    shares: Float
    replaced: NDArray[np.int64]
    triangles: NDArray[np.int32]
    light: Float


@cache
def _finer() -> _Finer:
    topology = load_topology()
    surface = _wound()[: len(topology.triangles)]
    away = from_outline(topology.mean[:SURFACE])
    replaced = np.flatnonzero((away[surface] < 0.02).any(1))
    shares = list(np.eye(SURFACE))
    middles: dict[tuple[int, int], int] = {}

    def middle(a: int, b: int) -> int:
        key = min(a, b), max(a, b)
        if key not in middles:
            middles[key] = len(shares)
            shares.append((shares[a] + shares[b]) / 2)
        return middles[key]

    triangles = surface[replaced].tolist()
    for _ in range(2):
        finer = []
        for a, b, c in triangles:
            ab, bc, ca = middle(a, b), middle(b, c), middle(c, a)
            finer += [[a, ab, ca], [ab, b, bc], [ca, bc, c], [ab, bc, ca]]
        triangles = finer
    table = np.array(triangles, np.int32)
    table[table >= SURFACE] += _COARSE - SURFACE
    every = np.array(shares)
    light = 1 - 0.62 * np.exp(-from_outline(every @ topology.mean[:SURFACE]) / 0.11)
    return _Finer(every[SURFACE:].astype(np.float32), replaced, table, light.astype(np.float32))


def from_outline(points: NDArray[Any]) -> NDArray[Any]:
    """How far points ``[N, 3]`` are from the mean face's outline, ``[N]``."""
    ring = load_topology().mean[list(OVAL)]
    ring = np.concatenate([ring + f * (np.roll(ring, -1, 0) - ring) for f in (0, 0.25, 0.5, 0.75)])
    return np.asarray(np.linalg.norm(points[:, None] - ring, axis=-1).min(1))


@cache
def _wound() -> NDArray[np.int32]:
    """The triangles of surface, eyes and mouth ``[T, 3]``, all clockwise in the picture of a
    face seen from the front. (By their neighbours: some at the temples fold over there.)"""
    topology = load_topology()
    triangles = topology.closed.tolist()
    at: dict[frozenset[int], list[int]] = {}
    for number, (a, b, c) in enumerate(triangles):
        for edge in ((a, b), (b, c), (c, a)):
            at.setdefault(frozenset(edge), []).append(number)
    done, queue = {0}, [0]
    while queue:
        number = queue.pop()
        a, b, c = triangles[number]
        for start, end in ((a, b), (b, c), (c, a)):
            for other in at[frozenset((start, end))]:
                if other not in done:
                    p, q, r = triangles[other]
                    if (start, end) in ((p, q), (q, r), (r, p)):
                        triangles[other] = [q, p, r]
                    done.add(other)
                    queue.append(other)
    wound = np.array(triangles, np.int32)
    a, b, c = (topology.mean[wound[:, k], :2] for k in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    return wound if area.sum() > 0 else wound[:, ::-1].copy()
