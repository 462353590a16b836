"""The mesh networks: plain residual convolutions, fast on a CPU in training and in use."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def _conv(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut (He et al. 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class FaceNetwork(nn.Module):
    """Face crop to mesh, trust and occluders.

    ``[B, 3, 192, 192]`` in -1..1 to points ``[B, 478, 3]`` in crop units (-1..1 from edge
    to edge, z in the same scale), trust logit ``[B]``, occluder logits ``[B, 48, 48]``.
    """

    def __init__(self, mean: Tensor) -> None:
        super().__init__()
        self.stem = nn.Sequential(_conv(3, 16, 2), _conv(16, 32, 2), Residual(32))
        self.eighth = nn.Sequential(_conv(32, 64, 2), Residual(64))
        self.sixteenth = nn.Sequential(_conv(64, 128, 2), Residual(128), Residual(128))
        self.last = nn.Sequential(_conv(128, 192, 2), Residual(192))
        self.squeeze = _conv(192, 32)
        self.points = nn.Linear(32 * 36, mean.numel())
        self.trust = nn.Linear(32 * 36, 1)
        self.register_buffer("mean", mean)
        self.up_last = _conv(192, 64)
        self.up_sixteenth = _conv(128, 64)
        self.up_eighth = _conv(64, 32)
        self.up_stem = _conv(32, 24)
        self.up_joined = Residual(64)
        self.narrow = _conv(64, 32)
        self.up_narrow = Residual(32)
        self.narrower = _conv(32, 24)
        self.mask = nn.Conv2d(24, 1, 3, 1, 1)
        # These two change nothing until they are taught to.
        nn.init.zeros_(self.up_joined.get_parameter("second.1.weight"))
        nn.init.zeros_(self.up_narrow.get_parameter("second.1.weight"))
        nn.init.normal_(self.points.weight, 0, 0.001)
        nn.init.zeros_(self.points.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        quarter = self.stem(x)
        eighth = self.eighth(quarter)
        sixteenth = self.sixteenth(eighth)
        last = self.last(sixteenth)
        flat = self.squeeze(last).flatten(1)
        points = self.points(flat).unflatten(1, self.mean.shape) + self.mean
        up = nn.functional.interpolate(self.up_last(last), scale_factor=2.0)
        up = self.narrow(self.up_joined(up + self.up_sixteenth(sixteenth)))
        up = nn.functional.interpolate(up, scale_factor=2.0)
        up = self.narrower(self.up_narrow(up + self.up_eighth(eighth)))
        up = nn.functional.interpolate(up, scale_factor=2.0)
        return points, self.trust(flat)[:, 0], self.mask(up + self.up_stem(quarter))[:, 0]


class PartNetwork(nn.Module):
    """Part crop ``[B, 3, 64, 64]`` in -1..1 to points ``[B, n, 3]`` in crop units."""

    def __init__(self, mean: Tensor) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(3, 24, 2), Residual(24), _conv(24, 48, 2), Residual(48), _conv(48, 96, 2),
            Residual(96), _conv(96, 32),
        )  # fmt: skip
        self.points = nn.Linear(32 * 64, mean.numel())
        self.register_buffer("mean", mean)
        nn.init.normal_(self.points.weight, 0, 0.001)
        nn.init.zeros_(self.points.bias)

    def forward(self, x: Tensor) -> Tensor:
        flat = self.body(x).flatten(1)
        return self.points(flat).unflatten(1, self.mean.shape) + self.mean
