"""Recognisers: who is who. A small protocol, one file a recogniser.

They measure what is left of an identity (`blanket.eval`), look at the output as an attacker
would (`blanket.audit`) and tell subjects apart. All are told where a face is by its mesh, so
that a rolled head is no special case and every recogniser sees the same faces.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from blanket.errors import InputError
from blanket.extras import needs
from blanket.faces import Array, Image, Points

Metric = Literal["euclidean", "cosine"]
RECOGNISERS = "arcface", "facenet", "sface", "dlib"
"""From the one that is hardest to deceive to the easiest; only dlib's weights come with its
package."""


class Recogniser(Protocol):
    """Turns faces into embeddings.

    name: what reports call it. metric: how embeddings are compared, see `distances`.
    threshold: two faces nearer than this are one person, as its makers say.
    """

    name: str
    metric: Metric
    threshold: float

    def embed(self, picture: Image, meshes: Points) -> NDArray[np.float32]:
        """``[N, D]`` embeddings of the faces in a picture ``[H, W, 3]``.

        meshes: ``[N, 478, 3]`` pixels, where the faces are.
        """
        ...


def distances(recogniser: Recogniser, a: Array, b: Array) -> NDArray[np.float64]:
    """``[...]`` distances of embeddings ``[..., D]``: Euclidean, or 1 - cosine (0 to 2)."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if recogniser.metric == "euclidean":
        return np.linalg.norm(a - b, axis=-1)
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return 1 - (a * b).sum(-1) / np.maximum(lengths, 1e-12)


def dlib_is_here() -> bool:
    """Whether dlib's recogniser is installed."""
    return all(find_spec(one) for one in ("dlib", "face_recognition_models"))


def build_recogniser(name: str) -> Recogniser:
    """The recogniser of a name (`RECOGNISERS`).

    Raises:
        InputError: there is none of this name.
        BlanketError: what it needs is not installed, or its weights are not on this machine.
    """
    if name == "dlib":
        with needs("eval", "the recogniser dlib"):
            from blanket.recognise.dlib import DlibRecogniser
        return DlibRecogniser()
    if name == "arcface":
        from blanket.recognise.arcface import ArcFaceRecogniser

        return ArcFaceRecogniser()
    if name == "facenet":
        with needs("facenet", "the recogniser facenet"):
            from blanket.recognise.facenet import FaceNetRecogniser
        return FaceNetRecogniser()
    if name == "sface":
        from blanket.recognise.sface import SFaceRecogniser

        return SFaceRecogniser()
    raise InputError(f"there is no recogniser {name!r}: choose one of {', '.join(RECOGNISERS)}")
