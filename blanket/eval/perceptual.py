"""Perceptual distances by trained networks: LPIPS and FID, through torchmetrics.

Both need networks that torchmetrics fetches on first use (torchvision's AlexNet, the
Inception network of torch-fidelity), or finds where torch keeps its downloads.
"""

from __future__ import annotations

from typing import Literal
from urllib.error import URLError

import numpy as np
import torch
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

from blanket.errors import BlanketError, InputError
from blanket.eval.fidelity import check_sizes
from blanket.faces import Image

Backbone = Literal["alex", "squeeze", "vgg"]


class Lpips:
    """Learned perceptual image patch similarity (Zhang et al. 2018), 0 and up, of pairs.

    backbone: the network whose features are compared; ``alex`` is what is usually reported.

    Raises:
        BlanketError: its weights cannot be fetched.
    """

    def __init__(self, backbone: Backbone = "alex") -> None:
        try:
            self._metric = LearnedPerceptualImagePatchSimilarity(backbone, normalize=True)
        except (URLError, OSError) as error:
            raise BlanketError(f"the weights of LPIPS ({backbone}) cannot be fetched") from error

    @torch.inference_mode()
    def __call__(self, original: Image, output: Image) -> float:
        """The distance of two RGB pictures ``[H, W, 3]``, the crops of a face.

        Raises:
            InputError: they differ in size.
        """
        check_sizes(original, output)
        pair = [_planes([one]).float() / 255 for one in (original, output)]
        return float(self._metric(*pair))


class Frechet:
    """Fréchet inception distance (Heusel et al. 2017) between two sets of RGB pictures
    ``[H, W, 3]``, such as face crops, that come one after another:

    FID = |m - m'|^2 + tr(C + C' - 2 sqrt(C C'))

    of the means and covariances of their features. Far from unbiased below some thousands of
    pictures: compare only sets of one size.

    features: which layer of the Inception network, or another network from uint8
    ``[N, 3, H, W]`` to ``[N, F]``.

    Raises:
        BlanketError: the weights of the Inception network cannot be fetched.
    """

    def __init__(self, features: int | torch.nn.Module = 2048) -> None:
        try:
            self._metric = FrechetInceptionDistance(features)
        except (URLError, OSError) as error:
            raise BlanketError(
                "the weights of FID's Inception network cannot be fetched"
            ) from error
        self._counts = {True: 0, False: 0}

    @torch.inference_mode()
    def add(self, picture: Image, original: bool) -> None:
        """The next picture, of the originals or of the outputs."""
        self._metric.update(_planes([picture]), real=original)
        self._counts[original] += 1

    @torch.inference_mode()
    def value(self) -> float:
        """The distance of the pictures so far.

        Raises:
            InputError: a set has fewer than two pictures.
        """
        if min(self._counts.values()) < 2:
            raise InputError("FID needs at least two pictures on each side")
        return float(self._metric.compute())


def _planes(pictures: list[Image]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(np.stack(pictures).transpose(0, 3, 1, 2)))
