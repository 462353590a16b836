"""ONNX files with the interfaces of other people's networks, as linear maps that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

KEEP, LIFT = 0.8, 0.05
"""A test swapper gives KEEP times the target, plus LIFT, plus what the source says, plus a
pattern."""
FACE = 0.7
"""How much of a face of its own one gives that has one."""


def pattern(side: int) -> NDArray[np.float32]:
    """``[side, side]``: waves that no match of colours takes away."""
    along = np.sin(np.arange(side) * (2 * np.pi * 3 / side))
    return (0.06 * along[:, None] * along[None]).astype(np.float32)


def tint(width: int = 512) -> NDArray[np.float32]:
    """``[width, 3]``: what a test swapper adds to red, green and blue for a source."""
    rng = np.random.default_rng(5)
    return (rng.normal(size=(width, 3)) * 0.05).astype(np.float32)


def emap() -> NDArray[np.float32]:
    """``[512, 512]``, orthogonal: the matrix of the test inswapper."""
    rng = np.random.default_rng(6)
    return np.linalg.qr(rng.normal(size=(512, 512)))[0].astype(np.float32)


def swapper(
    path: Path,
    side: int,
    *,
    batch: int | str = 1,
    picture: int = 0,
    matrix: bool = False,
    stiff: bool = False,
    half: bool = False,
    face: NDArray[np.float32] | None = None,
) -> Path:
    """A swapper ``target [1, 3, side, side]``, ``source [1, 512]``, or ``[1, 3, picture,
    picture]`` of which the mean colour counts.

    matrix: it carries `emap` as its last initializer. stiff: it works on one face only,
    whatever its inputs say. half: float16 inside and outside. face: ``[side, side, 3]``, as
    the target is normalised; it gives FACE of that and the rest of the target instead.
    """
    dtype = TensorProto.FLOAT16 if half else TensorProto.FLOAT
    kind = np.float16 if half else np.float32
    keep, lift = KEEP, LIFT + pattern(side)
    if face is not None:
        keep, lift = 1 - FACE, FACE * face.transpose(2, 0, 1)
    weights = [("keep", np.array(keep, kind)), ("lift", lift.astype(kind))]
    nodes = []
    if picture:
        shape = [batch, 3, picture, picture]
        nodes.append(helper.make_node("GlobalAveragePool", ["source"], ["mean"]))
        weights.append(("tenth", np.array(0.1, kind)))
        nodes.append(helper.make_node("Mul", ["mean", "tenth"], ["colour"]))
    else:
        shape = [batch, 512]
        weights.append(("tint", tint().astype(kind)))
        nodes.append(helper.make_node("MatMul", ["source", "tint"], ["row"]))
        if stiff:
            weights.append(("form", np.array([1, 3, 1, 1], np.int64)))
            nodes.append(helper.make_node("Reshape", ["row", "form"], ["colour"]))
        else:
            weights.append(("axes", np.array([2, 3], np.int64)))
            nodes.append(helper.make_node("Unsqueeze", ["row", "axes"], ["colour"]))
    nodes += [
        helper.make_node("Mul", ["target", "keep"], ["kept"]),
        helper.make_node("Add", ["kept", "lift"], ["lifted"]),
        helper.make_node("Add", ["lifted", "colour"], ["output"]),
    ]
    if matrix:
        weights.append(("emap", emap().astype(kind)))
    inputs = [("source", shape), ("target", [batch, 3, side, side])]
    return _save(path, nodes, inputs, [("output", [batch, 3, side, side])], weights, dtype)


def constant_swapper(path: Path, side: int, value: float) -> Path:
    """A swapper that paints one grey whatever it is shown."""
    nodes = [
        helper.make_node("Mul", ["target", "zero"], ["nothing"]),
        helper.make_node("ReduceSum", ["source", "ones"], ["told"], keepdims=0),
        helper.make_node("Mul", ["told", "zero"], ["silence"]),
        helper.make_node("Add", ["nothing", "silence"], ["empty"]),
        helper.make_node("Add", ["empty", "grey"], ["output"]),
    ]
    weights = [
        ("zero", np.float32(0)), ("grey", np.float32(value)), ("ones", np.array([0, 1], np.int64)),
        ("emap", emap()),
    ]  # fmt: skip
    inputs = [("source", [1, 512]), ("target", [1, 3, side, side])]
    return _save(path, nodes, inputs, [("output", [1, 3, side, side])], weights)


def identity_swapper(path: Path, side: int) -> Path:
    """A swapper that gives back what it is shown."""
    nodes = [
        helper.make_node("ReduceSum", ["source", "ones"], ["told"], keepdims=0),
        helper.make_node("Mul", ["told", "zero"], ["silence"]),
        helper.make_node("Add", ["target", "silence"], ["output"]),
    ]
    weights = [("zero", np.float32(0)), ("ones", np.array([0, 1], np.int64)), ("emap", emap())]
    inputs = [("source", [1, 512]), ("target", [1, 3, side, side])]
    return _save(path, nodes, inputs, [("output", [1, 3, side, side])], weights)


def converter(path: Path, factor: float = 3.0) -> Path:
    """An embedding, times a factor."""
    nodes = [helper.make_node("Mul", ["input", "factor"], ["output"])]
    weights = [("factor", np.float32(factor))]
    return _save(path, nodes, [("input", [1, 512])], [("output", [1, 512])], weights)


def arcface(path: Path) -> Path:
    """512 numbers of a crop of 112 pixels: its small copy, turned by a random matrix."""
    rng = np.random.default_rng(7)
    nodes = [
        helper.make_node(
            "AveragePool", ["input"], ["small"], kernel_shape=[16, 16], strides=[16, 16]
        ),
        helper.make_node("Flatten", ["small"], ["row"]),
        helper.make_node("MatMul", ["row", "turn"], ["output"]),
    ]
    weights = [("turn", rng.normal(size=(147, 512)).astype(np.float32))]
    return _save(path, nodes, [("input", [1, 3, 112, 112])], [("output", [1, 512])], weights)


def restorer(path: Path, fidelity: bool = False) -> Path:
    """Brightens by a tenth; a fidelity of 1 leaves everything as it was."""
    nodes = [helper.make_node("Add", ["input", "tenth"], ["output"])]
    weights = [("tenth", np.float32(0.1))]
    inputs: list[tuple[str, list[int | str]]] = [("input", [1, 3, 512, 512])]
    if fidelity:
        nodes = [
            helper.make_node("Cast", ["weight"], ["w"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["one", "w"], ["rest"]),
            helper.make_node("Mul", ["rest", "tenth"], ["more"]),
            helper.make_node("Add", ["input", "more"], ["output"]),
        ]
        weights.append(("one", np.float32(1)))
    graph_inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs]
    if fidelity:
        graph_inputs.append(helper.make_tensor_value_info("weight", TensorProto.DOUBLE, [1]))
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 3, 512, 512])
    return _write(path, nodes, graph_inputs, [output], weights)


def parser(path: Path) -> Path:
    """19 classes: skin (1) in the left half of the crop, hair (17) in the right."""
    left = np.zeros((1, 19, 512, 512), np.float32)
    left[:, 1, :, :256] = 1
    left[:, 17, :, 256:] = 1
    nodes = [
        helper.make_node("ReduceSum", ["input", "axes"], ["seen"], keepdims=1),
        helper.make_node("Mul", ["seen", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "classes"], ["output"]),
    ]
    weights = [
        ("axes", np.array([1], np.int64)), ("zero", np.float32(0)), ("classes", left),
    ]  # fmt: skip
    return _save(
        path, nodes, [("input", [1, 3, 512, 512])], [("output", [1, 19, 512, 512])], weights
    )


def _save(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[tuple[str, list[int | str]]],
    outputs: list[tuple[str, list[int | str]]],
    weights: list[tuple[str, NDArray[np.generic]]],
    dtype: int = TensorProto.FLOAT,
) -> Path:
    given = [helper.make_tensor_value_info(name, dtype, shape) for name, shape in inputs]
    gives = [helper.make_tensor_value_info(name, dtype, shape) for name, shape in outputs]
    return _write(path, nodes, given, gives, weights)


def _write(
    path: Path,
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    weights: list[tuple[str, NDArray[np.generic]]],
) -> Path:
    held = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights]
    graph = helper.make_graph(nodes, "known", inputs, outputs, held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    onnx.checker.check_model(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path
