"""Quantities as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.quantities import count, gib, hours, usd, whole_count


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


@given(st.text(max_size=12) | st.floats() | st.integers() | st.booleans() | st.none())
def test_anything_is_a_positive_quantity_or_refused(value: object) -> None:
    for parse in (count, whole_count, hours, usd, gib):
        try:
            found = parse(value)
        except ValueError as error:
            assert "; " in str(error), "the remedy follows"
        else:
            assert 0 < found <= 1e18
