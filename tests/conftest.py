"""Fixtures that are dear: made once for all tests."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import blanket
from blanket import demo as demo_module
from blanket.demo import Truth, make_demo
from blanket.report import Report


@dataclass(frozen=True)
class Demo:
    """A small demo clip. folder: what `blanket.demo.make_demo` wrote. stages: what it told."""

    folder: Path
    truth: Truth
    report: Report
    stages: frozenset[str]

    @property
    def clip(self) -> Path:
        return self.folder / demo_module.CLIP

    @property
    def anonymized(self) -> Path:
        return self.folder / demo_module.ANONYMIZED

    @property
    def sheet(self) -> Path:
        return self.folder / demo_module.SHEET


DEMO = {"seed": 0, "seconds": 3.2, "width": 640, "height": 360, "rate": 15}
"""48 frames: everything that happens in the long clip, faster."""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A synthetic infant, with its ground truth, and its anonymised copy."""
    folder = tmp_path_factory.mktemp("demo") / "made"
    stages: set[str] = set()
    make_demo(folder, progress=lambda stage, done, total: stages.add(stage), **DEMO)
    report = Report.model_validate_json((folder / demo_module.REPORT).read_text("utf-8"))
    return Demo(folder, Truth.load(folder / demo_module.TRUTH), report, frozenset(stages))


@dataclass(frozen=True)
class Saved:
    """A run that saved its analysis. text: the file; it is not to be changed."""

    clip: Path
    out: Path
    text: Path
    report: Report

    def copy(self, folder: Path) -> Path:
        """Both files, elsewhere, to be changed at will."""
        for suffix in (".yaml", ".npz"):
            (folder / self.text.with_suffix(suffix).name).write_bytes(
                self.text.with_suffix(suffix).read_bytes()
            )
        return folder / self.text.name

    def corrected(self, folder: Path, *corrections: str) -> Path:
        """A copy with these lines among its corrections, as a person would write them."""
        text = self.copy(folder)
        rows = "\n".join(f"- {row}" for row in corrections)
        text.write_text(text.read_text("utf-8").replace("corrections: []", f"corrections:\n{rows}"))
        return text


@pytest.fixture(scope="session")
def saved(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """The demo clip, its anonymised copy and the analysis that it was made with."""
    folder = tmp_path_factory.mktemp("saved")
    clip, out, text = folder / "clip.mp4", folder / "out.mp4", folder / "clip.yaml"
    shutil.copy(demo.clip, clip)
    report = blanket.anonymize(clip, out, seed=5, save_analysis=text)
    return Saved(clip, out, text, report)
