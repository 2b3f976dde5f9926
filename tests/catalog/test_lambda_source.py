"""Lambda: cents, capacity that is not existence, GPU names in prose, keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.sources.base import FetchFailed
from catalog.sources.lambda_cloud import LambdaSource
from tests.catalog.gpu_clouds import fetch, offers, options, prices, reasons, serving
from tests.fakes.lambda_cloud import KEY, FakeLambda, entry
from tests.fakes.snapshot_rows import sold_by


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLambda]:
    with serving(FakeLambda(), monkeypatch) as served:
        yield served


def test_prices_are_in_cents_of_the_whole_machine(fake: FakeLambda) -> None:
    fake.types = {"gpu_8x_h100_sxm5": entry("gpu_8x_h100_sxm5", "H100 (80 GB SXM5)", 8, 2392)}
    got = fetch(LambdaSource())
    assert prices(got) == {"gpu_8x_h100_sxm5": 23.92}
    offer = offers(got)["gpu_8x_h100_sxm5"]
    assert (offer["accelerator"], offer["accelerator_count"], offer["hosts"]) == ("H100-80GB", 8, 1)
    assert (offer["vcpus"], offer["memory_gib"], offer["region"]) == (208, 1800, "all")
    assert options(got)["gpu_8x_h100_sxm5"]["billing_increment_s"] == 60


def test_capacity_now_is_obtainability_and_not_existence(fake: FakeLambda) -> None:
    fake.types = {
        "gpu_1x_a10": entry("gpu_1x_a10", "A10 (24 GB PCIe)", 1, 75, free_in=("us-west-1",)),
        "gpu_1x_gh200": entry("gpu_1x_gh200", "GH200 (96 GB)", 1, 149),
    }
    got = options(fetch(LambdaSource()))
    assert got["gpu_1x_a10"]["obtainability"] == "free when asked in us-west-1"
    assert got["gpu_1x_gh200"]["obtainability"] == "none free when asked"


@pytest.mark.parametrize(
    ("description", "accelerator"),
    [
        ("A100 (40 GB SXM4)", "A100-40GB"),
        ("A100 (40 GB PCIe)", "A100-40GB-PCIe"),
        ("A100 (80 GB SXM4)", "A100-80GB"),
        ("Tesla V100 (16 GB)", "V100-16GB"),
        ("RTX 6000 (24 GB)", "RTX6000-Turing"),
        ("H100 (80 GB PCIe)", "H100-PCIe"),
        ("B200 (180 GB SXM6)", "B200"),
    ],
)
def test_gpus_by_their_description(fake: FakeLambda, description: str, accelerator: str) -> None:
    fake.types = {"gpu_2x": entry("gpu_2x", description, 2, 100)}
    assert offers(fetch(LambdaSource()))["gpu_2x"]["accelerator"] == accelerator


def test_what_cannot_be_trusted_is_rejected_with_its_reason(fake: FakeLambda) -> None:
    good = entry("gpu_1x_a10", "A10 (24 GB PCIe)", 1, 75)
    fake.types = {
        "good": good,
        "new": entry("gpu_1x_z9", "Z9 (512 GB)", 1, 100),
        "free": entry("gpu_1x_free", "A10 (24 GB PCIe)", 1, 0),
        "unpriced": entry("gpu_1x_none", "A10 (24 GB PCIe)", 1, None),
        "prose": entry("gpu_1x_prose", "a fine GPU", 1, 100),
        "other size": entry("gpu_1x_a10x", "A10 (40 GB PCIe)", 1, 100),
        "odd": {"instance_type": {**good["instance_type"], "description": "4x A10 (24 GB)",
                                  "gpu_description": None}},
        "drifted": {"instance_type": None},
        "countless": {"instance_type": {**good["instance_type"], "specs": None}},
    }  # fmt: skip
    got = fetch(LambdaSource())
    assert set(prices(got)) == {"gpu_1x_a10"}
    told = reasons(got)
    assert told["new"] == "no facts about accelerator 'Z9' with 512 GiB"
    assert told["free"] == "price of 0 cents" and told["unpriced"] == "price of None cents"
    assert told["prose"] == "GPU not told by its description"
    assert "40 GiB" in told["other size"]
    assert told["odd"] == "1 GPUs, but 4 in its description"
    assert told["drifted"] == "no name" and told["countless"] == "None GPUs"


def test_cpu_machines_have_no_accelerator(fake: FakeLambda) -> None:
    fake.types = {"cpu_4x_general": entry("cpu_4x_general", "", 0, 20, vcpus=4, memory_gib=16)}
    offer = offers(fetch(LambdaSource()))["cpu_4x_general"]
    assert offer["accelerator"] == "" and "accelerator_count" not in offer


def test_the_whole_list_of_the_snapshot_comes_through(fake: FakeLambda) -> None:
    fake.populate(["us-east-1"], seed=3)
    got = fetch(LambdaSource())
    assert set(prices(got)) == {sold.instance_type for sold in sold_by("lambda")}
    assert not got.rejects


def test_the_key_comes_from_the_environment_or_lambdas_file(
    fake: FakeLambda, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    fake.types = {"gpu_1x_a10": entry("gpu_1x_a10", "A10 (24 GB PCIe)", 1, 75)}
    assert LambdaSource().missing() is None
    monkeypatch.delenv("LAMBDA_API_KEY")
    missing = LambdaSource().missing()
    assert missing is not None and "LAMBDA_API_KEY" in missing.what
    assert "~/.lambda_cloud/lambda_keys" in missing.remedy
    file = tmp_path / ".lambda_cloud" / "lambda_keys"
    file.parent.mkdir()
    file.write_text(f"api_key = {KEY}\n")
    assert LambdaSource().missing() is None and prices(fetch(LambdaSource()))
    for text in ("", "other = 1\n", "api_key = two words\n", "api_key =\n", "api_key = schlüssel"):
        file.write_text(text)
        missing = LambdaSource().missing()
        assert missing is not None and "lambda_keys" in missing.what
    file.write_bytes(b"\xff\xfe\x00")
    assert LambdaSource().missing() is not None


def test_a_refused_key_says_what_to_run(fake: FakeLambda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAMBDA_API_KEY", "secret_wrong_0123456789")
    with pytest.raises(FetchFailed, match="HTTP 401") as failed:
        fetch(LambdaSource())
    assert "API key" in failed.value.remedy and "secret_wrong" not in str(failed.value)


def test_there_is_one_region(fake: FakeLambda) -> None:
    assert LambdaSource().regions(["all", "us-east-1"]) == ["all"]
    with pytest.raises(FetchFailed, match="one price for all regions"):
        fetch(LambdaSource(), region="us-east-1")
