"""AWS's price list as prices: on demand, reserved, plans, blocks, and what is none of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from catalog.price_checks import effective_usd_per_hour, option_faults
from catalog.sources.aws_blocks import block_row
from catalog.sources.aws_plans import plan_prices
from catalog.sources.aws_prices import Commitment, commitment_row, price_list
from tests.fakes.aws import lease, price_item, priced, term

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (price_item("p5en.48xlarge", "0.0000000000"), "$0"),
        (price_item("p5en.48xlarge", "1.0", marketoption="CapacityBlock"), "marketoption"),
        (price_item("p5en.48xlarge", "0.0", operation="RunInstances:CB"), "block"),
        (price_item("m7i.large", "1.0", capacitystatus="UnusedCapacityReservation"), "capacitysta"),
        # An unused reservation is listed at the machine's own price.
        (price_item("m7i.large", "1.0", usagetype="EU-UnusedBox:m7i.large"), "not plain use"),
        (price_item("m7i.large", "1.0", usagetype="EU-DedicatedUsage:m7i.large"), "not plain use"),
        (price_item("m7i.large", "1.0", locationType="AWS Local Zone"), "Local Zone"),
        (price_item("m7i.large", "1.0", tenancy="Dedicated"), "tenancy"),
        (price_item("m7i.large", "1.0", operation="RunInstances:0800"), "licence"),
        (price_item("m7i.large", "one"), "not a number"),
        (price_item("m7i.large", "NaN"), "not a number"),
        (price_item("m7i.large", "-1"), "not a number"),
        (price_item("m7i.large", "1.0").replace('"USD"', '"CNY"'), "CNY"),
        (price_item("m7i.large", "1.0").replace('"Hrs"', '"Quantity"'), "Quantity"),
        (price_item("m7i.large", "1.0").replace('"OnDemand": {', '"OnDemandV2": {'), "no on-dem"),
        ("{}", "another shape"),
        ("[1", "another shape"),
        ('{"product": {"attributes": {"instanceType": "a1.large"}}, "terms": []}', "another shape"),
        ("[" * 200_000, "nested too deep"),
    ],
    ids=range(19),
)  # fmt: skip
def test_price_list_items_that_are_no_hourly_price(item: str, reason: str) -> None:
    found = price_list([item], NOW)
    assert (found.on_demand, found.reserved) == ({}, {})
    (reject,) = found.on_demand_rejects
    assert reason in reject.reason


@pytest.mark.parametrize("usage", ["BoxUsage", "BoxUsage:m1.small", "EU-BoxUsage:m7i-flex.large"])
def test_plain_use_has_several_spellings(usage: str) -> None:
    assert price_list([price_item("m7i.large", "1.0", usagetype=usage)], NOW).on_demand


def test_an_instance_type_with_two_prices_is_rejected_not_guessed() -> None:
    items = [
        price_item("a1.large", "1.0"),
        price_item("a1.large", "2.0"),
        price_item("b1.large", "3.0"),
    ]
    found = price_list(items, NOW)
    assert found.on_demand == {"b1.large": 3.0}
    rejects = [(reject.what, reject.reason) for reject in found.on_demand_rejects]
    assert rejects == [("a1.large", "listed at $1 and $2")]


def test_of_several_terms_the_newest_in_effect_counts() -> None:
    listed = [
        term([("Hrs", "3.0")], "2025-01-01T00:00:00Z"),
        term([("Hrs", "2.0")], "2026-11-01T00:00:00Z"),
        term([("Hrs", "1.0")], "2026-12-01T00:00:00Z"),  # announced
    ]
    assert price_list([priced("a1.large", {"OnDemand": listed})], NOW).on_demand == {
        "a1.large": 2.0
    }


# As listed for an m6a.xlarge: a no-upfront and a partly paid year, three years paid at once.
LEASES = (
    lease(1, "No Upfront", [("Hrs", "0.1142400000")]),
    lease(1, "Partial Upfront", [("Hrs", "0.0544410000"), ("Quantity", "477")]),
    lease(3, "All Upfront", [("Quantity", "1869"), ("Hrs", "0.0000000000")]),
    lease(3, "No Upfront", [("Hrs", "0.0899")], OfferingClass="convertible"),
)


def test_a_reservation_is_its_hours_and_its_upfront_fee() -> None:
    terms = {"OnDemand": [term([("Hrs", "0.1728")])], "Reserved": LEASES}
    found = price_list([priced("m6a.xlarge", terms)], NOW)
    assert found.reserved == {
        ("m6a.xlarge", 12, "no upfront"): Commitment(0.11424, 0.0),
        ("m6a.xlarge", 12, "partial upfront"): Commitment(0.054441, 477.0),
        ("m6a.xlarge", 36, "all upfront"): Commitment(0.0, 1869.0),
    }
    assert found.reserved_rejects == []
    for key, terms_of_it in found.reserved.items():
        row = commitment_row("us-east-1", "reservation", key, terms_of_it)
        assert list(option_faults(row)) == []
        # Whatever is paid when, a reservation saves 20 to 70 % of the on-demand price.
        assert 0.3 < effective_usd_per_hour(row) / 0.1728 < 0.8


@pytest.mark.parametrize(
    ("reserved", "reason"),
    [
        # The upfront fee alone is no price, and neither are the hours.
        (lease(1, "Partial Upfront", [("Quantity", "477")]), "$477 at the start, $0/h"),
        (lease(1, "Partial Upfront", [("Hrs", "0.05")]), "$0 at the start, $0.05/h"),
        (lease(1, "No Upfront", [("Hrs", "0.05"), ("Quantity", "477")]), "no upfront: $477"),
        (lease(1, "All Upfront", [("Hrs", "0.1"), ("Quantity", "900")]), "all upfront: $900"),
        (lease(1, "No Upfront", [("Hrs", "0.1"), ("Hrs", "0.2")]), "2 prices"),
        (lease(1, "No Upfront", [("Mo", "70")]), "1 prices"),
        (lease(5, "No Upfront", [("Hrs", "0.1")]), "reserved for 5yr"),
        (lease(1, "Heavy Utilization", [("Hrs", "0.1")]), "Heavy Utilization"),
        (lease(1, "No Upfront", [("Hrs", "one")]), "not a number"),
    ],
)
def test_half_of_a_reservation_is_no_price(reserved: dict[str, Any], reason: str) -> None:
    terms = {"OnDemand": [term([("Hrs", "0.1728")])], "Reserved": [reserved]}
    found = price_list([priced("m6a.xlarge", terms)], NOW)
    assert (found.on_demand, found.reserved) == ({"m6a.xlarge": 0.1728}, {})
    (reject,) = found.reserved_rejects
    assert reason in reject.reason


def rate(**over: Any) -> dict[str, Any]:
    """A savings plan rate as the API writes it."""
    offering = {
        "offeringId": "o-1",
        "planType": "Compute",
        "paymentOption": over.pop("payment", "No Upfront"),
        "durationSeconds": over.pop("seconds", 31536000),
        "currency": over.pop("currency", "USD"),
    }
    properties = {
        "region": "us-east-1",
        "instanceType": "p5.48xlarge",
        "instanceFamily": "p5",
        "productDescription": "Linux/UNIX",
        "tenancy": "shared",
    } | over.pop("properties", {})
    return {
        "savingsPlanOffering": offering | over.pop("offering", {}),
        "rate": "40.1",
        "unit": "Hrs",
        "productType": "EC2",
        "serviceCode": "AmazonEC2",
        "usageType": "BoxUsage:p5.48xlarge",
        "operation": "RunInstances",
        "properties": [{"name": name, "value": value} for name, value in properties.items()],
    } | over


def test_a_plan_rate_is_divided_by_when_it_is_paid() -> None:
    found = plan_prices(
        [
            rate(),
            rate(payment="Partial Upfront", rate="38.0"),
            rate(payment="All Upfront", rate="37.0", seconds=94608000),
        ],
        "us-east-1",
    )
    assert found.reserved == {
        ("p5.48xlarge", 12, "no upfront"): Commitment(40.1, 0.0),
        ("p5.48xlarge", 12, "partial upfront"): Commitment(19.0, 166440.0),
        ("p5.48xlarge", 36, "all upfront"): Commitment(0.0, 972360.0),
    }
    for key, usd in (((12, "partial upfront"), 38.0), ((36, "all upfront"), 37.0)):
        whole = "p5.48xlarge", *key
        row = commitment_row("us-east-1", "savings_plan", whole, found.reserved[whole])
        assert effective_usd_per_hour(row) == pytest.approx(usd)


@pytest.mark.parametrize(
    "other",
    [
        rate(usageType="UnusedBox:p5.48xlarge"),
        rate(usageType="DedicatedUsage:p5.48xlarge"),
        rate(operation="RunInstances:0002"),
        rate(offering={"planType": "EC2Instance"}),
        rate(properties={"region": "us-east-2"}),
        rate(properties={"productDescription": "Windows"}),
        rate(properties={"tenancy": "dedicated"}),
        {},
    ],
)
def test_rates_of_other_products_are_left_out(other: dict[str, Any]) -> None:
    found = plan_prices([other], "us-east-1")
    assert (found.reserved, found.reserved_rejects) == ({}, [])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (rate(currency="CNY"), "CNY"),
        (rate(unit="Mo"), "per Mo"),
        (rate(rate="free"), "not a number"),
        (rate(rate="0"), "$0"),
        (rate(seconds=3600), "0 months"),
        (rate(payment="Some Upfront"), "Some Upfront"),
    ],
)
def test_rates_that_cannot_be_read_are_told(bad: dict[str, Any], reason: str) -> None:
    found = plan_prices([bad], "us-east-1")
    assert found.reserved == {}
    (reject,) = found.reserved_rejects
    assert reject.what == "p5.48xlarge"
    assert reason in reject.reason


def block(**over: Any) -> dict[str, Any]:
    return {
        "CapacityBlockOfferingId": "cb-1",
        "InstanceType": "p5.48xlarge",
        "AvailabilityZone": "us-east-1a",
        "InstanceCount": 1,
        "StartDate": datetime(2026, 11, 26, 11, 30, tzinfo=UTC),
        "CapacityBlockDurationHours": 24,
        "UpfrontFee": "755.1360",
        "CurrencyCode": "USD",
        "Tenancy": "default",
    } | over


def test_a_block_is_priced_by_machine_and_hour() -> None:
    for_many = block(InstanceCount=4, CapacityBlockDurationHours=48, UpfrontFee="5760.0")
    row, rejects = block_row("p5.48xlarge", "us-east-1", [block(), for_many])
    assert row is not None
    assert row["usd_per_hour"] == 30.0
    assert (row["payment"], row["quota_class"]) == ("all upfront", "")
    assert (row["billing_increment_s"], row["minimum_s"]) == (86400, 86400)
    assert "48 h, starts 2026-11-26" in row["obtainability"]
    assert rejects == []


def test_minutes_of_a_block_count() -> None:
    odd = block(
        CapacityBlockDurationHours=6, CapacityBlockDurationMinutes=30, UpfrontFee="204.5160"
    )
    row, _ = block_row("p5.48xlarge", "us-east-1", [odd])
    assert row is not None
    assert row["usd_per_hour"] == pytest.approx(204.516 / 6.5)


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        ({"CurrencyCode": "CNY"}, "CNY"),
        ({"InstanceType": "p5e.48xlarge"}, "p5e.48xlarge"),
        ({"Tenancy": "dedicated"}, "dedicated"),
        ({"InstanceCount": 0}, "without a count"),
        ({"CapacityBlockDurationHours": None}, "without a count or duration"),
        ({"UpfrontFee": "a lot"}, "not a number"),
        ({"UpfrontFee": None}, "not a number"),
        ({"UpfrontFee": "0"}, "without a fee"),
    ],
)
def test_blocks_that_cannot_be_priced(over: dict[str, Any], reason: str) -> None:
    row, (reject,) = block_row("p5.48xlarge", "us-east-1", [block(**over)])
    assert row is None
    assert reason in reject.reason
