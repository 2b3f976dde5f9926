"""Azure Machine Learning's own prices, with the real client libraries against a fake Azure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog import Catalog
from catalog.integrity import Effect, LastGood, check_slice
from catalog.refreshed import Slice, write_slice
from catalog.sources import open_source
from catalog.sources.azure_ml import AzureMlSource
from catalog.sources.azure_ml_rows import Surcharge, documented, supported_of, surcharge_of
from catalog.sources.base import FetchFailed
from tests.catalog.azure_fixtures import (
    CPU,
    H100,
    T4,
    failure,
    no_real_azure,  # noqa: F401
    options,
    prices,
    reasons,
    small_region,
    soon,
    use,
)
from tests.fakes.azure import arm_error
from tests.fakes.azure_ml import FakeAzureMl
from tests.fakes.azure_world import low_priority_meter, ml_size, size, surcharge_meter

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
VCPU, GPU = "Standard Training vCPU Surcharge", "Standard Training GPU Surcharge"


@pytest.fixture
def ml(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAzureMl]:
    with FakeAzureMl() as fake:
        use(fake, monkeypatch)
        fake.regions["westus3"] = small_region()
        fake.regions["westus3"].meters += [
            low_priority_meter(H100, 19.66),
            low_priority_meter(CPU, 0.038),
        ]
        yield fake


def surcharge(*items: dict[str, Any]) -> Surcharge:
    return surcharge_of(items, "westus3", NOW)[0]


def test_it_has_a_name_a_platform_and_needs_nothing_for_prices() -> None:
    source = open_source("azure-ml")
    assert (source.cloud, source.platform, source.missing()) == ("azure", "azure-ml", None)


def test_without_surcharge_a_node_costs_what_the_machine_does(ml: FakeAzureMl) -> None:
    fetched = AzureMlSource().fetch("westus3", "on_demand", soon())
    assert prices(fetched) == {H100: 98.32, T4: 0.526, CPU: 0.192}
    rows = options(fetched)
    assert rows[H100, 0]["quota_class"] == "azure-ml/NDisr_H100_v5"
    assert {row["confidence"] for row in fetched.options} == {"document"}
    assert "the service's list of VM sizes" in fetched.source
    assert {row["instance_type"] for row in fetched.offers} == {H100, T4, CPU}


def test_a_surcharge_of_the_feed_comes_on_top_by_vcpu_and_by_gpu(ml: FakeAzureMl) -> None:
    region = ml.regions["westus3"]
    region.meters = [m for m in region.meters if not m["meterName"].endswith("Surcharge")]
    region.meters += [surcharge_meter(VCPU, 0.01), surcharge_meter(GPU, 0.5)]
    source = AzureMlSource()
    assert prices(source.fetch("westus3", "on_demand", soon())) == {
        H100: pytest.approx(98.32 + 96 * 0.01 + 8 * 0.5),
        T4: pytest.approx(0.526 + 4 * 0.01 + 0.5),
        CPU: pytest.approx(0.192 + 4 * 0.01),
    }
    low = prices(source.fetch("westus3", "spot", soon()))
    assert low[H100] == pytest.approx(19.66 + 96 * 0.01 + 8 * 0.5)


def test_a_part_of_a_gpu_is_one_to_the_surcharge() -> None:
    offer = {"vcpus": 6, "accelerator_count": 0.1667}
    assert Surcharge(0.0, 0.5).of(offer) == 0.5
    assert Surcharge(None, None).of(offer) == 0


def test_without_surcharge_meters_the_plain_rate_is_derived(ml: FakeAzureMl) -> None:
    region = ml.regions["westus3"]
    region.meters = [m for m in region.meters if not m["meterName"].endswith("Surcharge")]
    fetched = AzureMlSource().fetch("westus3", "on_demand", soon())
    assert prices(fetched)[CPU] == 0.192
    assert {row["confidence"] for row in fetched.options} == {"derived"}


def test_low_priority_is_spot_where_the_size_has_it(ml: FakeAzureMl) -> None:
    fetched = AzureMlSource().fetch("westus3", "spot", soon())
    # The service says that the CPU machine is dedicated only; the T4 has no such meter.
    assert prices(fetched) == {H100: 19.66}
    assert fetched.options[0]["quota_class"] == "azure-ml/low-priority vCPUs"
    assert fetched.options[0]["confidence"] == "volatile"
    assert "not for Azure ML" in reasons(fetched)["1 VM sizes of westus3"]


def test_meters_of_endpoints_are_told_and_not_added(ml: FakeAzureMl) -> None:
    region = ml.regions["westus3"]
    region.meters += [
        surcharge_meter("Standard GPU Surcharge", 0.11),
        surcharge_meter("PB vCPU Surcharge", 0.055),
        surcharge_meter(
            "NCadsA100v4 Capacity Unit", 5.0, productName="Managed Model Hosting Service"
        ),
    ]
    fetched = AzureMlSource().fetch("westus3", "on_demand", soon())
    assert prices(fetched)[T4] == 0.526
    told = reasons(fetched)
    assert "$0.11 by the hour, of endpoints" in told["Standard GPU Surcharge"]
    assert told["1 meters of Managed Model Hosting Service"] == "not of compute"


@pytest.mark.parametrize(
    "item",
    [
        surcharge_meter(VCPU, 0.1, type="DevTestConsumption"),
        surcharge_meter(VCPU, 0.1, effectiveStartDate="2027-01-01T00:00:00Z"),
        surcharge_meter(VCPU, 0.1, "westus2"),
        surcharge_meter(VCPU, 0.1, currencyCode="EUR"),
        surcharge_meter(VCPU, 0.1, unitOfMeasure="1/Month"),
        surcharge_meter(VCPU, 0.1, retailPrice=None),
        surcharge_meter(VCPU, -0.1),
        surcharge_meter(VCPU, 0.1, productName="Azure Machine Learning Enterprise Training"),
    ],
)
def test_a_surcharge_that_is_none_is_unknown_not_zero(item: dict[str, Any]) -> None:
    assert surcharge(item).vcpu is None
    assert not surcharge(item, surcharge_meter(GPU, 0.0)).is_known


def test_of_two_dates_the_newest_surcharge_counts() -> None:
    old = surcharge_meter(VCPU, 0.1, effectiveStartDate="2020-01-01T00:00:00Z")
    assert surcharge(surcharge_meter(VCPU, 0.0), old).vcpu == 0
    assert surcharge(old, surcharge_meter(VCPU, 0.0)).vcpu == 0


def test_sizes_that_clusters_do_not_take_are_left(ml: FakeAzureMl) -> None:
    ml.regions["westus3"].ml_sizes[1] = ml_size(T4, types=("ComputeInstance",))
    assert T4 not in prices(AzureMlSource().fetch("westus3", "on_demand", soon()))


def test_an_older_service_says_nothing_of_compute_types() -> None:
    found = supported_of([{"name": T4}, {"name": None}, {}], "westus3")
    assert found.sizes == {T4.lower()}
    with pytest.raises(FetchFailed, match="lists no VM size"):
        supported_of([{}], "westus3")


def test_without_a_login_the_documented_series_are_offered(
    ml: FakeAzureMl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_SUBSCRIPTION_ID")
    fetched = AzureMlSource().fetch("westus3", "on_demand", soon())
    assert prices(fetched) == {H100: 98.32, T4: 0.526}  # Dsv5 is not on the page
    assert "documented" in fetched.source
    assert {call.path for call in ml.calls} == {"/api/retail/prices"}


def test_a_login_that_may_not_ask_the_service_falls_back_to_the_page(ml: FakeAzureMl) -> None:
    ml.closed["vmSizes"] = arm_error("AuthorizationFailed", 403)
    source = AzureMlSource()
    fetched = source.fetch("westus3", "on_demand", soon())
    assert prices(fetched) == {H100: 98.32, T4: 0.526}
    low = source.fetch("westus3", "spot", soon())
    assert prices(low) == {H100: 19.66}
    for found in (fetched, low):
        assert "Reader role" in reasons(found)["Azure ML sizes"]


def test_a_service_without_a_list_is_a_failure(ml: FakeAzureMl) -> None:
    ml.regions["westus3"].ml_sizes = []
    assert "lists no VM size" in failure(AzureMlSource()).problem
    assert "has no reservation" in failure(AzureMlSource(), "reservation").problem


@pytest.mark.parametrize(
    ("name", "is_documented"),
    [
        ("Standard_NC24ads_A100_v4", True),
        ("Standard_ND96asr_v4", True),
        ("Standard_ND96isr_H200_v5", True),
        ("Standard_NC80adis_H100_v5", True),
        ("Standard_DS3_v2", True),
        ("Standard_D4s_v3", True),
        ("Standard_F16s_v2", True),
        ("Standard_HB120-32rs_v3", True),
        ("Standard_NV36ads_A10_v5", False),
        ("Standard_ND96isr_MI300X_v5", False),
        ("Standard_D4s_v5", False),
    ],
)
def test_documented_series(name: str, is_documented: bool) -> None:
    assert (name.lower() in documented([name]).sizes) is is_documented


def test_the_slice_is_believed_and_takes_the_place_of_the_derived_prices(
    ml: FakeAzureMl, catalog: Catalog, tmp_path: Path
) -> None:
    ml.regions["eastus"] = small_region("eastus")
    ml.regions["eastus"].meters.append(low_priority_meter(H100, 19.66, "eastus"))
    ml.regions["eastus"].sizes.append(size("Standard_D8s_v5", "eastus", 8, 32))
    refreshed = tmp_path / "own" / "refreshed"
    source = AzureMlSource()
    for kind in source.kinds:
        got = source.fetch("eastus", kind, soon())
        part = Slice(
            "azure-ml", "azure", "eastus", kind, got.fetched_at, got.source, got.offers,
            got.options, "azure-ml",
        )  # fmt: skip
        last_good = LastGood(catalog, "azure", "eastus", kind, "azure-ml")
        kept, findings = check_slice(part, last_good)
        assert [f for f in findings if f.effect is not Effect.NOTE] == []
        write_slice(refreshed, kept)
    offers = Catalog.open(tmp_path / "own").offers
    mine = offers.is_in("platform", ["azure-ml"]) & offers.is_in("region", ["eastus"])
    found = {
        (offers.text("instance_type", int(row)), offers.text("kind", int(row))): float(
            offers.numbers["usd_per_hour"][row]
        )
        for row in np.flatnonzero(mine)
    }
    assert found == {
        (H100, "on_demand"): 98.32,
        (H100, "spot"): 19.66,
        (T4, "on_demand"): 0.526,
        (CPU, "on_demand"): 0.192,
    }
