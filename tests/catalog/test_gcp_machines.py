"""Machines as sums of their parts, checked against prices that Google publishes or billed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from catalog.sources.gcp_machines import (
    MachineType,
    Unusable,
    bundled_ssd_gib,
    check,
    is_sold,
    normalised,
    obtainability,
    offer_row,
    quota_class,
    usd_per_hour,
    with_attached_gpus,
)
from catalog.sources.gcp_skus import FLEX_START, ON_DEMAND, SPOT, MissingRate, Rates, Sku
from catalog.sources.gcp_tpus import tpu_machine, tpu_offer_row, tpu_slice, tpu_usd_per_hour

IOWA = "us-central1"
# Rates of us-central1 in 2025: those of the DWS lines from a bill published at zenn.dev
# (google_cloud_jp/dws-flex-new-skus), the on-demand ones from the same bill without its 15%.
PRICE_LIST = {
    "A3 Instance Core running in Americas": ("h", 0.025498),
    "A3 Instance Ram running in Americas": ("GiBy.h", 0.00222035),
    "Nvidia H100 80GB GPU running in Americas": ("h", 9.796550569),
    "SSD backed Local Storage": ("GiBy.mo", 0.08),
    "DWS Defined Duration A3 Core running in Americas": ("h", 0.010934),
    "DWS Defined Duration A3 Ram running in Americas": ("GiBy.h", 0.000952),
    "Nvidia H100 80GB GPU attached to DWS Defined Duration VMs in Americas": ("h", 4.200761),
    "DWS Defined Duration SSD backed Local Storage running in Americas": ("GiBy.mo", 0.08),
    "A4 Nvidia B200 (1 gpu slice) running in Americas": ("h", 16.11),
    "E2 Instance Core running in Americas": ("h", 0.02181159),
    "E2 Instance Ram running in Americas": ("GiBy.h", 0.00292353),
}
A3 = MachineType("a3-highgpu-8g", frozenset({f"{IOWA}-a"}), 208, 1872, "nvidia-h100-80gb", 8)


def rates(without: str = "", **more: tuple[str, float]) -> Rates:
    listed = {**PRICE_LIST, **more}
    return Rates(
        Sku(text[:9], text, "OnDemand", (IOWA,), unit, usd)
        for text, (unit, usd) in listed.items()
        if text != without
    )


def machine(name: str, vcpus: float = 8, memory: float = 32, **fields: Any) -> MachineType:
    return MachineType(name, frozenset({f"{IOWA}-a"}), vcpus, memory, **fields)


def test_cores_memory_gpus_and_bundled_ssd_are_summed() -> None:
    # cloud.google.com/compute/vm-instance-pricing: a3-highgpu-8g, $88.49 in us-central1.
    assert usd_per_hour(A3, IOWA, ON_DEMAND, rates()) == pytest.approx(88.49, abs=0.005)


def test_flex_start_is_what_google_billed() -> None:
    billed = 33.606088 + 2.274272 + 1.782144 + 0.65753425
    assert usd_per_hour(A3, IOWA, FLEX_START, rates()) == pytest.approx(billed, abs=1e-6)


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ("A3 Instance Core running in Americas", "no on demand rate of a3 core"),
        ("A3 Instance Ram running in Americas", "no on demand rate of a3 RAM"),
        ("Nvidia H100 80GB GPU running in Americas", "of nvidia-h100-80gb GPU"),
        ("SSD backed Local Storage", "no on demand rate of local SSD"),
    ],
)
def test_a_missing_part_leaves_no_partial_sum(lacking: str, reason: str) -> None:
    with pytest.raises(MissingRate, match=reason):
        usd_per_hour(A3, IOWA, ON_DEMAND, rates(without=lacking))


def test_a_slice_carries_its_share_of_the_machine() -> None:
    a4 = machine("a4-highgpu-8g", 224, 3968, gpu="nvidia-b200", gpu_count=8)
    assert usd_per_hour(a4, IOWA, ON_DEMAND, rates()) == pytest.approx(8 * 16.11)


def test_h100_mega_has_its_own_series() -> None:
    mega = replace(A3, name="a3-megagpu-8g", gpu="nvidia-h100-mega-80gb")
    assert mega.series == "a3plus"
    with pytest.raises(MissingRate, match="a3plus core"):
        usd_per_hour(mega, IOWA, ON_DEMAND, rates())
    more = {
        "A3Plus Instance Core running in Iowa": ("h", 0.03),
        "A3Plus Instance Ram running in Iowa": ("GiBy.h", 0.003),
        "Nvidia H100 80GB Plus GPU running in Iowa": ("h", 10.0),
    }
    ssd = 16 * 375 * 0.08 / 730
    expected = 208 * 0.03 + 1872 * 0.003 + 80 + ssd
    assert usd_per_hour(mega, IOWA, ON_DEMAND, rates(**more)) == pytest.approx(expected)


def test_a_series_own_ssd_rate_goes_before_the_general_one() -> None:
    more = {
        "C4 Instance Core running in Iowa": ("h", 0.03),
        "C4 Instance Ram running in Iowa": ("GiBy.h", 0.004),
    }
    c4 = machine("c4-standard-8-lssd", 8, 30, ssd_partitions=1)
    general = usd_per_hour(c4, IOWA, ON_DEMAND, rates(**more))
    more["C4 Instance Local SSD running in Iowa"] = ("GiBy.mo", 0.16)
    own = usd_per_hour(c4, IOWA, ON_DEMAND, rates(**more))
    assert own - general == pytest.approx(375 * 0.08 / 730)


@pytest.mark.parametrize(
    ("name", "partitions", "gpus", "gib"),
    [
        ("c3-standard-176-lssd", 32, 0, 32 * 375),
        ("z3-highmem-88", 12, 0, 12 * 3000),
        ("c4-standard-288-lssd-metal", 6, 0, 6 * 3000),
        ("a2-ultragpu-4g", 0, 4, 4 * 375),
        ("a3-highgpu-1g", 0, 1, 750),
        ("a3-highgpu-8g", 16, 8, 6000),
        ("g2-standard-4", 0, 1, 0),
        ("c3-standard-4", 0, 0, 0),
    ],
)
def test_bundled_ssd(name: str, partitions: int, gpus: float, gib: float) -> None:
    assert bundled_ssd_gib(machine(name, ssd_partitions=partitions, gpu_count=gpus)) == gib


def test_ssd_of_unknown_size_is_no_price() -> None:
    for name, partitions in (("c9-standard-8-lssd", 0), ("c9-standard-288-lssd-metal", 6)):
        with pytest.raises(Unusable, match="unknown size"):
            bundled_ssd_gib(machine(name, ssd_partitions=partitions))


def test_shared_cores_are_billed_in_part() -> None:
    micro = normalised(machine("e2-micro", 2, 1))
    # cloud.google.com/compute/vm-instance-pricing: e2-micro, $0.00838 in us-central1.
    assert usd_per_hour(micro, IOWA, ON_DEMAND, rates()) == pytest.approx(0.008376, abs=1e-6)


def test_small_g4_machines_have_a_part_of_a_gpu() -> None:
    gpu = "nvidia-rtx-pro-6000"
    part = normalised(machine("g4-standard-12", 12, 45, gpu=gpu, gpu_count=1))
    whole = normalised(machine("g4-standard-48", 48, 180, gpu=gpu, gpu_count=1))
    assert (part.gpu_count, whole.gpu_count) == (0.25, 1)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        (machine("n1-standard-8", state="DEPRECATED"), "is deprecated"),
        (machine("x9-standard-8", vcpus=0), "not stated"),
        (machine("x9-standard-8", memory=0), "not stated"),
        (machine("x9-gpu", gpu="nvidia-z9000", gpu_count=1), "no facts about accelerator"),
        (machine("x9-gpu", gpu="nvidia-l4+nvidia-t4", gpu_count=2), "no facts about"),
        (machine("g2-standard-4", gpu="nvidia-l4"), "without a count"),
    ],
)
def test_odd_machine_types_are_no_offers(odd: MachineType, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        check(odd)


@pytest.mark.parametrize("name", ["f1-micro", "g1-small", "m2-ultramem-208"])
def test_series_priced_otherwise_say_so(name: str) -> None:
    assert is_sold(machine(name), IOWA, ON_DEMAND, rates())
    with pytest.raises(Unusable, match="are not read"):
        usd_per_hour(machine(name), IOWA, ON_DEMAND, rates())


def test_gpus_attach_to_n1_where_both_are_in_a_zone() -> None:
    hosts = [
        MachineType(f"n1-standard-{n}", frozenset({"us-central1-a", "us-central1-c"}), n, 3.75 * n)
        for n in (4, 8, 16, 32, 64, 96)
    ]
    cards = {
        "us-central1-a": {"nvidia-tesla-t4": 4, "nvidia-tesla-v100": 8, "nvidia-l4": 8},
        "us-central1-f": {"nvidia-tesla-p100": 4},
    }
    found = {m.name: m for m in with_attached_gpus(hosts, cards)}
    assert sorted(found) == [
        "n1-standard-16+2xT4",
        "n1-standard-16+2xV100-16GB",
        "n1-standard-32+4xT4",
        "n1-standard-32+4xV100-16GB",
        "n1-standard-4+1xT4",
        "n1-standard-64+8xV100-16GB",
        "n1-standard-8+1xT4",
        "n1-standard-8+1xV100-16GB",
    ]
    assert found["n1-standard-8+1xT4"].zones == {"us-central1-a"}
    assert found["n1-standard-64+8xV100-16GB"].gpu_count == 8


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a4-highgpu-8g", "spot-or-flex-start-only"),
        ("a4x-highgpu-4g", "spot-or-flex-start-only"),
        ("a3-ultragpu-8g", "spot-or-flex-start-only"),
        ("a3-highgpu-1g", "spot-or-flex-start-only"),
        ("a3-highgpu-4g", "spot-or-flex-start-only"),
        ("a3-highgpu-8g", ""),
        ("a3-megagpu-8g", ""),
        ("g2-standard-4", ""),
    ],
)
def test_a_price_is_not_yet_a_machine_on_demand(name: str, said: str) -> None:
    assert obtainability(name, ON_DEMAND) == said
    assert obtainability(name, SPOT) == ""


def test_quota_classes_are_the_snapshots() -> None:
    c3 = machine("c3-standard-8")
    assert quota_class(A3, preemptible=False) == "gcp/H100-80GB GPUs"
    assert quota_class(A3, preemptible=True) == "gcp/preemptible H100-80GB GPUs"
    assert quota_class(c3, preemptible=False) == "gcp/C3 CPUs"
    assert quota_class(c3, preemptible=True) == "gcp/preemptible C3 CPUs"


def test_network_is_carried_over_from_the_known_offers() -> None:
    row = offer_row(A3, "europe-north9")
    assert row["network_gbps"] == 800 and row["network_source"]
    assert "network_gbps" not in offer_row(machine("c3-standard-8"), IOWA)


@pytest.mark.parametrize(
    ("name", "topology", "chips", "hosts"),
    [
        ("v5litepod-16", "4x4", 16, 4),
        ("v6e-256", "16x16", 256, 64),
        ("v5p-16", "2x2x2", 8, 2),
        ("v5p-512", "4x8x8", 256, 64),
        ("v4-8", "2x2x1", 4, 1),
        ("v3-8", "2x2", 4, 1),
        ("v2-32", "4x4", 16, 4),
    ],
)
def test_tpu_names_count_chips_or_cores(name: str, topology: str, chips: int, hosts: int) -> None:
    found = tpu_slice(name, (topology,))
    assert found is not None
    assert (found.name, found.chips, found.hosts) == (f"tpu-{name}", chips, hosts)


@pytest.mark.parametrize("name", ["v5litepod-1", "v5litepod-8", "v5p-8", "v6e-4"])
def test_single_hosts_are_machine_types(name: str) -> None:
    assert tpu_slice(name, ()) is None


@pytest.mark.parametrize(
    ("name", "topology", "reason"),
    [
        ("v5p-16", "4x4", "named for 8 chips, its topology has 16"),
        ("v9z-16", "4x4", "no facts"),
        ("nonsense", "", "no facts"),
    ],
)
def test_tpu_types_that_do_not_add_up(name: str, topology: str, reason: str) -> None:
    with pytest.raises(Unusable, match=reason):
        tpu_slice(name, (topology,))


def test_a_tpu_slice_costs_its_chips() -> None:
    listed = Rates(
        [
            Sku("a", "TpuV5e running in Americas", "OnDemand", (IOWA,), "h", 1.2),
            Sku("b", "TPU-v3 Accelerator USA", "OnDemand", (IOWA,), "h", 8.8),
            Sku("c", "Tpu-v4 Pod Accelerator USA", "OnDemand", (IOWA,), "h", 12.88),
        ]
    )
    for name, usd in (("v5litepod-16", 19.2), ("v3-8", 8.8), ("v4-8", 12.88), ("v4-64", 103.04)):
        tpu = tpu_slice(name, ())
        assert tpu is not None
        assert tpu_usd_per_hour(tpu, IOWA, ON_DEMAND, listed) == pytest.approx(usd)
    pod = tpu_slice("v3-32", ())
    assert pod is not None
    with pytest.raises(MissingRate, match="v3 pod"):
        tpu_usd_per_hour(pod, IOWA, ON_DEMAND, listed)


def test_tpu_rows_are_the_snapshots() -> None:
    tpu = tpu_slice("v5p-16", ("2x2x2",))
    assert tpu is not None
    row = tpu_offer_row(tpu, IOWA)
    assert (row["instance_type"], row["accelerator"]) == ("tpu-v5p-16", "TPU-v5p")
    numbers = row["accelerator_count"], row["hosts"], row["vcpus"], row["memory_gib"]
    assert numbers == (8, 2, 416, 896)
    host = tpu_machine(machine("ct6e-standard-8t", 360, 1440, gpu="ct6e", gpu_count=8))
    assert (host.accelerator, host.chips, host.hosts) == ("TPU-v6e", 8, 1)
    with pytest.raises(Unusable, match="named for 8 chips, said to have 4"):
        tpu_machine(machine("ct6e-standard-8t", 360, 1440, gpu="ct6e", gpu_count=4))
