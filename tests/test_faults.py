"""Parts made to fail in the middle of a run: no face gets out for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from conftest import Demo

import blanket
from blanket import pipeline, render
from blanket.change import Patch
from blanket.cli import main
from blanket.config import DetectSettings
from blanket.detect import build_detector
from blanket.errors import LeakError
from blanket.faces import Face, Image
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

    monkeypatch.setattr(pipeline, "build_detector", build)


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
    assert report.audit is not None
    assert report.audit.verdict != "leak"


def test_a_mesh_that_fails_is_hidden(
    demo: Demo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_well = MeshNetwork.read

    def no_trust(self: MeshNetwork, picture: Image, crop: np.ndarray) -> Reading:
        reading = read_well(self, picture, crop)
        return Reading(reading.mesh, 0.0, reading.occluded, reading.crop)

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
