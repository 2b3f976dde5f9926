"""Machines and devices that can be bought, and what surrounds them."""

from __future__ import annotations

import math

import pytest

from catalog import Catalog, UnknownName
from catalog.sites import Egress


def test_systems_are_typed_and_bounded(catalog: Catalog) -> None:
    dgx = catalog.onprem_system("dgx h100")
    assert (dgx.name, dgx.accelerator, dgx.accelerator_count) == ("DGX H100", "H100-80GB", 8)
    assert (dgx.capex_usd_low, dgx.capex_usd, dgx.capex_usd_high) == (200e3, 300e3, 400e3)
    assert dgx.power_kw == 10.2
    assert dgx.idle_power_kw is None  # not known, and not 0
    for system in catalog.onprem_systems.values():
        assert system.accelerator in catalog.accelerators
        assert system.source in catalog.sources
        assert system.capex_usd_low is not None and system.capex_usd_high is not None
        assert system.capex_usd_low <= (system.capex_usd or 0) <= system.capex_usd_high
    with pytest.raises(UnknownName, match="DGX H100"):
        catalog.onprem_system("DGX H10")


def test_edge_devices_are_there_with_power_and_price(catalog: Catalog) -> None:
    devices = catalog.edge_devices
    assert {"Coral USB Accelerator", "Coral M.2 module", "Raspberry Pi 5 8GB"} <= set(devices)
    assert any("Jetson" in name for name in devices)
    accelerators = {device.accelerator for device in devices.values()}
    assert {"Coral-EdgeTPU", "Apple-ANE-M4", "Hailo-8", "CPU-RaspberryPi4-A72"} <= accelerators
    for device in devices.values():
        assert device.accelerator in catalog.accelerators
        assert device.source in catalog.sources
        assert device.power_source in catalog.sources
        low, high = device.unit_price_usd_low, device.unit_price_usd_high
        assert low is not None and high is not None
        assert 0 < low <= (device.unit_price_usd or 0) <= high
        busy, idle = device.power_w_busy, device.power_w_idle
        assert busy is None or busy > 0
        assert idle is None or (busy is not None and 0 < idle < busy)
    # A device is one fact: it is no on-prem system as well.
    assert not set(devices) & set(catalog.onprem_systems)
    assert catalog.edge_device("coral usb accelerator").power_w_busy == 2
    assert "USB 3" in catalog.edge_device("coral usb accelerator").host


def test_the_edge_tpu_holds_eight_megabytes_of_weights(catalog: Catalog) -> None:
    memory = catalog.accelerators["Coral-EdgeTPU"].memory_gib
    assert memory is not None
    assert memory * 1024 == pytest.approx(8, rel=0.01)


def test_egress_is_paid_by_tier_after_the_free_part(catalog: Catalog) -> None:
    aws = catalog.egress("aws")
    assert aws.free_gb_month == 100
    assert aws.internet_usd(100) == 0
    assert aws.internet_usd(1100) == pytest.approx(1000 * 0.09)
    assert aws.internet_usd(30_100) == pytest.approx(10_000 * 0.09 + 20_000 * 0.085)
    whole = 10_000 * 0.09 + 40_000 * 0.085 + 100_000 * 0.07 + 50_000 * 0.05
    assert aws.internet_usd(200_100) == pytest.approx(whole)
    assert aws.object_storage_usd_per_gb_month == 0.023


def test_one_price_holds_for_every_amount_and_an_unknown_one_stays_unknown(
    catalog: Catalog,
) -> None:
    assert catalog.egress("digitalocean").internet_usd(1e6) == pytest.approx(1e4)
    assert catalog.egress("lambda").internet_usd(1e6) == 0
    assert catalog.egress("nebius").internet_usd(1) is None
    assert catalog.egress("nebius").block_storage_usd_per_gb_month is None
    with pytest.raises(UnknownName):
        catalog.egress("awz")


def test_every_cloud_with_offers_has_an_egress_row(catalog: Catalog) -> None:
    for cloud in {row["cloud"] for row in catalog.rows("offers")}:
        assert catalog.egress(cloud).cloud == cloud


def test_tiers_rise_to_no_end(catalog: Catalog) -> None:
    rows = [catalog.egress(row["cloud"]) for row in catalog.rows("egress")]
    tiered = [row for row in rows if row.tiers]
    assert len(tiered) >= 8
    for row in tiered:
        ends = [tier.up_to_gb for tier in row.tiers]
        assert ends == sorted(ends)
        assert math.isinf(ends[-1])
        costs = [row.internet_usd(gb) or 0.0 for gb in (0, 1, 1e3, 1e5, 1e6)]
        assert costs == sorted(costs)


def test_a_gap_above_the_known_tiers_is_unknown() -> None:
    row = dict.fromkeys(
        ("usd_per_gb_over_150tb", "free_gb_month", "usd_per_gb_interregion",
         "object_storage_usd_gb_month", "block_storage_usd_gb_month", "usd_per_gb_50_150tb"),
    )  # fmt: skip
    prices = {"usd_per_gb_internet": 0.1, "usd_per_gb_10_50tb": 0.05}
    egress = Egress.from_row({**row, **prices, "cloud": "x", "source": "s"})
    assert egress.internet_usd(50_000) == pytest.approx(1000 + 2000)
    assert egress.internet_usd(50_001) is None


def test_facility_figures(catalog: Catalog) -> None:
    pue = catalog.facility["PUE gcp"]
    assert (pue.value, pue.unit) == (1.1, "ratio")
    assert any("USD per kW-month" in item.unit for item in catalog.facility.values())
    for item in catalog.facility.values():
        assert item.low is None or item.high is None or item.low <= item.value <= item.high
