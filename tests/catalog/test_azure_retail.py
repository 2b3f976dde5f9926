"""Each trap of Azure's retail price feed, one by one."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from catalog.sources.azure_retail import (
    PATH,
    VIRTUAL_MACHINES,
    OutOfScope,
    PriceList,
    meter_of,
    price_list,
    walk,
)
from catalog.sources.base import FetchFailed
from catalog.sources.http import HttpClient
from tests.catalog.azure_fixtures import (
    CPU,
    H100,
    T4,
    azure_fixture,  # noqa: F401
    no_real_azure,  # noqa: F401
    soon,
)
from tests.fakes.azure import FakeAzure
from tests.fakes.azure_world import (
    low_priority_meter,
    meter,
    reservation_meter,
    savings,
    spot_meter,
)
from tests.fakes.server import Call, Fault, Reply, json_reply

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def listed(*items: dict[str, Any]) -> PriceList:
    return price_list(items, "westus3", NOW)


def rejected(*items: dict[str, Any]) -> str:
    """The one reason why there is no price."""
    found = listed(*items)
    assert not (found.on_demand or found.spot or found.low_priority or found.reservation)
    assert len(found.rejects) == 1
    return found.rejects[0].reason


def test_the_plain_meters() -> None:
    found = listed(meter(CPU, 0.192), spot_meter(CPU, 0.04), low_priority_meter(CPU, 0.03))
    assert (found.on_demand, found.spot, found.low_priority) == (
        {CPU: 0.192},
        {CPU: 0.04},
        {CPU: 0.03},
    )
    assert found.rejects == []


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (meter(CPU, 9.0, productName="Virtual Machines Dsv5 Series Windows"), "Windows"),
        (meter(CPU, 9.0, productName="Dsv5 Series Win"), "Windows"),
        (spot_meter(CPU, 9.0, productName="Virtual Machines Dsv5 Series Windows"), "Windows"),
        (meter(CPU, 9.0, productName="Dsv5 Series Cloud Services"), "Cloud Services"),
        (meter(CPU, 9.0, productName="Dv3 Series CloudServices"), "Cloud Services"),
        (meter(CPU, 9.0, productName="Dsv5 Series Dedicated Host"), "dedicated host"),
        (meter("Dsv3_Type1", 9.0), "no VM size"),
        (meter("", 9.0, productName="Capacity"), "no VM size"),
        (meter(CPU, 9.0, type="DevTestConsumption"), "Dev/Test"),
        (meter(CPU, 9.0, type="Subscription"), "price type Subscription"),
        (meter(CPU, 9.0, meterName="D4s v5 Expired"), "expired"),
        (meter(CPU, 9.0, effectiveStartDate="2026-11-25T12:00:01Z"), "of the future"),
        (meter(CPU, 9.0, effectiveEndDate="2026-11-25T12:00:00Z"), "of the past"),
        (meter(CPU, 9.0, tierMinimumUnits=100.0), "volume tier"),
        (meter(CPU, 9.0, "westus2"), "another region"),
    ],
)
def test_meters_of_something_else_are_counted_and_left(item: dict[str, Any], reason: str) -> None:
    assert reason in rejected(item)
    with pytest.raises(OutOfScope):
        meter_of(item, "westus3", NOW)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (meter(CPU, 0.0), "price 0.0 is none"),
        (meter(CPU, -1.0), "price -1.0 is none"),
        (meter(CPU, 1.0, retailPrice=None), "price None is none"),
        (meter(CPU, 1.0, retailPrice={"value": 1}), "is none"),
        (meter(CPU, 1.0, currencyCode="EUR"), "priced in EUR"),
        (meter(CPU, 1.0, unitOfMeasure="1/Month"), "priced per 1/Month"),
        (meter(CPU, 1.0, unitOfMeasure="0 Hours"), "priced per 0 Hours"),
        (meter(CPU, 1.0, unitOfMeasure=None), "not by the hour"),
        (meter(CPU, 1.0, effectiveStartDate="soon"), "effectiveStartDate"),
        (meter(CPU, 1.0, effectiveStartDate=None), "effectiveStartDate"),
        (reservation_meter(CPU, 900.0, 2), "reservation of 2 Years"),
    ],
)
def test_meters_that_are_no_usable_price_are_named_with_the_reason(
    item: dict[str, Any], reason: str
) -> None:
    assert reason in rejected(item)
    assert CPU in listed(item).rejects[0].what


def test_a_price_from_now_on_counts_and_one_without_a_zone_is_taken_as_utc() -> None:
    for start in ("2026-11-25T12:00:00Z", "2026-11-25T12:00:00", "2026-11-25T13:00:00+01:00"):
        assert listed(meter(CPU, 0.192, effectiveStartDate=start)).on_demand == {CPU: 0.192}


def test_a_price_by_a_hundred_hours_becomes_one_by_the_hour() -> None:
    item = meter(CPU, 19.2, unitOfMeasure="100 Hours", savingsPlan=savings(15.0, 10.0))
    found = listed(item)
    assert found.on_demand == {CPU: pytest.approx(0.192)}
    assert found.savings_plan == {CPU: {1: pytest.approx(0.15), 3: pytest.approx(0.1)}}


def test_the_region_is_the_same_in_any_case() -> None:
    assert listed(meter(CPU, 0.192, "WestUS3")).on_demand == {CPU: 0.192}


def test_a_reservation_states_its_whole_term_though_the_unit_says_an_hour() -> None:
    found = listed(reservation_meter(H100, 603460.0, 1), reservation_meter(H100, 1188000.0, 3))
    assert found.reservation[H100] == {
        1: pytest.approx(68.888, abs=0.001),
        3: pytest.approx(45.205, abs=0.001),
    }


def test_reservations_that_became_hourly_are_noticed() -> None:
    hourly = ((H100, 68.9), (T4, 0.35), (CPU, 0.12))
    with pytest.raises(FetchFailed, match="no longer priced for their whole term"):
        listed(*(reservation_meter(name, usd, 1) for name, usd in hourly))


def test_the_smallest_machine_may_be_reserved() -> None:
    assert listed(reservation_meter("Standard_B1ls", 53.0, 3)).reservation


def test_a_savings_plan_above_on_demand_is_none() -> None:
    found = listed(meter(CPU, 0.192, savingsPlan=savings(0.3, 0.1)))
    assert found.savings_plan == {CPU: {3: 0.1}}
    assert "above on demand" in found.rejects[0].reason


@pytest.mark.parametrize(
    "plans", [None, 4, "x", [None], [{"term": "9 Years", "retailPrice": 1}], [{"term": "1 Year"}]]
)
def test_savings_plans_of_another_shape_are_none(plans: Any) -> None:
    found = listed(meter(CPU, 0.192, savingsPlan=plans))
    assert (found.on_demand, found.savings_plan) == ({CPU: 0.192}, {})


def test_copies_of_a_meter_from_other_regions_do_not_count() -> None:
    copy = meter(CPU, 0.25, isPrimaryMeterRegion=False, meterId="copy")
    assert listed(copy, meter(CPU, 0.192)).on_demand == {CPU: 0.192}
    # Where there are only copies, they are the price.
    assert listed(copy).on_demand == {CPU: 0.25}


def test_of_one_meter_the_newest_price_counts() -> None:
    old = meter(CPU, 0.2, meterId="m", effectiveStartDate="2020-01-01T00:00:00Z")
    new = meter(CPU, 0.192, meterId="m", effectiveStartDate="2026-01-01T00:00:00Z")
    coming = meter(CPU, 0.1, meterId="m", effectiveStartDate="2027-01-01T00:00:00Z")
    for items in ((old, new, coming), (coming, new, old)):
        assert listed(*items).on_demand == {CPU: 0.192}


def test_two_meters_with_two_prices_are_rejected_not_guessed() -> None:
    assert rejected(meter(CPU, 0.2, meterId="a"), meter(CPU, 0.1, meterId="b")) == (
        "listed at $0.1 and $0.2"
    )
    assert listed(meter(CPU, 0.2, meterId="a"), meter(CPU, 0.2, meterId="b")).on_demand


@pytest.fixture
def client(azure: FakeAzure, tmp_path: Path) -> HttpClient:
    return HttpClient("azure", "https://prices.azure.com", cache_folder=tmp_path / "http")


def walked(client: HttpClient, region: str = "westus3") -> list[Any]:
    return list(walk(client, region, VIRTUAL_MACHINES, "Consumption", soon()))


def test_all_pages_of_one_region_are_read(azure: FakeAzure, client: HttpClient) -> None:
    azure.page_size = 2
    assert len(walked(client)) == 6
    calls = [call.query for call in azure.calls]
    assert len(calls) == 3
    assert {call["currencyCode"] for call in calls} == {"USD"}
    assert all("armRegionName eq 'westus3'" in call["$filter"] for call in calls)
    # The filter's values are compared with their case: a wrong one would find nothing.
    assert all("serviceName eq 'Virtual Machines'" in call["$filter"] for call in calls)
    assert walked(client, "WestUS3") == []


def test_the_version_with_savings_plans_is_asked_on_every_page(
    azure: FakeAzure, client: HttpClient
) -> None:
    """A next-page link that has lost the version gets it back."""
    azure.page_size = 2
    plain = azure.answer

    def forgetful(call: Call) -> Reply:
        return Reply(200, plain(call).body.replace(b"api-version=2023-01-01-preview&", b""), {})

    azure.answer = forgetful  # type: ignore[method-assign]
    found = walked(client)
    assert sum("savingsPlan" in item for item in found) == 3
    assert {call.query["api-version"] for call in azure.calls} == {"2023-01-01-preview"}


def test_a_next_page_on_another_host_is_not_asked(azure: FakeAzure, client: HttpClient) -> None:
    other = "http://127.0.0.2:9/api/retail/prices?$skip=2"
    page = {"BillingCurrency": "USD", "Items": [], "NextPageLink": other, "Count": 0}
    azure.queue(Fault("elsewhere", lambda _call, _reply: json_reply(page)))
    with pytest.raises(FetchFailed, match="points to another host"):
        walked(client)
    assert len(azure.calls) == 1


def test_a_walk_in_a_circle_ends(azure: FakeAzure, client: HttpClient) -> None:
    link = f"{azure.url}{PATH}?$skip=2"
    page = {"BillingCurrency": "USD", "Items": [], "NextPageLink": link, "Count": 0}
    azure.closed["prices"] = json_reply(page)
    with pytest.raises(FetchFailed, match="nowhere new"):
        walked(client)
    assert len(azure.calls) == 2


def test_a_walk_without_end_ends(
    azure: FakeAzure, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.sources.azure_retail.MAX_PAGES", 2)
    azure.page_size = 1
    with pytest.raises(FetchFailed, match="more than 2 pages"):
        walked(client)


@pytest.mark.parametrize(
    ("page", "problem"),
    [
        ({"BillingCurrency": "EUR", "Items": [], "Count": 0}, "prices in EUR, not in USD"),
        ({"Items": [], "Count": 0}, "not in USD"),
        ({"BillingCurrency": "USD", "Count": 0}, "no Items"),
        ({"BillingCurrency": "USD", "Items": [], "Count": 7}, "0 items where 7"),
        ([], "no Items"),
        ({"BillingCurrency": "USD", "Items": [], "Count": 0, "NextPageLink": 4}, "nowhere new"),
    ],
)
def test_an_answer_of_another_shape_is_said(
    azure: FakeAzure, client: HttpClient, page: Any, problem: str
) -> None:
    azure.closed["prices"] = json_reply(page)
    with pytest.raises(FetchFailed, match=problem):
        walked(client)


def test_items_that_are_none_are_left(azure: FakeAzure, client: HttpClient) -> None:
    page = {"BillingCurrency": "USD", "Items": [None, 3, meter(T4, 0.5)], "Count": 3}
    azure.closed["prices"] = json_reply(page)
    assert price_list(walked(client), "westus3", NOW).on_demand == {T4: 0.5}


def test_a_page_is_cut_off_and_asked_again(azure: FakeAzure, client: HttpClient) -> None:
    azure.queue(Fault.truncated())
    start = time.monotonic()
    assert len(walked(client)) == 6
    assert len(azure.calls) == 2
    assert time.monotonic() - start < 5
