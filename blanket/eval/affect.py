"""The expression classifier that comes with the installation: four classes, linear.

It looks at the shape of the mesh on the mean face and at the gradients of the texture under
it (histograms of oriented gradients, Dalal & Triggs 2005), so that a method that keeps the
mesh but paints another expression does not pass. What it can do stands in
``weights/expression.md``; a classifier of one's own is an `ExpressionClassifier`.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.feature import hog

from blanket.align import rigid
from blanket.faces import Array, Image, Points
from blanket.texture import unwrap
from blanket.topology import SURFACE, load_topology
from blanket.weights import weights_path

CLASSES = ("happiness", "negative", "neutral", "surprise")
"""negative: anger, disgust and sadness, which too few faces show to be told apart."""
SIDE = 64
"""Texels of the texture's side."""
SHAPE = 2 * SURFACE
"""How many of the features are coordinates; gradients follow."""


class Affect:
    """See `blanket.eval.expression.ExpressionClassifier`. Probabilities are those of classes
    that are equally frequent."""

    name = "affect"
    classes: tuple[str, ...] = CLASSES

    def probabilities(self, picture: Image, meshes: Points) -> NDArray[np.float32]:
        """See `blanket.eval.expression.ExpressionClassifier.probabilities`."""
        weights = _weights()
        values = np.empty((len(meshes), len(CLASSES)), np.float32)
        for row, mesh in zip(values, meshes, strict=True):
            logits = features(picture, mesh) @ weights["slope"] + weights["constant"]
            odds = np.exp(logits - logits.max())
            row[:] = odds / odds.sum()
        return values


def features(picture: Image, mesh: Points) -> NDArray[np.float32]:
    """What is looked at in a face, ``[F]``: x and y of the surface points laid on the mean
    face, made symmetric, then the gradients of its texture in cells of 8 texels.

    picture: ``[H, W, 3]``. mesh: ``[478, 3]`` pixels.
    """
    topology = load_topology()
    laid = rigid(mesh, topology.mean)[:, :2]
    even = (laid + laid[topology.mirror] * (-1, 1)) / 2
    grey = cv2.cvtColor(unwrap(picture, mesh, SIDE), cv2.COLOR_RGB2GRAY)
    gradients = hog(grey, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2))
    return np.concatenate([even[:SURFACE].ravel(), gradients]).astype(np.float32)


@cache
def _weights() -> dict[str, Array]:
    with np.load(weights_path("expression.npz")) as file:
        return {name: file[name].astype(np.float32) for name in file.files}
