"""Google Cloud through its real client libraries, against a fake on loopback."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from catalog.quotas import Quota
from catalog.sources.base import FetchFailed
from catalog.sources.gcp import GcpSource
from tests.catalog.gcp_setup import (
    BELGIUM,
    C3,
    IOWA,
    SKUS,
    fetch,
    gcp,
    rate,
    reasons,
    usd,
)
from tests.fakes.gcp import COMPUTE, FakeGcp, machine, refusal, sku
from tests.fakes.server import Fault

__all__ = ["gcp"]  # a fixture


def test_machines_cost_the_sum_of_skus_on_all_pages(gcp: FakeGcp) -> None:
    found = fetch()
    assert usd(found) == {
        "a3-highgpu-8g": pytest.approx(88.49, abs=0.005),  # as Google publishes it
        "a4-highgpu-8g": pytest.approx(8 * 16.11),
        "c3-standard-8": pytest.approx(8 * 0.03398 + 32 * 0.00456),
        "ct5lp-hightpu-4t": pytest.approx(4.8),
        "tpu-v3-8": pytest.approx(8.8),
        "tpu-v5litepod-16": pytest.approx(19.2),
    }
    # The GPU, SSD, slice and TPU SKUs are beyond the first page, c3 in Belgium on the last.
    pages = [call.query.get("pageToken") for call in gcp.calls if COMPUTE in call.path]
    assert pages == [None, "3", "6", "9", "12", "15", "18", "21"]


def test_offers_have_what_the_api_says_and_the_network_known_before(gcp: FakeGcp) -> None:
    offers = {row["instance_type"]: row for row in fetch().offers}
    a3 = offers["a3-highgpu-8g"]
    assert (a3["accelerator"], a3["accelerator_count"]) == ("H100-80GB", 8)
    assert (a3["vcpus"], a3["memory_gib"], a3["network_gbps"]) == (208, 1872, 800)
    slice_ = offers["tpu-v5litepod-16"]
    assert (slice_["accelerator"], slice_["accelerator_count"], slice_["hosts"]) == (
        "TPU-v5e",
        16,
        4,
    )


def test_prices_are_of_the_region_asked(gcp: FakeGcp) -> None:
    assert usd(fetch(region=BELGIUM)) == {"c3-standard-8": pytest.approx(8 * 0.0374 + 32 * 0.00501)}


def test_spot_is_told_by_the_text_where_the_usage_type_lies(gcp: FakeGcp) -> None:
    found = fetch("spot")
    assert usd(found) == {
        "a4-highgpu-8g": pytest.approx(8 * 4.9542),
        "c3-standard-8": pytest.approx(8 * 0.00513 + 32 * 0.000687),
    }
    row = found.options[0]
    assert row["quota_class"] == "gcp/preemptible B200 GPUs"
    assert (row["confidence"], row.get("obtainability")) == ("volatile", None)
    assert not found.rejects  # what is not sold as spot is no fault


def test_listed_on_demand_is_not_obtainable_on_demand(gcp: FakeGcp) -> None:
    rows = {row["instance_type"]: row for row in fetch().options}
    assert rows["a4-highgpu-8g"]["obtainability"] == "spot-or-flex-start-only"
    assert "obtainability" not in rows["a3-highgpu-8g"]


def test_commitments_are_rates_by_the_hour_for_a_term(gcp: FakeGcp) -> None:
    found = fetch("resource_commitment")
    terms = {row["term_months"]: row for row in found.options}
    assert set(usd(found)) == {"c3-standard-8"}
    assert terms[12]["usd_per_hour"] == pytest.approx(8 * 0.02141 + 32 * 0.00287)
    assert terms[36]["usd_per_hour"] == pytest.approx(8 * 0.01529 + 32 * 0.00205)
    assert {(row["payment"], row["upfront_usd"]) for row in found.options} == {("monthly", 0)}


def test_flex_start_is_what_google_billed(gcp: FakeGcp) -> None:
    found = fetch("flex_start")
    assert usd(found) == {"a3-highgpu-8g": pytest.approx(38.320038, abs=1e-5)}
    assert found.options[0]["quota_class"] == "gcp/preemptible H100-80GB GPUs"


def test_a_machine_that_lacks_a_part_is_rejected_and_the_others_stay(gcp: FakeGcp) -> None:
    gcp.skus[COMPUTE] = [s for s in SKUS if "A3 Instance Ram" not in s["description"]]
    found = fetch()
    assert "a3-highgpu-8g" not in usd(found) and "c3-standard-8" in usd(found)
    assert reasons(found)["a3-highgpu-8g"] == "no on demand rate of a3 RAM in us-central1"


def test_a_machine_without_any_price_is_told(gcp: FakeGcp) -> None:
    gcp.machines["us-central1-b"] = [C3, machine("x9-standard-8", 8, 32)]
    assert "no part of it has an on demand rate" in reasons(fetch())["x9-standard-8"]


def test_local_ssd_that_only_the_description_names_is_billed(gcp: FakeGcp) -> None:
    text = "8 vCPUs, 32 GB RAM, 2 Local SSDs"
    gcp.machines["us-central1-b"] = [machine("c3-standard-8-lssd", 8, 32, description=text)]
    ssd = 2 * 375 * 0.08 / 730
    plain = 8 * 0.03398 + 32 * 0.00456
    assert usd(fetch())["c3-standard-8-lssd"] == pytest.approx(plain + ssd, abs=1e-6)


def test_gpus_attach_to_n1(gcp: FakeGcp) -> None:
    gcp.machines["us-central1-a"] = [machine("n1-standard-8", 8, 30)]
    gcp.machines["us-central1-b"] = [machine("n1-standard-16", 16, 60)]  # no card in that zone
    gcp.skus[COMPUTE] = [
        rate("N1 Predefined Instance Core running in Americas", 0.031611, "N1Standard"),
        sku("N1 Predefined Instance Ram running in Iowa", 0.004237, unit="GiBy.h"),
        rate("Nvidia Tesla T4 GPU running in Americas", 0.35, "GPU"),
    ]
    found = usd(fetch())
    assert found["n1-standard-8+1xT4"] == pytest.approx(0.729998, abs=1e-6)
    assert "n1-standard-16+2xT4" not in found


def tiered(*tiers: tuple[float, float], **fields: Any) -> list[dict[str, Any]]:
    core = sku("C3 Instance Core running in Iowa", 0, tiers=tiers, **fields)
    return [core, rate("C3 Instance Ram running in Iowa", 0.0, "RAM", tiers=[(0, 0.001)])]


@pytest.mark.parametrize(
    "tiers",
    [
        [(0, 0.25)],
        [(0, 0.25), (1000, 0.2)],  # a rebate for more
        [(1000, 0.2), (0, 0.25)],  # in another order
        [(0, 0.0), (750, 0.25)],  # free at first
    ],
)
def test_the_first_paid_tier_counts(gcp: FakeGcp, tiers: list[tuple[float, float]]) -> None:
    gcp.skus[COMPUTE] = tiered(*tiers)
    assert usd(fetch())["c3-standard-8"] == pytest.approx(8 * 0.25 + 0.032)


def test_units_and_nanos_are_one_price(gcp: FakeGcp) -> None:
    gcp.skus[COMPUTE] = tiered((0, 12.000000001))
    raw = gcp.skus[COMPUTE][0]["pricingInfo"][0]["pricingExpression"]["tieredRates"][0]
    assert raw["unitPrice"] == {"currencyCode": "USD", "units": "12", "nanos": 1}
    assert usd(fetch())["c3-standard-8"] == pytest.approx(96.032)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"effective": "2099-01-01T00:00:00Z"}, "not in force yet"),
        ({"currency": "EUR"}, "priced in EUR"),
        ({"unit": "mo"}, "core priced per mo"),
    ],
)
def test_prices_of_another_time_currency_or_unit_are_none(
    gcp: FakeGcp, fields: dict[str, str], reason: str
) -> None:
    gcp.skus[COMPUTE] = [*tiered((0, 0.25), **fields), rate("TpuV5e running in Iowa", 1.2, "TPU")]
    found = fetch()
    assert "c3-standard-8" not in usd(found)
    assert any(reason in said for said in reasons(found).values())


def test_of_two_prices_the_one_in_force_last_counts(gcp: FakeGcp) -> None:
    gcp.skus[COMPUTE] = tiered((0, 0.25))
    old = sku("x", 9.0, effective="2020-01-01T00:00:00Z")["pricingInfo"]
    coming = sku("x", 7.0, effective="2099-01-01T00:00:00Z")["pricingInfo"]
    gcp.skus[COMPUTE][0]["pricingInfo"] += [*old, *coming]
    assert usd(fetch())["c3-standard-8"] == pytest.approx(2.032)


def test_lists_are_asked_once_for_all_slices(gcp: FakeGcp) -> None:
    source = GcpSource()
    deadline = time.monotonic() + 30
    done: list[str] = []

    def work(region: str, kind: str) -> None:
        try:
            source.fetch(region, kind, deadline)
        except FetchFailed as failure:
            assert "is sold as" in failure.problem
        done.append(kind)

    threads = [
        threading.Thread(target=work, args=(region, kind))
        for region in (IOWA, BELGIUM)
        for kind in source.kinds
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 8
    assert gcp.count(COMPUTE) == 8 and gcp.count("machineTypes") == 3
    assert gcp.count("/locations/us-central1-a/") == 1


def test_zones_google_did_not_reach_are_told_in_their_region(gcp: FakeGcp) -> None:
    gcp.last_page = {"unreachables": ["zones/us-central1-c", "zones/asia-east1-a"]}
    found = fetch()
    assert "did not reach it" in reasons(found)["zones/us-central1-c"]
    assert "zones/asia-east1-a" not in reasons(found)
    with pytest.raises(FetchFailed, match=r"no machine types in asia-east1 .*did not reach"):
        fetch(region="asia-east1")


def test_a_warning_on_the_whole_list_concerns_every_region(gcp: FakeGcp) -> None:
    gcp.last_page = {"warning": {"code": "PARTIAL_SUCCESS", "message": "some of it"}}
    assert "PARTIAL_SUCCESS" in reasons(fetch(region=BELGIUM))["MachineTypes"]


def test_an_unknown_region_is_named(gcp: FakeGcp) -> None:
    with pytest.raises(FetchFailed, match="no machine types in mars-north1"):
        fetch(region="mars-north1")


def test_a_way_nothing_is_sold_in_is_named(gcp: FakeGcp) -> None:
    with pytest.raises(FetchFailed, match="sold as flex start in europe-west1"):
        fetch("flex_start", BELGIUM)


def test_deprecated_and_incomplete_machine_types_are_rejected(gcp: FakeGcp) -> None:
    gcp.machines["us-central1-b"] = [
        machine("c3-standard-22", 22, 88, deprecated={"state": "DEPRECATED"}),
        {"name": "c3-standard-44", "memoryMb": 180224},
    ]
    found = reasons(fetch())
    assert found["c3-standard-22"] == "the machine type is deprecated"
    assert found["c3-standard-44"] == "vCPUs or memory not stated"


def test_a_renamed_field_of_the_price_list_leaves_no_price(gcp: FakeGcp) -> None:
    for raw in gcp.skus[COMPUTE]:
        for info in raw["pricingInfo"]:
            info["pricingExpressionV2"] = info.pop("pricingExpression")
    gcp.skus["E000-3F24-B8AA"] = []
    with pytest.raises(FetchFailed, match="none of the price list's 22 entries"):
        fetch()


def test_a_price_list_in_other_words_is_told(gcp: FakeGcp) -> None:
    gcp.skus[COMPUTE] = [sku(f"Quantum foam {n}", 1.0) for n in range(4)]
    gcp.skus["E000-3F24-B8AA"] = []
    with pytest.raises(FetchFailed, match="none of the price list's 4 entries"):
        fetch()


def test_without_the_tpu_api_the_slices_known_before_are_priced(gcp: FakeGcp) -> None:
    path = "/v2/projects/fake-project/locations"
    gcp.queue(refusal(403, "accessNotConfigured"), path=path)
    found = fetch()
    assert usd(found)["tpu-v5litepod-256"] == pytest.approx(256 * 1.2)
    said = reasons(found)["TPU slices"]
    assert "gcloud services enable tpu.googleapis.com --project=fake-project" in said
    assert "those known before" in said


def test_a_zone_whose_tpu_list_never_comes_costs_only_its_own_types(
    gcp: FakeGcp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As us-east1-b has done for long, by 503."""
    monkeypatch.setattr("catalog.sources.gcp_client.TPU_RETRY_FOR_S", 0.2)
    gcp.tpu_types["us-central1-b"] = {"v5litepod-2048": "32x64"}
    path = "/v2/projects/fake-project/locations/us-central1-a/acceleratorTypes"
    gcp.queue(*[Fault.status(503, b"502:Bad Gateway")] * 99, path=path)
    found = fetch()
    assert usd(found)["tpu-v5litepod-2048"] == pytest.approx(2048 * 1.2)
    assert usd(found)["tpu-v5litepod-16"] == pytest.approx(16 * 1.2)  # known before
    assert "error 503" in reasons(found)["TPU slices of us-central1-a"]


def test_quotas_have_the_catalogs_words(gcp: FakeGcp) -> None:
    gcp.quotas[IOWA] = [
        {"metric": "NVIDIA_H100_GPUS", "limit": 16.0, "usage": 8.0},
        {"metric": "PREEMPTIBLE_NVIDIA_H100_GPUS", "limit": 8.0},
        {"metric": "NVIDIA_A100_80GB_GPUS", "limit": 0.0, "usage": 0.0},
        {"metric": "NVIDIA_H100_MEGA_GPUS", "limit": 4.0, "usage": 0.0},
        {"metric": "C3_CPUS", "limit": 500.0, "usage": 8.0},
        {"metric": "CPUS", "limit": 72.0, "usage": 4.5},
        {"metric": "PREEMPTIBLE_CPUS", "limit": 0.0},
        {"metric": "TPU_LITE_PODSLICE_V5", "limit": 32.0, "usage": 0.0},
        {"metric": "PREEMPTIBLE_TPU_LITE_PODSLICE_V5", "limit": 1536.0, "usage": 0.0},
        {"metric": "NVIDIA_Z9000_GPUS", "limit": 1.0},
        {"metric": "NETWORKS", "limit": 5.0},
        {"metric": "NVIDIA_T4_GPUS", "limit": -1.0},
    ]
    found = GcpSource().fetch_quotas(IOWA, time.monotonic() + 20)
    assert found.quotas == (
        Quota("gcp/A100-80GB GPUs", 0, 0, "GPU"),
        Quota("gcp/C3 CPUs", 500, 8, "vCPU"),
        Quota("gcp/E2 CPUs", 72, 4.5, "vCPU"),
        Quota("gcp/H100-80GB GPUs", 16, 8, "GPU"),
        Quota("gcp/N1 CPUs", 72, 4.5, "vCPU"),
        Quota("gcp/TPU-v5e chips", 32, 0, "chip"),
        Quota("gcp/TPU-v5e preemptible chips", 1536, 0, "chip"),
        Quota("gcp/preemptible H100-80GB GPUs", 8, 0, "GPU"),
    )
    told = {reject.what for reject in found.rejects}
    assert told == {
        "NVIDIA_H100_MEGA_GPUS",
        "NVIDIA_T4_GPUS",
        "NVIDIA_Z9000_GPUS",
        "PREEMPTIBLE_CPUS",
    }
