"""Fetching one file: resumed where it broke off, checked, and there only when complete."""

from __future__ import annotations

import hashlib
import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from pathlib import Path
from typing import IO

import blanket
from blanket.errors import BlanketError

Told = Callable[[int, int | None], None]
"""Called with the bytes that are there and the bytes in all (None: unknown)."""

ATTEMPTS = 4
"""Tries a mirror, each going on where the last one broke off."""
TIMEOUT = 30.0
"""Seconds without a byte after which a try has failed."""
_BLOCK = 1 << 20


class _WrongError(Exception):
    """This mirror will not give the file; there is no point in asking again."""


def download(
    urls: Sequence[str],
    target: Path,
    size: int | None = None,
    sha256: str | None = None,
    told: Told = lambda done, total: None,
    pause: float = 1.0,
) -> str:
    """Fetch a file from the first of several mirrors that has it; returns its SHA-256.

    Bytes gather in ``target.part``, which stays when a try fails, so that the next one,
    even of another run, goes on from there (HTTP range requests, RFC 9110 section 14).
    Proxies are those of the environment (``https_proxy``, ``no_proxy``).

    size: bytes. sha256: in hexadecimal. What does not agree with them is deleted. pause:
    seconds before the second try, doubled each time.

    Raises:
        BlanketError: no mirror gave the file, or the disk is full.
    """
    part = target.with_name(target.name + ".part")
    reasons = []
    for url in urls:
        try:
            digest = _from_mirror(url, part, size, sha256, told, pause)
        except _WrongError as error:
            reasons.append(f"{urllib.parse.urlsplit(url).netloc}: {error}")
            continue
        except OSError as error:
            raise BlanketError(
                f"{target.name} cannot be written in {target.parent}: {error.strerror or error}"
            ) from error
        part.replace(target)
        return digest
    raise BlanketError(f"{target.name} could not be fetched ({'; '.join(reasons)})")


def _from_mirror(
    url: str, part: Path, size: int | None, sha256: str | None, told: Told, pause: float
) -> str:
    reason = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(pause * 2 ** (attempt - 1))
        try:
            _fetch(url, part, size, told)
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 416, 429):
                raise _WrongError(f"it answers {error.code} {error.reason}") from error
            if error.code == 416:
                # What is there is not the beginning of that file.
                part.unlink(missing_ok=True)
            reason = f"it answers {error.code} {error.reason}"
        except (urllib.error.URLError, http.client.HTTPException, _BrokenError) as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        else:
            return _checked(part, size, sha256)
    raise _WrongError(f"{reason}, {ATTEMPTS} times")


class _BrokenError(Exception):
    """The connection ended before the file did."""


def _fetch(url: str, part: Path, size: int | None, told: Told) -> None:
    have = part.stat().st_size if part.exists() else 0
    if size is not None and have >= size:
        if have == size:
            return
        part.unlink()
        have = 0
    headers = {"User-Agent": f"blanket/{blanket.__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    request = urllib.request.Request(url, headers=headers)
    with _timely(), _OPENER.open(request, timeout=TIMEOUT) as reply:
        resumed = reply.status == 206 and _starts_at(reply.headers, have)
        if not resumed:
            # The server sends all of it, whatever was asked.
            have = 0
        length = reply.headers.get("Content-Length")
        total = have + int(length) if length else size
        if size is not None and total != size:
            raise _WrongError(f"its file has {total} bytes where {size} were expected")
        with part.open("ab" if resumed else "wb") as file:
            for block in _blocks(reply):
                file.write(block)
                have += len(block)
                if size is not None and have > size:
                    raise _WrongError(f"its file has more than the {size} bytes expected")
                told(have, total)
        if total is not None and have < total:
            raise _BrokenError(f"it broke off after {have} of {total} bytes")


@contextmanager
def _timely() -> Iterator[None]:
    """A server that stalls or hangs up is a broken try, a disk that fails is not."""
    try:
        yield
    except (TimeoutError, ConnectionError) as error:
        raise _BrokenError(str(error) or "it fell silent") from error


def _blocks(reply: IO[bytes]) -> Iterator[bytes]:
    while block := reply.read(_BLOCK):
        yield block


def _starts_at(headers: Message, have: int) -> bool:
    return (headers.get("Content-Range") or "").startswith(f"bytes {have}-")


def _checked(part: Path, size: int | None, sha256: str | None) -> str:
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if sha256 is not None and digest != sha256:
        part.unlink()
        raise _WrongError("its file has another checksum than it should")
    return digest


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never from an encrypted address to an open one."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if req.type == "https" and not newurl.startswith("https:"):
            raise _WrongError("it leads to an address that is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


_OPENER = urllib.request.build_opener(_Redirects)
