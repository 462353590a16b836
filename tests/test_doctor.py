"""The diagnosis: what is broken is found, with the command that mends it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from blanket import doctor
from blanket.cli import main
from blanket.presets import presets


def test_a_healthy_machine_has_no_problem(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("BLANKET_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(doctor, "_names", lambda: ["onnxruntime", "opencv-python", "torch"])
    assert main(["doctor"]) == 0
    lines = capsys.readouterr().out.splitlines()
    topics = " ".join(line[2:].split("  ")[0] for line in lines)
    for topic in ("program", "runtime", "opencv", "devices", "weights", "preset embedded"):
        assert topic in topics
    assert any("CPUExecutionProvider" in line for line in lines)
    assert not any(line.startswith("!") for line in lines)


def test_two_builds_of_onnx_runtime_are_found(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "_names", lambda: ["onnxruntime", "onnxruntime_gpu", "numpy"])
    assert main(["doctor"]) == 1
    [problem] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("!")]
    assert "pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu" in problem


def test_two_builds_of_opencv_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        doctor, "_names", lambda: ["onnxruntime", "opencv-python", "opencv-python-headless"]
    )
    [problem] = [one for one in doctor.diagnose() if one.problem]
    assert problem.topic == "opencv" and "pip install opencv-python" in problem.text


def test_no_runtime_at_all_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_names", lambda: ["numpy"])
    assert any(one.problem and "blanket[cpu]" in one.text for one in doctor.diagnose())


def test_a_damaged_file_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BLANKET_WEIGHTS", str(tmp_path))
    (tmp_path / "face_detection_yunet_2023mar.onnx").write_bytes(b"not the detector")
    doctor.find.cache_clear()
    found = [one.text for one in doctor.diagnose() if one.problem and one.topic == "weights"]
    assert len(found) == 1 and "blanket weights pull yunet" in found[0]


def test_every_preset_is_spoken_of(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BLANKET_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    topics = {one.topic for one in doctor.diagnose()}
    assert {f"preset {name}" for name in presets()} <= topics
    assert doctor.lacks("embedded") == []
    commands = doctor.lacks("diffusion")
    assert commands[-1] == "blanket weights pull --preset diffusion"


@pytest.mark.parametrize("extra", ["cpu", "gpu"])
def test_a_package_of_an_extra_is_missed(monkeypatch: pytest.MonkeyPatch, extra: str) -> None:
    monkeypatch.setattr(doctor, "_names", lambda: [])
    assert doctor._missing(extra)
    monkeypatch.setattr(doctor, "_names", lambda: ["ONNXRuntime", "onnxruntime.gpu"])
    assert not doctor._missing(extra)


@pytest.mark.parametrize(
    ("installed", "embedded", "diffusion"),
    [
        ([], ["pip install 'blanket[cpu]'"], "pip install 'blanket[gpu,diffusion]'"),
        (["onnxruntime"], [], "pip install 'blanket[diffusion]'"),
        (["onnxruntime-gpu"], [], "pip install 'blanket[diffusion]'"),
    ],
)
def test_no_second_build_of_onnx_runtime_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, installed: list[str], embedded: list[str], diffusion: str
) -> None:
    monkeypatch.setattr(doctor, "_names", lambda: installed)
    monkeypatch.setattr(doctor, "requires", lambda name: ["torch>=2.6; extra == 'diffusion'"])
    assert doctor.lacks("embedded") == embedded
    assert doctor.lacks("diffusion")[0] == diffusion


def test_without_a_runtime_reading_faces_is_one_sentence(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['onnxruntime'] = None\n"
        "from blanket.cli import main\n"
        f"sys.exit(main(['anonymize', {str(Path(__file__).parent / 'nothing.mp4')!r}, "
        f"'-o', {str(tmp_path / 'out.mp4')!r}]))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 1
    assert "pip install 'blanket[cpu]'" in run.stderr and "Traceback" not in run.stderr
