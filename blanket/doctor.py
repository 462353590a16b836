"""What this machine can do, what is missing for which preset, and what mends it."""

from __future__ import annotations

import importlib.util
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions, requires
from pathlib import Path

import blanket
from blanket.errors import BlanketError
from blanket.manifest import manifest, needed
from blanket.presets import presets
from blanket.store import find, present, store_folder

_RUNTIMES = "onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-silicon"
_OPENCVS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
_EXTRAS = {"embedded": ("cpu",), "diffusion": ("gpu", "diffusion")}


@dataclass(frozen=True)
class Finding:
    """One line of the diagnosis.

    topic: what it is about. text: what was found. problem: it keeps something from working.
    """

    topic: str
    text: str
    problem: bool = False


def diagnose() -> list[Finding]:
    """Look at the interpreter, the packages, the devices and the weights."""
    return [
        Finding("program", f"BLANKET {blanket.__version__}, Python {platform.python_version()}"),
        Finding("machine", f"{platform.system()} {platform.machine()}"),
        *_runtime(),
        *_opencv(),
        *_torch(),
        *_weights(),
        *(_preset(name) for name in presets()),
    ]


def lacks(preset: str) -> list[str]:
    """What a preset still needs, as the commands that get it; nothing where it can run."""
    commands = []
    # One build of ONNX Runtime is enough, and the other beside it would break both.
    runs = bool(_installed(_RUNTIMES))
    extras = [
        extra
        for extra in _EXTRAS.get(preset.partition("-")[0], ())
        if (not runs if extra in ("cpu", "gpu") else _missing(extra))
    ]
    if extras:
        commands.append(f"pip install 'blanket[{','.join(extras)}]'")
    if any(not present(one) for one in needed(preset)):
        commands.append(f"blanket weights pull --preset {preset}")
    return commands


def _runtime() -> Iterator[Finding]:
    builds = _installed(_RUNTIMES)
    if not builds:
        yield Finding(
            "runtime", "there is no ONNX Runtime: pip install 'blanket[cpu]' (or gpu)", True
        )
        return
    if len(builds) > 1:
        keep = next((one for one in builds if one != "onnxruntime"), builds[0])
        yield Finding(
            "runtime",
            f"{' and '.join(builds)} overwrite each other's files: pip uninstall -y "
            f"{' '.join(builds)} && pip install {keep}",
            True,
        )
    try:
        import onnxruntime

        providers = ", ".join(onnxruntime.get_available_providers())
        yield Finding("runtime", f"ONNX Runtime {onnxruntime.__version__}: {providers}")
    except (ImportError, AttributeError) as error:
        yield Finding("runtime", f"ONNX Runtime does not load ({error}): install it anew", True)


def _opencv() -> Iterator[Finding]:
    builds = _installed(_OPENCVS)
    if len(builds) > 1:
        yield Finding(
            "opencv",
            f"{' and '.join(builds)} overwrite each other's files: pip uninstall -y "
            f"{' '.join(builds)} && pip install opencv-python",
            True,
        )
    try:
        import cv2

        yield Finding("opencv", f"OpenCV {cv2.__version__}")
    except ImportError as error:
        yield Finding(
            "opencv",
            f"OpenCV does not load ({error}): on Linux, apt-get install libgl1 libglib2.0-0",
            True,
        )


def _torch() -> Iterator[Finding]:
    if importlib.util.find_spec("torch") is None:
        yield Finding("devices", f"no torch; {_nvidia()}")
        return
    # Another process: loading torch here would cost every later line a second.
    program = (
        "import torch; c = torch.cuda; "
        "print(torch.__version__, torch.version.cuda or 'no', "
        "', '.join(f'{c.get_device_name(i)} ({c.get_device_properties(i).total_memory >> 30} "
        "GiB)' for i in range(c.device_count())) or 'none', "
        "torch.backends.mps.is_available(), sep='|')"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if run.returncode:
        last = (run.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield Finding("devices", f"torch does not load ({last}): install it anew", True)
        return
    torch, cuda, devices, mps = run.stdout.strip().split("|")
    text = f"torch {torch}, CUDA {cuda}, CUDA devices: {devices}"
    yield Finding("devices", text + (", Apple's MPS" if mps == "True" else f"; {_nvidia()}"))


def _nvidia() -> str:
    """What the driver sees, whether or not a package can use it."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
    try:
        run = subprocess.run(query, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "no NVIDIA driver"
    seen = "; ".join(run.stdout.strip().splitlines())
    return f"the NVIDIA driver sees {seen}" if run.returncode == 0 and seen else "no NVIDIA GPU"


def _weights() -> Iterator[Finding]:
    yield Finding("weights", f"downloads lie in {_home(store_folder())}")
    for one in manifest().values():
        if one.trained_by is None and not present(one):
            continue
        try:
            find(one.name)
        except BlanketError as error:
            yield Finding("weights", str(error), True)
        else:
            yield Finding("weights", f"{one.name}: {one.purpose}")


def _preset(name: str) -> Finding:
    missing = lacks(name)
    if not missing:
        return Finding(f"preset {name}", "ready")
    return Finding(f"preset {name}", f"lacks: {' and then '.join(missing)}")


def _missing(extra: str) -> bool:
    """Whether a package of an extra is not installed, as the installed metadata names them."""
    here = {_normal(one) for one in _names()}
    for line in requires("blanket") or []:
        package, _, marker = line.partition(";")
        wanted = re.search(r"extra\s*==\s*['\"]([\w-]+)['\"]", marker)
        if wanted and wanted[1] == extra:
            name = re.split(r"[\s\[<>=!~(]", package.strip(), maxsplit=1)[0]
            if _normal(name) != "blanket" and _normal(name) not in here:
                return True
    return False


def _installed(names: tuple[str, ...]) -> list[str]:
    here = {_normal(one) for one in _names()}
    return [name for name in names if name in here]


def _names() -> Iterator[str]:
    one: Distribution
    for one in distributions():
        name = one.metadata["Name"]
        if name:
            yield name


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _home(path: Path) -> str:
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)
