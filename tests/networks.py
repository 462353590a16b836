"""Small ONNX files with the true interfaces of published networks, whose outputs can be worked
out by hand: a cell sees the mean of its pixels, and everything else is the same everywhere.

The brighter a cell is in red and the darker in blue, the surer is a face; boxes and points lie
where the constants put them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STRIDES = 8, 16, 32
POINTS = np.array([[-1, -1], [1, -1], [0, 0], [-0.8, 1], [0.8, 1]], np.float32)
"""Left eye, right eye, nose, left and right mouth corner around the middle of a face."""


class Graph:
    """An ONNX file in the making."""

    def __init__(self, shape: Sequence[int | str], name: str = "input") -> None:
        self.input = helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
        self.name = name
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._outputs: list[Any] = []

    def constant(self, value: Any, kind: Any = np.float32) -> str:
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def add(self, kind: str, *inputs: str, output: str | None = None, **options: Any) -> str:
        output = output or f"n{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], **options))
        return output

    def output(self, name: str, shape: Sequence[int | str]) -> None:
        self._outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape)))

    def cells(self, stride: int, weights: Any, bias: Any) -> str:
        """``[1, K, h, w]``: of every cell, the mean colour times weights ``[K, 3]`` plus bias."""
        mean = self.add("AveragePool", self.name, kernel_shape=[stride] * 2, strides=[stride] * 2)
        kernel = self.constant(np.asarray(weights, np.float32)[..., None, None])
        return self.add("Conv", mean, kernel, self.constant(bias))

    def rows(self, cells: str, shape: Sequence[int], output: str | None = None) -> str:
        """Predictions of cells, row after row, in `shape`."""
        last = self.add("Transpose", cells, perm=[0, 2, 3, 1])
        return self.add("Reshape", last, self.constant(shape, np.int64), output=output)

    def save(self, path: Path, opset: int = 17) -> Path:
        graph = helper.make_graph(
            self._nodes, "small", [self.input], self._outputs, self._constants
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
        return path


def scrfd(path: Path, size: tuple[int | str, int | str] = ("h", "w"), points: int = 10) -> Path:
    """Two predictions a cell; of those at stride 16, the first is logistic(8 (red - blue) - 8)
    of the normalised pixels, all others are none. A box reaches 1.5, 2, 2.5 and 3 strides to
    the left, up, right and down of the cell's corner, points lie at `POINTS` strides from it."""
    graph = Graph([1, 3, *size])
    for stride in STRIDES:
        slope = [[8, 0, -8], [0, 0, 0]] if stride == 16 else np.zeros((2, 3))
        bias = [-8, -20] if stride == 16 else [-20, -20]
        score = graph.rows(graph.cells(stride, slope, bias), [-1, 1])
        graph.add("Sigmoid", score, output=f"score{stride}")
        graph.output(f"score{stride}", ["n", 1])
    for stride in STRIDES:
        sides = np.tile([1.5, 2, 2.5, 3], 2)
        graph.rows(graph.cells(stride, np.zeros((8, 3)), sides), [-1, 4], f"box{stride}")
        graph.output(f"box{stride}", ["n", 4])
    for stride in STRIDES:
        five = np.tile(np.resize(POINTS, points), 2)
        cells = graph.cells(stride, np.zeros((2 * points, 3)), five)
        graph.rows(cells, [-1, points], f"points{stride}")
        graph.output(f"points{stride}", ["n", points])
    return graph.save(path)


def retinaface(path: Path, size: tuple[int | str, int | str] = ("h", "w")) -> Path:
    """As `scrfd`, from BGR less the means: of the two anchors at stride 16, the second has the
    logit (red - blue) / 16 - 8. A box is moved by (0.5, -0.5) and its size is e^0.2, e^0.4
    times the anchor's; points lie at `POINTS` fifths of the anchor's side from its centre."""
    graph = Graph([1, 3, *size])
    found: dict[str, list[str]] = {"loc": [], "conf": [], "landmarks": []}
    for stride in STRIDES:
        slope, bias = np.zeros((4, 3)), [0.0, -20, 0, -20]
        if stride == 16:
            slope[3], bias[3] = [-1 / 16, 0, 1 / 16], -8 + (123 - 104) / 16
        logits = graph.rows(graph.cells(stride, slope, bias), [1, -1, 2])
        found["conf"].append(graph.add("Softmax", logits, axis=-1))
        change = np.tile([5, -5, 1, 2], 2)
        cells = graph.cells(stride, np.zeros((8, 3)), change)
        found["loc"].append(graph.rows(cells, [1, -1, 4]))
        five = np.tile((POINTS * 2).ravel(), 2)
        cells = graph.cells(stride, np.zeros((20, 3)), five)
        found["landmarks"].append(graph.rows(cells, [1, -1, 10]))
    for name, last in (("loc", 4), ("conf", 2), ("landmarks", 10)):
        graph.add("Concat", *found[name], axis=1, output=name)
        graph.output(name, [1, "n", last])
    return graph.save(path)


def yunet(path: Path) -> Path:
    """As `scrfd`, from BGR 0..255: at stride 16 the class is logistic((red - blue) / 16 - 8)
    and the object is sure. A box is moved by (0.25, 0.5) strides and is 4 by 5 strides large,
    points lie at `POINTS` strides from the cell's corner."""
    graph = Graph([1, 3, "h", "w"])
    for stride in STRIDES:
        slope = [[-1 / 16, 0, 1 / 16]] if stride == 16 else np.zeros((1, 3))
        score = graph.rows(graph.cells(stride, slope, [-8 if stride == 16 else -20]), [1, -1, 1])
        graph.add("Sigmoid", score, output=f"cls_{stride}")
    for stride in STRIDES:
        sure = graph.rows(graph.cells(stride, np.zeros((1, 3)), [20]), [1, -1, 1])
        graph.add("Sigmoid", sure, output=f"obj_{stride}")
    for stride in STRIDES:
        change = [0.25, 0.5, np.log(4), np.log(5)]
        cells = graph.cells(stride, np.zeros((4, 3)), change)
        graph.rows(cells, [1, -1, 4], f"bbox_{stride}")
    for stride in STRIDES:
        cells = graph.cells(stride, np.zeros((10, 3)), POINTS.ravel())
        graph.rows(cells, [1, -1, 10], f"kps_{stride}")
    for name, last in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)):
        for stride in STRIDES:
            graph.output(f"{name}_{stride}", [1, "n", last])
    return graph.save(path, opset=11)


def embedding(path: Path, side: int, length: int, name: str = "data") -> Path:
    """``[1, 3, side, side]`` to ``[1, length]``: the mean colours of the four quarters, in
    order of rows, red, green, blue of each; then zeros."""
    graph = Graph([1, 3, side, side], name)
    quarters = graph.cells(side // 2, np.eye(3), np.zeros(3))
    flat = graph.rows(quarters, [1, 12])
    matrix = np.eye(12, length, dtype=np.float32)
    graph.add("MatMul", flat, graph.constant(matrix), output="embedding")
    graph.output("embedding", [1, length])
    return graph.save(path, opset=11)


def genderage(path: Path) -> Path:
    """The logit of a man is the mean of red less that of blue, over 64; the age is the mean of
    green, in years."""
    graph = Graph([1, 3, 96, 96], "data")
    cells = graph.cells(96, [[0, 0, 0], [1 / 64, 0, -1 / 64], [0, 0.01, 0]], [0, 0, 0])
    graph.rows(cells, [1, 3], "fc1")
    graph.output("fc1", [1, 3])
    return graph.save(path)
