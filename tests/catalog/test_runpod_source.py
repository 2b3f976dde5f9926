"""RunPod: prices of one GPU, nothing for 0, errors inside HTTP 200."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.sources.base import FetchFailed
from catalog.sources.runpod import RunpodSource
from tests.catalog.gpu_clouds import fetch, offers, options, prices, reasons, serving
from tests.fakes.runpod import KEY, FakeRunpod, gpu_type
from tests.fakes.snapshot_rows import sold_by

H100 = "NVIDIA H100 80GB HBM3"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRunpod]:
    with serving(FakeRunpod(), monkeypatch) as served:
        yield served


def test_prices_are_of_one_gpu_and_a_pod_has_several(fake: FakeRunpod) -> None:
    fake.gpus = [gpu_type(H100, 80, securePrice=2.99, secureSpotPrice=1.75)]
    source = RunpodSource()
    on_demand, spot = fetch(source), fetch(source, "spot")
    assert prices(on_demand) == {
        "1x_H100-80GB_SECURE": 2.99,
        "2x_H100-80GB_SECURE": 5.98,
        "4x_H100-80GB_SECURE": 11.96,
        "8x_H100-80GB_SECURE": 23.92,
    }
    assert prices(spot)["8x_H100-80GB_SECURE"] == 14.0
    offer = offers(on_demand)["8x_H100-80GB_SECURE"]
    assert (offer["accelerator_count"], offer["vcpus"], offer["memory_gib"]) == (8, 128, 1000)


def test_zero_and_null_mean_not_offered(fake: FakeRunpod) -> None:
    fake.gpus = [
        gpu_type(H100, 80, securePrice=2.99, communityPrice=0, secureSpotPrice=None),
        gpu_type("NVIDIA L4", 24, securePrice=None),
        gpu_type("NVIDIA L40", 48, securePrice=0.99) | {"secureCloud": False},
    ]
    source = RunpodSource()
    assert {name.partition("x_")[2] for name in prices(fetch(source))} == {"H100-80GB_SECURE"}
    assert prices(fetch(source, "spot")) == {}


def test_community_pods_are_other_peoples_machines(fake: FakeRunpod) -> None:
    fake.gpus = [gpu_type("NVIDIA GeForce RTX 4090", 24, securePrice=0.69, communityPrice=0.34)]
    got = fetch(RunpodSource())
    assert prices(got)["2x_RTX4090_COMMUNITY"] == 0.68
    assert prices(got)["2x_RTX4090_SECURE"] == 1.38
    notes = {name: row["obtainability"] for name, row in options(got).items()}
    assert notes["2x_RTX4090_COMMUNITY"] == "community cloud: other people's machines"
    assert notes["8x_RTX4090_SECURE"] == "none free when asked"  # stockStatus null
    assert notes["1x_RTX4090_SECURE"] == ""


def test_a_pod_without_a_free_host_has_unknown_vcpus(fake: FakeRunpod) -> None:
    fake.gpus = [gpu_type(H100, 80, securePrice=2.99) | {"_vcpus": 0, "_memory": 0}]
    offer = offers(fetch(RunpodSource()))["1x_H100-80GB_SECURE"]
    assert "vcpus" not in offer and "memory_gib" not in offer


def test_no_pod_is_larger_than_runpod_makes_them(fake: FakeRunpod) -> None:
    fake.gpus = [gpu_type(H100, 80, securePrice=3) | {"maxGpuCountSecureCloud": 3}]
    assert set(prices(fetch(RunpodSource()))) == {"1x_H100-80GB_SECURE", "2x_H100-80GB_SECURE"}


def test_errors_come_inside_http_200(fake: FakeRunpod) -> None:
    fake.errors = {"gpuTypes": f"Something went wrong for key {KEY}"}
    with pytest.raises(FetchFailed, match="GraphQL error in an answer of HTTP 200") as failed:
        fetch(RunpodSource())
    assert KEY[:8] not in str(failed.value) and "Something went wrong" in str(failed.value)
    fake.errors = {}  # and the failure is not remembered
    fake.gpus = [gpu_type(H100, 80, securePrice=3)]
    assert prices(fetch(RunpodSource()))


def test_unknown_gpus_and_other_memory_sizes_are_rejected(fake: FakeRunpod) -> None:
    fake.gpus = [
        gpu_type("NVIDIA Z9000", 512, securePrice=1.0),
        gpu_type("NVIDIA GeForce RTX 3080", 12, securePrice=0.2),
        gpu_type(H100, 80, securePrice=3.0),
        {"id": None, "securePrice": 1.0, "secureCloud": True},
    ]
    got = fetch(RunpodSource())
    assert reasons(got) == {
        "NVIDIA Z9000": "no facts about accelerator 'NVIDIA Z9000' with 512 GiB",
        "NVIDIA GeForce RTX 3080": (
            "no facts about accelerator 'NVIDIA GeForce RTX 3080' with 12 GiB"
        ),
        "?": "a GPU type without an id",
    }
    assert len(prices(got)) == 4


def test_cpu_pods_grow_from_the_smallest(fake: FakeRunpod) -> None:
    fake.gpus = [gpu_type(H100, 80, securePrice=3.0)]
    fake.flavors = [
        {"id": "cpu5g", "minVcpu": 2, "maxVcpu": 8, "ramMultiplier": 4, "_price": 0.086},
        {"id": "cpu9x", "minVcpu": None, "maxVcpu": 8, "ramMultiplier": 4, "_price": 0.086},
        {"id": "cpu0x", "minVcpu": 2, "maxVcpu": 8, "ramMultiplier": 4, "_price": None},
    ]
    got = fetch(RunpodSource())
    sizes = {name: usd for name, usd in prices(got).items() if name.startswith("cpu")}
    assert sizes == {"cpu5g-2-8": 0.086, "cpu5g-4-16": 0.172, "cpu5g-8-32": 0.344}
    assert reasons(got) == {"cpu9x": "vCPUs or memory not stated"}


def test_without_cpu_pods_the_gpu_pods_stay(fake: FakeRunpod) -> None:
    fake.gpus = [gpu_type(H100, 80, securePrice=3.0)]
    fake.errors = {"cpuFlavors": "not today"}
    got = fetch(RunpodSource())
    assert len(prices(got)) == 4 and "not today" in reasons(got)["CPU pods in EU-RO-1"]


def test_a_data_centers_name_cannot_change_the_query(fake: FakeRunpod) -> None:
    fake.gpus = [gpu_type(H100, 80, securePrice=3.0)]
    fake.data_centers = [{"id": 'X"}) { secret } #', "listed": True}]
    fetch(RunpodSource())
    assert not any(b"secret" in call.body for call in fake.calls)


def test_both_kinds_are_made_of_one_answer(fake: FakeRunpod) -> None:
    fake.populate([], seed=1)
    source = RunpodSource()
    on_demand, spot = fetch(source), fetch(source, "spot")
    assert sum(b"gpuTypes" in call.body for call in fake.calls) == 1
    known = {sold.instance_type for sold in sold_by("runpod")}
    assert known <= set(prices(on_demand)) and not on_demand.rejects and not spot.rejects


def test_it_works_without_a_key_and_uses_one(
    fake: FakeRunpod, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    fake.gpus = [gpu_type(H100, 80, securePrice=3.0)]
    monkeypatch.delenv("RUNPOD_API_KEY")
    assert RunpodSource().missing() is None
    fetch(RunpodSource(), "spot")
    assert "authorization" not in fake.calls[-1].headers
    file = tmp_path / ".runpod" / "config.toml"
    file.parent.mkdir()
    file.write_text(f'[default]\napi_key = "{KEY}"\n')
    fetch(RunpodSource(), "spot")
    assert fake.calls[-1].headers["authorization"] == f"Bearer {KEY}"
    assert "?" not in fake.calls[-1].path and not fake.calls[-1].query
    file.write_text("not toml")
    fetch(RunpodSource(), "spot")
    assert "authorization" not in fake.calls[-1].headers
