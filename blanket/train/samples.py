"""Training samples for the mesh networks: crops with labels, made hard in every way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from blanket import align
from blanket.crop import (
    FACE_SIDE,
    PART_SIDE,
    Part,
    eye_part,
    face_matrix,
    lips_part,
    placement,
)
from blanket.faces import Image, Points
from blanket.occluders import Occluder, motion_kernel, paste
from blanket.topology import load_topology
from blanket.train.labels import LabelledSet
from blanket.train.lesson import Batch
from blanket.train.pose import turned

CACHE_SIDE = 400
CACHE_HALF = 1.9
MASK_SIDE = 48


@dataclass(frozen=True)
class Faces:
    """Aligned faces in memory. pictures: ``[N, 400, 400, 3]`` uint8; mesh: ``[N, 478, 3]``
    pixels of those; weight: ``[N]``, how often each is drawn."""

    pictures: Image
    mesh: Points
    weight: np.ndarray

    def drawn(self, rng: np.random.Generator) -> tuple[Image, Points]:
        """One of them at random, mirrored half of the time: its picture and its mesh."""
        index = rng.choice(len(self.weight), p=self.weight)
        picture, mesh = self.pictures[index], self.mesh[index]
        if rng.random() < 0.5:
            picture = np.ascontiguousarray(picture[:, ::-1])
            shift = np.array((CACHE_SIDE - 1, 0, 0), np.float32)
            mesh = (mesh * np.array((-1, 1, 1), np.float32) + shift)[load_topology().mirror]
        return picture, mesh


def load_faces(sets: list[LabelledSet], skip: set[str], only: set[str] | None = None) -> Faces:
    """Every picture cut out around its face; `skip` and `only` hold "SET/STEM" names."""
    pictures, meshes, weights = [], [], []
    for labelled in sets:
        for path, mesh in zip(labelled.files, labelled.mesh, strict=True):
            name = f"{labelled.name}/{path.stem}"
            if name in skip or (only is not None and name not in only):
                continue
            matrix = face_matrix(mesh, CACHE_SIDE, CACHE_HALF)
            picture = cv2.imread(str(path))[..., ::-1]
            flags = cv2.INTER_AREA if align.scale_of(matrix) < 0.7 else cv2.INTER_LINEAR
            size = (CACHE_SIDE, CACHE_SIDE)
            pictures.append(
                cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
            )
            meshes.append(align.apply(matrix, mesh))
            grey = float(np.ptp(picture[::8, ::8].astype(int), axis=2).mean()) < 2
            age = labelled.attributes.get(path.stem, {}).get("age", 30.0)
            weights.append(4.0 if age < 12 else 0.5 if grey else 1.0)
    return Faces(np.stack(pictures), np.stack(meshes), np.array(weights) / np.sum(weights))


def with_turned(faces: Faces, rng: np.random.Generator, share: float) -> Faces:
    """`faces` with turned copies added (`blanket.train.pose`), which are drawn `share` of
    the time."""
    topology = load_topology()
    chosen = rng.choice(len(faces.weight), int(len(faces.weight) * share), p=faces.weight)
    pictures, meshes = [], []
    for index in chosen:
        yaw = np.clip(rng.normal(0, 0.42), -0.95, 0.95)
        picture, mesh = turned(
            faces.pictures[index], faces.mesh[index], yaw, rng.normal(0, 0.2), topology
        )
        pictures.append(picture)
        meshes.append(mesh)
    weight = np.concatenate([faces.weight * (1 - share), np.full(len(chosen), share / len(chosen))])
    return Faces(
        np.concatenate([faces.pictures, pictures]), np.concatenate([faces.mesh, meshes]), weight
    )


class Samples(IterableDataset):  # type: ignore[type-arg]
    """Batches without end: ``face [B, 192, 192, 3]``, ``eye`` and ``lips [B, 64, 64, 3]``
    uint8, their targets in crop units (-1..1), the occluder mask ``[B, 48, 48]`` uint8 and
    ``valid [B]``, false where no face is in the picture."""

    def __init__(
        self, faces: Faces, occluders: list[Occluder], batch: int, seed: int, hard: float = 1.0
    ) -> None:
        self.faces, self.occluders, self.batch = faces, occluders, batch
        self.seed, self.hard = seed, hard

    def __iter__(self) -> Iterator[Batch]:
        info = get_worker_info()
        rng = np.random.default_rng([self.seed, info.id if info else 0])
        while True:
            samples = [self.sample(rng) for _ in range(self.batch)]
            yield {key: np.stack([s[key] for s in samples]) for key in samples[0]}

    def sample(self, rng: np.random.Generator) -> Batch:
        """One sample, as in the class's docstring, without the leading axis."""
        picture, mesh = self.faces.drawn(rng)
        valid = rng.random() > 0.06
        wide = rng.random() < 0.25
        matrix = face_matrix(mesh)
        if valid:
            angle, scale, shift = (28, 0.16, 0.12) if wide else (7, 0.05, 0.035)
            shaken = jitter(rng, FACE_SIDE, angle, scale, shift)
        else:
            shaken = jitter(rng, FACE_SIDE, 90, 0.6, 0.1)
            away = rng.uniform(0, 2 * np.pi)
            shaken[:, 2] += np.array([np.cos(away), np.sin(away)]) * FACE_SIDE * 1.1
        matrix = align.compose(shaken, matrix)

        canvas = picture.astype(np.float32)
        mask = np.zeros(canvas.shape[:2], np.float32)
        if rng.random() < 0.55 * self.hard:
            for _ in range(rng.choice([1, 1, 2])):
                occluder = self.occluders[rng.integers(len(self.occluders))]
                cheek = mesh[[50, 280, 151, 205, 425][rng.integers(5)], :2].astype(int)
                x, y = cheek.clip(4, CACHE_SIDE - 5)
                skin = canvas[y - 4 : y + 5, x - 4 : x + 5].mean((0, 1))
                skin = skin * rng.uniform(0.75, 1.15) * rng.normal(1, 0.04, 3)
                anchor = mesh[rng.integers(468), :2] + rng.normal(0, 30, 2)
                width = rng.uniform(130, 520)
                mask = np.maximum(
                    mask, paste(canvas, occluder, (anchor[0], anchor[1]), width, skin, rng)
                )
        seen = np.clip(canvas, 0, 255).astype(np.uint8)

        look = Look(rng, self.hard)
        size = (FACE_SIDE, FACE_SIDE)
        face = cv2.warpAffine(
            seen,
            matrix,
            size,
            borderMode=cv2.BORDER_CONSTANT if rng.random() < 0.3 else cv2.BORDER_REFLECT,
        )
        cover = cv2.warpAffine(mask, matrix, size)
        cover = cv2.resize(cover, (MASK_SIDE, MASK_SIDE), interpolation=cv2.INTER_AREA)
        points = align.apply(matrix, mesh)
        eye, eye_points = self._part(rng, seen, mesh, eye_part(), bool(rng.random() < 0.5))
        lips, lips_points = self._part(rng, seen, mesh, lips_part(), False)
        return {
            "face": look(face),
            "eye": look(eye),
            "lips": look(lips),
            "face_points": units(points, FACE_SIDE),
            "eye_points": eye_points,
            "lips_points": lips_points,
            "mask": (cover * 255).astype(np.uint8),
            "valid": np.float32(valid),
        }

    def _part(
        self, rng: np.random.Generator, canvas: Image, mesh: Points, part: Part, mirrored: bool
    ) -> tuple[Image, Points]:
        """A crop of a part as the first network's mesh would place it, and its points."""
        if mirrored:
            shift = np.array((CACHE_SIDE - 1, 0, 0), np.float32)
            mesh = mesh[load_topology().mirror] * np.array((-1, 1, 1), np.float32) + shift
            canvas = canvas[:, ::-1]
        to_mean = face_matrix(mesh, side=1, half=0.5)
        middle = align.apply(to_mean, mesh[list(part.centre), :2]).mean(0)
        matrix = align.compose(placement(PART_SIDE, part.half, (middle[0], middle[1])), to_mean)
        matrix = align.compose(jitter(rng, PART_SIDE, 6, 0.07, 0.05), matrix)
        crop = cv2.warpAffine(canvas, matrix, (PART_SIDE, PART_SIDE), borderMode=cv2.BORDER_REFLECT)
        return crop, units(align.apply(matrix, mesh[part.vertices]), PART_SIDE)


def units(points: Points, side: int) -> Points:
    """Crop pixels to crop units, -1..1 from edge to edge; z in the same scale."""
    centred = points - np.array(((side - 1) / 2, (side - 1) / 2, 0), np.float32)
    return (centred / (side / 2)).astype(np.float32)


def jitter(
    rng: np.random.Generator, side: int, degrees: float, scale: float, shift: float
) -> np.ndarray:
    """``[2, 3]``: a crop of `side` pixels turned, scaled and shifted at random, by so much
    (standard deviations; shift in sides)."""
    middle = ((side - 1) / 2, (side - 1) / 2)
    matrix = cv2.getRotationMatrix2D(middle, rng.normal(0, degrees), np.exp(rng.normal(0, scale)))
    matrix[:, 2] += rng.normal(0, shift, 2) * side
    return matrix.astype(np.float32)


class Look:
    """Light, colour, blur, resolution, noise and compression, the same for every crop."""

    def __init__(self, rng: np.random.Generator, hard: float) -> None:
        self.rng = np.random.default_rng(rng.integers(1 << 32))
        chance = rng.random(8) / hard
        self.gamma = float(np.exp(rng.normal(0, 0.35))) if chance[0] < 0.6 else 1.0
        tint = rng.normal(0, 0.08, 3) + rng.normal(0, 0.15)
        self.gain = np.exp(tint).astype(np.float32) if chance[1] < 0.6 else np.ones(3, np.float32)
        self.ramp = rng.normal(0, 0.35, 2) if chance[2] < 0.35 else None
        self.blur = rng.uniform(0.3, 1.6) if chance[3] < 0.3 else 0.0
        self.motion = (
            (int(rng.integers(3, 9)), float(rng.uniform(0, np.pi))) if chance[4] < 0.12 else None
        )
        self.small = rng.uniform(0.25, 0.8) if chance[5] < 0.3 else 1.0
        self.grey = rng.random() < 0.12
        self.noise = rng.uniform(1, 12) if chance[6] < 0.35 else 0.0
        self.quality = int(rng.uniform(20, 80)) if chance[7] < 0.3 else 100

    def __call__(self, crop: Image) -> Image:
        side = crop.shape[0]
        if self.small < 1:
            low = cv2.resize(crop, None, fx=self.small, fy=self.small, interpolation=cv2.INTER_AREA)
            crop = cv2.resize(low, (side, side), interpolation=cv2.INTER_LINEAR)
        if self.blur:
            crop = cv2.GaussianBlur(crop, (0, 0), self.blur)
        if self.motion:
            crop = cv2.filter2D(crop, -1, motion_kernel(*self.motion))
        curve = 255 * (np.arange(256, dtype=np.float32) / 255) ** self.gamma
        table = np.clip(curve[:, None] * self.gain, 0, 255)
        if self.ramp is None:
            crop = cv2.LUT(crop, table.astype(np.uint8)[None])
        else:
            t = np.linspace(-1, 1, side, dtype=np.float32)
            ramp = 1 + self.ramp[0] * t[None, :] + self.ramp[1] * t[:, None]
            lit = cv2.LUT(crop, table.astype(np.uint8)[None]) * ramp[..., None]
            crop = np.clip(lit, 0, 255).astype(np.uint8)
        if self.grey:
            crop = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        if self.noise:
            grain = self.rng.integers(-128, 128, crop.shape, dtype=np.int16)
            crop = np.clip(crop + (grain * (self.noise / 74)).astype(np.int16), 0, 255).astype(
                np.uint8
            )
        if self.quality < 100:
            _, code = cv2.imencode(".jpg", crop, (cv2.IMWRITE_JPEG_QUALITY, self.quality))
            crop = cv2.imdecode(code, cv2.IMREAD_COLOR)
        return np.ascontiguousarray(crop)
