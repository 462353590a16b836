"""Hands for training: a rigged hand mesh, bent, lit and drawn as an `Occluder`.

The mesh is any glTF binary whose joints have the names of the WebXR hand input module, such as
the generic hand of the WebXR Input Profiles (MIT). A drawn fist of capsules is not enough: a
network that has seen only those takes a bald forehead for a hand, and a real fist for a cheek.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pygltflib import GLTF2

from blanket.errors import InputError
from blanket.occluders import Occluder, cloud

Float = NDArray[np.float32]

_FINGERS = ("index", "middle", "ring", "pinky")
_PHALANGES = ("metacarpal", "phalanx-proximal", "phalanx-intermediate", "phalanx-distal", "tip")
_THUMB = ("thumb-metacarpal", "thumb-phalanx-proximal", "thumb-phalanx-distal", "thumb-tip")
_LENGTH = 0.19
"""Metres from the wrist to the middle finger's tip, by which the mesh is normalised."""


@dataclass(frozen=True)
class HandMesh:
    """A rigged hand at rest, in units of its length, the wrist at the origin.

    vertices, normals: ``[n, 3]`` float32. triangles: ``[m, 3]`` int32. weight: ``[n, j]``, what
    moves with which joint. rest: ``[j, 4, 4]``, each joint's frame: -z along the bone, y out of
    the hand's back. names: the j joints. parent: ``[j]``, -1 for the wrist.
    """

    vertices: Float
    normals: Float
    triangles: NDArray[np.int32]
    weight: Float
    rest: NDArray[np.float64]
    names: tuple[str, ...]
    parent: tuple[int, ...]


_NO_HAND = "{} holds no rigged hand: give a glTF binary with WebXR's joints"
_TYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def load_hand(path: Path) -> HandMesh:
    """Read a rigged hand from a ``.glb`` file; `InputError` where it is none."""
    try:
        scene = GLTF2().load_binary(str(path))
    except (OSError, ValueError, struct.error) as error:
        raise InputError(_NO_HAND.format(path)) from error
    if scene is None or not scene.skins or not scene.meshes:
        raise InputError(_NO_HAND.format(path))
    blob = scene.binary_blob()

    def read(index: int) -> np.ndarray:
        accessor = scene.accessors[index]
        view = scene.bufferViews[accessor.bufferView]
        width = _WIDTHS[accessor.type]
        start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
        kind = np.dtype(_TYPES[accessor.componentType])
        stride = view.byteStride or kind.itemsize * width
        rows = np.ndarray((accessor.count, width), kind, blob, start, (stride, kind.itemsize))
        return np.array(rows)

    skin = scene.skins[0]
    found = [scene.nodes[j].name or "" for j in skin.joints]
    order = ["wrist", *_THUMB, *(_joint(f, p) for f in _FINGERS for p in _PHALANGES)]
    missing = sorted(set(order) - set(found))
    if missing:
        raise InputError(f"{path} has no joint {missing[0]}: give a hand with WebXR's joints")
    primitive = scene.meshes[0].primitives[0]
    vertices = read(primitive.attributes.POSITION)
    inverse = read(skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
    rest = np.linalg.inv(inverse.astype(np.float64))[[found.index(name) for name in order]]
    joints, shares = read(primitive.attributes.JOINTS_0), read(primitive.attributes.WEIGHTS_0)
    weight = np.zeros((len(vertices), len(found)), np.float32)
    for joint, share in zip(joints.T, shares.T, strict=True):
        np.add.at(weight, (np.arange(len(vertices)), joint), share)
    weight = weight[:, [found.index(name) for name in order]]
    weight /= np.maximum(weight.sum(1, keepdims=True), 1e-6)
    wrist, tip = rest[0, :3, 3].copy(), rest[order.index("middle-finger-tip"), :3, 3]
    scale = 1 / float(np.linalg.norm(tip - wrist))
    rest[:, :3, 3] = (rest[:, :3, 3] - wrist) * scale
    return HandMesh(
        ((vertices - wrist) * scale).astype(np.float32),
        read(primitive.attributes.NORMAL).astype(np.float32),
        read(primitive.indices).reshape(-1, 3).astype(np.int32),
        weight,
        rest,
        tuple(order),
        tuple(_parent(order, i) for i in range(len(order))),
    )


def _joint(finger: str, phalanx: str) -> str:
    return f"{finger}-finger-{phalanx}"


def _parent(order: list[str], index: int) -> int:
    starts = index == 0 or order[index].endswith("metacarpal")
    return (0 if index else -1) if starts else index - 1


def drawn_hand(mesh: HandMesh, rng: np.random.Generator, size: int = 192) -> Occluder:
    """The hand, or a mirrored one, in a random pose from open to fist, on a forearm, from a
    random side, `size` pixels wide."""
    vertices, triangles, flesh = _with_arm(mesh, *_posed(mesh, rng), rng)
    vertices = vertices @ _view(rng, vertices[-1] - vertices[0])
    low, high = np.quantile(vertices[: len(mesh.vertices)], (0.02, 0.98), axis=0)
    zoom = rng.uniform(0.5, 0.75) / float(max(high - low))
    vertices = (vertices - (low + high) / 2) * zoom
    side = 2 * size
    seen = _seen(vertices * side + (side / 2, side / 2, 0), triangles, side)
    smooth = _normals(vertices, triangles)
    normal = seen.blended(smooth)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    depth = seen.blended(vertices[:, 2:] * side)[..., 0]
    inside = seen.triangle >= 0
    shade = _lit(normal, depth, inside, rng)
    tint = seen.blended(flesh)
    tint[~inside] = 0
    colour = shade * np.exp(tint + cloud(rng, side, 0.03, 3))
    alpha = inside.astype(np.float32)
    spread = cv2.GaussianBlur(alpha, (0, 0), 2)
    around = cv2.GaussianBlur(colour * alpha[..., None], (0, 0), 2) / (spread[..., None] + 1e-4)
    colour = np.where(inside[..., None], colour, around)
    small = (size, size)
    return Occluder(
        cv2.resize(colour, small, interpolation=cv2.INTER_AREA).astype(np.float32),
        cv2.resize(alpha, small, interpolation=cv2.INTER_AREA),
        skin=True,
    )


def _posed(mesh: HandMesh, rng: np.random.Generator) -> tuple[Float, NDArray[np.float64]]:
    """Vertices ``[n, 3]`` of a random pose of a random build, and the forearm's frame."""
    young = rng.random() < 0.6
    short = rng.uniform(0.68, 0.85) if young else rng.uniform(0.9, 1.05)
    fat = rng.uniform(1.0, 1.35) if young else rng.uniform(0.85, 1.15)
    curl = rng.choice([0.05, 0.35, 0.7, 1.0], p=[0.2, 0.2, 0.25, 0.35])
    spread = rng.uniform(0, 1) * (1 - 0.8 * curl)
    bend = {
        f: np.clip(
            curl + rng.normal(0, 0.12) + (rng.random() < 0.12) * rng.uniform(-0.8, 0.3), 0, 1.1
        )
        for f in _FINGERS
    }
    thumb = np.clip(curl * rng.uniform(0.3, 1.1) + rng.normal(0, 0.1), -0.1, 1.1)
    world = np.zeros_like(mesh.rest)
    moved = np.zeros_like(mesh.rest)
    for j, (name, parent) in enumerate(zip(mesh.names, mesh.parent, strict=True)):
        if parent < 0:
            world[j] = mesh.rest[j]
            size = np.array((1 + 0.7 * (fat - 1), fat, 1.0))
        else:
            local = np.linalg.inv(mesh.rest[parent]) @ mesh.rest[j]
            finger = name.split("-")[0]
            digit = "metacarpal" not in name
            local[:3, 3] *= short if digit else 1.0
            turn = np.eye(4)
            if finger == "thumb":
                flex = {"metacarpal": 0.5, "proximal": 0.7, "distal": 1.1, "tip": 0.0}
                turn[:3, :3] = _about_x(-thumb * flex[name.rsplit("-", 1)[1]])
                if name == "thumb-metacarpal":
                    turn[:3, :3] = _about_y(-0.5 * thumb) @ turn[:3, :3]
            elif digit:
                flex = {"proximal": 1.45, "intermediate": 1.75, "distal": 1.1, "tip": 0.0}
                part = name.rsplit("-", 1)[1]
                turn[:3, :3] = _about_x(-np.clip(bend[finger], 0, 1.1) * flex[part])
                if part == "proximal":
                    fan = (_FINGERS.index(finger) - 1.5) * 0.22 * spread
                    turn[:3, :3] = _about_y(-fan) @ turn[:3, :3]
            world[j] = world[parent] @ local @ turn
            size = np.array((fat, fat, short)) if digit else np.array((1 + 0.7 * (fat - 1), fat, 1))
        moved[j] = world[j] @ np.diag((*size, 1.0)) @ np.linalg.inv(mesh.rest[j])
    homogeneous = np.concatenate([mesh.vertices, np.ones((len(mesh.vertices), 1))], 1)
    blend = np.einsum("nj,jab->nab", mesh.weight, moved)
    posed = np.einsum("nab,nb->na", blend, homogeneous)[:, :3]
    arm = world[0].copy()
    arm[:3, :3] = arm[:3, :3] @ _about_x(rng.normal(0, 0.35)) @ _about_y(rng.normal(0, 0.2))
    return posed.astype(np.float32), arm


def _with_arm(
    mesh: HandMesh, posed: Float, arm: NDArray[np.float64], rng: np.random.Generator
) -> tuple[Float, NDArray[np.int32], Float]:
    """The hand on a round forearm: vertices ``[n, 3]``, triangles ``[m, 3]``, and how flesh
    differs in colour ``[n, 3]`` (logarithms): red knuckles and tips, pale nails."""
    tips = np.array(["distal" in n or "tip" in n for n in mesh.names])
    knuckle = np.array(["proximal" in n or "intermediate" in n for n in mesh.names])
    red = mesh.weight @ (0.8 * tips + 0.5 * knuckle).astype(np.float32) * rng.uniform(0, 0.12)
    flesh = red[:, None] * np.array((0.3, -1, -0.8), np.float32)
    count, rings = 24, 14
    at_wrist = (posed - arm[:3, 3]) @ arm[:3, :3]
    near = at_wrist[np.abs(at_wrist[:, 2]) < 0.06, :2]
    middle = (near.min(0) + near.max(0)) / 2
    wide, thick = np.ptp(near, axis=0) / 2 * rng.uniform(0.95, 1.1)
    angle = np.linspace(0, 2 * np.pi, count, endpoint=False)
    along = np.linspace(0, 1, rings) ** 1.5 * 1.8 - 0.15
    grow = 1 + along.clip(0) * rng.uniform(0.1, 0.7)
    if rng.random() < 0.5:
        # Infants have folds at the wrist.
        grow *= 1 - 0.12 * np.exp(-(((along - rng.uniform(0.1, 0.3)) / 0.06) ** 2))
    # It begins within the hand.
    grow *= 1 - 0.4 * (-along / 0.15).clip(0)
    points = np.stack(
        [
            np.outer(grow, np.cos(angle) * wide) + middle[0],
            np.outer(grow, np.sin(angle) * thick) + middle[1],
            np.repeat(along[:, None], count, 1),
        ],
        -1,
    ).reshape(-1, 3)
    points = points @ arm[:3, :3].T + arm[:3, 3]
    a = np.arange(count * (rings - 1)).reshape(rings - 1, count)
    b = np.roll(a, -1, 1)
    quads = np.stack([a, b, b + count, a + count], -1).reshape(-1, 4)
    sides = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]) + len(posed)
    return (
        np.concatenate([posed, points]).astype(np.float32),
        np.concatenate([mesh.triangles, sides]).astype(np.int32),
        np.concatenate([flesh, np.zeros((len(points), 3), np.float32)]),
    )


@dataclass(frozen=True)
class _Seen:
    """What is in front in each pixel: triangle ``[S, S]``, -1 for none, its three corners
    ``[S, S, 3]`` and their shares ``[S, S, 3]``."""

    triangle: NDArray[np.int32]
    corners: NDArray[np.int32]
    shares: Float

    def blended(self, values: Float) -> Float:
        """Values of the vertices, ``[n, c]``, in each pixel, ``[S, S, c]``."""
        return np.einsum("hwk,hwkc->hwc", self.shares, values[self.corners]).astype(np.float32)


def _seen(points: Float, triangles: NDArray[np.int32], side: int) -> _Seen:
    """Triangles drawn from the farthest to the nearest; points ``[n, 3]``: pixels, z towards
    the eye."""
    ids = np.full((side, side), -1, np.int32)
    corners = points[triangles]
    fixed = np.round(corners[..., :2] * 16).astype(np.int32)
    for index in np.argsort(corners[..., 2].mean(1)).tolist():
        cv2.fillConvexPoly(ids, fixed[index], index, shift=4)
    which = triangles[ids.clip(0)]
    a, b, c = (points[which[..., k], :2] for k in range(3))
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).astype(np.float32)
    ab, ac, ap = b - a, c - a, grid - a
    area = ab[..., 0] * ac[..., 1] - ab[..., 1] * ac[..., 0]
    area = np.where(np.abs(area) < 1e-3, 1e-3, area)
    v = (ap[..., 0] * ac[..., 1] - ap[..., 1] * ac[..., 0]) / area
    w = (ab[..., 0] * ap[..., 1] - ab[..., 1] * ap[..., 0]) / area
    shares = np.stack([1 - v - w, v, w], -1).clip(0, 1)
    shares /= shares.sum(-1, keepdims=True)
    return _Seen(ids, which, shares.astype(np.float32))


def _normals(points: Float, triangles: NDArray[np.int32]) -> Float:
    a, b, c = (points[triangles[:, k]] for k in range(3))
    faces = np.cross(b - a, c - a)
    total = np.zeros_like(points)
    for k in range(3):
        np.add.at(total, triangles[:, k], faces)
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-9)).astype(
        np.float32
    )


def _lit(normal: Float, depth: Float, inside: NDArray[np.bool_], rng: np.random.Generator) -> Float:
    """``[S, S, 3]``: light of a lamp and of all around, with the shadows that fingers cast."""
    side = normal.shape[0]
    normal = np.where(normal[..., 2:] < 0, -normal, normal)
    bump = cv2.GaussianBlur(rng.normal(0, 1, (side, side, 2)).astype(np.float32), (0, 0), 1.5)
    normal[..., :2] += bump * rng.uniform(0.0, 0.25)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lamp = rng.normal(size=3)
    lamp[2] = abs(lamp[2]) + rng.uniform(0.2, 1.5)
    lamp /= np.linalg.norm(lamp)
    wrap = rng.uniform(0.0, 0.5)
    lambert = ((normal @ lamp.astype(np.float32) + wrap) / (1 + wrap)).clip(0)
    floor = np.where(inside, depth, depth[inside].min() - 0.2 * side).astype(np.float32)
    reach = side * 0.2
    hidden = np.zeros_like(floor)
    for step in np.linspace(0.05, 1, 14) * reach:
        shift = np.array([[1, 0, lamp[0] * step], [0, 1, lamp[1] * step]], np.float32)
        towards = cv2.warpAffine(
            floor, shift, (side, side), flags=cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        above = towards - floor - lamp[2] * step
        hidden = np.maximum(hidden, ((above - 1.5) / 3).clip(0, 1) * (above < 0.15 * side))
    hidden = cv2.GaussianBlur(hidden, (0, 0), rng.uniform(1, 5))
    # What lies deeper than all around it gets less light of all around.
    open_sky = np.ones_like(floor)
    for width in (0.01, 0.025, 0.06):
        around = cv2.GaussianBlur(floor, (0, 0), width * side)
        near = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), width * side)
        deeper = ((around - floor) / (width * side)).clip(0, 1) * near
        open_sky -= rng.uniform(0.15, 0.4) * deeper
    ambient = rng.uniform(0.35, 0.8) * open_sky.clip(0.2) * (0.85 + 0.15 * normal[..., 2])
    # Indoors, much light comes from everywhere.
    lamps = rng.uniform(0.4, 1) if rng.random() < 0.6 else rng.uniform(0, 0.3)
    direct = lambert * (1 - hidden) * lamps
    light = ambient + direct
    light = light / max(float(np.quantile(light[inside], 0.6)), 0.1)
    warm = rng.uniform(0, 0.3) * np.array((0.35, -0.1, -0.25), np.float32)
    return light[..., None] * np.exp((1 - light.clip(0, 1))[..., None] * warm)


def _view(rng: np.random.Generator, arm: Float) -> Float:
    """``[3, 3]``: a random rotation, mirrored half of the time, in which the arm ``[3]`` does
    not hide its hand."""
    while True:
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0].astype(np.float32)
        if (arm @ turn)[2] < 0.35 * np.linalg.norm(arm):
            return turn


def _about_x(angle: float) -> NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _about_y(angle: float) -> NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
