"""A page in a real browser, or a skip that says why there is none."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
    "--disable-background-networking --disable-component-update --disable-sync --hide-scrollbars"
).split()


def chromium() -> str:
    """The program, or a skip."""
    names = "chromium", "chromium-browser", "google-chrome"
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    return found


@contextmanager
def driven() -> Iterator[Browser]:
    """The browser, for a test that moves its mouse or wants a window of some size."""
    with sync_playwright() as run:
        browser = run.chromium.launch(executable_path=chromium(), args=_FLAGS)
        yield browser
        browser.close()


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
