"""Parts made to fail in the middle of a run: no face gets out for it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from clips import make_clip
from conftest import Demo

import blanket
from blanket import backends, render, weights
from blanket.change import Patch
from blanket.cli import main
from blanket.config import DetectSettings
from blanket.detect import build_detector
from blanket.errors import BlanketError, LeakError
from blanket.faces import Face, Image
from blanket.image import write_image
from blanket.mesh import MeshNetwork, Reading
from blanket.report import Report
from blanket.topology import SURFACE
from blanket.video import read


def leaked(demo: Demo, output: Path) -> list[int]:
    """Frames in which a face that was drawn is as it was, by the ground truth."""
    frames = []
    for before, after in zip(read(demo.clip), read(output), strict=True):
        for face, mesh in enumerate(demo.truth.mesh[before.index]):
            if demo.truth.visible[before.index, face]:
                box = np.concatenate([mesh[:SURFACE, :2].min(0), mesh[:SURFACE, :2].max(0)])
                patch = Patch(before, box, mesh)
                if patch.seen and patch.change(after).untouched:
                    frames.append(before.index)
    return frames


class Failing:
    """A detector that finds nothing in some of the pictures it is shown."""

    def __init__(self, settings: DetectSettings, fails: Callable[[int], bool]) -> None:
        self._detector, self._fails = build_detector(settings), fails
        self._shown = -1

    def __getattr__(self, name: str) -> object:
        return getattr(self._detector, name)

    def detect(self, picture: Image) -> list[Face]:
        self._shown += 1
        return [] if self._fails(self._shown) else self._detector.detect(picture)


def failing(monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool]) -> None:
    """The run's own detector fails; that of its audit does not."""
    built: list[Failing] = []

    def build(settings: DetectSettings) -> object:
        if built:
            return build_detector(settings)
        built.append(Failing(settings, fails))
        return built[0]

    monkeypatch.setattr(backends, "build_detector", build)


def anonymized(demo: Demo, target: Path, *overrides: str) -> Report:
    return blanket.anonymize(demo.clip, target, overrides=overrides)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_detector_that_misses_three_frames_in_ten(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    missed = np.random.default_rng(seed).random(1000) < 0.3
    failing(monkeypatch, lambda shown: bool(missed[shown]))
    anonymized(demo, tmp_path / "out.mp4", "detect.every=1")
    assert leaked(demo, tmp_path / "out.mp4") == []


@pytest.mark.parametrize("start", [0, 10, 28])
def test_a_detector_that_misses_twenty_frames_in_a_row(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: int
) -> None:
    failing(monkeypatch, lambda shown: start <= shown < start + 20)
    anonymized(demo, tmp_path / "out.mp4", "detect.every=1")
    assert leaked(demo, tmp_path / "out.mp4") == []


def test_a_detector_that_finds_nothing_at_all_is_mended_by_the_audit(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda shown: True)
    report = anonymized(demo, tmp_path / "out.mp4")
    assert leaked(demo, tmp_path / "out.mp4") == []
    assert report.totals.replaced >= 0.9 * report.totals.frames
    assert any("mended" in note for note in report.notes)
    assert not any("no face was found" in warning for warning in report.warnings)
    assert report.audit is not None
    assert report.audit.verdict != "leak"


def test_a_mesh_that_fails_is_hidden(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_well = MeshNetwork.read

    def no_trust(self: MeshNetwork, *of: Any) -> Reading:
        return replace(read_well(self, *of), trust=0.0)

    monkeypatch.setattr(MeshNetwork, "read", no_trust)
    report = anonymized(demo, tmp_path / "out.mp4", "audit.repairs=6")
    assert report.totals.replaced == 0
    assert report.totals.hidden >= report.totals.frames
    assert leaked(demo, tmp_path / "out.mp4") == []


def test_a_swap_that_paints_nothing_is_hidden(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from blanket.swap.warp import WarpSwapper

    def paints_nothing(self: WarpSwapper, faces: Iterable[object]) -> list[bool]:
        return [True for _ in faces]

    monkeypatch.setattr(WarpSwapper, "swap", paints_nothing)
    report = anonymized(demo, tmp_path / "out.mp4")
    assert leaked(demo, tmp_path / "out.mp4") == []
    assert report.tracks[0].hidden_by["leak"] == report.tracks[0].frames
    assert report.exit_status == 3


def test_what_cannot_be_mended_gets_no_name(
    demo: Demo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing(monkeypatch, lambda shown: False)
    monkeypatch.setattr(render.Renderer, "_cover", lambda self, faces: None)
    target = tmp_path / "out.mp4"
    command = ["anonymize", str(demo.clip), "-o", str(target), "--set", "audit.repairs=1"]
    assert main([*command, "--report", str(tmp_path / "out.json")]) == LeakError.exit_status == 4
    assert "a face would show in frames 0-47" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_what_was_mended_is_in_the_saved_analysis(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "a.yaml"
    with monkeypatch.context() as patched:
        failing(patched, lambda shown: True)
        report = blanket.anonymize(demo.clip, tmp_path / "a.mp4", save_analysis=text)
    assert report.totals.replaced > 0
    again = blanket.anonymize(demo.clip, tmp_path / "b.mp4", analysis=text)
    assert again.totals == report.totals
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


_KILLED = """
import json, os, random, signal, sys, time
import blanket.anonymiser, blanket.demo, blanket.video
from blanket.cli import main

source, folder, kills = sys.argv[1], sys.argv[2], int(sys.argv[3])
target = os.path.join(folder, "out.mkv")
command = ["anonymize", source, "-o", target, "--report", os.path.join(folder, "out.json"),
           "--quiet", "--set", "detect.turned=false"]

def start():
    process = os.fork()
    if process == 0:
        os._exit(main(command))
    return process

begun = time.monotonic()
assert os.WEXITSTATUS(os.waitpid(start(), 0)[1]) in (0, 3)
lasts = time.monotonic() - begun
moments, seen = random.Random(4), []
for _ in range(kills):
    for name in os.listdir(folder):
        if not name.startswith("."):
            os.unlink(os.path.join(folder, name))
    process = start()
    time.sleep(moments.uniform(0, lasts))
    os.kill(process, signal.SIGKILL)
    killed = os.WIFSIGNALED(os.waitpid(process, 0)[1])
    frames = sum(1 for _ in blanket.video.read(target)) if os.path.exists(target) else 0
    seen.append((killed, frames, sorted(os.listdir(folder))))
print(json.dumps(seen))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_killed_at_twenty_moments(demo: Demo, tmp_path: Path) -> None:
    pictures = [cv2.resize(f.rgb(), (320, 180)) for f in read(demo.clip) if f.index < 10]
    source = make_clip(tmp_path / "in.mp4", pictures)
    folder = tmp_path / "out"
    folder.mkdir()
    run = subprocess.run(
        [sys.executable, "-c", _KILLED, str(source), str(folder), "20"],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    moments = json.loads(run.stdout)
    assert sum(killed for killed, _, _ in moments) >= 12
    assert any(name.startswith(".") for _, _, names in moments for name in names)
    for killed, frames, names in moments:
        finished = [name for name in names if not name.startswith(".")]
        # Names are given last, the video's before the report's: what has one is complete.
        assert finished in ([], ["out.mkv"], ["out.json", "out.mkv"]), names
        assert finished or killed
        assert frames == (len(pictures) if finished else 0)
    # The next start leaves nothing of those that were killed.
    for path in folder.iterdir():
        if not path.name.startswith("."):
            path.unlink()
    assert main(["anonymize", str(source), "-o", str(folder / "other.mkv"), "--quiet"]) in (0, 3)
    assert [path.name for path in folder.iterdir()] == ["other.mkv"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_files_have_the_permissions_of_new_files(demo: Demo, tmp_path: Path) -> None:
    write_image(tmp_path / "in.png", next(iter(read(demo.clip))).rgb())
    before = os.umask(0o027)
    try:
        files = [str(tmp_path / name) for name in ("in.png", "out.png", "out.json", "new.png")]
        source, target, report, new = files
        options = ["--report", report, "--save-identity", new, "--quiet"]
        main(["anonymize", source, "-o", target, *options])
    finally:
        os.umask(before)
    for name in ("out.png", "out.json", "new.png"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o640, name


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-o", "x"], "x is no name that a video can be written under"),
        (["-o", "x.wmv"], "x.wmv is no name that a video can be written under"),
        (["-o", "x.webm", "--set", "video.codec=libx265"], "cannot hold libx265"),
        (["-o", "x.avi", "--set", "video.codec=libx265"], "cannot hold libx265"),
        (["-o", "x.mp4", "--save-identity", "new.tif"], "new.tif must end in"),
        (["-o", "x.mp4", "--save-identity", "taken.png"], "taken.png exists already"),
    ],
)
def test_names_are_looked_at_before_the_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    source = make_clip(Path("in.mp4"), [np.zeros((120, 160, 3), np.uint8)] * 2)
    Path("taken.png").write_bytes(b"mine")
    assert main(["anonymize", str(source), *options]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "analyse" not in told
    assert sorted(os.listdir()) == ["in.mp4", "taken.png"]


def test_an_interlaced_video_is_warned_of(tmp_path: Path) -> None:
    picture = np.full((120, 160, 3), 90, np.uint8)
    options = {"x264-params": "tff=1"}
    source = make_clip(tmp_path / "in.mp4", [picture] * 2, **options)
    report = blanket.anonymize(source, tmp_path / "out.mp4")
    assert any("interlaced" in warning for warning in report.warnings)


def test_what_a_picture_loses_is_in_the_report(tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    cv2.imwrite(str(source), np.full((60, 60, 4), (20000, 30000, 40000, 0), np.uint16))
    report = blanket.anonymize(source, tmp_path / "out.jpg")
    assert ["16 bits" in report.notes[0], "transparency" in report.notes[1]] == [True, True]
    report = blanket.anonymize(source, tmp_path / "out.png")
    written = cv2.imread(str(tmp_path / "out.png"), cv2.IMREAD_UNCHANGED)
    assert written.shape == (60, 60, 4)
    assert written.max() == 0


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"[[", b"model = 3"])
def test_a_damaged_list_of_weights_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "checksums.toml").write_bytes(content)
    monkeypatch.setattr(weights, "weights_folder", lambda: tmp_path)
    weights.checksums.cache_clear()
    with pytest.raises(BlanketError, match="missing or damaged: install blanket again"):
        weights.checksums()


_STARTS = """
import sys

class Interrupted:
    def find_spec(self, name, *_):
        if name == "typer":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from blanket.cli import main
sys.exit(main(["--version"]))
"""


def test_interrupted_at_the_start() -> None:
    run = subprocess.run([sys.executable, "-c", _STARTS], capture_output=True, text=True)
    assert (run.returncode, run.stderr) == (130, "interrupted\n")


_HUNG_UP = """
import os, signal, sys, time
from dataclasses import replace
from pathlib import Path
from typing import Any

signal.signal(signal.SIGHUP, getattr(signal, sys.argv[2]))
from blanket.cli import main
from blanket.output import pending
import blanket.demo

def make_demo(folder, **_):
    with pending(Path(folder), overwrite=False):
        os.kill(os.getpid(), signal.SIGHUP)
        time.sleep(0.2)
    return folder

blanket.demo.make_demo = make_demo
sys.exit(main(["demo", "-o", sys.argv[1]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("before", "status"), [("SIG_DFL", 129), ("SIG_IGN", 0)])
def test_a_closed_terminal_leaves_nothing_half(tmp_path: Path, before: str, status: int) -> None:
    target = tmp_path / "a.mp4"
    run = subprocess.run(
        [sys.executable, "-c", _HUNG_UP, str(target), before], capture_output=True, text=True
    )
    assert run.returncode == status, run.stderr
    assert os.listdir(tmp_path) == ([] if status else ["a.mp4"])


def test_nothing_of_the_original_is_told(
    demo: Demo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "anna-2019"
    folder.mkdir()
    pictures = [frame.rgb() for frame in read(demo.clip) if frame.index < 10]
    source = make_clip(
        folder / "in.mp4", pictures, metadata={"title": "Anna", "comment": "12 Elm Street"}
    )
    target, report = tmp_path / "out.mp4", tmp_path / "out.json"
    main(["--debug", "anonymize", str(source), "-o", str(target), "--report", str(report)])
    told = capsys.readouterr().err + report.read_text(encoding="utf-8")
    told += target.read_bytes().decode("latin-1")
    for secret in ("anna-2019", "Anna", "Elm Street"):
        assert secret not in told
