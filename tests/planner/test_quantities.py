"""Quantities as people write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.quantities import (
    byte_count,
    count,
    gbps,
    gib,
    hours,
    kilowatts,
    limit,
    operations,
    per_second,
    price,
    seconds,
    share,
    spare_count,
    usd,
    watts,
    whole_count,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("50M", 5e7),
        ("1.5B", 1.5e9),
        ("2 T", 2e12),
        ("60k", 6e4),
        ("1,000,000", 1e6),
        ("1_000_000", 1e6),
        ("5e7", 5e7),
        (50_000_000, 5e7),
        ("50M tokens", 5e7),
        (".5M", 5e5),
    ],
)
def test_counts(text: object, value: float) -> None:
    assert count(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("24h", 24), ("90m", 1.5), ("90 min", 1.5), ("3d", 72), ("1w", 168), ("1h 30m", 1.5)],
)
def test_durations(text: str, value: float) -> None:
    assert hours(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [(500, 500), ("500 USD", 500), ("$500", 500), ("2k USD", 2000), ("1,500 usd", 1500)],
)
def test_dollars(text: object, value: float) -> None:
    assert usd(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("text", "value"), [("80GiB", 80), ("80GB", 74.5058), ("512MiB", 0.5), ("1 TiB", 1024)]
)
def test_memory(text: str, value: float) -> None:
    assert gib(text) == pytest.approx(value, rel=1e-5)


def test_whole_counts_are_integers() -> None:
    assert whole_count("4k") == 4000
    assert isinstance(whole_count(64.0), int)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(
            ("40", 40),
            (40, 40),
            ("40 req/s", 40),
            ("40/s", 40),
            ("30 fps", 30),
            ("2k/min", 33.3333),
        ),
        *(("10 requests per second", 10), ("3600/h", 1), ("86400 per day", 1), ("1.5 rps", 1.5)),
    ],
)
def test_rates(text: object, value: float) -> None:
    assert per_second(text) == pytest.approx(value, rel=1e-5)


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (seconds, "50ms", 0.05),
        (seconds, "1 min", 60),
        (watts, "500mW", 0.5),
        (watts, "2MW", 2e6),
        (kilowatts, "10kW", 10),
        (byte_count, "40PB", 4e16),
        (byte_count, "1KiB", 1024),
        (operations, "3e21", 3e21),
        (gbps, "3.2Tbps", 3200),
        (gbps, "50GB/s", 400),
        (gbps, "400Gb/s", 400),
        (share, "25%", 0.25),
        (share, 0, 0),
        (price, "$0.12", 0.12),
        (price, 0, 0),
        (limit, "1k", 1000),
        (limit, 0, 0),
        (spare_count, 2, 2),
        (hours, "2 months", 1461),
    ],
)
def test_other_units(parse: Callable[[object], float], text: object, value: float) -> None:
    assert parse(text) == pytest.approx(value)


@pytest.mark.parametrize(
    ("parse", "text"), [(hours, "3M"), (watts, "15mw"), (seconds, "2h"), (hours, "2h ago")]
)
def test_what_may_mean_two_things_is_refused(parse: Callable[[object], float], text: str) -> None:
    with pytest.raises(ValueError, match="; "):
        parse(text)


@given(st.text(max_size=12) | st.floats() | st.integers() | st.booleans() | st.none())
def test_anything_from_zero_is_finite_or_refused(value: object) -> None:
    for parse in (share, price, limit, spare_count):
        try:
            found = parse(value)
        except ValueError as error:
            assert "; " in str(error), "the remedy follows"
        else:
            assert 0 <= found <= 1e18


@given(st.text(max_size=12) | st.floats() | st.integers() | st.booleans() | st.none())
def test_anything_is_a_positive_quantity_or_refused(value: object) -> None:
    parsers = (count, whole_count, hours, usd, gib, seconds, watts, per_second, gbps)
    for parse in parsers:
        try:
            found = parse(value)
        except ValueError as error:
            assert "; " in str(error), "the remedy follows"
        else:
            assert 0 < found <= 1e18
