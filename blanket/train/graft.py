"""What was not learnt stays as it was, bit for bit, in an exported network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, numpy_helper

_ROUNDED = 8
"""Constants of a convolution in eight bits: scale and zero of what it sees; weights and bias, each
with scale and zero."""


def graft(path: Path, source: Path, learnt: tuple[str, ...]) -> None:
    """Give an exported network (`blanket.train.export`) the rounded weights and the ranges of an
    earlier export of it, but for the layers whose names begin with one of `learnt`.

    Ranges are those of the crops that an export is given, so that two exports of the same weights
    say slightly different things.
    """
    model, earlier = onnx.load(path), onnx.load(source).graph
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    before = {tensor.name: numpy_helper.to_array(tensor) for tensor in earlier.initializer}
    was = {node.name: names for node, names in _constants(earlier)}
    learning, after = [], _from(model.graph, learnt)
    for node, names in _constants(model.graph):
        if node.name not in after:
            for name, old in zip(names, was[node.name], strict=True):
                tensors[name].CopyFrom(numpy_helper.from_array(before[old], name))
        elif node.op_type == "Conv" and len(names) == _ROUNDED:
            learning.append(names)
    for seen, _, _, weight, _, bias, scale, _ in learning:
        # A bias is rounded to the product of the scales of what it is added to.
        values, was_scale, one, other = (
            numpy_helper.to_array(tensors[name]) for name in (bias, scale, seen, weight)
        )
        exact = (one * other).astype(np.float32)
        rounded = np.round(values * was_scale / exact).astype(np.int32)
        tensors[bias].CopyFrom(numpy_helper.from_array(rounded, bias))
        tensors[scale].CopyFrom(numpy_helper.from_array(exact, scale))
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _from(graph: GraphProto, learnt: tuple[str, ...]) -> set[str]:
    """The nodes of the layers that learnt, such as ``/network/up_last/up_last.0/Conv``, and all
    that come after them."""
    names, outputs = set[str](), set[str]()
    for node in graph.node:
        layer = node.name.removeprefix("/network/")
        if layer.startswith(learnt) or not outputs.isdisjoint(node.input):
            names.add(node.name)
            outputs.update(node.output)
    return names


def _constants(graph: GraphProto) -> Iterator[tuple[NodeProto, list[str]]]:
    """Every node that has a name of its own, and the constants that it works with: those that
    are only restored for it have numbers for names, which mean something else in each export."""
    stored = {tensor.name for tensor in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        if node.op_type not in ("Conv", "Gemm", "QuantizeLinear"):
            continue
        names: list[str] = []
        for name in node.input:
            maker = makers.get(name)
            restored = maker is not None and maker.op_type in ("DequantizeLinear", "Cast")
            given = maker.input if maker is not None and restored else [name]
            names += [one for one in given if one in stored]
        yield node, names
