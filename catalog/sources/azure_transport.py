"""The transport under the Azure client libraries. Importing this module needs ``azure-core``.

What azure-core leaves open is closed here: it sleeps as long as a Retry-After says, be it a day,
follows a next link to any host with the token in its hand, and reads a body of any size. And it
refuses to send a token over plain http, so that no base URL leads to a test's server: the libraries
keep their own https addresses, only the connection goes to ``PLANNER_ENDPOINT_AZURE``.
"""

from __future__ import annotations

import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter

from catalog.sources.base import FetchFailed
from catalog.sources.http import CONNECT_TIMEOUT_S, MAX_BODY_BYTES, MAX_WAIT_S, READ_TIMEOUT_S

LATER = "try again later or name fewer regions"
PIECE_BYTES = 1 << 16


@dataclass(slots=True)
class Budget:
    """What one use of the libraries may take; ``refused`` is why it was ended here.

    The credential chain turns every error into one of its own, so the reason is kept aside.
    """

    deadline: float
    refused: FetchFailed | None = None

    def left_s(self) -> float:
        return self.deadline - time.monotonic()

    def refuse(self, problem: str, remedy: str = LATER) -> FetchFailed:
        self.refused = FetchFailed(problem, remedy)
        return self.refused


_budget: ContextVar[Budget] = ContextVar("azure_budget")


@contextmanager
def budget(deadline: float) -> Iterator[Budget]:
    """Bound every request of this thread by ``deadline``, a ``time.monotonic()`` value."""
    found = Budget(deadline)
    token = _budget.set(found)
    try:
        yield found
    finally:
        _budget.reset(token)


def _current() -> Budget:
    return _budget.get(Budget(time.monotonic() + MAX_WAIT_S))


class AzureTransport(RequestsTransport):  # type: ignore[misc]  # azure is not followed by mypy
    """Requests to ``hosts`` only (none: any, for logins), by way of ``endpoint`` if it is set."""

    def __init__(self, hosts: frozenset[str], endpoint: str = "") -> None:
        session = requests.Session()
        adapter = _Adapter(endpoint)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        if endpoint:
            session.trust_env = False  # a proxy of the environment cannot reach this machine
        super().__init__(session=session, session_owner=False)
        self._hosts = hosts

    def send(self, request: Any, **options: Any) -> Any:
        current = _current()
        parts = urllib.parse.urlsplit(request.url)
        host = (parts.hostname or "").lower()
        if self._hosts and (host not in self._hosts or parts.scheme != "https"):
            raise current.refuse(
                f"Azure sends its client on to another host ({host[:80]})", "please report it"
            )
        left = current.left_s()
        if left <= 0:
            raise current.refuse("out of time while asking Azure")
        limits = {"connection_timeout": CONNECT_TIMEOUT_S, "read_timeout": READ_TIMEOUT_S}
        for name, most in limits.items():
            options[name] = min(most, left, options.get(name) or most)
        return super().send(request, **options)

    def sleep(self, duration: float) -> None:
        current = _current()
        if duration > min(MAX_WAIT_S, current.left_s()):
            raise current.refuse(f"Azure asks to wait {duration:.0f} s before another request")
        super().sleep(duration)


class _Adapter(HTTPAdapter):
    """Sends to ``endpoint`` in place of the request's own host, and bounds the answer."""

    def __init__(self, endpoint: str) -> None:
        super().__init__()
        self._endpoint = endpoint.rstrip("/")

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: ARG002  (requests' signature; the answer is always streamed)
        timeout: Any = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: dict[str, str] | None = None,
    ) -> requests.Response:
        sent = request
        if self._endpoint:
            parts = urllib.parse.urlsplit(str(request.url))
            sent = request.copy()
            sent.url = self._endpoint + (parts.path or "/")
            if parts.query:
                sent.url += f"?{parts.query}"
        response = super().send(sent, True, timeout, verify, cert, proxies)
        response.raw = _Bounded(response.raw, _current())
        return response


class _Bounded:
    """A raw answer that ends with an error at ``MAX_BODY_BYTES`` (decompressed) or the deadline."""

    def __init__(self, raw: Any, current: Budget) -> None:
        self._raw, self._current = raw, current

    def stream(
        self, _size: int = PIECE_BYTES, decode_content: bool | None = None
    ) -> Iterator[bytes]:
        size = 0
        # urllib3 2 has both: pieces as they come, and an error for a length that was not kept.
        self._raw.enforce_content_length = True
        read = getattr(self._raw, "read1", self._raw.read)
        while piece := read(PIECE_BYTES, decode_content=decode_content):
            size += len(piece)
            if size > MAX_BODY_BYTES:
                raise self._current.refuse(
                    f"Azure sent more than {MAX_BODY_BYTES >> 20} MiB", "please report it"
                )
            if self._current.left_s() <= 0:
                raise self._current.refuse("out of time while reading from Azure")
            yield piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("_raw", "_current"):
            object.__setattr__(self, name, value)
        else:
            setattr(self._raw, name, value)
