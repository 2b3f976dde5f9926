"""Parsers of feeds: bounded in depth and size, and texts never hold the body."""

from __future__ import annotations

import time

import pytest

from catalog.sources.base import FetchFailed, Reject
from catalog.sources.bodies import MAX_DEPTH, parse_csv, parse_json, positive
from catalog.sources.scrub import scrub


def test_json_as_it_is() -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": [1, 2.5, null]}', "feed") == {"a": [1, 2.5, None]}
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, "feed")


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "empty answer"),
        (b"<!DOCTYPE html><p>login</p>", "HTML page"),
        (b'{"a": 1', "cut off"),
        (b'{"a": NaN}', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "nested"),
        (b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), "nested deeper"),
        (b"1" * 10_000, "not JSON"),
    ],
)
def test_json_that_is_refused(body: bytes, problem: str) -> None:
    with pytest.raises(FetchFailed, match=f"feed: .*{problem}"):
        parse_json(body, "feed")


def test_csv_rows_and_rejects() -> None:
    rejects: list[Reject] = []
    body = b'a,b\r\n1,"x,\ny"\r\n2\r\n\r\n3,z,9\r\n4,w\r\n'
    rows = list(parse_csv(body, "feed", required=["a"], rejects=rejects))
    assert rows == [{"a": "1", "b": "x,\ny"}, {"a": "4", "b": "w"}]
    assert [reject.reason for reject in rejects] == [
        "1 fields under 2 columns",
        "3 fields under 2 columns",
    ]
    assert rejects[0].what == "feed line 4"


def test_csv_that_ends_within_a_line_is_cut_off() -> None:
    body = b"a,b\n1,2\n3,4"
    assert len(list(parse_csv(body, "feed", required=["a"]))) == 2
    with pytest.raises(FetchFailed, match="cut off"):
        list(parse_csv(body, "feed", required=["a"], whole_lines=True))


def test_csv_from_lines_after_a_preamble() -> None:
    lines = iter(["Version,1\n", "Date,2\n", "a,b\n", "1,2\n"])
    assert list(parse_csv(lines, "feed", required=["b"], skip_lines=2)) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"x,y\n1,2\n", "no column a"),
        (b"", "no column a"),
        (b"a\n", "no rows"),
        (b'a\n"open', "not readable"),
        (b"a\n" + b"x" * 200_000, "not readable"),
        (b"a\n\xff\n", "not readable"),
        (b"a\n1\n2\n3\n4\n", "more than 3 rows"),
    ],
)
def test_csv_that_is_refused(body: bytes, problem: str) -> None:
    with pytest.raises(FetchFailed, match=f"feed: {problem}"):
        list(parse_csv(body, "feed", required=["a"], max_rows=3))


@pytest.mark.parametrize(
    ("value", "number"),
    [(2, 2.0), ("1.5", 1.5), (0, None), (-1, None), ("", None), (None, None), (True, None),
     ("inf", None), (float("nan"), None), (float("inf"), None), ([1], None), (10**400, None)],
)  # fmt: skip
def test_positive(value: object, number: float | None) -> None:
    assert positive(value) == number


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no such region: eu-west-9", "no such region: eu-west-9"),
        ("Bearer abc.def said no", "*** said no"),
        ('{"api_key": "short"}', '{***"}'),
        ("see https://user:pw@host.example/path?sig=1#f now", "see https://host.example/path now"),
        ("AKIAABCDEFGHIJKLMNOP", "***"),
        ("x" * 40, "***"),
        ("a\nb\tc\x1b[0m", "a b c[0m"),
        ("hunter2hunter2 is wrong", "*** is wrong"),
        ("aHVudGVyMmh1bnRlcjI= is wrong", "***= is wrong"),
        ("the key nter2hun... is wrong", "the key ***... is wrong"),
    ],
)
def test_scrub(text: str, shown: str) -> None:
    assert scrub(text, ["hunter2hunter2"]) == shown


@pytest.mark.parametrize(
    "text", ["word " * 1_000_000, "a-" * 500_000, "x=" * 500_000, "://" * 9999]
)
def test_scrub_is_short_and_quick(text: str) -> None:
    start = time.monotonic()
    assert len(scrub(text, ["secret-of-mine"])) <= 200
    assert time.monotonic() - start < 1


def test_scrub_shows_no_half_of_a_token() -> None:
    long = "0123456789abcdef" * 40
    assert "0123" not in scrub(f"{'ab ' * 60}{long}")
    assert "0123" not in scrub(f"{long} {long} {long}")
