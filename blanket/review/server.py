"""Serves the page to this machine alone, to whoever has the address with the token in it."""

from __future__ import annotations

import json
import secrets
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

from blanket.errors import BlanketError, InputError
from blanket.review.desk import Desk

_PAGE = {
    "icon.svg": ("icon.svg", "image/svg+xml"),
    "": ("page.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "timeline.js": ("timeline.js", "text/javascript; charset=utf-8"),
}
_HEADERS = {
    # Frames of the original must not end up in a cache on the disk.
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_LONGEST = 2**20
"""Bytes of corrections that are read."""


class ReviewServer(ThreadingHTTPServer):
    """Listens on 127.0.0.1. desk: what it serves. port: 0 for any that is free."""

    daemon_threads = True

    def __init__(self, desk: Desk, port: int = 0) -> None:
        self.desk = desk
        self.token = secrets.token_urlsafe(24)
        try:
            super().__init__(("127.0.0.1", port), _Handler)
        except OSError as error:
            raise InputError(f"port {port} cannot be used: {error.strerror}") from error

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self.server_port}/{self.token}/"

    def start(self) -> None:
        """Serve in the background."""
        threading.Thread(target=self.serve_forever, name="review", daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes on to another frame lets go of the one before: no error."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def stop(self) -> None:
        """Serve no longer."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "blanket", ""

    def do_GET(self) -> None:
        """The page, its state, a frame."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Corrections, or rendering."""
        self._answer(self._post)

    def _answer(self, method: Any) -> None:
        place = self._place()
        if place is None:
            self._send(HTTPStatus.FORBIDDEN, b"", "text/plain")
            return
        try:
            method(place)
        except InputError as error:
            self._send_json({"error": str(error)}, HTTPStatus.CONFLICT)
        except BlanketError as error:
            self._send_json({"error": str(error)}, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _place(self) -> str | None:
        """What is asked for, without the token; None where somebody may not ask.

        A page of another site may send requests here, by an address of its own that leads
        to this machine: the token, the host and the origin tell.
        """
        own = {f"{host}:{self.server.server_port}" for host in ("127.0.0.1", "localhost")}
        origin = self.headers.get("Origin")
        token, _, place = urlsplit(self.path).path.removeprefix("/").partition("/")
        allowed = (
            self.headers.get("Host") in own
            and (origin is None or origin in {f"http://{host}" for host in own})
            and secrets.compare_digest(token.encode(), self.server.token.encode())
        )
        return place if allowed else None

    def _get(self, place: str) -> None:
        if place in _PAGE:
            name, kind = _PAGE[place]
            page = files("blanket.review").joinpath("page", name).read_bytes()
            self._send(HTTPStatus.OK, page, kind)
        elif place == "state":
            self._send_json(self.server.desk.state())
        elif place == "progress":
            self._send_json(self.server.desk.progress())
        else:
            which, _, told = place.partition("/")
            number = _number(told)
            if which not in ("original", "output") or number is None:
                self._send(HTTPStatus.NOT_FOUND, b"", "text/plain")
                return
            self._send(HTTPStatus.OK, self.server.desk.picture(which, number), "image/jpeg")

    def _post(self, place: str) -> None:
        length = _number(self.headers.get("Content-Length") or "")
        kind = self.headers.get("Content-Type")
        if kind != "application/json" or length is None or length > _LONGEST:
            self.close_connection = True
            self._send(HTTPStatus.BAD_REQUEST, b"", "text/plain")
            return
        try:
            asked = json.loads(self.rfile.read(length))
            corrections, revision = asked.get("corrections"), str(asked.get("revision"))
        except (ValueError, AttributeError):
            self._send(HTTPStatus.BAD_REQUEST, b"", "text/plain")
            return
        if place == "corrections":
            self.server.desk.correct(corrections, revision)
        elif place == "render":
            self.server.desk.render()
        else:
            self._send(HTTPStatus.NOT_FOUND, b"", "text/plain")
            return
        self._send_json(self.server.desk.state())

    def _send_json(self, value: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._send(status, json.dumps(value).encode(), "application/json")

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the address has the token in it."""


def _number(text: str) -> int | None:
    """A number of a request, None for anything else; of very many digits Python makes none."""
    return int(text) if text.isdecimal() and len(text) < 16 else None
