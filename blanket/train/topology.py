"""Mean face, symmetry and triangles of the mesh, from many labelled faces."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import Delaunay

from blanket.align import rigid
from blanket.faces import Points
from blanket.topology import (
    INNER_LIPS,
    LEFT_EYE,
    LEFT_EYE_OUTER,
    OVAL,
    RIGHT_EYE,
    RIGHT_EYE_OUTER,
    SURFACE,
    Topology,
)
from blanket.train.labels import LabelledSet
from blanket.weights import record


def build_topology(meshes: Points) -> Topology:
    """Topology from ``[N, 478, 3]`` meshes of faces at rest (any pose and scale)."""
    mean = meshes[0] - meshes[0].mean(0)
    mean /= np.abs(mean).max()
    for _ in range(4):
        mean = np.mean([rigid(mesh, mean) for mesh in meshes], axis=0)
    mean = _frontal(mean)
    reflected = mean * (-1, 1, 1)
    cost = np.linalg.norm(reflected[:, None] - mean[None], axis=-1)
    _, mirror = linear_sum_assignment(cost)
    mirror[468:] = [473, 476, 475, 474, 477, 468, 471, 470, 469, 472]
    mean = (mean + mean[mirror] * (-1, 1, 1)) / 2
    mean -= mean[:SURFACE].mean(0) * (1, 1, 1)
    mean /= np.linalg.norm(mean[LEFT_EYE_OUTER, :2] - mean[RIGHT_EYE_OUTER, :2])
    triangles, eyes, mouth = _triangles(mean)
    return Topology(mean.astype(np.float32), mirror, triangles, eyes, mouth)


def _frontal(mean: Points) -> Points:
    """Turned so that the plane of symmetry is x = 0 and the eye line is level."""
    right = mean[RIGHT_EYE_OUTER] - mean[LEFT_EYE_OUTER]
    right /= np.linalg.norm(right)
    down = mean[152] - mean[10]
    down -= right * (down @ right)
    down /= np.linalg.norm(down)
    turned = mean @ np.stack([right, down, np.cross(right, down)], axis=1)
    return turned - turned.mean(0)


def _triangles(mean: Points) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # Inner lips and lids touch in a closed mouth or eye; pull the holes open so that
    # Delaunay cannot tie the upper to the lower rim across them.
    flat = mean[:SURFACE, :2].astype(np.float64)
    for ring in (LEFT_EYE, RIGHT_EYE, INNER_LIPS):
        half = len(ring) // 2
        lower, upper = list(ring[1:half]), list(ring[half + 1 :])
        flat[lower, 1] += 0.004
        flat[upper, 1] -= 0.004
    found = Delaunay(flat).simplices.astype(np.int32)
    centre = flat[found].mean(1)

    def within(ring: tuple[int, ...]) -> np.ndarray:
        polygon = flat[list(ring)].astype(np.float32)
        return np.array([cv2.pointPolygonTest(polygon, c, False) > 0 for c in centre.tolist()])

    oval = within(OVAL)
    eyes = within(LEFT_EYE) | within(RIGHT_EYE)
    mouth = within(INNER_LIPS)
    return found[oval & ~eyes & ~mouth], found[oval & eyes], found[oval & mouth]


def resting_meshes(sets: list[LabelledSet]) -> Points:
    """The meshes of faces rated as not happy, or all of the first set where none are rated."""
    for labelled in sets:
        if labelled.attributes:
            calm = [labelled.attributes[f.stem].get("happy", 0) < 40 for f in labelled.files]
            return labelled.mesh[np.array(calm)]
    return sets[0].mesh


def write_topology(topology: Topology, folder: Path) -> None:
    """Save for `blanket.topology.load_topology`, with its checksum recorded."""
    np.savez_compressed(folder / "face_topology.npz", **vars(topology))
    record("face_topology.npz")
