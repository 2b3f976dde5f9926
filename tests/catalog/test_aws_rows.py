"""Translation of AWS answers, on shapes seen in its API."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog
from catalog.sources.aws_devices import (
    FPGAS,
    GPUS,
    INFERENCE,
    MEDIA,
    Unusable,
    accelerator_of,
)
from catalog.sources.aws_rows import (
    offer_row,
    option_row,
    quota_class,
    quota_family,
    usage_classes,
    zones_sold,
)
from tests.fakes.aws import instance_type


def gpu(name: str, count: int, mib: int, itype: str = "g9.large") -> dict[str, Any]:
    return instance_type(itype, gpu=(name, count, mib))


@pytest.mark.parametrize(
    ("raw", "accelerator", "count"),
    [
        (gpu("T4", 1, 16384), "T4", 1),
        (gpu("A100", 8, 40960), "A100-40GB", 8),
        (gpu("A100", 8, 81920), "A100-80GB", 8),
        (gpu("V100", 4, 16384), "V100-16GB", 4),
        (gpu("V100", 8, 32768), "V100-32GB", 8),
        # The API calls this one by its maker's name only.
        (gpu("NVIDIA", 8, 144384, "p5en.48xlarge"), "H200", 8),
        # Parts of an L4: counted 0, or 1 as in older answers.
        (gpu("L4", 0, 2861, "g6f.large"), "L4", 0.125),
        (gpu("L4", 1, 2861, "g6f.large"), "L4", 0.125),
        (gpu("L4", 0, 5722, "g6f.2xlarge"), "L4", 0.25),
        (gpu("L4", 1, 11444, "gr6f.4xlarge"), "L4", 0.5),
        (instance_type("m7i.large"), "", None),
    ],
)
def test_gpus(raw: dict[str, Any], accelerator: str, count: float | None) -> None:
    assert accelerator_of(raw) == (accelerator, count)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (gpu("H300", 8, 200000), "no facts about accelerator 'H300'"),
        (gpu("NVIDIA", 8, 144384, "p9.48xlarge"), "no facts about accelerator 'NVIDIA'"),
        (gpu("H100", 8, 96000), "no facts about H100 with 96000 MiB"),
        (gpu("A100", 8, 20480), "no facts about A100 with 20480 MiB"),
        (gpu("T4", 0, 16384), "T4 without a count"),
    ],
)
def test_a_device_without_facts_is_a_reject_with_its_reason(
    raw: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Unusable, match=reason):
        accelerator_of(raw)


def test_neuron_devices_listed_twice_count_once() -> None:
    listed = {"Name": "Inferentia", "Count": 4, "MemoryInfo": {"SizeInMiB": 8192}}
    raw = instance_type("inf1.6xlarge") | {
        "NeuronInfo": {"NeuronDevices": [listed]},
        "InferenceAcceleratorInfo": {"Accelerators": [listed]},
    }
    assert accelerator_of(raw) == ("Inferentia1", 4)


def test_missing_and_unknown_fields_do_not_raise_anything_else() -> None:
    with pytest.raises(Unusable, match="not stated"):
        offer_row({"InstanceType": "x9.huge", "BrandNewField": 1}, "us-east-1")
    bare = {
        "InstanceType": "x9.huge",
        "VCpuInfo": {"DefaultVCpus": 2},
        "MemoryInfo": {"SizeInMiB": 1024},
    }
    row = offer_row(bare, "us-east-1")
    assert (row["network_gbps"], row["rdma_gbps"], row["accelerator"]) == (None, None, "")


def test_rdma_counts_only_the_cards_that_carry_efa() -> None:
    raw = instance_type("p6-b300.48xlarge", gbps=(350, 400, 400), efa=True)
    raw["NetworkInfo"]["EfaInfo"]["MaximumEfaInterfaces"] = 2
    for card, kinds in zip(
        raw["NetworkInfo"]["NetworkCards"],
        (["interface"], ["interface", "efa"], ["interface", "efa"]),
        strict=True,
    ):
        card["InterfaceTypes"] = kinds
    row = offer_row(raw, "us-east-1")
    assert (row["network_gbps"], row["rdma_gbps"]) == (1150, 800)


def test_usage_classes_say_how_a_type_is_sold() -> None:
    raw = instance_type("p6-b300.48xlarge", usage=("on-demand", "capacity-block"))
    assert usage_classes(raw) == {"on-demand", "capacity-block"}
    assert usage_classes({"InstanceType": "x9.huge"}) is None


def test_zones_are_counted_without_local_and_wavelength_zones() -> None:
    places = [
        ("g6.xlarge", "us-west-2a"),
        ("g6.xlarge", "us-west-2b"),
        ("g6.xlarge", "us-west-2-lax-1a"),
        ("m7i.large", "us-west-2c"),
        ("t3.medium", "us-west-2-lax-1a"),
        ("g4dn.2xlarge", "us-west-2-wl1-las-wlz-1"),
    ]
    offered = [{"InstanceType": name, "Location": zone} for name, zone in places]
    sold, zones = zones_sold([*offered, {"Location": "us-west-2a"}], "us-west-2")
    assert zones == 3
    assert sold == {"g6.xlarge": 2, "m7i.large": 1, "t3.medium": 0, "g4dn.2xlarge": 0}


def test_commitments_draw_on_the_quota_of_on_demand_and_blocks_on_none() -> None:
    assert quota_class("p5.48xlarge", "reservation") == "aws/P on-demand"
    assert quota_class("g6.xlarge", "savings_plan") == "aws/G and VT on-demand"
    assert quota_class("p5.48xlarge", "spot") == "aws/P spot"
    assert quota_class("p5.48xlarge", "capacity_block") == ""


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("p5.48xlarge", "P"),
        ("g6f.large", "G and VT"),
        ("gr6.4xlarge", "G and VT"),
        ("vt1.3xlarge", "G and VT"),
        ("inf2.xlarge", "Inf"),
        ("trn1n.32xlarge", "Trn"),
        ("dl1.24xlarge", "DL"),
        ("f2.6xlarge", "F"),
        ("m7i-flex.large", "Standard"),
        ("im4gn.large", "Standard"),
        ("x2idn.32xlarge", "X"),
        ("u-6tb1.56xlarge", "High Memory"),
        ("u7i-12tb.224xlarge", "High Memory"),
        ("hpc7a.96xlarge", "HPC"),
    ],
)
def test_quota_families(name: str, family: str) -> None:
    assert quota_family(name) == family


def test_refreshed_rows_name_quotas_as_the_snapshot_does(catalog: Catalog) -> None:
    known = {
        (row["instance_type"], row["kind"]): row["quota_class"]
        for row in catalog.rows(
            "purchase_options", "cloud = 'aws' AND kind IN ('on_demand', 'spot')"
        )
    }
    for (name, kind), quota in known.items():
        assert option_row(name, "us-east-1", kind, 1.0)["quota_class"] == quota


def test_every_device_is_a_known_accelerator(catalog: Catalog) -> None:
    for device in (*GPUS, *INFERENCE, *FPGAS, *MEDIA):
        assert device.accelerator in catalog.accelerators


def test_all_instance_types_aws_had_translate_as_the_snapshot_says(catalog: Catalog) -> None:
    """moto carries a real answer for over a thousand types: an oracle we did not write."""
    import moto

    path = Path(moto.__file__).parent / "ec2/resources/instance_types.json.gz"
    with gzip.open(path) as file:
        answers = json.load(file)
    rows = {name: offer_row(raw, "us-east-1") for name, raw in answers.items()}
    ours = {row["instance_type"]: row for row in catalog.rows("offers", "cloud = 'aws'")}
    compared = rows.keys() & ours.keys()
    assert len(compared) > 500
    different = {
        name: (rows[name][column], ours[name][column])
        for name in compared
        for column in ("vcpus", "accelerator", "accelerator_count")
        if rows[name][column] != ours[name][column]
    }
    assert different == {}
