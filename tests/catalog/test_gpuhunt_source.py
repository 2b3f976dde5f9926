"""gpuhunt's catalog: version pointer, archives that are bombs, other products, names."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest

from catalog.sources import gpuhunt
from catalog.sources.archives import zip_member
from catalog.sources.base import FetchFailed
from catalog.sources.gpuhunt import GpuhuntSource
from tests.catalog.gpu_clouds import fetch, offers, prices, reasons, serving
from tests.fakes.gpuhunt import VERSION, FakeGpuhunt, archive, hunted
from tests.fakes.snapshot_rows import sold_by


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGpuhunt]:
    with serving(FakeGpuhunt(), monkeypatch) as served:
        yield served


def test_the_pointer_says_which_archive_and_how_old(fake: FakeGpuhunt) -> None:
    fake.publish(
        "aws",
        [
            hunted("p5.48xlarge", "us-east-1", 55.04, gpu_count=8, gpu_name="H100", gpu_memory=80),
            hunted("p5.48xlarge", "us-east-1", 20.0, gpu_count=8, gpu_name="H100", spot="True"),
        ],
    )
    source = GpuhuntSource()
    got = fetch(source, region="aws/us-east-1")
    assert prices(got) == {"p5.48xlarge": 55.04}
    assert prices(fetch(source, "spot", "aws/us-east-1")) == {"p5.48xlarge": 20.0}
    assert VERSION in got.source
    assert got.as_of is not None and got.as_of.date().isoformat() == "2026-11-24"
    assert [call.path for call in fake.calls] == [
        "/v3/aws/version",
        f"/v3/aws/{VERSION}/catalog.zip",
    ]


def test_an_unchanged_archive_is_not_sent_again(fake: FakeGpuhunt) -> None:
    fake.publish("aws", [hunted("m5.large", "us-east-1", 0.096)])
    first = fetch(GpuhuntSource(), region="aws/us-east-1")
    second = fetch(GpuhuntSource(), region="aws/us-east-1")
    assert prices(first) == prices(second)
    assert "if-none-match" in fake.calls[-1].headers
    fake.publish("aws", [hunted("m5.large", "us-east-1", 0.1)], version="20261125-1")
    assert prices(fetch(GpuhuntSource(), region="aws/us-east-1")) == {"m5.large": 0.1}


@pytest.mark.parametrize("version", ["", "../../secret", "latest", "20261124-1/../../x", "x" * 500])
def test_a_pointer_that_is_no_version_makes_no_url(fake: FakeGpuhunt, version: str) -> None:
    fake.versions["aws"] = version
    with pytest.raises(FetchFailed, match="holds no version"):
        fetch(GpuhuntSource(), region="aws/us-east-1")
    assert [call.path for call in fake.calls] == ["/v3/aws/version"]


def test_zip_bombs_are_refused(fake: FakeGpuhunt, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpuhunt, "MOST_CSV_BYTES", 1 << 20)
    bomb = archive({"aws.csv": "0" * (8 << 20)})
    assert len(bomb) < 20_000
    fake.versions["aws"] = VERSION
    fake.archives["aws", VERSION] = bomb
    with pytest.raises(FetchFailed, match="inflates to more than 1 MiB"):
        fetch(GpuhuntSource(), region="aws/us-east-1")


def test_an_archive_that_lies_about_sizes_is_refused() -> None:
    body = bytearray(archive({"a.csv": "0" * 5_000_000}))
    true, false = (5_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little")
    lying = bytes(body).replace(true, false)
    assert lying != bytes(body)
    with pytest.raises(FetchFailed, match=r"damaged archive|inflates to more"):
        zip_member(lying, "a.csv", "feed", limit_bytes=1 << 20)


def encrypted() -> bytes:
    body = bytearray(archive({"aws.csv": "x" * 100}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        body[body.index(signature) + offset] |= 1
    return bytes(body)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "damaged archive"),
        (b"<html>", "damaged archive"),
        (archive({"aws.csv": "x" * 10_000})[:-40], "damaged archive"),
        (archive({"../aws.csv": "x"}), "no aws.csv in the archive"),
        (archive({f"{n}.csv": "" for n in range(200)}), "more than 100 files"),
        (encrypted(), "encrypted"),
    ],
    # Archives hold the time they were made at: no names for processes that share the tests out.
    ids=["empty", "no archive", "cut off", "elsewhere", "too many", "encrypted"],
)
def test_bad_archives(body: bytes, problem: str) -> None:
    with pytest.raises(FetchFailed, match=problem):
        zip_member(body, "aws.csv", "feed", limit_bytes=1 << 20)


def test_a_damaged_member_is_noticed() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        file.writestr("aws.csv", "instance_name" * 20)
    body = out.getvalue().replace(b"instance", b"instanze", 1)
    with pytest.raises(FetchFailed, match="damaged archive"):
        zip_member(body, "aws.csv", "feed", limit_bytes=1 << 20)


def test_gcp_zones_attached_gpus_and_tpus(fake: FakeGpuhunt) -> None:
    t4 = {"gpu_count": 1, "gpu_name": "T4", "gpu_memory": 16}
    fake.publish(
        "gcp",
        [
            hunted("n1-standard-8", "us-central1-a", 0.73, **t4),
            hunted("n1-standard-8", "us-central1-b", 0.75, **t4),
            hunted("n1-standard-8", "us-central1-c", 0.99, **t4),
            hunted("n1-standard-8", "us-central1-a", 0.38),
            hunted("v5litepod-16", "us-central1-a", 19.2, gpu_count=1, gpu_name="v5litepod"),
            hunted("v99-8", "us-central1-a", 19.2, gpu_count=1, gpu_name="v99"),
        ],
    )
    got = fetch(GpuhuntSource(), region="gcp/us-central1")
    assert prices(got) == {
        "n1-standard-8+1xT4": 0.75,
        "n1-standard-8": 0.38,
        "tpu-v5litepod-16": 19.2,
    }
    assert offers(got)["tpu-v5litepod-16"]["accelerator_count"] == 16
    assert set(reasons(got)) == {"v99-8"}


def test_other_products_under_the_same_name_are_no_price(fake: FakeGpuhunt) -> None:
    gpu = {"gpu_count": 8, "gpu_name": "B200", "gpu_memory": 180}
    fake.publish(
        "gcp",
        [
            hunted("a4-highgpu-8g", "us-central1-b", 30.0, flags="gcp-dws-calendar-mode", **gpu),
            hunted("e2-standard-4", "us-central1-b", 0.13),
        ],
    )
    got = fetch(GpuhuntSource(), region="gcp/us-central1")
    assert prices(got) == {"e2-standard-4": 0.13}
    assert reasons(got)["a4-highgpu-8g"] == "another product (gcp-dws-calendar-mode)"


def test_runpod_rows_are_of_whole_pods_named_by_gpu(fake: FakeGpuhunt) -> None:
    h100 = {"gpu_name": "H100", "gpu_memory": 80}
    fake.publish(
        "runpod",
        [
            hunted("NVIDIA H100 80GB HBM3", "US-TX-3", 5.98, gpu_count=2, **h100),
            hunted("NVIDIA H100 80GB HBM3", "EU-RO-1", 5.98, gpu_count=2, **h100),
            hunted("NVIDIA H100 PCIe", "SE", 1.9, gpu_count=1, **h100),
        ],
    )
    got = fetch(GpuhuntSource(), region="runpod/all")
    assert prices(got) == {"2x_H100-80GB_SECURE": 5.98, "1x_H100-PCIe_COMMUNITY": 1.9}


@pytest.mark.parametrize(
    ("cloud", "region", "theirs", "ours"),
    [
        (
            "nebius",
            "eu-north1",
            "gpu-h100-sxm 8gpu-128vcpu-1600gb",
            "gpu-h100-sxm_8gpu-128vcpu-1600gb",
        ),
        ("azure", "eastus", "NC80adis_H100_v5", "Standard_NC80adis_H100_v5"),
        ("azure", "eastus", "Standard_D2s_v5", "Standard_D2s_v5"),
    ],
)
def test_names_that_other_clouds_machines_have_there(
    fake: FakeGpuhunt, cloud: str, region: str, theirs: str, ours: str
) -> None:
    fake.publish(cloud, [hunted(theirs, region, 9.0, gpu_count=2, gpu_name="H100", gpu_memory=94)])
    assert prices(fetch(GpuhuntSource(), region=f"{cloud}/{region}")) == {ours: 9.0}


def test_rows_that_say_too_little_are_rejected_with_their_number(fake: FakeGpuhunt) -> None:
    fake.publish(
        "aws",
        [
            hunted("m5.large", "us-east-1", 0.096),
            *[hunted("m5.xlarge", place, "") for place in ("us-east-1", "us-west-2")],
            hunted("m5.2xlarge", "us-east-1", 0.0),
            hunted("m5.4xlarge", "us-east-1", 1.0, spot="maybe"),
        ],
    )
    got = fetch(GpuhuntSource(), region="aws/us-east-1")
    assert prices(got) == {"m5.large": 0.096}
    assert reasons(got)["m5.xlarge"].endswith("a price or a kind (2 rows)")
    assert set(reasons(got)) == {"m5.xlarge", "m5.2xlarge", "m5.4xlarge"}


def test_all_of_a_populated_provider_comes_through(fake: FakeGpuhunt) -> None:
    fake.populate(["us-east-1", "us-central1"], seed=4)
    source = GpuhuntSource()
    for cloud, region in (("aws", "us-east-1"), ("gcp", "us-central1"), ("oci", "all")):
        got = fetch(source, region=f"{cloud}/{region}")
        sold = [s for s in sold_by(cloud) if s.region == region and s.on_demand]
        assert set(prices(got)) == {one.instance_type for one in sold}, cloud
