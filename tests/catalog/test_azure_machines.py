"""Azure's VM sizes as rows, on shapes of its API."""

from __future__ import annotations

import re
from typing import Any

import pytest

from catalog import Catalog
from catalog.sources.azure_machines import (
    SERIES,
    SPOT_QUOTA,
    Unusable,
    accelerator_of,
    is_here,
    is_spot_capable,
    known_machines,
    merged,
    offer_row,
    quota_class,
    restriction,
)
from tests.fakes.azure_world import restricted, size, zones_restricted


def test_capabilities_are_texts_and_become_numbers() -> None:
    row = offer_row(size("Standard_ND96isr_H100_v5", "WestUS3", 96, 1900, 8), "westus3")
    assert (row["vcpus"], row["memory_gib"]) == (96, 1900)
    assert (row["accelerator"], row["accelerator_count"], row["hosts"]) == ("H100-80GB", 8, 1)
    assert row["region"] == "westus3"


def test_a_constrained_size_shows_the_vcpus_that_it_lets_use() -> None:
    raw = size("Standard_E64-16s_v5", vcpus=64, memory_gib=512, vCPUsAvailable="16")
    assert offer_row(raw, "westus3")["vcpus"] == 16


@pytest.mark.parametrize("broken", [{"vCPUs": "many"}, {"vCPUs": "0"}, {"MemoryGB": "nan"}])
def test_a_number_that_is_none_is_a_reject(broken: dict[str, str]) -> None:
    with pytest.raises(Unusable, match="not stated"):
        offer_row(size("Standard_D4s_v5", **broken), "westus3")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "broken",
    [
        {"capabilities": None},
        {"capabilities": {"vCPUs": "4"}},
        {"capabilities": [None, 4, {"name": "vCPUs"}]},
        {"name": None},
        {"restrictions": 4, "capabilities": 7},
    ],
)
def test_a_sku_of_another_shape_is_a_reject_and_nothing_worse(broken: dict[str, Any]) -> None:
    with pytest.raises(Unusable):
        offer_row(size("Standard_D4s_v5") | broken, "westus3")


@pytest.mark.parametrize(
    ("name", "vcpus", "gpus", "accelerator", "count"),
    [
        # The API counts each of these as one GPU.
        ("Standard_NV6ads_A10_v5", 6, 1, "A10", 0.1667),
        ("Standard_NV12ads_A10_v5", 12, 1, "A10", 0.3333),
        ("Standard_NV18ads_A10_v5", 18, 1, "A10", 0.5),
        ("Standard_NV36adms_A10_v5", 36, 1, "A10", 1),
        ("Standard_NV72ads_A10_v5", 72, 2, "A10", 2),
        ("Standard_NV4as_v4", 4, 1, "MI25", 0.125),
        ("Standard_NV32as_v4", 32, 1, "MI25", 1),
        ("Standard_NC24lds_xl_RTXPRO6000BSE_v6", 24, 1, "RTX-PRO-6000-Server", 0.25),
        ("Standard_NC288ds_xl_RTXPRO6000BSE_v6", 288, 2, "RTX-PRO-6000-Server", 2),
        # Whole devices are counted rightly.
        ("Standard_NC96ads_A100_v4", 96, 4, "A100-80GB-PCIe", 4),
        ("Standard_ND96asr_v4", 96, 8, "A100-40GB", 8),
        ("Standard_ND96amsr_A100_v4", 96, 8, "A100-80GB", 8),
        ("Standard_NCC40ads_H100_v5", 40, 1, "H100-NVL", 1),
        ("Standard_ND96isrf_H100_v5", 96, 8, "H100-80GB", 8),
        ("Standard_ND128isr_NDR_GB200_v6", 128, 4, "GB200", 4),
        # FPGAs are no GPUs to the API.
        ("Standard_NP20s", 20, 0, "FPGA-Alveo-U250", 2),
        ("Standard_D4s_v5", 4, 0, "", None),
    ],
)
def test_the_name_tells_the_accelerator_and_its_share(
    name: str, vcpus: float, gpus: float, accelerator: str, count: float | None
) -> None:
    assert accelerator_of(name, vcpus, gpus) == (accelerator, count)


@pytest.mark.parametrize(
    ("name", "gpus", "reason"),
    [
        ("Standard_NX8_Q9_v9", 2, "no facts about its GPU"),
        ("Standard_NC128ds_xl_RTXPRO6000BSE_v6", 1, "share of the GPU"),
        ("Standard_NM16ads_MA35D", 1, "share of the GPU"),
        ("Standard_NV9ads_A10_v5", 1, "share of the GPU"),
        ("Standard_ND96isr_H100_v5", 0, "no count"),
        ("Standard_ND96isr_H100_v5", 2.5, "no count"),
    ],
)
def test_a_gpu_without_facts_or_count_is_a_reject(name: str, gpus: float, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        accelerator_of(name, 96, gpus)


def test_every_series_is_of_a_known_accelerator(catalog: Catalog) -> None:
    for series in SERIES:
        assert series.accelerator in catalog.accelerators, series.pattern


def test_all_sizes_of_the_snapshot_have_the_accelerator_that_it_says(catalog: Catalog) -> None:
    """The snapshot's Azure machines were compiled by hand from pages: an independent oracle."""
    compared = 0
    for row in catalog.rows("offers", "cloud = 'azure'"):
        count = row["accelerator_count"]
        if row["accelerator"] and count is None:
            continue  # the snapshot leaves it open
        told = accelerator_of(row["instance_type"], row["vcpus"], max(1, count) if count else 0)
        assert told == (row["accelerator"], count), row["instance_type"]
        compared += 1
    assert compared > 3000


def test_all_prices_of_the_snapshot_draw_on_the_quota_that_it_says(catalog: Catalog) -> None:
    options = catalog.rows("purchase_options", "cloud = 'azure'")
    for row in options:
        spot = row["kind"] == "spot"
        assert row["quota_class"] == (SPOT_QUOTA if spot else quota_class(row["instance_type"]))
    assert len(options) > 3000
    assert quota_class("Standard_E64-16s_v5") == quota_class("Standard_E64s_v5") == "azure/Es_v5"


def test_a_region_is_the_same_in_any_case_and_disks_are_no_machines() -> None:
    assert is_here(size("Standard_D4s_v5", "WestUS3"), "westus3")
    assert not is_here(size("Standard_D4s_v5", "WestUS2"), "westus3")
    assert not is_here(
        {"resourceType": "disks", "name": "Premium_LRS", "locations": ["westus3"]}, "westus3"
    )


@pytest.mark.parametrize(
    ("restrictions", "remark"),
    [
        ([], ""),
        ([restricted("WestUS3")], "not for the subscription.*NotAvailableForSubscription"),
        ([restricted("westus3", "QuotaId")], "not for the subscription.*QuotaId"),
        ([restricted("eastus")], ""),
        ([zones_restricted("westus3", "3", "1")], "not in zone 1, 3 for the subscription"),
        (
            [zones_restricted("westus3", "1"), restricted("westus3")],
            "^not for the subscription.*; not in zone 1",
        ),
    ],
)
def test_what_keeps_a_subscription_from_a_size_is_said(
    restrictions: list[dict[str, Any]], remark: str
) -> None:
    found = restriction(size("Standard_D4s_v5", restrictions=restrictions), "westus3")
    assert re.search(remark, found) if remark else found == ""


@pytest.mark.parametrize("odd", [4, "NotAvailable", {"a": 1}, [None, 3, {"type": "Zone"}]])
def test_restrictions_and_places_of_another_shape_break_nothing(odd: Any) -> None:
    raw = size("Standard_D4s_v5") | {"restrictions": odd, "locations": odd}
    assert isinstance(restriction(raw, "westus3"), str)
    assert not is_here(raw, "westus3")


def test_sizes_that_cannot_be_spot() -> None:
    assert is_spot_capable(size("Standard_D4s_v5"))
    assert not is_spot_capable(size("Standard_B4ms", LowPriorityCapable="False"))


def test_the_catalog_knows_machines_whose_count_it_can_tell() -> None:
    known = known_machines()
    assert known["standard_nd96isr_h100_v5"]["accelerator_count"] == 8
    assert known["standard_nc144ds_xl_rtxpro6000bse_v6"]["accelerator_count"] == 1
    assert "standard_nc128ds_xl_rtxpro6000bse_v6" not in known
    assert all(row["accelerator_count"] for row in known.values() if row["accelerator"])


def test_facts_of_a_size_come_from_whichever_region_has_them() -> None:
    rows: list[dict[str, Any]] = [
        {"instance_type": "Standard_ND40s_v2", "vcpus": "40", "memory_gib": ""},
        {"instance_type": "Standard_ND40s_v2", "vcpus": "", "memory_gib": "672"},
    ]
    found = merged(rows)["standard_nd40s_v2"]
    assert (found["vcpus"], found["memory_gib"]) == (40, 672)
