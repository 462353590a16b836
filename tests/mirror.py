"""A small web server that behaves as badly as a test asks it to."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Mirror:
    """Serves `files` by path. address: of the server, without a slash at its end.

    breaks: after how many bytes each of the next answers ends. failures: statuses of the
    next answers. moved: redirects, from path to address. ranges: whether it knows ranges.
    lengths: whether it tells the length. headers: more headers of every answer. asked: path
    and Range header of every request.
    """

    address: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)
    failures: list[int] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    lengths: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def serve() -> Iterator[Mirror]:
    """Run a `Mirror` on a free port of this machine."""
    mirror = Mirror()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            mirror.asked.append((self.path, wanted))
            if mirror.failures:
                self.send_error(mirror.failures.pop(0))
                return
            if self.path in mirror.moved:
                self.send_response(302)
                self.send_header("Location", mirror.moved[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if self.path not in mirror.files:
                self.send_error(404)
                return
            whole = mirror.files[self.path]
            start = int(wanted[6:-1]) if wanted and mirror.ranges else 0
            if start >= len(whole) > 0:
                self.send_error(416)
                return
            body = whole[start:]
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
            if mirror.lengths:
                self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hashlib.sha1(whole).hexdigest()}"')
            for name, value in mirror.headers.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "HEAD":
                return
            self.wfile.write(body[: mirror.breaks.pop(0)] if mirror.breaks else body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    mirror.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield mirror
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
