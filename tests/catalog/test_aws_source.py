"""The AWS source through the real boto3 client against a fake AWS."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from catalog.sources import FetchFailed
from catalog.sources.aws import AwsSource
from catalog.sources.base import Fetched
from tests.fakes.aws import (
    FakeAws,
    ec2_error,
    instance_type,
    lease,
    paged,
    price_item,
    priced,
    term,
)

ADVISOR = {
    "ranges": [{"index": 1, "label": "5-10%", "dots": 1, "max": 11}],
    "spot_advisor": {
        "us-east-1": {"Linux": {"g6.xlarge": {"s": 60, "r": 1}, "p5.48xlarge": {"s": 60, "r": 7}}}
    },
}


def fetch(kind: str = "on_demand", region: str = "us-east-1", seconds: float = 60) -> Fetched:
    return AwsSource().fetch(region, kind, time.monotonic() + seconds)


def failure(kind: str = "on_demand", region: str = "us-east-1", seconds: float = 60) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        fetch(kind, region, seconds)
    return caught.value


def prices(fetched: Fetched) -> dict[str, float]:
    return {row["instance_type"]: row["usd_per_hour"] for row in fetched.options}


def test_on_demand_reads_all_pages_and_names_what_it_leaves_out(aws: FakeAws) -> None:
    fetched = fetch()
    assert prices(fetched) == {"g6.xlarge": 0.9, "p5.48xlarge": 55.04, "m7i.2xlarge": 0.4032}
    assert aws.count("DescribeInstanceTypes") == 2
    assert aws.count("GetProducts") == 4
    reasons = {(reject.what, reject.reason) for reject in fetched.rejects}
    assert reasons == {
        ("p5.48xlarge", "capacitystatus is AllocatedCapacityReservation, not Used"),
        ("p5.48xlarge", "marketoption is CapacityBlock, not OnDemand"),
        ("z9.huge", "no facts about accelerator 'Z9000'"),
        ("p9.ghost", "priced, but not among the region's instance types"),
    }
    assert "GetProducts" in fetched.source
    p5 = next(row for row in fetched.offers if row["instance_type"] == "p5.48xlarge")
    assert (p5["accelerator"], p5["accelerator_count"]) == ("H100-80GB", 8)
    assert (p5["network_gbps"], p5["rdma_gbps"]) == (3200, 3200)


def test_on_demand_says_in_how_many_zones_a_machine_is_sold(aws: FakeAws) -> None:
    rows = {row["instance_type"]: row["obtainability"] for row in fetch().options}
    assert rows["g6.xlarge"] == "offered in 2 of 2 zones"
    assert rows["p5.48xlarge"] == "offered in 1 of 2 zones"


def test_a_machine_that_no_zone_of_the_region_offers_is_not_sold_there(aws: FakeAws) -> None:
    places = [("g6.xlarge", "us-east-1a"), ("m7i.2xlarge", "us-east-1-bos-1a")]
    aws.answers["DescribeInstanceTypeOfferings"] = lambda _: {
        "InstanceTypeOfferings": [
            {"InstanceType": name, "LocationType": "availability-zone", "Location": zone}
            for name, zone in places
        ]
    }
    fetched = fetch()
    assert set(prices(fetched)) == {"g6.xlarge"}
    assert ("m7i.2xlarge", "priced, but no zone of the region offers it") in {
        (reject.what, reject.reason) for reject in fetched.rejects
    }


def test_without_the_permission_zones_are_unknown_and_prices_are_not(aws: FakeAws) -> None:
    aws.faults["DescribeInstanceTypeOfferings"].append(
        ec2_error("UnauthorizedOperation", status=403)
    )
    fetched = fetch()
    assert len(fetched.options) == 3
    assert not any(row.get("obtainability") for row in fetched.options)
    (note,) = (reject for reject in fetched.rejects if reject.what == "zones")
    assert "ec2:DescribeInstanceTypeOfferings" in note.reason


def test_prices_are_asked_for_one_region_at_the_price_list_endpoint(aws: FakeAws) -> None:
    fetch(region="eu-west-1")
    asked = [call for call in aws.asked if call.operation == "GetProducts"]
    assert {call.region for call in asked} == {"us-east-1"}
    filters = {item["Field"]: item["Value"] for item in asked[0]["Filters"]}
    assert filters["regionCode"] == "eu-west-1"
    assert filters["marketoption"] == "OnDemand"
    assert {call.region for call in aws.asked if call.service == "ec2"} == {"eu-west-1"}


def test_spot_is_the_median_over_zones_with_the_advisors_band(aws: FakeAws) -> None:
    aws.files["/spot-advisor-data.json"] = lambda: json.dumps(ADVISOR).encode()
    fetched = fetch("spot")
    assert prices(fetched) == {"g6.xlarge": 0.36, "p5.48xlarge": 21.3942}
    assert {row["kind"] for row in fetched.options} == {"spot"}
    asked = next(call for call in aws.asked if call.operation == "DescribeSpotPriceHistory")
    assert asked["ProductDescription.1"] == "Linux/UNIX"
    assert asked.get("StartTime")
    g6, p5 = fetched.options
    assert (g6["interruption_per_month_low"], g6["interruption_per_month_high"]) == (0.05, 0.1)
    assert "Spot Instance Advisor" in g6["interruption_source"]
    assert "interruption_per_month_low" not in p5  # a range the feed does not explain


def test_spot_prices_come_without_the_advisor_too(aws: FakeAws) -> None:
    fetched = fetch("spot")
    assert len(fetched.options) == 2
    (note,) = fetched_notes(fetched, "interruptions")
    assert "HTTP 404" in note


def fetched_notes(fetched: Fetched, what: str) -> list[str]:
    return [reject.reason for reject in fetched.rejects if reject.what == what]


def test_a_machine_is_priced_only_as_it_may_be_used(aws: FakeAws) -> None:
    blocks_only = instance_type("p6e.48xlarge", usage=("capacity-block",))
    no_spot = instance_type("p5.48xlarge", gpu=("H100", 8, 81920), usage=("on-demand",))
    aws.answers["DescribeInstanceTypes"] = paged([blocks_only, no_spot], "InstanceTypes")
    aws.answers["GetProducts"] = paged([price_item("p6e.48xlarge", "90.0")], "PriceList")
    del aws.answers["DescribeInstanceTypeOfferings"]
    aws.answers["DescribeInstanceTypeOfferings"] = lambda _: {"InstanceTypeOfferings": []}
    source = AwsSource()
    on_demand = source.fetch("us-east-1", "on_demand", time.monotonic() + 60)
    assert on_demand.options == ()
    assert fetched_notes(on_demand, "p6e.48xlarge") == ["priced, but sold as capacity-block only"]
    spot = source.fetch("us-east-1", "spot", time.monotonic() + 60)
    assert fetched_notes(spot, "p5.48xlarge") == ["priced, but sold as on-demand only"]


def test_reservations_come_from_the_same_price_list(aws: FakeAws) -> None:
    terms = {
        "OnDemand": [term([("Hrs", "0.9")])],
        "Reserved": [
            lease(1, "No Upfront", [("Hrs", "0.6")]),
            lease(1, "Partial Upfront", [("Hrs", "0.29"), ("Quantity", "2500")]),
            lease(3, "All Upfront", [("Hrs", "0.0"), ("Quantity", "11000")]),
        ],
    }
    aws.answers["GetProducts"] = paged([priced("g6.xlarge", terms)], "PriceList")
    source = AwsSource()
    rows = source.fetch("us-east-1", "reservation", time.monotonic() + 60).options
    assert [
        (row["term_months"], row["payment"], row["upfront_usd"], row["usd_per_hour"])
        for row in rows
    ] == [
        (12, "no upfront", 0.0, 0.6),
        (12, "partial upfront", 2500.0, 0.29),
        (36, "all upfront", 11000.0, 0.0),
    ]
    assert {row["quota_class"] for row in rows} == {"aws/G and VT on-demand"}
    asked = aws.count("GetProducts")
    source.fetch("us-east-1", "on_demand", time.monotonic() + 60)
    assert (aws.count("GetProducts"), aws.count("DescribeInstanceTypes")) == (asked, 2)


def plan_rate(name: str, rate: str, usage: str = "BoxUsage") -> dict[str, Any]:
    properties = {"region": "us-east-1", "instanceType": name}
    return {
        "savingsPlanOffering": {
            "offeringId": "o-1",
            "planType": "Compute",
            "paymentOption": "No Upfront",
            "durationSeconds": 31536000,
            "currency": "USD",
        },
        "rate": rate,
        "unit": "Hrs",
        "productType": "EC2",
        "serviceCode": "AmazonEC2",
        "usageType": f"{usage}:{name}",
        "operation": "RunInstances",
        "properties": [{"name": key, "value": value} for key, value in properties.items()],
    }


def test_savings_plans_are_paged_by_hand(aws: FakeAws) -> None:
    rates = [
        plan_rate("g6.xlarge", "0.65"),
        plan_rate("g6.xlarge", "0.01", usage="UnusedBox"),
        plan_rate("p5.48xlarge", "40.1"),
        plan_rate("p9.ghost", "1.0"),
        plan_rate("m7i.2xlarge", "0.3"),
    ]
    aws.answers["DescribeSavingsPlansOfferingRates"] = paged(rates, "searchResults")
    fetched = fetch("savings_plan")
    assert prices(fetched) == {"g6.xlarge": 0.65, "m7i.2xlarge": 0.3, "p5.48xlarge": 40.1}
    assert {(row["term_months"], row["payment"]) for row in fetched.options} == {(12, "no upfront")}
    assert aws.count("DescribeSavingsPlansOfferingRates") == 3
    asked = next(call for call in aws.asked if call.service == "savingsplans")
    assert asked.region == "us-east-1"
    assert asked["savingsPlanTypes"] == ["Compute"]


def test_plan_pages_in_a_circle_end(aws: FakeAws) -> None:
    aws.answers["DescribeSavingsPlansOfferingRates"] = lambda _: {
        "searchResults": [],
        "nextToken": "again",
    }
    assert "same page token" in failure("savings_plan").problem


def test_blocks_are_asked_for_machines_that_are_sold_so(aws: FakeAws) -> None:
    aws.answers["DescribeInstanceTypes"] = paged(
        [
            instance_type("m7i.2xlarge"),
            instance_type("p5.48xlarge", usage=("on-demand", "spot", "capacity-block")),
            instance_type("p5en.48xlarge", usage=("on-demand", "capacity-block")),
        ],
        "InstanceTypes",
    )
    block = {
        "CapacityBlockOfferingId": "cb-1",
        "InstanceType": "p5.48xlarge",
        "InstanceCount": 1,
        "CapacityBlockDurationHours": 24,
        "UpfrontFee": "755.136",
        "CurrencyCode": "USD",
    }
    aws.answers["DescribeCapacityBlockOfferings"] = lambda asked: {
        "CapacityBlockOfferings": [block] if asked["InstanceType"] == "p5.48xlarge" else []
    }
    fetched = fetch("capacity_block")
    assert prices(fetched) == {"p5.48xlarge": 31.464}
    assert [row["instance_type"] for row in fetched.offers] == ["p5.48xlarge"]
    assert fetched_notes(fetched, "p5en.48xlarge") == ["no capacity block on offer"]
    asked = [c for c in aws.asked if c.operation == "DescribeCapacityBlockOfferings"]
    assert [call["InstanceType"] for call in asked] == ["p5.48xlarge", "p5en.48xlarge"]
    assert (asked[0]["InstanceCount"], asked[0]["CapacityDurationHours"]) == ("1", "24")


def test_blocks_that_all_cannot_be_read_are_a_failure_and_none_are_not(aws: FakeAws) -> None:
    assert fetch("capacity_block").options == ()  # no machine of the region is sold so
    aws.answers["DescribeInstanceTypes"] = paged(
        [instance_type("p5.48xlarge", usage=("capacity-block",))], "InstanceTypes"
    )
    aws.answers["DescribeCapacityBlockOfferings"] = lambda _: {
        "CapacityBlockOfferings": [{"InstanceType": "p5.48xlarge", "UpfrontFee": "1"}]
    }
    assert "without a count" in failure("capacity_block").problem


def test_all_kinds_of_a_region_ask_for_its_machines_once(aws: FakeAws) -> None:
    aws.answers["DescribeSavingsPlansOfferingRates"] = paged([], "searchResults")
    source = AwsSource()
    for kind in source.kinds:
        source.fetch("us-east-1", kind, time.monotonic() + 60)
    assert aws.count("DescribeInstanceTypes") == 2  # pages
