"""What the 478 points of the face mesh are: index sets, mean shape, symmetry, triangles.

The vertex order is that of MediaPipe Face Mesh (468 surface points, then 5 for each iris:
centre and four points of its border). "Left" and "right" are as seen in an upright picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from blanket.weights import weights_path

POINTS = 478
SURFACE = 468

# Closed rings of vertices, in order.
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
LEFT_EYE = (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
RIGHT_EYE = (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
LEFT_BROW = (70, 63, 105, 66, 107, 55, 65, 52, 53, 46)
RIGHT_BROW = (300, 293, 334, 296, 336, 285, 295, 282, 283, 276)
OUTER_LIPS = (
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
)  # fmt: skip
INNER_LIPS = (
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
)  # fmt: skip
LEFT_IRIS = (468, 469, 470, 471, 472)
RIGHT_IRIS = (473, 474, 475, 476, 477)
IBUG = (
    127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356,
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 195, 4, 75, 97, 2, 326, 305,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181,
    78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
"""The vertices of the mesh nearest to the 68 points of iBUG 300-W (Sagonas et al. 2013), in
their order: jaw from the left of an upright picture, brows, nose, eyes, outer and inner lips.

Of the vertices of the same part (the oval, the brows, the rings of eyes and lips), the one
that was nearest on average to dlib's 68 points on 625 upright, frontal faces of One Million
Impressions and Labeled Faces in the Wild, chosen together with its mirror image; the inner
eye corners are the mesh's own. The mean distance is 4 % of that of the outer eye corners: 8 %
on the jaw, where a point has no place of its own along the line, 2 to 3 % elsewhere.
"""

LEFT_EYE_OUTER, LEFT_EYE_INNER = 33, 133
RIGHT_EYE_INNER, RIGHT_EYE_OUTER = 362, 263
NOSE_TIP = 1
NOSE = (98, 97, 2, 326, 327, 294, 278, 4, 48, 64)
MOUTH_LEFT, MOUTH_RIGHT = 61, 291
UPPER_LIP_INNER, LOWER_LIP_INNER = 13, 14


def five_points(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """The five points that detectors give, read off meshes ``[..., 478, 2 or 3]``.

    Returns ``[..., 5, 2]``: left eye, right eye, nose tip, left and right mouth corner.
    """
    xy = mesh[..., :2]
    left = xy[..., LEFT_EYE, :].mean(axis=-2)
    right = xy[..., RIGHT_EYE, :].mean(axis=-2)
    rest = xy[..., (NOSE_TIP, MOUTH_LEFT, MOUTH_RIGHT), :]
    return np.concatenate([left[..., None, :], right[..., None, :], rest], axis=-2)


@dataclass(frozen=True)
class Topology:
    """What is derived from many labelled faces, once (`blanket.train.topology`).

    mean: ``[478, 3]`` float32, symmetric mean face at rest, frontal, centred; the outer eye
    corners are 1 apart. mirror: ``[478]`` int, the vertex on the other side.
    triangles: ``[T, 3]`` int of surface vertices, with open eyes and mouth left out.
    eyes, mouth: ``[t, 3]`` int, the triangles that close those holes.
    """

    mean: NDArray[np.float32]
    mirror: NDArray[np.int64]
    triangles: NDArray[np.int32]
    eyes: NDArray[np.int32]
    mouth: NDArray[np.int32]

    @property
    def closed(self) -> NDArray[np.int32]:
        """``[T, 3]``: all triangles, eyes and mouth closed over."""
        return np.vstack([self.triangles, self.eyes, self.mouth])


@cache
def load_topology() -> Topology:
    """The topology in ``weights/face_topology.npz``."""
    with np.load(weights_path("face_topology.npz")) as file:
        return Topology(**{name: file[name] for name in Topology.__dataclass_fields__})
