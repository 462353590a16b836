"""From an exported network back to torch, to be trained further."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import GraphProto, NodeProto, numpy_helper
from torch import nn

Values = dict[str, np.ndarray]


def read_exported(path: Path, network: nn.Module) -> None:
    """Give `network` the parameters that `blanket.train.export` wrote to `path`.

    Batch normalisation was folded into the convolutions when they were exported: it is set so
    that it adds their bias and changes nothing else, and stays so as long as its statistics
    are frozen (``eval()``). Weights are as exact as the file is: seven bits for most.
    """
    graph = onnx.load(path).graph
    values = _constants(graph)
    modules = dict(network.named_modules())
    with torch.no_grad():
        for node in graph.node:
            if node.op_type not in ("Conv", "Gemm"):
                continue
            name = _module_name(node)
            weight, bias = (torch.from_numpy(values[key].copy()) for key in node.input[1:3])
            layer = modules[name]
            if not isinstance(layer, nn.Conv2d | nn.Linear):
                raise TypeError(f"{name} of {path.name} is no convolution")
            layer.weight.copy_(weight)
            if layer.bias is not None:
                layer.bias.copy_(bias)
                continue
            after = modules[name.removesuffix("0") + "1"]
            if not isinstance(after, nn.BatchNorm2d):
                raise TypeError(f"{name} of {path.name} has no batch normalisation")
            one = torch.ones(len(bias))
            folded = {"weight": one, "bias": bias, "running_mean": 0 * one}
            after.load_state_dict(folded | {"running_var": one - after.eps}, strict=False)


def _module_name(node: NodeProto) -> str:
    """``stem.2.first.0`` of a node that is called ``/network/stem/stem.2/first/first.0/Conv``."""
    steps: list[str] = []
    for step in node.name.strip("/").split("/")[1:-1]:
        if steps and step.startswith(steps[-1] + "."):
            steps[-1] = step
        else:
            steps.append(step)
    return ".".join(steps)


def _constants(graph: GraphProto) -> Values:
    """Every constant by name, what is rounded or in half precision in single precision."""
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    values = {key: np.asarray(value, np.float32) for key, value in stored.items()}
    for node in graph.node:
        if node.op_type == "Cast" and node.input[0] in stored:
            values[node.output[0]] = values[node.input[0]]
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in stored:
            values[node.output[0]] = _restored(node, values)
    return values


def _restored(node: NodeProto, values: Mapping[str, np.ndarray]) -> np.ndarray:
    rounded, scale, zero = (values[key] for key in node.input)
    if scale.size > 1:
        axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
        shape = [1] * rounded.ndim
        shape[axis] = -1
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return np.asarray((rounded - zero) * scale, np.float32)
