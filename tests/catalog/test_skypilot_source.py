"""SkyPilot's catalog: GCP's sums, older versions and mirrors, zeros, other names, opt-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from catalog.sources import skypilot
from catalog.sources.base import FetchFailed
from catalog.sources.skypilot import SkypilotSource
from tests.catalog.gpu_clouds import fetch, offers, options, prices, reasons, serving
from tests.fakes.server import FakeServer, Fault, text_reply
from tests.fakes.skypilot import FakeSkypilot, csv_text
from tests.fakes.snapshot_rows import sold_by


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeSkypilot]:
    with serving(FakeSkypilot(), monkeypatch) as served:
        yield served


def row(name: str, price: object, **more: Any) -> dict[str, Any]:
    plain = {"vCPUs": 8, "MemoryGiB": 32, "Region": "us-east-1", "AvailabilityZone": "us-east-1a"}
    return {"InstanceType": name, "Price": price} | plain | more


def gcp(name: str, gpu: str, count: object, price: object, zone: str = "a", **more: Any) -> Any:
    place = {"Region": "us-central1", "AvailabilityZone": f"us-central1-{zone}"}
    return row(name, price, AcceleratorName=gpu, AcceleratorCount=count, **place) | more


def test_a_gcp_machine_is_host_plus_accelerators_of_its_zone(fake: FakeSkypilot) -> None:
    fake.files["v8/gcp"] = csv_text(
        [
            gcp("a2-highgpu-4g", "", "", 1.0, SpotPrice=0.4),
            gcp("a2-highgpu-4g", "", "", 9.0, zone="b"),  # no GPU row there
            gcp("", "A100", 4, 12.0, SpotPrice=5.0),
            gcp("", "A100", 8, 24.0),
            gcp("", "A100-80GB", 4, 16.0),
            gcp("n1-standard-8", "", "", 0.38),
            gcp("", "T4", 1, 0.35),
        ]
    )
    source = SkypilotSource()
    got = fetch(source, region="gcp/us-central1")
    assert prices(got) == {
        "a2-highgpu-4g": 13.0,
        "n1-standard-8": 0.38,
        "n1-standard-8+1xT4": 0.73,
    }
    offer = offers(got)["a2-highgpu-4g"]
    assert (offer["accelerator"], offer["accelerator_count"]) == ("A100-40GB", 4)
    assert prices(fetch(source, "spot", "gcp/us-central1")) == {"a2-highgpu-4g": 5.4}
    assert "host without the price of its GPUs" in reasons(got)["a2-highgpu-4g"]


def test_a_gcp_host_never_passes_for_the_machine(fake: FakeSkypilot) -> None:
    fake.files["v8/gcp"] = csv_text(
        [
            gcp("a2-highgpu-1g", "", "", 0.94),
            gcp("a9-hypergpu-8g", "", "", 3.0),
            gcp("e2-standard-4", "", "", 0.13),
        ]
    )
    got = fetch(SkypilotSource(), region="gcp/us-central1")
    assert prices(got) == {"e2-standard-4": 0.13}
    assert set(reasons(got)) == {"a2-highgpu-1g", "a9-hypergpu-8g"}


def test_two_families_of_one_gpu_keep_their_own_price(fake: FakeSkypilot) -> None:
    fake.files["v8/gcp"] = csv_text(
        [
            gcp("a3-highgpu-8g", "", "", 10.0),
            gcp("a3-megagpu-8g", "", "", 11.0),
            gcp("", "H100", 8, 70.0),
            gcp("", "H100-MEGA", 8, 80.0),
        ]
    )
    got = fetch(SkypilotSource(), region="gcp/us-central1")
    assert prices(got) == {"a3-highgpu-8g": 80.0, "a3-megagpu-8g": 91.0}


def test_a_tpu_slice_is_a_whole_price(fake: FakeSkypilot) -> None:
    fake.files["v8/gcp"] = csv_text(
        [gcp("", "tpu-v5e-16", 1, 19.2), gcp("TPU-VM", "tpu-v6e-16", 1, 43.2),
         gcp("", "tpu-v99-8", 1, 1.0)]
    )  # fmt: skip
    got = fetch(SkypilotSource(), region="gcp/us-central1")
    assert prices(got) == {"tpu-v5litepod-16": 19.2, "tpu-v6e-16": 43.2}
    offer = offers(got)["tpu-v5litepod-16"]
    assert (offer["accelerator"], offer["accelerator_count"], offer["hosts"]) == ("TPU-v5e", 16, 4)
    assert set(reasons(got)) == {"tpu-v99-8"}


def test_zero_and_empty_prices_are_not_offers(fake: FakeSkypilot) -> None:
    fake.files["v8/aws"] = csv_text(
        [
            row("p5.48xlarge", 0.0, SpotPrice=0),
            row("g5.xlarge", 1.006, SpotPrice="", AcceleratorName="A10G", AcceleratorCount=1),
            row("g6.xlarge", "", SpotPrice=0.4, AcceleratorName="L4", AcceleratorCount=1),
            row("g4dn.xlarge", "nan", SpotPrice="inf"),
        ]
    )
    source = SkypilotSource()
    got = fetch(source, region="aws/us-east-1")
    assert prices(got) == {"g5.xlarge": 1.006}
    assert prices(fetch(source, "spot", "aws/us-east-1")) == {"g6.xlarge": 0.4}
    assert reasons(got) == {
        "p5.48xlarge": "price of '0.0' USD",
        "g4dn.xlarge": "price of 'nan' USD",
    }


def test_spot_is_the_median_over_zones(fake: FakeSkypilot) -> None:
    fake.files["v8/aws"] = csv_text(
        [row("g5.xlarge", 1.0, SpotPrice=usd, AvailabilityZone=zone)
         for zone, usd in (("a", 0.1), ("b", 0.5), ("c", 0.4))]
    )  # fmt: skip
    got = fetch(SkypilotSource(), "spot", "aws/us-east-1")
    assert prices(got) == {"g5.xlarge": 0.4}
    assert options(got)["g5.xlarge"]["quota_class"] == "aws/G and VT spot"
    assert options(got)["g5.xlarge"]["confidence"] == "volatile"


def test_hardware_of_a_known_type_is_the_catalogs(fake: FakeSkypilot) -> None:
    fake.files["v8/azure"] = csv_text(
        [row("Standard_NV6ads_A10_v5", 0.45, Region="eastus", AcceleratorName="A10",
             AcceleratorCount=1, vCPUs=99)]
    )  # fmt: skip
    offer = offers(fetch(SkypilotSource(), region="azure/eastus"))["Standard_NV6ads_A10_v5"]
    assert (offer["accelerator"], offer["vcpus"]) == ("A10", 6)
    assert offer["accelerator_count"] == pytest.approx(1 / 6, abs=1e-3)


def test_an_unknown_type_is_described_by_the_file_or_rejected(fake: FakeSkypilot) -> None:
    info = "{'Gpus': [{'Name': 'A100', 'Count': 2, 'MemoryInfo': {'SizeInMiB': 81920}}]}"
    fake.files["v8/aws"] = csv_text(
        [
            row("q1.large", 5.0, AcceleratorName="A100", AcceleratorCount=2, GpuInfo=info),
            row("q1.small", 1.0, AcceleratorName="Z9", AcceleratorCount=1),
            row("q1.none", 1.0, AcceleratorName="L4"),
            row("q1.evil", 1.0, AcceleratorName="L4", AcceleratorCount=1,
                GpuInfo="{'Gpus': __import__('os').system('true')}"),
        ]
    )  # fmt: skip
    got = fetch(SkypilotSource(), region="aws/us-east-1")
    assert prices(got) == {"q1.large": 5.0, "q1.evil": 1.0}
    assert offers(got)["q1.large"]["accelerator"] == "A100-80GB"
    assert reasons(got) == {
        "q1.small": "no facts about accelerator 'Z9'",
        "q1.none": "L4 without a count",
    }


def test_runpods_names_mean_other_devices(fake: FakeSkypilot) -> None:
    def pod(name: str, gpu: str, usd: float) -> dict[str, Any]:
        return row(name, usd, AcceleratorName=gpu, AcceleratorCount=1, Region="CA")

    fake.files["v8/runpod"] = csv_text(
        [
            pod("1x_A100-80GB_SECURE", "A100-80GB", 1.64),
            pod("1x_A100-80GB-SXM_SECURE", "A100-80GB-SXM", 1.89),
            pod("1x_H100_SECURE", "H100", 2.39),
            pod("1x_H100-SXM_SECURE", "H100-SXM", 2.99),
        ]
    )
    got = fetch(SkypilotSource(), region="runpod/all")
    assert prices(got) == {
        "1x_A100-80GB-PCIe_SECURE": 1.64,
        "1x_A100-80GB-SXM_SECURE": 1.89,
        "1x_H100-PCIe_SECURE": 2.39,
        "1x_H100-80GB_SECURE": 2.99,
    }


def test_an_absent_file_falls_back_to_the_version_before(fake: FakeSkypilot) -> None:
    fake.files["v7/verda"] = csv_text([row("1H100.80S.30V", 2.3, Region="FIN-01")])
    got = fetch(SkypilotSource(), region="verda/FIN-01")
    assert prices(got) == {"1H100.80S.30V": 2.3} and "v7/verda" in got.source
    assert [call.path for call in fake.calls] == ["/v8/verda/vms.csv", "/v7/verda/vms.csv"]


def test_an_error_is_not_an_absence(fake: FakeSkypilot) -> None:
    fake.files["v7/verda"] = csv_text([row("1H100.80S.30V", 2.3, Region="FIN-01")])
    fake.queue(*[Fault.status(503)] * 4)
    with pytest.raises(FetchFailed, match="HTTP 503"):
        fetch(SkypilotSource(), region="verda/FIN-01")


def test_the_mirror_is_asked_on_any_failure(
    monkeypatch: pytest.MonkeyPatch, fake: FakeSkypilot
) -> None:
    text = csv_text([row("g5.xlarge", 1.0)])
    with FakeServer() as mirror:
        when = {"last-modified": "Tue, 24 Nov 2026 10:00:00 GMT"}
        reply = text_reply(text)
        object.__setattr__(reply, "headers", {**reply.headers, **when})
        mirror.route("GET", "/v8/aws/vms.csv", lambda call: reply)
        source = SkypilotSource()
        first = source.client()
        monkeypatch.delenv("PLANNER_ENDPOINT_SKYPILOT")
        monkeypatch.setattr(skypilot, "MIRROR", mirror.url)
        fake.queue(Fault.status(404))
        got = fetch(source, region="aws/us-east-1")
        assert source.client() is first and len(fake.calls) == 1
    assert prices(got) == {"g5.xlarge": 1.0}
    assert got.as_of is not None and got.as_of.isoformat() == "2026-11-24T10:00:00+00:00"


@pytest.mark.parametrize(
    "text",
    ["", "<html>login</html>", "InstanceType,Region\na,b\n", csv_text([]), 'InstanceType\n"cut'],
)
def test_a_file_of_another_shape_fails_as_a_whole(fake: FakeSkypilot, text: str) -> None:
    fake.files["v8/aws"] = text
    with pytest.raises(FetchFailed, match="SkyPilot catalog v8/aws"):
        fetch(SkypilotSource(), region="aws/us-east-1")


def test_it_is_opt_in_and_knows_its_clouds(fake: FakeSkypilot) -> None:
    source = SkypilotSource()
    assert source.opt_in and source.cloud == "" and source.missing() is None
    words = ["aws/us-east-1", "vultr/ord", "lambda/all"]
    assert source.regions(words) == ["aws/us-east-1", "lambda/all"]
    for word in ("vultr/ord", "us-east-1", "aws/"):
        with pytest.raises(FetchFailed, match="no prices of"):
            fetch(source, region=word)
    with pytest.raises(FetchFailed, match="HTTP 404"):
        fetch(source, region="lambda/all")


def test_one_file_serves_all_regions_and_kinds(fake: FakeSkypilot) -> None:
    fake.populate(["us-east-1", "us-central1"], seed=2)
    source = SkypilotSource()
    for kind in source.kinds:
        got = fetch(source, kind, "aws/us-east-1")
        sold = [s for s in sold_by("aws") if s.region == "us-east-1" and getattr(s, kind)]
        assert set(prices(got)) == {one.instance_type for one in sold}
    assert len(fake.calls) == 1
    lambda_ = fetch(source, region="lambda/all")
    assert set(prices(lambda_)) == {one.instance_type for one in sold_by("lambda")}
