"""Nebius through its real SDK against a gRPC server on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nebius", reason="the nebius extra is not installed")

from catalog.sources.base import FetchFailed
from catalog.sources.nebius import NebiusSource
from tests.catalog.gpu_clouds import fetch, offers, prices, reasons, soon
from tests.fakes.nebius import TOKEN, FakeNebius, FakePlatform, FakePreset, Status
from tests.fakes.snapshot_rows import sold_by

H200 = FakePreset("8gpu-128vcpu-1600gb", 128, 1600, 8, usd="28.00", spot_usd="11.6")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeNebius]:
    with FakeNebius() as served:
        for name, value in served.env.items():
            monkeypatch.setenv(name, value)
        served.platforms = {"eu-north1": [FakePlatform("gpu-h200-sxm", [H200], 141)]}
        yield served


def get(kind: str = "on_demand", region: str = "eu-north1") -> Any:
    return fetch(NebiusSource(), kind, region)


def methods(fake: FakeNebius) -> list[str]:
    return [call.method.rpartition(".")[2] for call in fake.calls]


def test_presets_are_priced_by_the_calculator(fake: FakeNebius) -> None:
    got = get()
    name = "gpu-h200-sxm_8gpu-128vcpu-1600gb"
    assert prices(got) == {name: 28.0}
    offer = offers(got)[name]
    assert (offer["accelerator"], offer["accelerator_count"], offer["vcpus"]) == ("H200", 8, 128)
    assert prices(get("spot")) == {name: 11.6}
    assert all(call.metadata["authorization"] == f"Bearer {TOKEN}" for call in fake.calls)


def test_one_unpriceable_preset_does_not_kill_the_rest(fake: FakeNebius) -> None:
    fake.platforms["eu-north1"][0].presets += [
        FakePreset("1gpu-16vcpu-200gb", 16, 200, 1, usd="INVALID_ARGUMENT"),
        FakePreset("2gpu-32vcpu-400gb", 32, 400, 2, usd="7.00"),
        FakePreset("4gpu-64vcpu-800gb", 64, 800, 4, usd="14.00"),
        FakePreset("free", 64, 800, 4, usd="0"),
        FakePreset("ranged", 64, 800, 4, usd="range"),
        FakePreset("good", 64, 800, 4, usd="14.00"),
    ]
    got = get()
    assert len(prices(got)) == 4
    told = reasons(got)
    assert "INVALID_ARGUMENT: unresolved sku" in told["gpu-h200-sxm_1gpu-16vcpu-200gb"]
    assert told["gpu-h200-sxm_free"] == "estimated at '0' USD per hour"
    assert told["gpu-h200-sxm_ranged"] == "no single price per hour in the estimate"


def test_spot_is_asked_only_where_it_is_allowed(fake: FakeNebius) -> None:
    fake.platforms["eu-north1"].append(FakePlatform("gpu-b200-sxm", [H200], 180, preemptible=False))
    assert set(prices(get("spot"))) == {"gpu-h200-sxm_8gpu-128vcpu-1600gb"}
    assert methods(fake).count("CalculatorService/EstimateBatch") == 1


def test_lists_are_read_to_their_last_page(fake: FakeNebius) -> None:
    fake.page_size = 1
    fake.projects = {"project-u00x": "us-central1", "project-e00x": "eu-north1"}
    fake.platforms["eu-north1"].append(FakePlatform("cpu-d3", [FakePreset("4vcpu-16gb", 4, 16)]))
    assert len(prices(get())) == 2


def test_a_region_without_a_project_says_so(fake: FakeNebius) -> None:
    with pytest.raises(FetchFailed, match="no project in us-central1; there are some in eu-north1"):
        get(region="us-central1")


def test_other_currencies_are_no_price(fake: FakeNebius) -> None:
    fake.currency = "ils"
    with pytest.raises(FetchFailed, match=r"presets have no price, e\.g\.: priced in ils"):
        get()


def test_a_refused_token_says_what_to_run(
    fake: FakeNebius, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NEBIUS_IAM_TOKEN", "ne1wrongwrongwrongwrong")
    with pytest.raises(FetchFailed) as failed:
        get()
    assert "nebius profile create" in failed.value.remedy
    assert "ne1wrong" not in f"{failed.value}"


def test_a_profile_that_cannot_be_read_says_what_to_run(
    fake: FakeNebius, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("NEBIUS_IAM_TOKEN")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".nebius").mkdir()
    for name, text in (("credentials.json", '{"secret": "sesame"}'), ("config.yaml", "[sesame")):
        (tmp_path / ".nebius" / name).write_text(text)
        assert NebiusSource().missing() is None
        with pytest.raises(FetchFailed, match="credentials cannot be used") as failed:
            get()
        assert "nebius profile create" in failed.value.remedy and "sesame" not in str(failed.value)
    assert fake.calls == []


def test_no_message_holds_the_token(fake: FakeNebius) -> None:
    fake.queue(Status("INTERNAL", f"bad token {TOKEN} and {TOKEN[:9]}"))
    with pytest.raises(FetchFailed, match="listing tenants: INTERNAL") as failed:
        get()
    assert TOKEN[:7] not in str(failed.value)


def test_a_short_outage_is_tried_again(fake: FakeNebius) -> None:
    fake.queue(Status("UNAVAILABLE"))
    assert prices(get())
    assert methods(fake).count("TenantService/List") == 2


def test_an_outage_while_pricing_is_not_a_missing_price(fake: FakeNebius) -> None:
    H200_down = FakePreset("8gpu-128vcpu-1600gb", 128, 1600, 8, usd="INTERNAL")  # noqa: N806
    fake.platforms = {"eu-north1": [FakePlatform("gpu-h200-sxm", [H200_down], 141)]}
    with pytest.raises(FetchFailed, match="estimating prices: INTERNAL"):
        get()


def test_a_hang_ends_by_the_deadline(fake: FakeNebius) -> None:
    fake.queue(*[Status("UNAVAILABLE", hang_s=30)] * 4)
    start = time.monotonic()
    with pytest.raises(FetchFailed):
        NebiusSource().fetch("eu-north1", "on_demand", soon(1.0))
    assert time.monotonic() - start < 8


def test_the_snapshots_presets_come_through(fake: FakeNebius) -> None:
    fake.populate(["eu-north1", "us-central1"], seed=1)
    for kind in ("on_demand", "spot"):
        got = get(kind, "us-central1")
        sold = [s for s in sold_by("nebius") if s.region == "us-central1" and getattr(s, kind)]
        assert set(prices(got)) == {one.instance_type for one in sold}
