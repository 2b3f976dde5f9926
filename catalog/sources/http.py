"""Plain HTTP for sources without a client library: httpx for the transport, stamina for retries.

    with HttpClient("runpod", "https://api.runpod.io", secrets=[key]) as client:
        answer = client.get("/feed.json", deadline, cached=True)
        document = parse_json(answer.body, "RunPod feed")          # catalog.sources.bodies

One client is shared by the threads of a source. What it holds to:

- https only (http to this machine: tests, proxies), TLS checked, no host but the base URL's, also
  not by redirect or next-page link;
- every request ends by the deadline (at most ``READ_TIMEOUT_S`` later when the server falls
  silent near it), however slowly the server drips, and within a size limit, counted after
  decompression;
- 408, 425, 429, 5xx, throttling 403s, resets and cut-off bodies are tried again, ``ATTEMPTS``
  times in all; a Retry-After over ``MAX_WAIT_S`` or past the deadline is refused, not slept;
- every failure is an ``HttpFailed`` with a remedy and without secrets: URLs lose their query,
  known secrets are masked even in pieces, server texts are cut short. Its causes are dropped,
  for they hold requests. Put secrets into headers, never into URLs: proxies log these.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import random
import re
import ssl
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import httpx
import stamina
import stamina.instrumentation

from catalog.sources.base import utc_now
from catalog.sources.endpoints import endpoint, is_loopback, origin, variable
from catalog.sources.http_answers import (
    LATER,
    NETWORK,
    Again,
    HttpFailed,
    beginning,
    decoded,
    retry_after_s,
)
from catalog.sources.http_cache import HttpCache
from catalog.sources.scrub import bare_url, scrub
from catalog.store import cache_dir

__all__ = ["Answer", "HttpClient", "HttpFailed"]

ATTEMPTS = 4
FIRST_WAIT_S, WAIT_S, JITTER_S = 0.5, 8.0, 0.5
MAX_WAIT_S = 60.0
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 20.0
MAX_BODY_BYTES = 64 << 20
MAX_REDIRECTS = 3
RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
THROTTLED = re.compile(rb"(?i)rate.?limit|throttl|too many requests")


class _Backoff:
    """stamina's hook: seconds until another attempt, or False where none is worth it."""

    def __init__(self, deadline: float) -> None:
        self.deadline, self.failures = deadline, 0

    def __call__(self, error: Exception) -> bool | float:
        if not isinstance(error, Again):
            return False
        grown_s = min(WAIT_S, FIRST_WAIT_S * 2**self.failures) + random.uniform(0, JITTER_S)
        self.failures += 1
        wait_s = grown_s if error.wait_s is None else max(error.wait_s, FIRST_WAIT_S)
        if wait_s > min(MAX_WAIT_S, self.deadline - time.monotonic()):
            return False
        return wait_s


@dataclass(frozen=True, slots=True)
class Answer:
    """A body that came whole. ``url`` has no query; ``from_cache`` after a 304."""

    body: bytes
    headers: Mapping[str, str]
    url: str
    fetched_at: datetime
    from_cache: bool = False


@dataclass(slots=True)
class _Request:
    method: str
    url: str
    deadline: float
    headers: dict[str, str]
    content: bytes | None
    limit_bytes: int
    # Where a body goes, if not into memory.
    sink: IO[bytes] | None = None
    redirects: int = 0


class HttpClient:
    """Requests to one base URL: ``PLANNER_ENDPOINT_<NAME>`` or ``default_url``.

    ``secrets`` are masked in every text; ``headers`` go with every request (credentials belong
    there); ``credentials_remedy`` says what to run when the server refuses them. Raises
    FetchFailed for a base URL that is not https.
    """

    def __init__(
        self,
        name: str,
        default_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        credentials_remedy: str = "",
        cache_folder: Path | None = None,
    ) -> None:
        self.name = name
        self.base_url = endpoint(name, default_url)
        self._secrets = [secret for secret in secrets if secret]
        self._credentials_remedy = credentials_remedy or f"check the credentials of {name}"
        self._cache = HttpCache(cache_folder or cache_dir() / "http")
        _quiet_libraries()
        self._client = httpx.Client(
            verify=_tls(),
            headers={"user-agent": "ai-capacity-planner", "accept-encoding": "gzip"}
            | dict(headers or {}),
            follow_redirects=False,
            # A proxy cannot reach this machine's loopback.
            trust_env=not is_loopback(urllib.parse.urlsplit(self.base_url).hostname),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def get(
        self,
        path: str,
        deadline: float,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        limit_bytes: int = MAX_BODY_BYTES,
        cached: bool = False,
    ) -> Answer:
        """GET a path below the base URL, or a whole URL of the same origin (next-page links).

        ``deadline`` is a ``time.monotonic()`` value. ``cached`` keeps the body under its ETag and
        asks only whether it changed: for public feeds. Raises HttpFailed.
        """
        url = self._url(path, params)
        kept = self._cache.get(url) if cached else None
        sent = dict(headers or {})
        if kept:
            sent["if-none-match"] = kept.headers["etag"]
        answer = self._send(_Request("GET", url, deadline, sent, None, limit_bytes))
        if answer is None:
            if kept:
                now = utc_now()
                return Answer(kept.body, kept.headers, bare_url(url), now, from_cache=True)
            raise HttpFailed(f"{bare_url(url)} answered 304 unasked", LATER, 304)
        if cached and "etag" in answer.headers:
            self._cache.put(url, answer.headers, answer.body)
        return answer

    def post(
        self,
        path: str,
        deadline: float,
        *,
        json_body: Any,
        headers: Mapping[str, str] | None = None,
        limit_bytes: int = MAX_BODY_BYTES,
    ) -> Answer:
        """POST a JSON document; only for calls that change nothing, for it is tried again.

        Raises HttpFailed.
        """
        sent = {"content-type": "application/json"} | dict(headers or {})
        content = json.dumps(json_body).encode()
        request = _Request("POST", self._url(path, None), deadline, sent, content, limit_bytes)
        answer = self._send(request)
        if answer is None:
            raise HttpFailed(f"{bare_url(request.url)} answered 304 unasked", LATER, 304)
        return answer

    @contextlib.contextmanager
    def download(self, path: str, deadline: float, *, limit_bytes: int) -> Iterator[IO[bytes]]:
        """A body too large for memory, as an unnamed temporary file at its start.

        Raises HttpFailed; OSError when the disk is full.
        """
        with tempfile.TemporaryFile() as sink:
            request = _Request("GET", self._url(path, None), deadline, {}, None, limit_bytes, sink)
            if self._send(request) is None:
                raise HttpFailed(f"{bare_url(request.url)} answered 304 unasked", LATER, 304)
            sink.seek(0)
            yield sink

    def scrubbed(self, text: str) -> str:
        """A text of the server, fit for a message: one short line without secrets."""
        return scrub(text, self._secrets)

    def _url(self, path: str, params: Mapping[str, str] | None) -> str:
        url = path if "://" in path else f"{self.base_url}/{path.lstrip('/')}"
        if origin(url) != origin(self.base_url):
            raise HttpFailed(
                f"{self.name} points to another host ({self.scrubbed(bare_url(url))})",
                f"if it moved, set {variable(self.name)}",
            )
        if params:
            url += ("&" if "?" in url else "?") + urllib.parse.urlencode(params)
        return url

    def _send(self, request: _Request) -> Answer | None:
        """The answer; None for a 304."""
        backoff = _Backoff(request.deadline)
        try:
            for attempt in stamina.retry_context(on=backoff, attempts=ATTEMPTS, timeout=None):
                with attempt:
                    return self._attempt(request)
        except Again as error:
            raise error.failure from None
        raise AssertionError("stamina ends with an answer or an error")

    def _attempt(self, request: _Request) -> Answer | None:
        try:
            return self._exchange(request)
        except httpx.TimeoutException as error:
            where = self.scrubbed(bare_url(request.url))
            failure = HttpFailed(
                f"no answer in time from {where} ({type(error).__name__})", NETWORK
            )
            raise Again(failure) from None
        except (httpx.NetworkError, httpx.RemoteProtocolError) as error:
            where = self.scrubbed(bare_url(request.url))
            failure = HttpFailed(f"no whole answer from {where} ({type(error).__name__})", NETWORK)
            raise Again(failure) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            where = self.scrubbed(bare_url(request.url))
            raise HttpFailed(f"cannot ask {where} ({type(error).__name__})", NETWORK) from None

    def _exchange(self, request: _Request) -> Answer | None:
        left = request.deadline - time.monotonic()
        if left <= 0:
            raise HttpFailed(
                f"out of time before asking {self.scrubbed(bare_url(request.url))}",
                "try again, name fewer regions or raise --deadline",
            )
        timeout = httpx.Timeout(
            min(READ_TIMEOUT_S, left), connect=min(CONNECT_TIMEOUT_S, left), pool=left
        )
        with self._client.stream(
            request.method,
            request.url,
            headers=request.headers,
            content=request.content,
            timeout=timeout,
        ) as response:
            if response.status_code == 304:
                return None
            if response.status_code not in REDIRECTS:
                return self._read(request, response)
            location = response.headers.get("location", "")
        return self._redirected(request, response.status_code, location)

    def _read(self, request: _Request, response: httpx.Response) -> Answer:
        if not response.is_success:
            raise self._refused(request, response)
        sink = request.sink or io.BytesIO()
        sink.seek(0)
        sink.truncate()  # an earlier attempt's part
        self._copy(request, response, sink)
        body = sink.getvalue() if isinstance(sink, io.BytesIO) else b""
        now = utc_now()
        return Answer(body, dict(response.headers), bare_url(request.url), now)

    def _copy(self, request: _Request, response: httpx.Response, sink: IO[bytes]) -> None:
        """The decoded body, in bounded pieces."""
        where = self.scrubbed(bare_url(request.url))
        size = 0
        for piece in decoded(response, request.limit_bytes + 1, where):
            size += len(piece)
            if size > request.limit_bytes:
                raise HttpFailed(
                    f"{where} sends more than {request.limit_bytes >> 20} MiB", LATER, 200
                )
            sink.write(piece)
            if time.monotonic() > request.deadline:
                raise HttpFailed(
                    f"out of time while reading {where}",
                    "try again, name fewer regions or raise --deadline",
                )

    def _refused(self, request: _Request, response: httpx.Response) -> Exception:
        status = response.status_code
        body = beginning(response, request.deadline)
        where = self.scrubbed(bare_url(request.url))
        problem = f"{where}: HTTP {status}{self._said(body)}"
        throttled = status == 429 or (status == 403 and THROTTLED.search(body) is not None)
        if status in RETRIED or throttled:
            wait_s = retry_after_s(response.headers)
            if wait_s is not None and wait_s > MAX_WAIT_S:
                problem += f"; asks to wait {wait_s:.0f} s"
            return Again(HttpFailed(problem, LATER, status), wait_s)
        if status in (401, 403):
            return HttpFailed(problem, self._credentials_remedy, status)
        return HttpFailed(problem, f"{LATER}; if it lasts, please report it", status)

    def _said(self, body: bytes) -> str:
        """The message inside an error body where it is JSON and has one."""
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            return ""
        for _ in range(3):  # {"error": {"message": ...}}, {"errors": [{"message": ...}]}
            if isinstance(document, list) and document:
                document = document[0]
            if isinstance(document, dict):
                keys = ("message", "error", "errors", "detail", "msg", "Message")
                document = next((document[key] for key in keys if document.get(key)), "")
        return f" ({self.scrubbed(document)})" if isinstance(document, str) and document else ""

    def _redirected(self, request: _Request, status: int, location: str) -> Answer | None:
        where = self.scrubbed(bare_url(request.url))
        try:
            target = urllib.parse.urljoin(request.url, location)
            same = origin(target) == origin(request.url)
        except ValueError:
            same, target = False, "?"
        if not location or not same:
            to = self.scrubbed(bare_url(target)) if location else "nowhere"
            raise HttpFailed(
                f"{where} redirects to another host ({to})",
                f"if it moved, set {variable(self.name)}",
                status,
            )
        if request.redirects == MAX_REDIRECTS:
            raise HttpFailed(f"{where} redirects again and again", LATER, status)
        if request.method != "GET" and status not in (307, 308):
            raise HttpFailed(
                f"{where} turns a {request.method} into another request", LATER, status
            )
        return self._exchange(replace(request, url=target, redirects=request.redirects + 1))


@cache
def _tls() -> ssl.SSLContext:
    """Certificates as httpx checks them; reading them takes a tenth of a second, so once."""
    return httpx.create_ssl_context()


def _quiet_libraries() -> None:
    """Nothing of an exchange is logged but by us.

    httpx logs whole URLs, httpcore the headers of answers, and both may repeat a secret. A retry
    is told in the outcome of its slice; stamina would write it to stdout where structlog is.
    """
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    stamina.instrumentation.set_on_retry_hooks(())
