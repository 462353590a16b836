"""Turned heads from frontal ones: the picture follows the mesh's own depth."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import Delaunay

from blanket.faces import Image, Points
from blanket.topology import OVAL, SURFACE, Topology


def rotation(yaw: float, pitch: float) -> np.ndarray:
    """``[3, 3]``: turn about the vertical, then the horizontal axis, radians."""
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]])
    return about_x @ about_y


def turned(
    picture: Image, mesh: Points, yaw: float, pitch: float, topology: Topology
) -> tuple[Image, Points]:
    """The picture of the head turned by yaw and pitch (radians), and its mesh.

    Head and hair around the face follow on two rings that turn less and less; the border
    of the picture stays. Triangles are painted from the farthest to the nearest.
    """
    side = picture.shape[0]
    pivot = mesh[:SURFACE].mean(0) + (0, 0, 0.5 * np.ptp(mesh[:SURFACE, 2]))
    turn = rotation(yaw, pitch)
    new = (mesh - pivot) @ turn.T + pivot
    oval = mesh[list(OVAL)]
    # The head behind the face: the oval pushed out and back.
    shell = pivot + (oval - pivot) * (1.35, 1.35, 1.0)
    shell[:, 2] += 0.5 * np.ptp(mesh[:SURFACE, 2])
    shell_new = (shell - pivot) @ turn.T * (1, 1, 1) + pivot
    shell_new = 0.6 * shell_new + 0.4 * shell
    edge = np.linspace(0, side - 1, 7)
    border = np.array(
        [(x, y) for x in edge for y in (0, side - 1)]
        + [(x, y) for y in edge[1:-1] for x in (0, side - 1)]
    )
    inside = (np.abs(shell[:, :2] - side / 2) < side / 2 - 2).all(1)
    outer_old = np.vstack([oval[:, :2], shell[inside, :2], border])
    outer_new = np.vstack([new[list(OVAL), :2], shell_new[inside, :2], border])
    ring = Delaunay(outer_old).simplices
    polygon = oval[:, :2].astype(np.float32)
    middle = outer_old[ring].mean(1)
    keep = [cv2.pointPolygonTest(polygon, m, False) < 0 for m in middle.tolist()]
    ring = ring[np.array(keep)]
    faces = topology.closed
    order = np.argsort(-new[faces, 2].mean(1))
    old = np.concatenate([outer_old[ring], mesh[faces[order], :2]])
    target = np.concatenate([outer_new[ring], new[faces[order], :2]])
    return _painted(picture, old, target), new.astype(np.float32)


def _painted(picture: Image, source: np.ndarray, target: np.ndarray) -> Image:
    """Triangles ``[T, 3, 2]`` of the picture moved to `target`, later ones on top."""
    side = picture.shape[0]
    owner = np.full((side, side), -1, np.int32)
    for i, triangle in enumerate(np.round(target * 16).astype(np.int32)):
        cv2.fillConvexPoly(owner, triangle, i, cv2.LINE_8, 4)
    ones = np.ones((*target.shape[:2], 1))
    homogeneous = np.concatenate([target, ones], -1) + np.random.default_rng(0).normal(
        0, 1e-4, (*target.shape[:2], 3)
    ) * (1, 1, 0)
    affine = np.linalg.solve(homogeneous, source).astype(np.float32)
    yy, xx = np.mgrid[:side, :side].astype(np.float32)
    mine = affine[owner]
    where_x = xx * mine[..., 0, 0] + yy * mine[..., 1, 0] + mine[..., 2, 0]
    where_y = xx * mine[..., 0, 1] + yy * mine[..., 1, 1] + mine[..., 2, 1]
    where_x, where_y = (np.where(owner < 0, g, w) for g, w in ((xx, where_x), (yy, where_y)))
    return cv2.remap(
        picture, where_x.astype(np.float32), where_y.astype(np.float32), cv2.INTER_LINEAR
    )
