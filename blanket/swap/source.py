"""What a swapper is told the new face by: an embedding, or a crop of its picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blanket.config import is_path
from blanket.errors import BlanketError
from blanket.faces import Photograph
from blanket.image import Still
from blanket.recognise import Recogniser, build_recogniser
from blanket.swap.network import Network, normalised
from blanket.swap.table import SwapperKind
from blanket.templates import template_matrix
from blanket.view import View

Row = NDArray[np.float32]


def load_recogniser(value: str) -> Recogniser:
    """The recogniser of a name, or ArcFace from an ONNX file at a path."""
    if is_path(value):
        from blanket.recognise.arcface import ArcFaceRecogniser

        return ArcFaceRecogniser(Path(value))
    return build_recogniser(value)


def embedding(
    photograph: Photograph, view: View | None, recogniser: Recogniser, away: float
) -> Row:
    """``[1, D]``: the new face's embedding, pushed away from that of the face in `view`."""
    new = recogniser.embed(photograph.pixels, photograph.mesh[None])
    if view is None or away == 0:
        return new
    child = recogniser.embed(view.picture.rgb(), view.mesh[None])
    return pushed(new, child, away)


def pushed(new: Row, child: Row, away: float) -> Row:
    """An embedding ``[1, D]`` moved away from another: ``s (1 + away) - t away`` of unit
    vectors (FaceFusion's weight, below 0), of the length that `new` has."""
    length = np.linalg.norm(new)
    s, t = new / length, child / np.linalg.norm(child)
    moved = s * (1 + away) - t * away
    return (moved * (length / np.linalg.norm(moved))).astype(np.float32)


def converted(
    row: Row, kind: SwapperKind, converter: Network | None, matrix: NDArray[np.floating] | None
) -> Row:
    """An ArcFace embedding ``[1, 512]`` as a swapper of this kind takes it, ``[1, 512]``."""
    if converter is not None:
        row = converter.run({next(iter(converter.inputs)): row})
    if kind.unit:
        row = row / np.linalg.norm(row)
    if matrix is not None:
        row = row @ matrix.astype(np.float32)
    return row.astype(np.float32)


def embedding_matrix(network: Network) -> NDArray[np.floating]:
    """``[512, 512]``, which inswapper carries as its last initializer.

    Raises:
        BlanketError: the file has none.
    """
    last = network.last_initializer
    if last is None or last.shape != (512, 512):
        raise BlanketError(
            f"{network.path.name} holds no embedding matrix as its last initializer: it is no "
            "inswapper, or was simplified; get the published file"
        )
    return last


def source_crop(photograph: Photograph, kind: SwapperKind) -> NDArray[np.float32]:
    """``[1, 3, S, S]``: the new face's picture as a swapper of this kind takes it."""
    side = kind.source_size
    matrix = template_matrix(photograph.mesh, kind.source_template, side)
    crop = Still(photograph.pixels).sample(matrix, (side, side))
    return normalised(crop[None], kind)
