"""Spot prices and the Spot Instance Advisor's bands."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from catalog.sources.aws_spot import (
    ADVISOR,
    Advice,
    advice,
    band_of,
    derived_spot_row,
    spot_prices,
    spot_row,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DOCUMENT = {
    "global_rate": "<10%",
    "ranges": [
        {"index": 0, "label": "<5%", "dots": 0, "max": 5},
        {"index": 1, "label": "5-10%", "dots": 1, "max": 11},
        {"index": 4, "label": ">20%", "dots": 4, "max": 100},
        {"index": 5, "label": "sometimes", "dots": 4, "max": 100},
    ],
    "spot_advisor": {
        "us-east-1": {
            "Linux": {
                "p5.48xlarge": {"s": 57, "r": 0},
                "g6e.4xlarge": {"s": 62, "r": 4},
                "m7i.large": {"s": 10, "r": 1},
                "new.type": {"s": 1, "r": 9},
                "odd.type": {"s": 0, "r": 5},
                "bad.type": {"s": "57", "r": "0"},
                "null.type": None,
            },
            "Windows": {"p5.48xlarge": {"s": 1, "r": 4}},
        }
    },
}


def price(name: str, zone: str, usd: str, hour: int = 12) -> dict[str, Any]:
    return {
        "InstanceType": name,
        "AvailabilityZone": zone,
        "SpotPrice": usd,
        "ProductDescription": "Linux/UNIX",
        "Timestamp": NOW.replace(hour=hour),
    }


def test_bands_are_read_from_the_feeds_own_ranges() -> None:
    found = advice(DOCUMENT, "us-east-1")
    assert found == {
        "p5.48xlarge": Advice((0.0, 0.05), 0.57),
        "g6e.4xlarge": Advice((0.2, None), 0.62),
        "m7i.large": Advice((0.05, 0.1), 0.1),
        "new.type": Advice(None, 0.01),  # a range the feed does not explain is unknown
        "odd.type": Advice(None, None),
        "bad.type": Advice(None, None),
    }


@pytest.mark.parametrize(
    "document", [None, [], {}, {"spot_advisor": []}, {"spot_advisor": {"us-east-1": None}}]
)
def test_an_advisor_of_another_form_says_nothing(document: Any) -> None:
    assert advice(document, "us-east-1") == {}


@pytest.mark.parametrize(
    ("label", "band"),
    [
        ("<5%", (0.0, 0.05)),
        ("15-20%", (0.15, 0.2)),
        (">20%", (0.2, None)),
        ("20-15%", None),
        ("5%", None),
        (">200%", None),
        ("", None),
    ],
)
def test_labels(label: str, band: tuple[float, float | None] | None) -> None:
    assert band_of(label) == band


def test_a_row_without_a_band_leaves_interruptions_unknown() -> None:
    with_band = spot_row("us-east-1", "p5.48xlarge", 20.0, Advice((0.2, None), 0.5))
    assert (with_band["interruption_per_month_low"], with_band["interruption_source"]) == (
        0.2,
        ADVISOR,
    )
    assert with_band["interruption_per_month_high"] is None
    for unknown in (None, Advice(None, 0.5)):
        row = spot_row("us-east-1", "p5.48xlarge", 20.0, unknown)
        assert not [name for name in row if name.startswith("interruption")]


def test_a_derived_price_is_marked_as_such() -> None:
    row = derived_spot_row("us-east-1", "p5.48xlarge", 55.04, Advice((0.0, 0.05), 0.57))
    assert row is not None
    assert row["usd_per_hour"] == pytest.approx(55.04 * 0.43)
    assert row["confidence"] == "derived"
    assert derived_spot_row("us-east-1", "x.large", 1.0, Advice((0.0, 0.05), None)) is None


def test_newest_price_of_each_zone_and_no_local_zones() -> None:
    history = [
        price("g6.xlarge", "us-west-2a", "0.30"),
        price("g6.xlarge", "us-west-2b", "0.50"),
        price("g6.xlarge", "us-west-2c", "0.36"),
        price("g6.xlarge", "us-west-2c", "0.01", hour=3),
        price("g6.xlarge", "us-west-2-lax-1a", "9.00"),
        price("t3.large", "us-west-2-lax-1a", "0.05"),
    ]
    prices, rejects = spot_prices(history, "us-west-2")
    assert prices == {"g6.xlarge": 0.36}
    (reject,) = rejects
    assert reject.what == "t3.large"
    assert "outside the region" in reject.reason


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"InstanceType": "a1.large", "SpotPrice": "1"}, "time or zone"),
        (price("a1.large", "us-west-2a", "cheap"), "positive number"),
        (price("a1.large", "us-west-2a", "0"), "positive number"),
        (price("a1.large", "us-west-2a", "NaN"), "positive number"),
        (price("a1.large", "us-west-2a", "1") | {"ProductDescription": "Windows"}, "Windows"),
    ],
)
def test_spot_prices_that_are_no_price_are_rejected(item: dict[str, Any], reason: str) -> None:
    prices, (reject,) = spot_prices([item], "us-west-2")
    assert prices == {}
    assert reason in reject.reason
