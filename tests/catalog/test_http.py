"""The client of plain HTTP sources against a server that misbehaves."""

from __future__ import annotations

import email.utils
import gzip
import json
import logging
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.sources import http
from catalog.sources.base import FetchFailed
from catalog.sources.http import HttpClient, HttpFailed
from catalog.sources.http_answers import retry_after_s
from tests.fakes.server import FakeServer, Fault, Reply, etag_reply, json_reply, text_reply

KEY = "sk-live-0123456789abcdef"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    monkeypatch.setattr(http, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(http, "JITTER_S", 0.0)
    with FakeServer() as server:
        monkeypatch.setenv("PLANNER_ENDPOINT_THING", server.url)
        server.route("GET", "/prices", lambda call: json_reply({"usd": 1.5}))
        yield server


@pytest.fixture
def client(fake: FakeServer, tmp_path: Path) -> Iterator[HttpClient]:
    with HttpClient(
        "thing",
        "https://thing.example",
        headers={"authorization": f"Bearer {KEY}"},
        secrets=[KEY],
        credentials_remedy="set THING_KEY",
        cache_folder=tmp_path / "http",
    ) as opened:
        yield opened


def soon(seconds: float = 10.0) -> float:
    return time.monotonic() + seconds


def test_an_answer_and_what_was_asked(fake: FakeServer, client: HttpClient) -> None:
    answer = client.get("/prices", soon(), params={"region": "a b"})
    assert json.loads(answer.body) == {"usd": 1.5}
    assert answer.url == f"{fake.url}/prices"
    (call,) = fake.calls
    assert call.query == {"region": "a b"} and call.headers["authorization"] == f"Bearer {KEY}"


def test_a_post_sends_json(fake: FakeServer, client: HttpClient) -> None:
    fake.route("POST", "/ask", lambda call: json_reply({"got": call.json()}))
    fake.queue(Fault.status(502))
    answer = client.post("/ask", soon(), json_body={"q": 1})
    assert json.loads(answer.body) == {"got": {"q": 1}} and len(fake.calls) == 2


@pytest.mark.parametrize(
    "fault",
    [
        Fault.status(503),
        Fault.status(429, retry_after="0"),
        Fault.status(403, b'{"error": {"errors": [{"reason": "rateLimitExceeded"}]}}'),
        Fault.truncated(),
        Fault.connection_reset(),
    ],
    ids=lambda fault: fault.name,
)
def test_what_may_pass_is_tried_again(fake: FakeServer, client: HttpClient, fault: Fault) -> None:
    fake.queue(fault, fault)
    assert client.get("/prices", soon()).body
    assert len(fake.calls) == 3


def test_attempts_are_bounded(fake: FakeServer, client: HttpClient) -> None:
    fake.queue(*[Fault.status(503)] * 10)
    with pytest.raises(HttpFailed, match="HTTP 503") as failed:
        client.get("/prices", soon())
    assert failed.value.status == 503 and len(fake.calls) == http.ATTEMPTS


@pytest.mark.parametrize("status", [400, 401, 403, 404, 501])
def test_what_will_not_pass_is_asked_once(
    fake: FakeServer, client: HttpClient, status: int
) -> None:
    fake.queue(Fault.status(status))
    with pytest.raises(HttpFailed) as failed:
        client.get("/prices", soon())
    assert failed.value.status == status and len(fake.calls) == 1
    assert (failed.value.remedy == "set THING_KEY") == (status in (401, 403))


def test_a_retry_after_of_a_day_is_refused_not_slept(fake: FakeServer, client: HttpClient) -> None:
    in_a_day = email.utils.formatdate(time.time() + 86400, usegmt=True)
    for value in ("86400", in_a_day, "999999999"):
        fake.queue(Fault.status(429, retry_after=value))
        start = time.monotonic()
        with pytest.raises(HttpFailed, match="asks to wait"):
            client.get("/prices", soon(1e6))
        assert time.monotonic() - start < 2
    assert len(fake.calls) == 3


def test_a_retry_after_past_the_deadline_is_refused(fake: FakeServer, client: HttpClient) -> None:
    fake.queue(Fault.status(503, retry_after="30"))
    start = time.monotonic()
    with pytest.raises(HttpFailed, match="HTTP 503"):
        client.get("/prices", soon(5))
    assert time.monotonic() - start < 2


def test_a_short_retry_after_is_slept(fake: FakeServer, client: HttpClient) -> None:
    fake.queue(Fault.status(429, retry_after="1"))
    start = time.monotonic()
    client.get("/prices", soon())
    assert 0.9 < time.monotonic() - start < 5


def test_a_retry_date_counts_from_the_servers_clock() -> None:
    server_now = time.time() - 7200  # this machine's clock is two hours ahead
    headers = {
        "date": email.utils.formatdate(server_now, usegmt=True),
        "retry-after": email.utils.formatdate(server_now + 5, usegmt=True),
    }
    assert retry_after_s(headers) == pytest.approx(5)
    assert retry_after_s({"retry-after": "soon"}) is None
    assert retry_after_s({"retry-after": "-5"}) is None
    assert retry_after_s({}) is None


def test_a_hang_ends_by_the_deadline(fake: FakeServer, client: HttpClient) -> None:
    fake.queue(*[Fault.hang()] * 4)
    start = time.monotonic()
    with pytest.raises(HttpFailed, match=r"no answer in time|out of time"):
        client.get("/prices", soon(0.5))
    assert time.monotonic() - start < 3


def test_a_dripping_body_ends_by_the_deadline(fake: FakeServer, client: HttpClient) -> None:
    fake.route("GET", "/long", lambda call: text_reply("x" * 4000))
    fake.queue(Fault.slow(0.05))  # each read is quick; the whole would take 12 s
    start = time.monotonic()
    with pytest.raises(HttpFailed, match="out of time while reading"):
        client.get("/long", soon(0.5))
    assert time.monotonic() - start < 3


def test_a_passed_deadline_asks_nothing(fake: FakeServer, client: HttpClient) -> None:
    with pytest.raises(FetchFailed, match="out of time"):
        client.get("/prices", time.monotonic() - 1)
    assert fake.calls == []


def test_bodies_are_limited_also_after_decompression(fake: FakeServer, client: HttpClient) -> None:
    fake.queue(Fault.oversized(2 << 20), Fault.gzip_bomb(30 << 20))
    for _ in range(2):
        with pytest.raises(HttpFailed, match="more than 1 MiB"):
            client.get("/prices", soon(), limit_bytes=1 << 20)


def test_gzip_is_read_and_half_of_one_is_not(fake: FakeServer, client: HttpClient) -> None:
    packed = gzip.compress(b"x" * 5000)
    answers = [packed[:-9], packed[:-9], packed]
    encoded = {"content-encoding": "gzip"}
    fake.route("GET", "/packed", lambda call: Reply(200, answers.pop(0), encoded))
    assert client.get("/packed", soon()).body == b"x" * 5000 and answers == []


def test_an_encoding_not_asked_for_is_refused(fake: FakeServer, client: HttpClient) -> None:
    fake.route("GET", "/packed", lambda call: Reply(200, b"x", {"content-encoding": "br"}))
    with pytest.raises(HttpFailed, match="encoding not asked for"):
        client.get("/packed", soon())


def test_redirects_stay_on_the_host(fake: FakeServer, client: HttpClient) -> None:
    fake.queue(Fault.redirect("/prices?x=1"), path="/old")
    assert client.get("/old", soon()).body == json.dumps({"usd": 1.5}).encode()
    for elsewhere in ("http://127.0.0.2:9/x", "//evil.example/x", "file:///etc/passwd", ""):
        fake.queue(Fault.redirect(elsewhere, 307))
        calls = len(fake.calls)
        with pytest.raises(HttpFailed, match="another host"):
            client.get("/prices", soon())
        assert len(fake.calls) == calls + 1
    fake.queue(*[Fault.redirect("/prices")] * 9)
    with pytest.raises(HttpFailed, match="again and again"):
        client.get("/prices", soon())


def test_next_page_links_stay_on_the_host(fake: FakeServer, client: HttpClient) -> None:
    assert client.get(f"{fake.url}/prices", soon()).body
    with pytest.raises(HttpFailed, match="points to another host"):
        client.get(f"https://evil.example/prices?key={KEY}", soon())


def test_an_unchanged_feed_is_not_sent_twice(
    fake: FakeServer, client: HttpClient, tmp_path: Path
) -> None:
    version = ['"1"', "one"]
    fake.route("GET", "/feed", lambda call: etag_reply(call, text_reply(version[1]), version[0]))
    first = client.get("/feed", soon(), cached=True)
    second = client.get("/feed", soon(), cached=True)
    assert (first.body, first.from_cache) == (b"one", False)
    assert (second.body, second.from_cache) == (b"one", True)
    version[:] = ['"2"', "two"]
    assert client.get("/feed", soon(), cached=True).body == b"two"
    (kept,) = (tmp_path / "http").iterdir()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    if os.name == "posix":
        assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    damaged = bytearray(kept.read_bytes())
    damaged[-1] ^= 1
    kept.write_bytes(damaged)
    again = client.get("/feed", soon(), cached=True)
    assert again.body == b"two" and not again.from_cache
    assert all(KEY.encode() not in path.read_bytes() for path in (tmp_path / "http").iterdir())


def test_an_unchanged_feed_is_as_old_as_it_was(fake: FakeServer, client: HttpClient) -> None:
    when = {"last-modified": "Tue, 24 Nov 2026 10:00:00 GMT"}
    reply = Reply(200, b"body", when)
    fake.route("GET", "/feed", lambda call: etag_reply(call, reply, '"1"'))
    client.get("/feed", soon(), cached=True)
    again = client.get("/feed", soon(), cached=True)
    assert again.from_cache and again.headers["last-modified"] == when["last-modified"]


def test_the_cache_may_fail(fake: FakeServer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    fake.route("GET", "/feed", lambda call: etag_reply(call, text_reply("one"), '"1"'))
    with HttpClient("thing", "https://x.example", cache_folder=tmp_path / "file") as client:
        assert client.get("/feed", soon(), cached=True).body == b"one"


def test_a_large_file_is_downloaded_to_disk(fake: FakeServer, client: HttpClient) -> None:
    body = bytes(range(256)) * 4096
    fake.route("GET", "/big", lambda call: Reply(200, body))
    fake.queue(Fault.truncated(0.7))
    with client.download("/big", soon(), limit_bytes=2 << 20) as file:
        assert file.read() == body
    with (
        pytest.raises(HttpFailed, match="more than"),
        client.download("/big", soon(), limit_bytes=1 << 18),
    ):
        pass


def test_no_message_or_log_holds_a_secret(
    fake: FakeServer, client: HttpClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    faults = [
        Fault.echo_of_secrets(401),
        Fault.echo_of_secrets(400),
        Fault.status(400, json.dumps({"message": f"key {KEY[:11]}... is wrong"}).encode()),
        Fault.status(400, json.dumps({"error": f"url http://u:{KEY}@h/p?sig={KEY}"}).encode()),
        Fault.redirect(f"http://evil.example/{KEY}?k={KEY}"),
    ]
    texts = []
    for fault in faults:
        fake.queue(fault)
        with pytest.raises(HttpFailed) as failed:
            client.get("/prices", soon())
        texts.append(f"{failed.value} {failed.value.__cause__!r}")
        assert failed.value.__suppress_context__ or failed.value.__context__ is None
    told = "\n".join([*texts, caplog.text])
    for start in range(0, len(KEY) - 8):
        assert KEY[start : start + 8] not in told
    assert "***" in told


def test_server_texts_are_shown_where_harmless(fake: FakeServer, client: HttpClient) -> None:
    fake.queue(Fault.status(400, b'{"errors": [{"message": "unknown\\u001b[31m region"}]}'))
    with pytest.raises(HttpFailed, match=r"HTTP 400 \(unknown\[31m region\)"):
        client.get("/prices", soon())


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "ftp://example.org",
        "https://user:pw@example.org",
        "https://example.org?key=1",
        "https://",
        "example.org",
        "http://127.0.0.1:99999",
        "http://localhost.evil.example",
    ],
)
def test_a_base_url_must_be_https(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("PLANNER_ENDPOINT_AZURE_ML", url)
    with pytest.raises(FetchFailed, match=r"not https|not a base URL") as failed:
        HttpClient("azure-ml", "https://ml.example")
    assert "PLANNER_ENDPOINT_AZURE_ML" in failed.value.remedy and "pw" not in str(failed.value)


def test_a_proxy_is_not_asked_for_this_machine(
    fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with HttpClient("thing", "https://x.example") as client:
        assert client.get("/prices", soon()).body


def test_a_dead_address_is_a_failure_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(http, "JITTER_S", 0.0)
    monkeypatch.setenv("PLANNER_ENDPOINT_THING", "http://127.0.0.1:9")
    with HttpClient("thing", "https://x.example") as client:
        with pytest.raises(HttpFailed, match="no whole answer") as failed:
            client.get("/prices", soon(5))
        assert failed.value.status is None and "network" in failed.value.remedy
