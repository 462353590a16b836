"""Expression: whether a classifier sees the same one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from blanket.eval.traces import Values, paired
from blanket.faces import Array, Image, Points


class ExpressionClassifier(Protocol):
    """Anything that names expressions.

    name: what reports call it. classes: what it tells apart.
    """

    name: str
    classes: tuple[str, ...]

    def probabilities(self, picture: Image, meshes: Points) -> NDArray[np.float32]:
        """``[N, C]``, each row summing to 1, of the faces in a picture ``[H, W, 3]``.

        meshes: ``[N, 478, 3]`` pixels, where the faces are.
        """
        ...


@dataclass(frozen=True)
class ExpressionAgreement:
    """agreement: share of the original's frames whose likeliest class is the same. cosine:
    mean cosine of the probabilities, 0 to 1. Both score a lost frame as 0."""

    agreement: float
    cosine: float


def probability_cosine(original: Array, output: Array) -> Values:
    """The cosine of each frame's probabilities ``[N, C]``: p.q / (|p| |q|), ``[N]``; NaN where
    either has no face."""
    p, q = paired(original, output)
    return (p * q).sum(-1) / np.maximum(
        np.linalg.norm(p, axis=-1) * np.linalg.norm(q, axis=-1), 1e-12
    )


def expression_agreement(original: Array, output: Array) -> ExpressionAgreement:
    """How a classifier's probabilities ``[N, C]`` agree, rows of NaN where no face was found."""
    p, q = paired(original, output)
    known = np.isfinite(p).all(-1)
    found = known & np.isfinite(q).all(-1)
    frames = int(known.sum())
    # Without a frame there may be no class either, of which none is the likeliest.
    same = p[found].argmax(-1) == q[found].argmax(-1) if found.any() else np.zeros(0, bool)
    cosine = probability_cosine(p[found], q[found])
    return ExpressionAgreement(
        agreement=float(same.sum() / frames) if frames else np.nan,
        cosine=float(cosine.sum() / frames) if frames else np.nan,
    )
