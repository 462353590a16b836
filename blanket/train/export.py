"""From torch networks to the ONNX files in ``weights/``: pixels in, half precision on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from blanket.crop import FACE_SIDE, PART_SIDE
from blanket.faces import Image
from blanket.train.quantise import quantise


class _Pixels(nn.Module):
    """A network that takes RGB uint8 ``[B, S, S, 3]`` and gives probabilities for logits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        out = self.network(pixels.permute(0, 3, 1, 2).float() / 127.5 - 1)
        if isinstance(out, Tensor):
            return out
        points, trust, mask = out
        return points, torch.sigmoid(trust), torch.sigmoid(mask)


def export_networks(
    networks: Mapping[str, nn.Module], output: Path, crops: Mapping[str, Image]
) -> list[str]:
    """Write ``NAME_mesh.onnx`` into `output` for each network, of ``face``, ``eye`` and
    ``lips``; returns the files' names.

    crops: what each of them sees, ``[N, S, S, 3]`` uint8; the range of their eight-bit
    arithmetic is that of these (`blanket.train.quantise`).
    """
    output.mkdir(parents=True, exist_ok=True)
    written = []
    for name, network in networks.items():
        side = FACE_SIDE if name == "face" else PART_SIDE
        training = network.training
        network.eval()
        path = output / f"{name}_mesh.onnx"
        outputs = ["points", "trust", "occluded"] if name == "face" else ["points"]
        torch.onnx.export(
            _Pixels(network).eval(),
            (torch.zeros(2, side, side, 3, dtype=torch.uint8),),
            path,
            input_names=["pixels"],
            output_names=outputs,
            dynamic_axes={key: {0: "batch"} for key in ["pixels", *outputs]},
            opset_version=17,
            dynamo=False,
        )
        quantise(path, crops[name])
        _halve(path)
        network.train(training)
        written.append(path.name)
    return written


def _halve(path: Path) -> None:
    """Store what is in single precision in half of it; a Cast, folded when the file is loaded,
    brings it back, so that files are smaller and the arithmetic stays as it was."""
    model = onnx.load(path)
    graph = model.graph
    casts = []
    for tensor in list(graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < 1000:
            continue
        half = numpy_helper.from_array(
            numpy_helper.to_array(tensor).astype(np.float16), tensor.name + "_half"
        )
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
        graph.initializer.remove(tensor)
        graph.initializer.append(half)
    nodes = casts + list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, path)
