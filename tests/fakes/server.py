"""A threaded HTTP server on loopback that the fakes of plain HTTP services are built on.

    class FakeThing(FakeServer):
        def __init__(self) -> None:
            super().__init__()
            self.route("GET", "/v1/prices", lambda call: json_reply({"prices": self.prices}))

    with FakeThing() as thing:
        thing.queue(Fault.status(503), Fault.truncated())   # for the next two calls
        ...                                                 # point the client at thing.url
        assert [call.path for call in thing.calls] == [...]

Whatever was not set up answers 501: a test never passes on an answer nobody wrote. ``fault(seed)``
queues random faults for the fault runs. A fake with its own dispatch (EC2's Action, GraphQL)
overrides ``answer``.
"""

from __future__ import annotations

import gzip
import json
import random
import socket
import struct
import sys
import threading
import urllib.parse
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

# A hang that nobody ends is ended by the fake, so that no test waits for ever.
LONGEST_HANG_S = 30.0


@dataclass(frozen=True)
class Call:
    """One request as it came. Header names are lower case; ``query`` has first values."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        parsed = urllib.parse.parse_qs(self.body.decode(), keep_blank_values=True)
        return {name: values[0] for name, values in parsed.items()}


@dataclass(frozen=True)
class Reply:
    """An answer. ``promised_bytes`` over the body's length cuts the connection short."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    promised_bytes: int | None = None


def json_reply(document: Any, status: int = 200, **headers: str) -> Reply:
    """JSON; header names take ``_`` for ``-``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(
        status, json.dumps(document).encode(), {"content-type": "application/json"} | named
    )


def text_reply(text: str, status: int = 200, content_type: str = "text/plain") -> Reply:
    return Reply(status, text.encode(), {"content-type": content_type})


def etag_reply(call: Call, reply: Reply, etag: str) -> Reply:
    """``reply`` with an ETag, or 304 when the call already has it."""
    if call.headers.get("if-none-match") == etag:
        return Reply(304, b"", {"etag": etag})
    return Reply(reply.status, reply.body, {**reply.headers, "etag": etag})


Handler = Callable[[Call], Reply]
# What a fault does with the reply that would have been sent, and with the connection.
Change = Callable[[Call, Reply], Reply]


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call. Make one with the class methods."""

    name: str
    change: Change | None = None  # None: the reply is as it would have been
    hang_s: float = 0.0  # silence before the answer
    drip_s: float = 0.0  # pause between pieces of the body
    reset: bool = False  # the connection is reset in place of an answer

    @classmethod
    def status(cls, status: int, body: bytes = b"", **headers: str) -> Fault:
        """An error answer; header names take ``_`` for ``-``: ``status(429, retry_after="1")``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(f"status {status}", lambda _call, _reply: Reply(status, body, named))

    @classmethod
    def truncated(cls, share: float = 0.5) -> Fault:
        """The connection closes after a part of the body, of which the headers promise all."""
        return cls("truncated", lambda _call, reply: _cut(reply, share))

    @classmethod
    def silently_truncated(cls, share: float = 0.5) -> Fault:
        """A part of the body whose headers call it whole: only parsing can tell."""
        return cls(
            "silently truncated",
            lambda _call, reply: Reply(
                reply.status, reply.body[: int(len(reply.body) * share)], _unencoded(reply)
            ),
        )

    @classmethod
    def garbage(cls, body: bytes = b"\x00\xff\xfe<not anything>") -> Fault:
        return cls("garbage", lambda _call, _reply: Reply(200, body))

    @classmethod
    def login_page(cls) -> Fault:
        page = b"<!DOCTYPE html><html><body>Sign in to the proxy</body></html>"
        return cls(
            "login page", lambda _call, _reply: Reply(200, page, {"content-type": "text/html"})
        )

    @classmethod
    def hang(cls, seconds: float = LONGEST_HANG_S) -> Fault:
        return cls("hang", hang_s=seconds)

    @classmethod
    def slow(cls, pause_s: float = 0.2) -> Fault:
        """The body drips, sixteen bytes at a time."""
        return cls("slow", drip_s=pause_s)

    @classmethod
    def connection_reset(cls) -> Fault:
        return cls("reset", reset=True)

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> Fault:
        return cls("redirect", lambda _call, _reply: Reply(status, b"", {"location": location}))

    @classmethod
    def oversized(cls, size: int) -> Fault:
        """``size`` bytes of spaces and then the answer: valid JSON, but too much of it."""
        return cls(
            "oversized",
            lambda _call, reply: Reply(reply.status, b" " * size + reply.body, reply.headers),
        )

    @classmethod
    def gzip_bomb(cls, size: int) -> Fault:
        """``size`` bytes of spaces, a thousandth of it on the wire."""
        bomb = gzip.compress(b" " * size)
        return cls(
            "gzip bomb", lambda _call, _reply: Reply(200, bomb, {"content-encoding": "gzip"})
        )

    @classmethod
    def deep_json(cls, depth: int = 100_000) -> Fault:
        return cls("deep JSON", lambda _call, _reply: Reply(200, b"[" * depth + b"]" * depth))

    @classmethod
    def echo_of_secrets(cls, status: int = 401) -> Fault:
        """An error whose message repeats every header and the query of the request."""

        def echo(call: Call, _reply: Reply) -> Reply:
            said = f"refused: {dict(call.headers)} {dict(call.query)}"
            return json_reply({"error": {"message": said}}, status)

        return cls("echo of secrets", echo)

    @classmethod
    def drift(cls, seed: int = 0) -> Fault:
        """The JSON answer in another shape: a key renamed, dropped, or a value of another type."""
        return cls("schema drift", lambda _call, reply: _drifted(reply, random.Random(seed)))


def random_faults(rng: random.Random, count: int) -> list[Fault]:
    """Faults as they come in the wild, most of them soon over. Hangs are short."""
    kinds: Sequence[Callable[[], Fault]] = (
        lambda: Fault.status(rng.choice((500, 502, 503, 504)), b"upstream"),
        lambda: Fault.status(429, retry_after=rng.choice(("0", "1", "86400"))),
        lambda: Fault.status(403, b'{"error": {"errors": [{"reason": "rateLimitExceeded"}]}}'),
        lambda: Fault.status(rng.choice((401, 403, 404))),
        lambda: Fault.truncated(rng.random()),
        lambda: Fault.silently_truncated(rng.random()),
        Fault.garbage,
        Fault.login_page,
        lambda: Fault.hang(rng.uniform(0.05, 0.5)),
        lambda: Fault.slow(0.001),
        Fault.connection_reset,
        lambda: Fault.redirect("http://127.0.0.2:9/elsewhere"),
        Fault.deep_json,
        Fault.echo_of_secrets,
        lambda: Fault.drift(rng.randrange(1 << 30)),
    )
    return [rng.choice(kinds)() for _ in range(count)]


class FakeServer:
    """The server; a context manager. ``url`` has no final slash. See the module's text."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._routes: dict[tuple[str, str], Handler] = {}
        self._faults: deque[tuple[Fault, str | None]] = deque()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _QuietServer(("127.0.0.1", 0), _handler_class(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()
        return self

    def __exit__(self, *error: object) -> None:
        self._closing.set()  # hanging answers end
        self._server.shutdown()
        self._server.server_close()

    @property
    def env(self) -> dict[str, str]:
        """Environment that points the source here, with fake credentials; each fake's own."""
        raise NotImplementedError

    def populate(self, regions: list[str], seed: int) -> None:
        """Fill the fake with plausible offers of these regions; each fake's own."""
        raise NotImplementedError

    def route(self, method: str, path: str, handler: Handler) -> None:
        """Answer a method and exact path; a second route of the same replaces the first."""
        self._routes[method, path] = handler

    def queue(self, *faults: Fault, path: str | None = None) -> None:
        """Faults of the coming calls, one each, in order; of calls to ``path`` only, if given."""
        with self._lock:
            self._faults.extend((fault, path) for fault in faults)

    def fault(self, seed: int, count: int = 3) -> None:
        """Queue random faults for the coming calls; the same ones for the same seed."""
        self.queue(*random_faults(random.Random(seed), count))

    def answer(self, call: Call) -> Reply:
        """The reply to a call without a fault. Unknown calls get 501."""
        handler = self._routes.get((call.method, call.path))
        if handler is None:
            text = f"the fake was not set up for {call.method} {call.path}"
            return json_reply({"error": {"message": text}}, 501)
        return handler(call)

    def take(self, call: Call) -> tuple[Reply, Fault | None]:
        """Log a call; its reply, and the fault that its connection suffers."""
        with self._lock:
            self.calls.append(call)
            fault = self._next_fault(call.path)
        try:
            reply = self.answer(call)
        except Exception as error:  # noqa: BLE001  (a fake's bug must show, not hang the client)
            reply = json_reply({"error": {"message": f"the fake failed: {error!r}"}}, 501)
        if fault is not None and fault.change is not None:
            reply = fault.change(call, reply)
        return reply, fault

    def pause(self, seconds: float) -> None:
        """Wait, but no longer than the fake lives."""
        self._closing.wait(min(seconds, LONGEST_HANG_S))

    def _next_fault(self, path: str) -> Fault | None:
        for index, (fault, wanted) in enumerate(self._faults):
            if wanted is None or wanted == path:
                del self._faults[index]
                return fault
        return None


class _QuietServer(ThreadingHTTPServer):
    """Clients that hang up are part of the tests: their broken pipes are not told on stderr."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _handler_class(fake: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Requests(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body leave in two writes; without this each pair waits for an ACK (40 ms).
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _serve(self) -> None:
            reply, fault = fake.take(_received(self))
            if fault is not None and fault.reset:
                # Linger 0: the kernel sends RST in place of FIN.
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()
                self.close_connection = True
                return
            if fault is not None and fault.hang_s:
                fake.pause(fault.hang_s)
            self._reply(reply, fault.drip_s if fault is not None else 0.0)

        def _reply(self, reply: Reply, drip_s: float) -> None:
            promised = reply.promised_bytes
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status != 304:
                self.send_header("content-length", str(promised or len(reply.body)))
            self.end_headers()
            if drip_s:
                piece = max(16, len(reply.body) // 500)  # a long body must not take minutes
                for start in range(0, len(reply.body), piece):
                    self.wfile.write(reply.body[start : start + piece])
                    fake.pause(drip_s)
            else:
                self.wfile.write(reply.body)
            if promised is not None and promised > len(reply.body):
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_HEAD = _serve  # noqa: N815  (http.server's names)

    return Requests


def _received(handler: BaseHTTPRequestHandler) -> Call:
    parts = urllib.parse.urlsplit(handler.path)
    query = urllib.parse.parse_qs(parts.query, keep_blank_values=True)
    length = int(handler.headers.get("content-length") or 0)
    return Call(
        handler.command,
        parts.path,
        {name: values[0] for name, values in query.items()},
        {name.lower(): value for name, value in handler.headers.items()},
        handler.rfile.read(length) if length else b"",
    )


def _cut(reply: Reply, share: float) -> Reply:
    kept = reply.body[: min(int(len(reply.body) * share), max(len(reply.body) - 1, 0))]
    return Reply(reply.status, kept, reply.headers, promised_bytes=len(reply.body) + 1)


def _unencoded(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name.lower() != "etag"}


def _drifted(reply: Reply, rng: random.Random) -> Reply:
    try:
        document = json.loads(reply.body)
    except ValueError:
        return reply
    objects = [node for node in _nodes(document) if isinstance(node, dict) and node]
    if objects:
        node = rng.choice(objects)
        key = rng.choice(sorted(node))
        how = rng.randrange(4)
        if how == 0:
            node[f"{key}_v2"] = node.pop(key)
        elif how == 1:
            del node[key]
        elif how == 2:
            node[key] = None
        else:
            node[key] = {"value": node[key]}
    return Reply(reply.status, json.dumps(document).encode(), _unencoded(reply))


def _nodes(document: Any) -> list[Any]:
    found, waiting = [], [document]
    while waiting:
        node = waiting.pop()
        found.append(node)
        if isinstance(node, dict):
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)
    return found
