"""The commands: what they pass on, what they say, and their exit statuses."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from reports import a_report

import blanket
from blanket.cli import main
from blanket.errors import BlanketError, InputError
from blanket.image import write_image
from blanket.key import write_key
from blanket.report import Failure, FolderReport
from blanket.weights import weights_folder


class Job:
    """Stands for a stage that the commands call: notes its arguments, then does as told."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.does: Callable[[], Any] = lambda: a_report(hidden=0)

    def __call__(self, *positional: Any, **named: Any) -> Any:
        self.calls.append((positional, named))
        named["progress"]("detect", 1, 10)
        return self.does()


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Job:
    """The job in place of the pipeline and the demo."""
    job = Job()
    for home, name in {
        "blanket.anonymiser": "anonymize",
        "blanket.folder": "anonymize_folder",
        "blanket.demo": "make_demo",
    }.items():
        module = ModuleType(home)
        setattr(module, name, job)
        monkeypatch.setitem(sys.modules, home, module)
        monkeypatch.delattr(blanket, home.partition(".")[2], raising=False)
    return job


def fail(error: BaseException) -> Callable[[], Any]:
    """What raises the error."""

    def raises() -> Any:
        raise error

    return raises


class NoTorch:
    """Makes every import of what trains fail as it does where torch is missing."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name.startswith("blanket.train."):
            raise ModuleNotFoundError("No module named 'torch'", name="torch.nn")


def test_options_are_passed_on(job: Job) -> None:
    status = main(
        "anonymize a.mp4 -o b.mp4 --preset mine.yaml --set detect.every=5 --set hide.grow=2 "
        "--seed 7 --identity face.png --identity-at 2.5 --save-identity new.png --audio keep "
        "--overwrite --save-analysis b.yaml --subject 007 --gallery known --key-file a.key "
        "--faces others --expect-faces 2".split()
    )
    assert status == 0
    [(positional, named)] = job.calls
    assert positional == (Path("a.mp4"), Path("b.mp4"), "mine.yaml")
    named.pop("progress")
    assert named == {
        "overrides": ["detect.every=5", "hide.grow=2", "detect.expect_faces=2"],
        "seed": 7,
        "identity": Path("face.png"),
        "identity_at": 2.5,
        "subject": "007",
        "gallery": Path("known"),
        "key_file": Path("a.key"),
        "faces": "others",
        "save_identity": Path("new.png"),
        "analysis": None,
        "save_analysis": Path("b.yaml"),
        "audio": "keep",
        "method": None,
        "overwrite": True,
    }


def test_what_is_not_asked_for_is_left_to_the_settings(job: Job) -> None:
    assert main("anonymize a.mp4 -o b.mp4".split()) == 0
    [(positional, named)] = job.calls
    named.pop("progress")
    assert positional[2] is None
    assert not any(named.values())


def test_messages_go_to_stderr(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    warned = {"warnings": ["no face was found"], "notes": ["an odd side"]}
    job.does = lambda: a_report(hidden=0).model_copy(update=warned)
    main("anonymize a.mp4 -o b.mp4".split())
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "detect: 1 of 10",
        "warning: out.mp4: no face was found",
        "out.mp4: an odd side",
        "out.mp4: 8 frames with 8 faces, 8 replaced and 0 hidden",
    ]
    main("anonymize a.mp4 -o b.mp4 --quiet".split())
    assert capsys.readouterr().err == "warning: out.mp4: no face was found\n"
    job.does = lambda: a_report(replaced=1, hidden=0)
    main("anonymize a.mp4 -o b.mp4".split())
    [*_, last] = capsys.readouterr().err.splitlines()
    assert last == "out.mp4: 1 frame with 1 face, 1 replaced and 0 hidden"


def test_hidden_faces_are_status_3(job: Job) -> None:
    job.does = lambda: a_report(hidden=1)
    assert main("anonymize a.mp4 -o b.mp4".split()) == 3


@pytest.mark.parametrize(
    ("error", "status", "sentence"),
    [
        (InputError("a.mp4 is not a video"), 2, "error: a.mp4 is not a video"),
        (BlanketError("the disk is full"), 1, "error: the disk is full"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            ImportError("libGL.so.1: cannot open shared object file"),
            1,
            "error: libGL.so.1: cannot open shared object file: install libGL and GLib (apt-get "
            "install libgl1 libglib2.0-0)",
        ),
        (
            ZeroDivisionError("a\nb"),
            1,
            "Internal error: ZeroDivisionError: a b, please report (`blanket --debug ...` shows "
            "where)",
        ),
    ],
)
def test_errors_are_one_sentence_and_a_status(
    job: Job,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    status: int,
    sentence: str,
) -> None:
    job.does = fail(error)
    assert main("anonymize a.mp4 -o b.mp4".split()) == status
    assert capsys.readouterr().err.splitlines() == ["detect: 1 of 10", sentence]


def test_debug_shows_where(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    job.does = fail(ZeroDivisionError())
    assert main("--debug anonymize a.mp4 -o b.mp4".split()) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        "anonymize a.mp4",
        "anonymize -o b.mp4",
        "anonymize a.mp4 -o b.mp4 --audio mute",
        "anonymize a.mp4 -o b.mp4 --seed -1",
        "anonymize a.mp4 -o b.mp4 --nonsense",
        "nonsense",
        "demo",
        "demo -o d --seconds 0",
        "train mesh",
        "train mesh --data d --device tpu",
    ],
)
def test_wrong_usage_is_status_2(job: Job, arguments: str) -> None:
    assert main(arguments.split()) == 2
    assert not job.calls


def test_report(job: Job, tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    command = ["anonymize", "a.mp4", "-o", "b.mp4", "--report", str(path)]
    assert main(command) == 0
    assert json.loads(path.read_text())["totals"]["replaced"] == 8
    assert main(command) == 2
    assert len(job.calls) == 1, "an existing report is refused before the work"
    assert main([*command, "--overwrite"]) == 0


def test_no_report_of_what_failed(job: Job, tmp_path: Path) -> None:
    job.does = fail(KeyboardInterrupt())
    command = ["anonymize", "a.mp4", "-o", "b.mp4", "--report", str(tmp_path / "out.json")]
    assert main(command) == 130
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "options",
    [
        "--report in.mp4",
        "--save-identity in.mp4",
        "--report out.mp4",
        "--report x --save-identity x",
        "--identity face.png --save-identity face.png",
        "--analysis a.yaml --report a.yaml",
        "--analysis a.yaml --report a.npz",
        "--analysis a.yaml --save-analysis a.yml",
        "--save-analysis a.yaml --report a.npz",
    ],
)
def test_no_file_takes_the_place_of_another(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("in.mp4").write_text("mine")
    assert main(["anonymize", "in.mp4", "-o", "out.mp4", "--overwrite", *options.split()]) == 2
    assert not job.calls
    assert Path("in.mp4").read_text() == "mine"


def test_an_analysis_may_be_saved_in_its_own_place(job: Job, tmp_path: Path) -> None:
    text, video = str(tmp_path / "a.yaml"), str(tmp_path / "b.mp4")
    options = ["--analysis", text, "--save-analysis", text, "--overwrite"]
    assert main(["anonymize", "a.mp4", "-o", video, *options]) == 0
    assert len(job.calls) == 1


def test_a_key_is_never_replaced(
    job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lab.key"
    write_key(path)
    key = path.read_bytes()
    command = ["anonymize", "a.mp4", "-o", "b.mp4", "--report", str(path), "--overwrite"]
    assert main(command) == 2
    assert not job.calls
    assert path.read_bytes() == key
    assert "holds a key, which is never replaced" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        "--preset mine.yaml --report mine.yaml",
        "--gallery known -o known/S1/1.jpg",
        "--gallery known --report known/S1/1.jpg",
        "--set subjects.key_file=lab.key --report lab.key",
    ],
)
def test_no_file_that_settings_name_is_written_over(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("known/S1").mkdir(parents=True)
    for name in ("known/S1/1.jpg", "lab.key"):
        Path(name).write_text("mine")
    Path("mine.yaml").write_text("detect: {every: 6}")
    assert main(["anonymize", "in.mp4", "-o", "out.mp4", "--overwrite", *options.split()]) == 2
    assert not job.calls
    assert Path("known/S1/1.jpg").read_text() == Path("lab.key").read_text() == "mine"


def test_a_report_takes_no_place_in_the_input_folder(job: Job, tmp_path: Path) -> None:
    picture = tmp_path / "in" / "deep" / "a.jpg"
    picture.parent.mkdir(parents=True)
    picture.write_text("mine")
    command = ["anonymize", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--overwrite"]
    assert main([*command, "--report", str(picture)]) == 2
    assert not job.calls
    assert picture.read_text() == "mine"


_DROPPED = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"]
"""What makes permissions count for root, too."""


@pytest.mark.skipif(sys.platform != "linux", reason="POSIX permissions")
@pytest.mark.parametrize(
    ("locked", "mode", "source", "target"),
    [
        ("shut", 0o000, "shut/a.jpg", "out.jpg"),
        ("shut", 0o000, "in/a.jpg", "shut/out.jpg"),
        ("in/sub", 0o000, "in", "out"),
        ("in/sub", 0o400, "in", "out"),
        ("shut", 0o500, "in", "shut"),
        ("shut", 0o500, "in", "shut/out"),
    ],
)
def test_a_folder_without_permission_is_one_sentence(
    tmp_path: Path, locked: str, mode: int, source: str, target: str
) -> None:
    prefix = [] if os.geteuid() else _DROPPED
    if prefix and not shutil.which(prefix[0]):
        pytest.skip("setpriv takes root's rights away")
    for name in ("in/sub/b.jpg", "in/a.jpg", "shut/a.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write_image(tmp_path / name, np.full((64, 64, 3), 90, np.uint8))
    before = sorted(tmp_path.rglob("*"))
    program = "import sys; from blanket.cli import main; sys.exit(main())"
    (tmp_path / locked).chmod(mode)
    try:
        run = subprocess.run(
            [*prefix, sys.executable, "-c", program, "anonymize", source, "-o", target],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        (tmp_path / locked).chmod(0o700)
    assert run.returncode == 2, run.stderr
    assert run.stderr.startswith("error: ")
    assert run.stderr.rstrip().endswith((": Permission denied", "change its permissions"))
    assert run.stderr.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_folder(job: Job, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    failed = {"sub/b.mp4": Failure(message="b.mp4 is not a video", exit_status=2)}
    job.does = lambda: FolderReport(files={"a.mp4": a_report(hidden=1)}, failed=failed)
    path = tmp_path / "out.json"
    (tmp_path / "in").mkdir()
    command = ["anonymize", str(tmp_path / "in"), "-o", str(tmp_path / "out")]
    assert main([*command, "--report", str(path)]) == 2
    assert "save_identity" not in job.calls[0][1]
    assert list(json.loads(path.read_text())["files"]) == ["a.mp4"]
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "a.mp4: 9 frames with 9 faces, 8 replaced and 1 hidden",
        "error: sub/b.mp4 is not a video",
    ]
    assert main([*command, "--save-identity", "new.png"]) == 2


def test_demo(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    job.does = lambda: Path("d/sheet.png")
    assert main("demo -o d --seed 3 --seconds 2".split()) == 0
    [(positional, named)] = job.calls
    named.pop("progress")
    assert positional == (Path("d"),)
    assert named == {"seed": 3, "seconds": 2.0, "overwrite": False}
    assert "d/sheet.png" in capsys.readouterr().err.replace("\\", "/")


@pytest.mark.parametrize("what", ["mesh", "morphable"])
def test_training_without_torch_names_the_extra(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, f"blanket.train.{what}", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoTorch(), *sys.meta_path])
    assert main(["train", what, "--data", "d"]) == 1
    assert capsys.readouterr().err == (
        "error: training needs torch, which is not installed: pip install 'blanket[train]'\n"
    )


def test_training_is_told_what_was_asked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, Any] = {}
    module = ModuleType("blanket.train.mesh")
    module.MeshTraining = lambda **named: asked.update(named)  # type: ignore[attr-defined]
    module.train_mesh = lambda _: {"lips": 0.0125}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "blanket.train.mesh", module)
    monkeypatch.setattr("blanket.train.mesh", module, raising=False)
    assert main("train mesh --data d --steps 9".split()) == 0
    folders = {"data": Path("d"), "run": Path("runs/mesh"), "output": weights_folder()}
    assert asked == {**folders, "steps": 9, "device": "cpu"}
    assert "lips: 1.25%" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"blanket {blanket.__version__}\n"


@pytest.mark.parametrize("arguments", ["--help", "anonymize --help", "train mesh --help"])
def test_help(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments.split()) == 0
    assert "Usage" in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_leaves_nothing(tmp_path: Path, number: int, status: int) -> None:
    target = tmp_path / "out.json"
    program = (
        "import signal, sys, time, types\n"
        # A shell that runs the tests in the background has its children ignore it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "module = types.ModuleType('blanket.anonymiser')\n"
        "def anonymize(*_, **__):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        "module.anonymize = anonymize\n"
        "sys.modules['blanket.anonymiser'] = module\n"
        "from blanket.cli import main\n"
        f"sys.exit(main(['anonymize', 'a.mp4', '-o', 'b.mp4', '--report', {str(target)!r}]))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(20) == status
        assert process.stderr.read() == "interrupted\n"
    assert not list(tmp_path.iterdir())
