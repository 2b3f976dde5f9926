"""The fake server itself: what it sends on the wire, asked with the standard library."""

from __future__ import annotations

import gzip
import http.client
import json
import time
from collections.abc import Iterator

import pytest

from tests.fakes.server import (
    FakeServer,
    Fault,
    etag_reply,
    json_reply,
    random_faults,
    text_reply,
)


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    with FakeServer() as server:
        server.route("GET", "/prices", lambda call: json_reply({"usd": 1.5, "of": call.query}))
        server.route("POST", "/echo", lambda call: json_reply(call.json()))
        yield server


def ask(
    fake: FakeServer,
    path: str = "/prices",
    method: str = "GET",
    timeout: float = 5,
    **kwargs: object,
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(fake.url.removeprefix("http://"), timeout=timeout)
    try:
        connection.request(method, path, **kwargs)  # type: ignore[arg-type]
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, headers, answer.read()
    finally:
        connection.close()


def test_routes_answer_and_calls_are_logged(fake: FakeServer) -> None:
    assert json.loads(ask(fake, "/prices?page=2")[2]) == {"usd": 1.5, "of": {"page": "2"}}
    status, _, body = ask(fake, "/echo", "POST", body=b'{"a": 1}', headers={"X-Key": "k"})
    assert (status, json.loads(body)) == (200, {"a": 1})
    assert [(call.method, call.path) for call in fake.calls] == [
        ("GET", "/prices"),
        ("POST", "/echo"),
    ]
    assert fake.calls[1].headers["x-key"] == "k"


def test_what_was_not_set_up_is_an_error(fake: FakeServer) -> None:
    assert ask(fake, "/other")[0] == 501
    assert ask(fake, "/prices", "POST")[0] == 501


def test_a_failing_handler_is_an_error_and_not_a_hang(fake: FakeServer) -> None:
    assert ask(fake, "/echo", "POST", body=b"{")[0] == 501


def test_faults_come_in_order_each_once_and_by_path(fake: FakeServer) -> None:
    fake.queue(Fault.status(503, retry_after="7"), path="/prices")
    fake.queue(Fault.status(500), path="/elsewhere")
    status, headers, _ = ask(fake)
    assert (status, headers["retry-after"]) == (503, "7")
    assert ask(fake)[0] == 200


def test_truncated_promises_more_than_it_sends(fake: FakeServer) -> None:
    fake.queue(Fault.truncated())
    with pytest.raises(http.client.IncompleteRead):
        ask(fake)


def test_silent_truncation_looks_whole(fake: FakeServer) -> None:
    fake.queue(Fault.silently_truncated())
    status, headers, body = ask(fake)
    assert status == 200 and int(headers["content-length"]) == len(body)
    with pytest.raises(ValueError):
        json.loads(body)


def test_reset_is_a_reset(fake: FakeServer) -> None:
    fake.queue(Fault.connection_reset())
    with pytest.raises(ConnectionError):
        ask(fake)


def test_a_hang_is_silence_and_ends_with_the_fake() -> None:
    start = time.monotonic()
    with FakeServer() as fake:
        fake.queue(Fault.hang())
        with pytest.raises(TimeoutError):
            ask(fake, timeout=0.2)
    assert time.monotonic() - start < 5


def test_slow_sends_all_of_it_late(fake: FakeServer) -> None:
    fake.route("GET", "/long", lambda call: text_reply("x" * 80))
    fake.queue(Fault.slow(0.05))
    start = time.monotonic()
    assert ask(fake, "/long")[2] == b"x" * 80
    assert time.monotonic() - start >= 0.2


def test_other_shapes_of_bad_answers(fake: FakeServer) -> None:
    fake.queue(
        Fault.redirect("http://example.org/"),
        Fault.oversized(1000),
        Fault.gzip_bomb(1_000_000),
        Fault.deep_json(50),
        Fault.echo_of_secrets(),
    )
    assert ask(fake)[1]["location"] == "http://example.org/"
    assert len(ask(fake)[2]) > 1000
    bomb = ask(fake)[2]
    assert len(bomb) < 5000 and len(gzip.decompress(bomb)) == 1_000_000
    assert ask(fake)[2] == b"[" * 50 + b"]" * 50
    assert b"my-key" in ask(fake, headers={"authorization": "Bearer my-key"})[2]


def test_drift_changes_one_thing_and_keeps_it_json(fake: FakeServer) -> None:
    seen = set()
    for seed in range(12):
        fake.queue(Fault.drift(seed))
        seen.add(json.dumps(json.loads(ask(fake)[2]), sort_keys=True))
    assert len(seen) > 3 and json.dumps({"of": {}, "usd": 1.5}) not in seen


def test_an_etag_seen_before_is_304(fake: FakeServer) -> None:
    fake.route("GET", "/feed", lambda call: etag_reply(call, text_reply("body"), '"1"'))
    assert ask(fake, "/feed")[0] == 200
    assert ask(fake, "/feed", headers={"If-None-Match": '"1"'})[0] == 304


def test_random_faults_are_the_same_for_the_same_seed() -> None:
    import random

    first = [fault.name for fault in random_faults(random.Random(5), 40)]
    assert first == [fault.name for fault in random_faults(random.Random(5), 40)]
    assert len(set(first)) > 8
