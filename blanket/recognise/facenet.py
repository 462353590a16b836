"""FaceNet (Schroff et al. 2015): InceptionResnetV1 of facenet-pytorch, 512 numbers a face."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from facenet_pytorch import InceptionResnetV1
from numpy.typing import NDArray

from blanket.errors import BlanketError
from blanket.faces import Image, Points
from blanket.recognise import Metric
from blanket.store import find
from blanket.templates import box_matrix, cut

_SIDE = 160


class FaceNetRecogniser:
    """See `blanket.recognise.Recogniser`. Cosine distance; 0.55 for "the same person" is the
    squared Euclidean distance of 1.1 between unit embeddings of the paper (figure 1).

    path: a file of the network's parameters; by default those that facenet-pytorch publishes,
    trained on VGGFace2. The face is cut out as MTCNN would, which these were trained with.
    """

    name = "facenet"
    metric: Metric = "cosine"
    threshold = 0.55

    def __init__(self, path: Path | None = None) -> None:
        path = path or find("facenet")
        self._network = InceptionResnetV1(pretrained=None).eval()
        try:
            # Plain tensors only: nothing in a file that was downloaded is ever run.
            weights: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
            kept = {name: one for name, one in weights.items() if not name.startswith("logits.")}
            self._network.load_state_dict(kept)
        except (RuntimeError, AttributeError, EOFError, pickle.UnpicklingError) as error:
            raise BlanketError(
                f"{path.name} does not hold the parameters of facenet-pytorch's "
                "InceptionResnetV1: get the file again"
            ) from error

    def embed(self, picture: Image, meshes: Points) -> NDArray[np.float32]:
        """``[N, 512]`` of unit length. picture: ``[H, W, 3]``. meshes: ``[N, 478, 3]``
        pixels."""
        if not len(meshes):
            return np.empty((0, 512), np.float32)
        crops = np.stack([cut(picture, box_matrix(mesh, _SIDE), _SIDE) for mesh in meshes])
        pixels = torch.from_numpy(crops.transpose(0, 3, 1, 2).astype(np.float32))
        with torch.inference_mode():
            found: NDArray[np.float32] = self._network((pixels - 127.5) / 128).numpy()
        return found
