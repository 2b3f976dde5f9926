"""The Azure source with the real client libraries, against a fake Azure."""

from __future__ import annotations

import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.quotas import Quota
from catalog.sources import open_source
from catalog.sources.azure import AzureSource
from catalog.sources.azure_arm import missing_login, subscription_id
from catalog.sources.azure_quotas import quotas_of
from catalog.sources.azure_rows import eviction_band, spot_row
from catalog.sources.base import FetchFailed
from planner.cost.spot import interruptions_per_hour
from tests.catalog.azure_fixtures import (
    CPU,
    H100,
    T4,
    azure_fixture,  # noqa: F401
    failure,
    no_real_azure,  # noqa: F401
    options,
    prices,
    reasons,
    soon,
    use,
)
from tests.fakes.azure import SUBSCRIPTION, FakeAzure, arm_error
from tests.fakes.azure_world import (
    low_priority_meter,
    meter,
    restricted,
    size,
    spot_meter,
    usage,
    zones_restricted,
)


def test_nothing_is_missing_for_public_prices() -> None:
    source = open_source("azure")
    assert source.missing() is None
    assert source.needs.startswith("nothing for prices")


def test_on_demand_joins_prices_and_sizes(azure: FakeAzure) -> None:
    fetched = AzureSource().fetch("westus3", "on_demand", soon())
    assert prices(fetched) == {H100: 98.32, T4: 0.526, CPU: 0.192}
    offers = {row["instance_type"]: row for row in fetched.offers}
    assert (offers[H100]["accelerator"], offers[H100]["accelerator_count"]) == ("H100-80GB", 8)
    assert {row["region"] for row in fetched.offers} == {"westus3"}
    assert options(fetched)[H100, 0]["quota_class"] == "azure/NDisr_H100_v5"
    assert "resource_skus.list" in fetched.source
    assert "prices.azure.com" in fetched.source


def test_a_region_may_be_written_in_any_case_but_must_be_one(azure: FakeAzure) -> None:
    source = AzureSource()
    assert len(source.fetch("WestUS3", "on_demand", soon()).options) == 3
    asked = len(azure.calls)
    for word in ("west' or 1 eq 1", "../x", "", "westus3 eastus"):
        assert "not the name of an Azure region" in failure(source, region=word).problem
    assert len(azure.calls) == asked
    assert "has no capacity_block" in failure(source, "capacity_block").problem


def test_all_kinds_of_a_region_need_each_answer_once(azure: FakeAzure) -> None:
    source = AzureSource()
    for kind in source.kinds:
        assert source.fetch("westus3", kind, soon()).options
    assert azure.count("/skus") == 1
    assert azure.count("/prices") == 2  # consumption, reservation
    assert azure.count("ResourceGraph") == 1
    assert azure.count("oauth2") == 1


def test_threads_share_what_a_region_answers(azure: FakeAzure) -> None:
    source = AzureSource()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(source.fetch, "westus3", kind, soon()) for kind in source.kinds * 4]
        assert all(found.result().options for found in asked)
    assert (azure.count("/skus"), azure.count("/prices"), azure.count("oauth2")) == (1, 2, 1)


def test_low_priority_is_of_other_services_and_said_so(azure: FakeAzure) -> None:
    azure.regions["westus3"].meters.append(low_priority_meter(CPU, 0.03))
    fetched = AzureSource().fetch("westus3", "spot", soon())
    assert prices(fetched)[CPU] == 0.04
    assert "Azure Machine Learning only" in reasons(fetched)["1 meters of westus3"]


def test_spot_carries_the_hourly_eviction_band_as_a_monthly_one(azure: FakeAzure) -> None:
    found = options(AzureSource().fetch("westus3", "spot", soon()))
    assert {name: row["usd_per_hour"] for (name, _), row in found.items()} == {
        H100: 31.4,
        T4: 0.15,
        CPU: 0.04,
    }
    low = found[T4, 0]
    assert low["interruption_per_month_low"] == 0
    assert 0.99 < low["interruption_per_month_high"] < 1
    assert "next hour" in low["interruption_source"]
    assert low["quota_class"] == "azure/low-priority vCPUs"
    assert low["confidence"] == "volatile"
    assert 0.99 < found[H100, 0]["interruption_per_month_low"] < 1


@pytest.mark.parametrize("bucket", ["", "unknown", "5", "-5", "10-5", "0-500", "5-10-15", "5 to 9"])
def test_a_bucket_that_is_none_is_an_unknown_rate(bucket: str) -> None:
    assert eviction_band(bucket) is None
    row = spot_row(T4, "westus3", 0.15, 0.526, {T4.lower(): bucket})
    assert "interruption_per_month_low" not in row
    assert "interruption_source" not in row


@pytest.mark.parametrize("bucket", ["0-5", "5-10", "10-15", "15-20", "20+"])
def test_every_bucket_gives_the_planner_a_finite_hazard_of_the_right_order(bucket: str) -> None:
    band = eviction_band(bucket)
    assert band is not None
    hazard, unknown = interruptions_per_hour(np.array([band[0]]), np.array([band[1]]))
    assert not unknown[0]
    assert math.isfinite(hazard[0])
    if bucket == "0-5":
        assert 0 < hazard[0] < 0.05
    else:  # 5 % an hour is as much as a month's share can say
        assert 0.05 < hazard[0] < 0.055
    hourly = [int(part) / 100 for part in bucket.rstrip("+").split("-")]
    monthly = 1 - (1 - hourly[0]) ** 730
    assert band[0] == pytest.approx(monthly, abs=1e-12)


def test_a_spot_price_above_on_demand_is_of_low_confidence(azure: FakeAzure) -> None:
    azure.regions["westus3"].meters[5] = spot_meter(T4, 0.6)
    found = options(AzureSource().fetch("westus3", "spot", soon()))
    assert found[T4, 0]["confidence"] == "low"
    assert found[CPU, 0]["confidence"] == "volatile"


def test_a_size_that_cannot_be_spot_is_not_offered_as_such(azure: FakeAzure) -> None:
    azure.regions["westus3"].sizes[2] = size(CPU, LowPriorityCapable="False")
    fetched = AzureSource().fetch("westus3", "spot", soon())
    assert CPU not in prices(fetched)
    assert "cannot be spot" in reasons(fetched)[f"{CPU} spot"]


def test_reservations_and_savings_plans_are_by_the_hour_and_paid_monthly(azure: FakeAzure) -> None:
    source = AzureSource()
    reserved = options(source.fetch("westus3", "reservation", soon()))
    assert reserved[H100, 12]["usd_per_hour"] == pytest.approx(68.888, abs=0.001)
    assert reserved[H100, 36]["usd_per_hour"] == pytest.approx(45.205, abs=0.001)
    planned = options(source.fetch("westus3", "savings_plan", soon()))
    assert planned[H100, 12]["usd_per_hour"] == 68.8
    assert planned[CPU, 36]["usd_per_hour"] == 0.1
    for row in (*reserved.values(), *planned.values()):
        assert (row["payment"], row["upfront_usd"]) == ("monthly", 0)
        assert row["quota_class"].startswith("azure/")
        assert "low-priority" not in row["quota_class"]


def test_what_keeps_the_subscription_from_a_size_is_said_beside_its_price(
    azure: FakeAzure,
) -> None:
    azure.regions["westus3"].sizes[0] = size(
        H100, "WestUS3", 96, 1900, 8, restrictions=[restricted("westus3")]
    )
    azure.regions["westus3"].sizes[1] = size(
        T4, "westus3", 4, 28, 1, restrictions=[zones_restricted("westus3", "2")]
    )
    found = options(AzureSource().fetch("westus3", "on_demand", soon()))
    assert "NotAvailableForSubscription" in found[H100, 0]["obtainability"]
    assert found[T4, 0]["obtainability"].startswith("not in zone 2")
    assert found[CPU, 0]["obtainability"] == ""


def test_prices_without_a_size_and_gpus_without_facts_are_rejects(azure: FakeAzure) -> None:
    region = azure.regions["westus3"]
    region.meters += [meter("Standard_X9_v9", 3.0), meter("Standard_NX8_Q9_v9", 9.0)]
    region.sizes.append(size("Standard_NX8_Q9_v9", gpus=2))
    told = reasons(AzureSource().fetch("westus3", "on_demand", soon()))
    assert told["Standard_X9_v9"] == "priced, but not among the region's sizes"
    assert told["Standard_NX8_Q9_v9"] == "no facts about its GPU"


def test_the_feed_and_the_sizes_may_differ_in_case(azure: FakeAzure) -> None:
    azure.regions["westus3"].meters[6] = meter("Standard_d4S_v5", 0.192)
    assert prices(AzureSource().fetch("westus3", "on_demand", soon()))[CPU] == 0.192


def test_all_pages_of_sizes_and_evictions_are_read(azure: FakeAzure) -> None:
    azure.sku_page_size = azure.graph_page_size = 1
    found = options(AzureSource().fetch("westus3", "spot", soon()))
    assert len(found) == 3
    assert all("interruption_source" in row for row in found.values())
    assert azure.count("/skus") == 3
    # The only filter that the service has keeps 20 MB of other regions away.
    assert {c.query.get("$filter") for c in azure.calls if "/skus" in c.path} == {
        "location eq 'westus3'"
    }


def test_without_a_login_prices_are_joined_with_what_the_catalog_knows(
    azure: FakeAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID")
    azure.regions["westus3"].meters.append(meter("Standard_X9_v9", 3.0))
    source = AzureSource()
    fetched = source.fetch("westus3", "on_demand", soon())
    assert prices(fetched) == {H100: 98.32, T4: 0.526, CPU: 0.192}
    assert {row["instance_type"]: row["vcpus"] for row in fetched.offers}[H100] == 96
    assert "no Azure login" in fetched.source
    told = reasons(fetched)
    assert "the catalog has no facts" in told["Standard_X9_v9"]
    assert "AZURE_SUBSCRIPTION_ID" in told["VM sizes"]
    assert "az login" in told["VM sizes"]
    assert {call.path for call in azure.calls} == {"/api/retail/prices"}
    spot = source.fetch("westus3", "spot", soon())
    assert not any("interruption_source" in row for row in spot.options)


def test_without_the_extra_prices_still_come(
    azure: FakeAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("catalog.sources.azure_arm.MODULES", ("azure.mgmt.nowhere",))
    fetched = AzureSource().fetch("westus3", "on_demand", soon())
    assert len(fetched.options) == 3
    assert "ai-capacity-planner[azure]" in reasons(fetched)["VM sizes"]


def test_a_login_that_may_not_see_sizes_is_a_remark_not_a_failure(azure: FakeAzure) -> None:
    azure.closed["skus"] = arm_error("AuthorizationFailed", 403)
    fetched = AzureSource().fetch("westus3", "on_demand", soon())
    assert len(fetched.options) == 3
    assert "Reader role" in reasons(fetched)["VM sizes"]


def test_a_login_that_may_not_see_evictions_leaves_them_unknown(azure: FakeAzure) -> None:
    azure.closed["evictions"] = arm_error("AuthorizationFailed", 403)
    fetched = AzureSource().fetch("westus3", "spot", soon())
    assert len(fetched.options) == 3
    assert not any("interruption_source" in row for row in fetched.options)
    assert "may not do this" in reasons(fetched)["eviction rates"]


def test_a_region_without_machines_is_a_failure_not_an_empty_slice(azure: FakeAzure) -> None:
    assert "lists no usable VM size" in failure(AzureSource(), region="marscentral").problem


def test_quotas_are_named_as_the_catalog_names_them(azure: FakeAzure) -> None:
    region = azure.regions["westus3"]
    region.usages[2] = usage(region.sizes[0]["family"].upper(), 192, 96)
    found = AzureSource().fetch_quotas("westus3", soon())
    assert set(found.quotas) == {
        Quota("azure/low-priority vCPUs", 100, 4, "vCPU"),
        Quota("azure/NDisr_H100_v5", 192, 96, "vCPU"),
    }
    assert [reject.what for reject in found.rejects] == ["cores"]


def test_a_family_of_several_classes_gives_each_its_limit() -> None:
    families = {
        "Standard_ND96isr_H100_v5": "standardNDSH100v5Family",
        "Standard_ND96is_H100_v5": "standardNDSH100v5Family",
        "Standard_D4s_v5": "standardDSv5Family",
    }
    quotas, _ = quotas_of([usage("StandardNDSH100v5Family", 96, 0)], families)
    assert {quota.quota_class for quota in quotas} == {
        "azure/NDisr_H100_v5",
        "azure/NDis_H100_v5",
    }
    assert {quota.limit for quota in quotas} == {96}


@pytest.mark.parametrize("limit", [None, "96", -1, math.nan, math.inf, {"value": 9}, True])
def test_a_limit_that_is_none_is_a_reject(limit: Any) -> None:
    quotas, rejects = quotas_of([usage("lowPriorityCores", limit)], {})
    assert (quotas, len(rejects)) == ([], 1)


def test_quotas_without_a_login_say_what_to_run(
    azure: FakeAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert AzureSource().has_quotas
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID")
    source = AzureSource()
    assert not source.has_quotas  # a refresh of public prices does not ask for them
    with pytest.raises(FetchFailed, match="no Azure subscription is chosen") as caught:
        source.fetch_quotas("westus3", soon())
    assert "AZURE_SUBSCRIPTION_ID" in caught.value.remedy


def test_the_subscription_is_that_of_az_unless_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert subscription_id() == ""
    missing = missing_login()
    assert missing is not None
    assert "az login" in missing.remedy
    profile = {
        "subscriptions": [
            {"id": "other", "isDefault": False},
            {"id": SUBSCRIPTION, "isDefault": True},
        ]
    }
    monkeypatch.setenv("AZURE_CONFIG_DIR", str(tmp_path))
    # `az` writes its profile with a byte order mark.
    (tmp_path / "azureProfile.json").write_text(json.dumps(profile), encoding="utf-8-sig")
    assert subscription_id() == SUBSCRIPTION
    assert missing_login() is None
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", "named")
    assert subscription_id() == "named"
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID")
    (tmp_path / "azureProfile.json").write_text("[}")
    assert subscription_id() == ""


def test_plain_http_is_for_this_machine_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_ENDPOINT_AZURE", "http://prices.example.com")
    monkeypatch.setenv("AZURE_SUBSCRIPTION_ID", SUBSCRIPTION)
    assert "not https" in failure(AzureSource()).problem


def test_the_world_of_the_fake_comes_in_whole(
    azure: FakeAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.populate(["eastus", "germanywestcentral"], seed=3)
    use(azure, monkeypatch)
    source = AzureSource()
    for region in ("eastus", "germanywestcentral"):
        for kind in source.kinds:
            fetched = source.fetch(region, kind, soon(60))
            assert len(fetched.options) > 400
            named = {row["instance_type"] for row in fetched.offers}
            assert named == {row["instance_type"] for row in fetched.options}
            assert all(row["usd_per_hour"] > 0 for row in fetched.options)
    assert len(source.fetch_quotas("eastus", soon()).quotas) > 50
