"""Outputs are complete or absent."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from blanket.clashes import refuse_clashes
from blanket.errors import BlanketError, InputError
from blanket.output import pending


def test_a_clean_exit_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with pending(target, overwrite=False) as path:
        assert path.parent == tmp_path
        assert path.suffix == ".mp4"
        assert path.name.startswith(".")
        path.write_bytes(b"done")
        assert not target.exists()
    assert target.read_bytes() == b"done"
    assert os.listdir(tmp_path) == ["out.mp4"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with pending(tmp_path / "a", overwrite=False):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_exception_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), pending(tmp_path / "a.mp4", overwrite=False) as path:
        path.write_bytes(b"half")
        raise error
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_nobody_else_reads_what_is_not_finished(tmp_path: Path) -> None:
    with pending(tmp_path / "a.mp4", overwrite=False) as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_exception_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    target.write_bytes(b"old")
    with pytest.raises(ValueError), pending(target, overwrite=True):
        raise ValueError
    assert target.read_bytes() == b"old"


def test_existing_files_are_refused_before_and_after(tmp_path: Path) -> None:
    target = tmp_path / "a.mp4"
    target.write_bytes(b"old")
    with pytest.raises(InputError, match="exists already"), pending(target, overwrite=False):
        pytest.fail("not reached")
    with pending(target, overwrite=True) as path:
        path.write_bytes(b"new")
    assert target.read_bytes() == b"new"
    late = tmp_path / "b.mp4"
    with pytest.raises(InputError, match="exists already"), pending(late, overwrite=False) as path:
        late.write_bytes(b"somebody else's")
    assert late.read_bytes() == b"somebody else's"
    assert sorted(os.listdir(tmp_path)) == ["a.mp4", "b.mp4"]


def test_missing_folders_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        pending(tmp_path / "no" / "a.mp4", overwrite=False).__enter__()
    with pytest.raises(InputError, match="is a folder"):
        pending(tmp_path, overwrite=True).__enter__()


def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    folder.chmod(0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write anywhere")
    with pytest.raises(InputError, match="cannot write in the folder"):
        pending(folder / "a.mp4", overwrite=False).__enter__()


def test_a_full_disk_is_said_plainly(tmp_path: Path) -> None:
    with (
        pytest.raises(BlanketError, match="is full") as caught,
        pending(tmp_path / "a.mp4", overwrite=False),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.exit_status == 1
    assert os.listdir(tmp_path) == []


def test_leftovers_of_dead_processes_are_swept(tmp_path: Path) -> None:
    with pending(tmp_path / "a.mp4", overwrite=False) as path:
        mine = path.name
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    stale = tmp_path / mine.replace(f"-{os.getpid()}-", f"-{child.pid}-")
    alive = tmp_path / mine
    others = tmp_path / stale.name.replace(".a.", ".b.")
    not_ours = tmp_path / ".b.12-34567890.mp4"
    for leftover in (stale, alive, others, not_ours):
        leftover.write_bytes(b"half")
    with pending(tmp_path / "a.mp4", overwrite=True):
        pass
    assert not stale.exists()
    assert not others.exists()
    assert alive.exists()
    assert not_ours.exists()


@pytest.mark.parametrize("stem", ["a" * 240, "ü" * 120, "a" + "語" * 80])
def test_long_names(tmp_path: Path, stem: str) -> None:
    target = tmp_path / f"{stem}.mp4"
    with pending(target, overwrite=False) as path:
        draft = path.name
        assert path.suffix == ".mp4"
        path.write_bytes(b"done")
    assert target.read_bytes() == b"done"
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    stale = tmp_path / draft.replace(f"-{os.getpid()}-", f"-{child.pid}-")
    stale.write_bytes(b"half")
    with pending(target, overwrite=True):
        pass
    assert os.listdir(tmp_path) == [target.name]


def test_a_name_that_is_too_long_is_told_before_the_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written: File name too long"):
        pending(tmp_path / ("a" * 300), overwrite=False).__enter__()


def test_the_input_is_never_the_output(tmp_path: Path) -> None:
    source, link = tmp_path / "a.mp4", tmp_path / "b.mp4"
    source.write_bytes(b"x")
    os.link(source, link)
    for target in (source, tmp_path / "." / "a.mp4", link):
        with pytest.raises(InputError, match="its own input"):
            refuse_clashes([source], [target])
    refuse_clashes([source], [tmp_path / "c.mp4"])
