"""Fetching a file from servers that break off, lie, move and refuse."""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Iterator
from http.client import HTTPMessage
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from mirror import Mirror, serve

from blanket import download as module
from blanket.download import download
from blanket.errors import BlanketError

CONTENT = np.random.default_rng(0).integers(0, 256, 3_000_000, np.uint8).tobytes()
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with serve() as served:
        served.files["/a.onnx"] = CONTENT
        yield served


def fetch(mirror: Mirror, folder: Path, *others: str, **given: object) -> Path:
    """Download it and return where it lies; whatever happens, nothing half done may."""
    target = folder / "a.onnx"
    given = {"size": len(CONTENT), "sha256": SHA, "pause": 0.01} | given
    download([f"{mirror.address}/a.onnx", *others], target, **given)  # type: ignore[arg-type]
    return target


def test_a_file_arrives_with_its_checksum(mirror: Mirror, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    target = tmp_path / "a.onnx"
    digest = download(
        [f"{mirror.address}/a.onnx"], target, told=lambda done, all_: told.append((done, all_))
    )
    assert target.read_bytes() == CONTENT
    assert digest == SHA
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert [path.name for path in tmp_path.iterdir()] == ["a.onnx"]


def test_what_breaks_off_goes_on_where_it_was(mirror: Mirror, tmp_path: Path) -> None:
    mirror.breaks = [1_000_000, 500_000]
    assert fetch(mirror, tmp_path).read_bytes() == CONTENT
    assert [asked for _, asked in mirror.asked] == [None, "bytes=1000000-", "bytes=1500000-"]


def test_another_run_goes_on_too(mirror: Mirror, tmp_path: Path) -> None:
    mirror.breaks = [1000] * module.ATTEMPTS
    with pytest.raises(BlanketError, match=r"broke off"):
        fetch(mirror, tmp_path)
    assert not (tmp_path / "a.onnx").exists()
    mirror.asked.clear()
    assert fetch(mirror, tmp_path).read_bytes() == CONTENT
    assert mirror.asked == [("/a.onnx", f"bytes={1000 * module.ATTEMPTS}-")]


def test_a_server_without_ranges_starts_again(mirror: Mirror, tmp_path: Path) -> None:
    mirror.ranges, mirror.breaks = False, [1_000_000]
    assert fetch(mirror, tmp_path).read_bytes() == CONTENT


def test_a_part_that_is_longer_than_the_file_is_thrown_away(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "a.onnx.part").write_bytes(CONTENT + b"more")
    assert fetch(mirror, tmp_path, size=None).read_bytes() == CONTENT
    (tmp_path / "a.onnx.part").write_bytes(CONTENT + b"more")
    assert fetch(mirror, tmp_path).read_bytes() == CONTENT


def test_a_part_of_another_file_is_found_out(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "a.onnx.part").write_bytes(b"x" * 1000)
    with pytest.raises(BlanketError, match="checksum"):
        fetch(mirror, tmp_path)
    # It was thrown away, so the next run gets the file.
    assert fetch(mirror, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("lie", [CONTENT[:-1] + b"!", CONTENT + b"!", CONTENT[:-1], b""])
def test_wrong_bytes_never_get_the_name(mirror: Mirror, tmp_path: Path, lie: bytes) -> None:
    if lie == CONTENT[:-1] + b"!" and CONTENT[-1:] == b"!":
        lie = CONTENT[:-1] + b"?"
    mirror.files["/a.onnx"] = lie
    for lengths in (True, False):
        mirror.lengths = lengths
        with pytest.raises(BlanketError, match=r"a\.onnx could not be fetched"):
            fetch(mirror, tmp_path)
        assert not (tmp_path / "a.onnx").exists()
        (tmp_path / "a.onnx.part").unlink(missing_ok=True)


def test_a_lying_mirror_is_passed_over(mirror: Mirror, tmp_path: Path) -> None:
    mirror.files = {"/a.onnx": b"x" * len(CONTENT), "/b": CONTENT}
    assert fetch(mirror, tmp_path, f"{mirror.address}/b").read_bytes() == CONTENT


def test_a_missing_file_is_asked_for_once_and_elsewhere(mirror: Mirror, tmp_path: Path) -> None:
    mirror.files = {"/b": CONTENT}
    assert fetch(mirror, tmp_path, f"{mirror.address}/b").read_bytes() == CONTENT
    assert [path for path, _ in mirror.asked] == ["/a.onnx", "/b"]


def test_nothing_anywhere_is_one_sentence(mirror: Mirror, tmp_path: Path) -> None:
    mirror.files = {}
    with pytest.raises(BlanketError) as refused:
        fetch(mirror, tmp_path, "http://127.0.0.1:1/a.onnx")
    sentence = str(refused.value)
    assert "404" in sentence and "127.0.0.1:1" in sentence and "\n" not in sentence
    assert list(tmp_path.iterdir()) == []


def test_a_busy_server_is_asked_again(mirror: Mirror, tmp_path: Path) -> None:
    mirror.failures = [503, 429]
    assert fetch(mirror, tmp_path).read_bytes() == CONTENT


def test_redirects_are_followed_with_the_range(mirror: Mirror, tmp_path: Path) -> None:
    mirror.moved["/a.onnx"] = f"{mirror.address}/elsewhere"
    mirror.files["/elsewhere"] = CONTENT
    mirror.breaks = [1000]
    assert fetch(mirror, tmp_path).read_bytes() == CONTENT
    assert mirror.asked[-1] == ("/elsewhere", "bytes=1000-")


def test_a_redirect_out_of_encryption_is_refused() -> None:
    request = urllib.request.Request("https://example.org/a")
    with pytest.raises(Exception, match="not encrypted"):
        module._Redirects().redirect_request(
            request, BytesIO(), 302, "Found", HTTPMessage(), "http://example.org/a"
        )


def test_the_proxy_of_the_environment_is_asked(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror.files["http://files.example.org/a.onnx"] = CONTENT
    monkeypatch.setenv("http_proxy", mirror.address)
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setattr(module, "_OPENER", urllib.request.build_opener(module._Redirects))
    target = tmp_path / "a.onnx"
    download(["http://files.example.org/a.onnx"], target, len(CONTENT), SHA, pause=0.01)
    assert target.read_bytes() == CONTENT
    assert mirror.asked[0][0] == "http://files.example.org/a.onnx"


def test_a_folder_that_cannot_be_written_is_one_sentence(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(BlanketError, match="cannot be written"):
        fetch(mirror, tmp_path / "absent")
