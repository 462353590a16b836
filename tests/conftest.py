"""Fixtures that are dear: made once for all tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

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
