"""Networks as ONNX files, run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

from blanket.errors import BlanketError
from blanket.extras import needs

with needs("cpu", "running networks"):
    import onnxruntime

PROVIDER = "CPUExecutionProvider"
"""What ONNX Runtime runs on."""
_THREADS = 2
"""Of ONNX Runtime within one call."""


def open_session(path: Path, model: bytes | None = None) -> onnxruntime.InferenceSession:
    """A session on a file. model: what to run of it in place of its contents as they are.

    Raises:
        BlanketError: the file is no network that ONNX Runtime can run.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = _THREADS
    options.inter_op_num_threads = 1
    # Without its warnings: they are about weights that a file has and no layer uses.
    options.log_severity_level = 3
    # Spinning between calls takes the cores from decoding and painting.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(model or path, options, providers=[PROVIDER])
    except Exception as error:  # ONNX Runtime's own errors have no common class
        raise BlanketError(
            f"the network {path.name} cannot be read by ONNX Runtime: get the file again"
        ) from error
