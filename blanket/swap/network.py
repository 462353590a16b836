"""Other people's networks as ONNX files: in batches, on CUDA or a CPU."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from blanket.errors import BlanketError
from blanket.extras import needs
from blanket.faces import Array
from blanket.swap.table import Kind

with needs("cpu", "running networks"):
    import onnxruntime
with needs("insightface", "neural swapping"):
    import onnx

log = logging.getLogger(__name__)
_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
_TENSORRT = "TensorrtExecutionProvider"
_TYPES: dict[str, type[np.generic]] = {"tensor(float16)": np.float16, "tensor(double)": np.float64}


class Network:
    """One ONNX file with one output.

    path: the file. device: auto is CUDA where it works. tensorrt, fp16: see
    `blanket.config.SwapSettings`. takes_batches: a batch is run at once, otherwise one item
    after the other.

    Most published files fix their batch at 1. The first dimension is set free, and the result
    of two items at once is compared with that of each: some files have the 1 deep inside.

    Raises:
        BlanketError: the file is no network, or the device is not there.
    """

    def __init__(
        self,
        path: Path,
        device: Literal["auto", "cuda", "cpu"] = "auto",
        tensorrt: bool = False,
        fp16: bool = False,
    ) -> None:
        self._options = onnxruntime.SessionOptions()
        self._options.use_deterministic_compute = True
        self._options.log_severity_level = 3
        self._providers = _providers(device, tensorrt, fp16)
        self.path = path
        try:
            model = onnx.load(path)
        except Exception as error:  # protobuf's, and whatever a damaged file leads to
            raise BlanketError(
                f"the network {path.name} cannot be read: get the file again"
            ) from error
        initializers = model.graph.initializer
        self.last_initializer: Array | None = (
            onnx.numpy_helper.to_array(initializers[-1]) if initializers else None
        )
        self.takes_batches = True
        fixed = [i.name for i in model.graph.input if _fixed(i)]
        if fixed:
            self._session = self._open(str(path))
            free = self._freed(model)
            self.takes_batches = free is not None and self._agrees(free)
            if free is not None and self.takes_batches:
                self._session = free
        else:
            self._session = self._open(str(path))
        del model
        provider = self._session.get_providers()[0]
        if device == "cuda" and provider == _CPU:
            raise BlanketError(
                "ONNX Runtime finds no CUDA device: set swap.device=auto, or replace the build for "
                "CPUs (pip uninstall -y onnxruntime && pip install 'blanket[gpu]')"
            )
        self._where = "cpu" if provider == _CPU else "cuda"
        self.inputs = {i.name: i for i in self._session.get_inputs()}
        self._output = self._session.get_outputs()[0].name
        precision = "fp16" if self._type(next(iter(self.inputs))) is np.float16 else "fp32"
        if provider == _TENSORRT and fp16:
            precision = "fp16"
        self.device = f"{provider.removesuffix('ExecutionProvider')}, {precision}"

    def hold(self, array: Array, name: str) -> Any:
        """An input that stays on the device from call to call. name: of the input."""
        array = np.ascontiguousarray(array, self._type(name))
        return onnxruntime.OrtValue.ortvalue_from_numpy(array, self._where, 0)

    def run(self, feeds: dict[str, Any]) -> NDArray[np.float32]:
        """The output ``[N, ...]`` for inputs ``[N, ...]``, arrays or what `hold` gave.

        An input of another length than the longest goes to all items.
        """
        values = {
            name: feed if isinstance(feed, onnxruntime.OrtValue) else self.hold(feed, name)
            for name, feed in feeds.items()
        }
        if self.takes_batches:
            return self._bound(self._session, values)
        arrays = {name: value.numpy() for name, value in values.items()}
        count = max(len(array) for array in arrays.values())
        rows = []
        for i in range(count):
            one = {
                name: self.hold(array[i : i + 1] if len(array) == count else array, name)
                for name, array in arrays.items()
            }
            rows.append(self._bound(self._session, one))
        return np.concatenate(rows)

    def _bound(self, session: Any, values: dict[str, Any]) -> NDArray[np.float32]:
        binding = session.io_binding()
        for name, value in values.items():
            binding.bind_ortvalue_input(name, value)
        binding.bind_output(session.get_outputs()[0].name, self._where)
        session.run_with_iobinding(binding)
        return np.asarray(binding.copy_outputs_to_cpu()[0], np.float32)

    def _type(self, name: str) -> type[np.generic]:
        return _TYPES.get(self.inputs[name].type, np.float32)

    def _open(self, model: str | bytes) -> Any:
        try:
            return onnxruntime.InferenceSession(model, self._options, providers=self._providers)
        except Exception as error:  # ONNX Runtime's own errors have no common class
            raise BlanketError(
                f"the network {self.path.name} cannot be run by ONNX Runtime: get the file again"
            ) from error

    def _freed(self, model: Any) -> Any | None:
        """A session in which the first dimension is free; None where that is not possible."""
        for value in [*model.graph.input, *model.graph.output]:
            if _fixed(value):
                value.type.tensor_type.shape.dim[0].dim_param = "batch"
        del model.graph.value_info[:]
        try:
            return self._open(model.SerializeToString())
        except (BlanketError, ValueError):
            return None

    def _agrees(self, free: Any) -> bool:
        """Whether two items at once give what each of them gives alone."""
        self.inputs = {i.name: i for i in free.get_inputs()}
        self._where = "cpu" if free.get_providers()[0] == _CPU else "cuda"
        rng = np.random.default_rng(0)
        pair = {}
        for name, one in self.inputs.items():
            batched = len(one.shape) > 1
            shape = [size if isinstance(size, int) else 1 for size in one.shape[1:]]
            pair[name] = rng.uniform(0, 1, (2, *shape) if batched else one.shape)
        try:
            both = self._bound(free, {n: self.hold(a, n) for n, a in pair.items()})
            each = [
                self._bound(
                    self._session,
                    {n: self.hold(a[i : i + 1] if a.ndim > 1 else a, n) for n, a in pair.items()},
                )
                for i in range(2)
            ]
        except Exception:  # as in `_open`
            return False
        alone = np.concatenate(each)
        if both.shape != alone.shape:
            return False
        spread = max(float(np.ptp(alone)), 1e-6)
        return bool(np.abs(both - alone).max() < 0.02 * spread)


def normalised(crops: Array, kind: Kind) -> NDArray[np.float32]:
    """Crops ``[N, H, W, 3]`` 0..255 as a network takes them, ``[N, 3, H, W]``."""
    mean, std = (np.array(values, np.float32) for values in (kind.mean, kind.std))
    pixels = crops.astype(np.float32) * (1 / (255 * std)) - mean / std
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)


def pixels_of(output: NDArray[np.float32], kind: Kind, denormalise: bool) -> NDArray[np.float32]:
    """What a network gives, ``[N, 3, H, W]``, as pixels ``[N, H, W, 3]`` 0..255."""
    pixels = output.transpose(0, 2, 3, 1)
    if denormalise:
        pixels = pixels * np.array(kind.std, np.float32) + np.array(kind.mean, np.float32)
    return np.ascontiguousarray((pixels * 255).clip(0, 255), np.float32)


def _fixed(value: Any) -> bool:
    """Whether an input or output of a graph is a batch of exactly one."""
    dims = value.type.tensor_type.shape.dim
    return len(dims) > 1 and dims[0].dim_value == 1


def _providers(device: str, tensorrt: bool, fp16: bool) -> list[Any]:
    here = onnxruntime.get_available_providers()
    if device == "cpu" or _CUDA not in here:
        return [_CPU]
    # The packages of CUDA and cuDNN that pip installs lie where no loader looks.
    onnxruntime.preload_dlls()
    providers: list[Any] = [(_CUDA, {"cudnn_conv_algo_search": "HEURISTIC"}), _CPU]
    if tensorrt and _TENSORRT in here:
        providers.insert(0, (_TENSORRT, {"trt_fp16_enable": fp16}))
    return providers
