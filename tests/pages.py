"""A page in a real browser, or a skip that says why there is none."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync --hide-scrollbars"
).split()


def chromium() -> str:
    """The program, or a skip."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    return found


def dumped(page: Path, folder: Path, script: str = "") -> str:
    """The document after the browser has run the page's scripts, and then another one.

    folder: for the browser's own files. script: JavaScript that is run at the end of the
    page; what it gives stands in the attribute ``data-found`` of the document.
    """
    if script:
        text = page.read_text(encoding="utf-8")
        added = f"<script>document.documentElement.dataset.found = {script};</script></body>"
        page = folder / "probe.html"
        page.write_text(text.replace("</body>", added), encoding="utf-8")
    run = subprocess.run(
        [chromium(), *_FLAGS, f"--user-data-dir={folder / 'profile'}", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    return run.stdout


def found(page: Path, folder: Path, script: str) -> str:
    """What a script gives at the end of the page."""
    match = re.search(r'<html[^>]* data-found="([^"]*)"', dumped(page, folder, script))
    assert match, "the script did not run"
    return html.unescape(match[1])
