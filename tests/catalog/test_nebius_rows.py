"""Nebius without its SDK: names of GPUs, presets without a price, what is missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from catalog.sources import nebius
from catalog.sources.base import FetchFailed
from catalog.sources.cloud_rows import Unusable
from catalog.sources.nebius import NebiusSource
from catalog.sources.nebius_rows import Access, Estimate, Preset, machine_of, priced_presets
from tests.catalog.gpu_clouds import soon


def preset(platform: str, gpus: int = 8, memory_gib: float | None = 80) -> Preset:
    return Preset(platform, "8gpu-128vcpu-1600gb", 128, 1600, gpus, memory_gib, True)


@pytest.mark.parametrize(
    ("platform", "memory_gib", "accelerator"),
    [
        ("gpu-h100-sxm", 80, "H100-80GB"),
        ("gpu-h200-sxm", 141, "H200"),
        ("gpu-b200-sxm-a", 180, "B200"),
        ("gpu-b300-sxm", 288, "B300"),
        ("gpu-l40s-d", 48, "L40S"),
        ("gpu-rtx6000", 96, "RTX-PRO-6000-Server"),
        ("gpu-gb300", None, "GB300"),
    ],
)
def test_gpus_by_platform(platform: str, memory_gib: float | None, accelerator: str) -> None:
    machine = machine_of(preset(platform, memory_gib=memory_gib))
    assert (machine.accelerator, machine.accelerator_count) == (accelerator, 8)
    assert machine.instance_type == f"{platform}_8gpu-128vcpu-1600gb"


def test_platforms_that_are_not_understood() -> None:
    for strange in (
        preset("gpu-z9-sxm"),
        preset("gpu-h100-sxm", gpus=0),
        preset("gpu-l40s-a", 1, 96),
    ):
        with pytest.raises(Unusable):
            machine_of(strange)
    assert machine_of(preset("cpu-d3", gpus=0)).accelerator == ""


def test_a_preset_without_a_price_costs_only_itself() -> None:
    good = [Estimate(preset("gpu-h100-sxm"), "23.6"), Estimate(preset("cpu-d3", 0), "0.4")]
    bad = [
        Estimate(preset("gpu-b300-sxm"), None, "no price (INVALID_ARGUMENT: unresolved sku)"),
        Estimate(preset("gpu-gb300", memory_gib=None), "0"),
    ]
    priced, rejects = priced_presets(good + bad, "on_demand")
    assert [one.usd_per_hour for one in priced] == [23.6, 0.4]
    assert [reject.reason for reject in rejects] == [
        "no price (INVALID_ARGUMENT: unresolved sku)",
        "estimated at '0' USD per hour",  # not free
    ]


def test_most_presets_without_a_price_are_a_failure_of_all() -> None:
    unpriced = [Estimate(preset("gpu-b300-sxm"), None, "no price")] * 2
    asked = [Estimate(preset("gpu-h100-sxm"), "23.6"), *unpriced]
    with pytest.raises(FetchFailed, match="2 of 3 presets have no price"):
        priced_presets(asked, "on_demand")
    assert len(priced_presets(asked, "spot")[0]) == 1  # few are sold as spot
    with pytest.raises(FetchFailed, match="2 of 2 presets have no price"):
        priced_presets(unpriced, "spot")


def test_what_is_missing_and_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.delenv("NEBIUS_IAM_TOKEN", raising=False)
    monkeypatch.setattr(nebius, "find_spec", lambda name: None)
    missing = NebiusSource().missing()
    assert missing is not None and "[nebius]" in missing.remedy
    monkeypatch.setattr(nebius, "find_spec", lambda name: object())
    missing = NebiusSource().missing()
    assert missing is not None and "NEBIUS_IAM_TOKEN" in missing.what
    assert "nebius profile create" in missing.remedy
    for name in ("config.yaml", "credentials.json"):
        file = tmp_path / ".nebius" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("{}")
        assert NebiusSource().missing() is None
        file.unlink()
    monkeypatch.setenv("NEBIUS_IAM_TOKEN", "t")
    assert NebiusSource().missing() is None
    monkeypatch.setenv("PLANNER_ENDPOINT_NEBIUS", "http://example.org:443")
    missing = NebiusSource().missing()
    assert missing is not None and "not https" in missing.what


def test_without_the_sdk_a_fetch_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*sys.modules]:
        if name.partition(".")[0] == "nebius" or name == "catalog.sources.nebius_calls":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nebius", None)  # importing it fails
    with pytest.raises(FetchFailed, match="lacks nebius") as failed:
        NebiusSource().fetch("eu-north1", "on_demand", soon())
    assert "pip install" in failed.value.remedy


def test_access_does_not_show_its_token() -> None:
    assert "sesame" not in repr(Access("sesame", "", ""))


def test_the_source_itself_needs_no_sdk() -> None:
    assert find_spec("catalog.sources.nebius") is not None and NebiusSource.cloud == "nebius"
