"""What can be wrong with an HTTP answer, and reading one in bounded pieces."""

from __future__ import annotations

import email.utils
import re
import time
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import httpx

from catalog.sources.base import FetchFailed

LATER = "try again later"
NETWORK = "check the network and proxy settings, or try again later"
MAX_ERROR_BYTES = 16 << 10
PIECE_BYTES = 1 << 20


class HttpFailed(FetchFailed):
    """A request that came to nothing. ``status`` is None when no answer was read."""

    def __init__(self, problem: str, remedy: str, status: int | None = None) -> None:
        self.status = status
        super().__init__(problem, remedy)


class Again(Exception):
    """An attempt worth another one. ``wait_s`` is what the server asked for, None if nothing."""

    def __init__(self, failure: HttpFailed, wait_s: float | None = None) -> None:
        self.failure, self.wait_s = failure, wait_s
        super().__init__(failure.problem)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds a Retry-After asks for; None without a readable one.

    A date is taken against the server's own Date, so that a wrong clock here does not matter.
    """
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d*)?", value):
        return float(value)
    try:
        until = email.utils.parsedate_to_datetime(value)
        now = datetime.now(UTC)
        if headers.get("date"):
            now = email.utils.parsedate_to_datetime(headers["date"])
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError):
        return None


def decoded(response: httpx.Response, limit: int, where: str) -> Iterator[bytes]:
    """The body without its content encoding, never more than ``limit`` at once.

    httpx would inflate a whole network piece, a thousandfold if it is a bomb.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        yield from response.iter_raw()
        return
    if encoding not in ("gzip", "x-gzip"):
        raise HttpFailed(f"{where} answers in an encoding not asked for", LATER, 200)
    inflate = zlib.decompressobj(wbits=31)
    try:
        for piece in response.iter_raw():
            data = piece
            while data and not inflate.eof:
                yield inflate.decompress(data, min(limit, PIECE_BYTES))
                data = inflate.unconsumed_tail
    except zlib.error:
        raise Again(HttpFailed(f"{where} sends damaged gzip", NETWORK, 200)) from None
    if not inflate.eof:
        raise Again(HttpFailed(f"{where} sends half of a gzip body", NETWORK, 200))


def beginning(response: httpx.Response, deadline: float) -> bytes:
    """The first bytes of an error's body; empty when it does not come."""
    body = b""
    try:
        for piece in decoded(response, MAX_ERROR_BYTES, ""):
            body += piece
            if len(body) > MAX_ERROR_BYTES or time.monotonic() > deadline:
                break
    except (httpx.HTTPError, HttpFailed, Again):
        pass
    return body[:MAX_ERROR_BYTES]
