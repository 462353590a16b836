"""The crops that other people's networks look at, from our mesh.

A mesh knows how the head is rolled, so every crop is upright whatever the roll.
"""

from __future__ import annotations

import cv2
import numpy as np

from blanket import align
from blanket.attributes import head_pose
from blanket.faces import Image, Points
from blanket.topology import SURFACE, five_points

TEMPLATES: dict[str, Points] = {
    name: np.array(points, np.float32)
    for name, points in {
        "arcface_112_v1": (
            (0.35473214, 0.45658929), (0.64526786, 0.45658929), (0.5, 0.61154464),
            (0.37913393, 0.776875), (0.62086607, 0.776875),
        ),
        "arcface_112_v2": (
            (0.34191607, 0.46157411), (0.65653393, 0.45983393), (0.500225, 0.64050536),
            (0.37097589, 0.82469196), (0.63151696, 0.82325089),
        ),
        "arcface_128": (
            (0.36167656, 0.40387734), (0.63696719, 0.40235469), (0.50019687, 0.56044219),
            (0.38710391, 0.72160547), (0.61507734, 0.72034453),
        ),
        "ffhq_512": (
            (0.37691676, 0.46864664), (0.62285697, 0.46912813), (0.50123859, 0.61331904),
            (0.39308822, 0.725411), (0.61150205, 0.72490465),
        ),
    }.items()
}  # fmt: skip
"""Where five points (left eye, right eye, nose tip, mouth left, mouth right) lie in a square
crop ``[5, 2]``, as shares of its side: InsightFace's two alignments, that of its swapper, and
that of the FFHQ data set."""

_FOREHEAD = 0.13
"""How far above the mesh the boxes of WIDER FACE begin, of the mesh's height: measured with
MTCNN on 395 frontal faces; the other three sides agree with the mesh to 2 %."""


def template_matrix(mesh: Points, template: str, side: int) -> align.Matrix:
    """Picture to a crop of `side` pixels ``[..., 2, 3]``, of meshes ``[..., 478, 3]``."""
    return align.similarity(five_points(mesh), TEMPLATES[template] * np.float32(side))


def box_matrix(mesh: Points, side: int, grow: float = 1.0, square: bool = False) -> align.Matrix:
    """Picture to an upright crop of `side` pixels ``[2, 3]`` that shows the face as detectors
    trained on WIDER FACE box it.

    mesh: ``[478, 3]``. grow: size of the crop over that of the box. square: cut out a square
    as large as the box's longer side; otherwise the box is stretched to a square.
    """
    roll = np.radians(head_pose(mesh)[2])
    turn = np.array([[np.cos(roll), np.sin(roll)], [-np.sin(roll), np.cos(roll)]])
    points = mesh[:SURFACE, :2] @ turn.T
    low, high = points.min(0), points.max(0)
    low[1] -= _FOREHEAD * (high[1] - low[1])
    spans = np.full(2, (high - low).max()) if square else high - low
    scale = side / (grow * np.maximum(spans, 1e-6))
    shift = (side - 1) / 2 - scale * (low + high) / 2
    return np.column_stack([scale[:, None] * turn, shift]).astype(np.float32)


def cut(picture: Image, matrix: align.Matrix, side: int) -> Image:
    """The crop ``[side, side, 3]`` of a picture, black beyond its border, filtered where the
    picture is finer than the crop. matrix: ``[2, 3]``, picture to crop."""
    finer = max(1, int(1 / max(float(align.scale_of(matrix)), 1e-3)))
    middle = (finer - 1) / 2
    large = align.compose(np.array([[finer, 0, middle], [0, finer, middle]], np.float32), matrix)
    crop = cv2.warpAffine(picture, large, (side * finer, side * finer))
    return cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
