"""Weights files: the one that was made, or one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blanket import weights
from blanket.errors import BlanketError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty weights folder in place of the real one."""
    monkeypatch.setattr(weights, "weights_folder", lambda: tmp_path)
    weights.checksums.cache_clear()
    weights.weights_path.cache_clear()
    yield tmp_path
    weights.checksums.cache_clear()
    weights.weights_path.cache_clear()


def test_a_recorded_file_is_found(folder: Path) -> None:
    for name in ("b.npz", "a.onnx"):
        (folder / name).write_bytes(name.encode())
        weights.record(name)
    assert list(weights.checksums()) == ["a.onnx", "b.npz"]
    assert weights.weights_path("a.onnx") == folder / "a.onnx"
    assert weights.checksums()["a.onnx"] == weights.sha256(folder / "a.onnx")


def test_a_file_made_again_is_recorded_again(folder: Path) -> None:
    for content in (b"first", b"second"):
        (folder / "a.onnx").write_bytes(content)
        weights.record("a.onnx")
        assert weights.weights_path("a.onnx").read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"half of i", b"something else entirely"])
def test_a_damaged_file_is_one_sentence(folder: Path, content: bytes) -> None:
    (folder / "a.onnx").write_bytes(b"half of it is missing")
    weights.record("a.onnx")
    (folder / "a.onnx").write_bytes(content)
    sentence = _refusal("a.onnx")
    assert "damaged" in sentence


def test_a_missing_file_is_one_sentence(folder: Path) -> None:
    (folder / "checksums.toml").write_text("")
    assert "missing" in _refusal("a.onnx")


def test_a_file_that_nobody_recorded_is_refused(folder: Path) -> None:
    (folder / "checksums.toml").write_text("")
    (folder / "a.onnx").write_bytes(b"from somewhere")
    _refusal("a.onnx")


def test_the_files_that_come_along_are_those_in_the_manifest() -> None:
    for name in weights.checksums():
        assert weights.weights_path(name).is_file()


def _refusal(name: str) -> str:
    with pytest.raises(BlanketError) as refused:
        weights.weights_path(name)
    sentence = str(refused.value)
    assert name in sentence
    assert "\n" not in sentence
    assert refused.value.exit_status == 1
    return sentence
