"""OCI: GPU parts typed 'ocpu', OCPUs of two vCPUs, fractions, display names, half price."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from catalog.sources.oci import OciSource
from tests.catalog.gpu_clouds import fetch, offers, prices, reasons, serving
from tests.fakes.oci import FOLDER, FakeOci, flexible_shape, gpu_shape, product
from tests.fakes.snapshot_rows import sold_by


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOci]:
    with serving(FakeOci(), monkeypatch) as served:
        yield served


def test_the_ocpu_part_of_a_gpu_shape_is_priced_per_gpu_hour(fake: FakeOci) -> None:
    fake.shapes = [gpu_shape("BM.GPU.H100.8", "B98415", 8, 112, 2048)]
    fake.products = [product("B98415", 10.0)]
    got = fetch(OciSource())
    assert prices(got) == {"BM.GPU.H100.8": 80.0}
    offer = offers(got)["BM.GPU.H100.8"]
    assert (offer["accelerator"], offer["accelerator_count"]) == ("H100-80GB", 8)
    assert (offer["vcpus"], offer["memory_gib"]) == (224, 2048)  # one OCPU is two vCPUs


@pytest.mark.parametrize(
    ("unit", "usd"), [("GPU Per Hour", 8.0), ("OCPU Per Hour", 112.0), ("", 8.0)]
)
def test_a_stated_unit_decides(fake: FakeOci, unit: str, usd: float) -> None:
    fake.shapes = [gpu_shape("BM.GPU.H100.8", "B1", 8, 112, 2048)]
    fake.products = [product("B1", 1.0, metricName=unit)]
    assert prices(fetch(OciSource())) == {"BM.GPU.H100.8": usd}


def test_the_price_is_the_one_in_dollars(fake: FakeOci) -> None:
    fake.shapes = [
        gpu_shape("BM.GPU.H100.8", "B1", 8, 112, 2048),
        gpu_shape("VM.GPU3.1", "B2", 1, 6, 90),
    ]
    fake.products = [product("B1", 10.0), product("B2", 10.0, currency="JPY")]
    got = fetch(OciSource())
    assert prices(got) == {"BM.GPU.H100.8": 80.0}
    assert reasons(got) == {"VM.GPU3.1": "no hourly USD price of part B2"}


def test_preemptible_is_half_and_only_where_allowed(fake: FakeOci) -> None:
    fake.shapes = [
        gpu_shape("VM.GPU3.1", "B1", 1, 6, 90, preemptible=True),
        gpu_shape("BM.GPU.H100.8", "B2", 8, 112, 2048),
    ]
    fake.products = [product("B1", 2.95), product("B2", 10.0)]
    got = fetch(OciSource(), "spot")
    assert prices(got) == {"VM.GPU3.1": 1.475}
    assert "half of the on-demand price" in got.source


def test_fractions_where_whole_numbers_are_meant(fake: FakeOci) -> None:
    fake.shapes = [gpu_shape("BM.GPU.L40S.4", "B1", 4.0, 112.0, 1024.0)]
    fake.products = [product("B1", 3.5)]
    got = fetch(OciSource())
    assert prices(got) == {"BM.GPU.L40S.4": 14.0}
    assert offers(got)["BM.GPU.L40S.4"]["vcpus"] == 224


def test_new_shapes_without_ocpus_and_memory_stay_unknown(fake: FakeOci) -> None:
    fake.shapes = [
        gpu_shape("BM.GPU.B300.8", "B1", 8, None, None),
        gpu_shape("BM.GPU.GB200.4 (NVL72)", "B2", 4, 128, 960),
    ]
    fake.products = [product("B1", 15.0), product("B2", 16.0)]
    got = fetch(OciSource())
    assert prices(got) == {"BM.GPU.B300.8": 120.0, "BM.GPU.GB200.4": 64.0}
    assert "vcpus" not in offers(got)["BM.GPU.B300.8"]
    assert "vcpus" not in offers(got)["BM.GPU.GB200.4"]  # Grace is Arm: no two vCPUs a core


@pytest.mark.parametrize(
    ("shape", "accelerator"),
    [
        ("VM.GPU.A10.2", "A10"),
        ("BM.GPU.A100-v2.8", "A100-80GB"),
        ("BM.GPU4.8", "A100-40GB"),
        ("VM.GPU3.4", "V100-16GB"),
        ("BM.GPU2.2", "P100"),
        ("BM.GPU.RTXPRO.8", "RTX-PRO-6000-Server"),
        ("BM.GPU.MI300X.8", "MI300X"),
        ("BM.GPU.MI355X.8", "MI355X"),
        ("BM.GPU.H200.8", "H200"),
    ],
)
def test_gpus_by_shape(fake: FakeOci, shape: str, accelerator: str) -> None:
    fake.shapes = [gpu_shape(shape, "B1", 2, 10, 100)]
    fake.products = [product("B1", 1.0)]
    assert offers(fetch(OciSource()))[shape]["accelerator"] == accelerator


def test_flexible_shapes_in_the_catalogs_sizes(fake: FakeOci) -> None:
    fake.shapes = [flexible_shape("VM.Standard.E4.Flex", "B1", "B2")]
    fake.products = [product("B1", 0.025), product("B2", 0.0015)]
    got = prices(fetch(OciSource()))
    assert got["VM.Standard.E4.Flex$_8_64"] == 0.196  # 4 OCPU and 64 GiB
    assert got["VM.Standard.E4.Flex$_2_8"] == 0.037
    assert len(got) == 24


def test_hidden_and_retired_shapes_are_not_sold_and_unknown_ones_rejected(fake: FakeOci) -> None:
    fake.shapes = [
        gpu_shape("BM.GPU.H100.8", "B1", 8, 112, 2048, hidden=True),
        gpu_shape("BM.GPU4.8", "B1", 8, 64, 2048, status="DEPRECATED"),
        gpu_shape("BM.GPU.Z9.8", "B1", 8, 64, 2048),
        gpu_shape("BM.GPU.H200.8", "B1", 0, 64, 2048),
        gpu_shape("BM.GPU.A10.4", "B1", 4, 64, 1024, products=[]),
        gpu_shape("VM.GPU.A10.1", "B1", 1, 15, 240),
        "drift",  # type: ignore[list-item]
    ]
    fake.products = [product("B1", 2.0)]
    got = fetch(OciSource())
    assert prices(got) == {"VM.GPU.A10.1": 2.0}
    assert reasons(got) == {
        "BM.GPU.Z9.8": "no facts about accelerator 'BM.GPU.Z9.8'",
        "BM.GPU.H200.8": "0 GPUs",
        "BM.GPU.A10.4": "0 products of type 'ocpu'",
    }


def test_tiers_and_monthly_parts_are_no_hourly_price(fake: FakeOci) -> None:
    tiered = product("B1", 2.0)
    tiered["currencyCodeLocalizations"][1]["prices"] *= 2
    fake.shapes = [
        gpu_shape("VM.GPU.A10.1", "B1", 1, 15, 240),
        gpu_shape("VM.GPU3.1", "B2", 1, 6, 90),
    ]
    fake.products = [tiered, product("B2", 3.0, pricetype="MONTH")]
    got = fetch(OciSource())
    assert prices(got) == {} and len(got.rejects) == 2


def test_the_files_are_fetched_once_and_again_only_when_changed(fake: FakeOci) -> None:
    fake.populate([], seed=1)
    source = OciSource()
    on_demand, spot = fetch(source), fetch(source, "spot")
    assert len(fake.calls) == 2
    known = sold_by("oci")
    assert set(prices(on_demand)) == {sold.instance_type for sold in known if sold.on_demand}
    assert set(prices(spot)) == {sold.instance_type for sold in known if sold.spot}
    assert not on_demand.rejects and source.missing() is None
    assert prices(fetch(OciSource())) == prices(on_demand)
    assert all("if-none-match" in call.headers for call in fake.calls[2:])
    assert {call.path for call in fake.calls} == {
        f"{FOLDER}/shapes.json",
        f"{FOLDER}/products.json",
    }
