"""What a device can run is a fact, and every measured device is one of them or is named."""

from __future__ import annotations

import csv
from collections import Counter

import pytest

from catalog import Catalog
from catalog.accelerators import AcceleratorKind
from catalog.attributes import SNAPSHOT
from catalog.facts_integrity import ABILITIES


def test_words_are_known_and_used(catalog: Catalog) -> None:
    used = frozenset().union(*(a.can_run for a in catalog.accelerators.values()))
    assert used == ABILITIES


@pytest.mark.parametrize(
    ("name", "can_run", "only_precisions"),
    [
        ("Coral-EdgeTPU", {"vision-inference"}, {"int8"}),
        ("Apple-ANE-M4", {"vision-inference"}, {"fp16", "int8"}),
        ("Hailo-8", {"vision-inference"}, {"int8", "int4"}),
        ("FPGA-VU9P", {"vision-inference"}, {"int8", "fp16"}),
        ("FPGA-VU47P", {"vision-inference"}, {"int8", "fp16"}),
        ("AMD-MA35D", set(), set()),
        ("FPGA-Alveo-U30", set(), {"int8", "fp16"}),
        ("Inferentia1", {"vision-inference"}, set()),
        ("Inferentia2", {"llm-inference", "vision-inference", "diffusion"}, set()),
        ("Trainium2", ABILITIES - {"generic"}, set()),
        ("TPU-v5e", ABILITIES - {"generic"}, set()),
        ("Gaudi3", ABILITIES - {"generic"}, set()),
        ("H100-80GB", ABILITIES, set()),
        ("MI300X", ABILITIES, set()),
        ("CPU-Genoa-9654", ABILITIES, set()),
        ("Jetson-AGX-Orin-64GB", ABILITIES, set()),
        ("Mali-G52-MP6", {"vision-inference", "generic"}, set()),
    ],
)
def test_devices_can_do_what_they_can(
    catalog: Catalog, name: str, can_run: set[str], only_precisions: set[str]
) -> None:
    device = catalog.accelerators[name]
    assert device.can_run == can_run
    assert device.only_precisions == only_precisions


def test_only_general_processors_run_programs_of_ones_own(catalog: Catalog) -> None:
    general = {AcceleratorKind.GPU, AcceleratorKind.CPU}
    for name, device in catalog.accelerators.items():
        assert ("generic" in device.can_run) == (device.kind in general), name


def test_whoever_trains_or_diffuses_also_infers(catalog: Catalog) -> None:
    for name, device in catalog.accelerators.items():
        if device.can_run & {"training", "diffusion", "llm-inference"}:
            assert "vision-inference" in device.can_run, name


def test_fp64_is_known_where_it_matters_and_below_fp32(catalog: Catalog) -> None:
    known = {
        n: a.peak_tera_ops for n, a in catalog.accelerators.items() if "fp64" in a.peak_tera_ops
    }
    assert {"H100-80GB", "A100-80GB", "V100-32GB", "MI300X", "MI250X", "CPU-Genoa-9654"} <= set(
        known
    )
    assert not any(name.startswith(("TPU", "Trainium", "Gaudi")) for name in known)
    for name, peaks in known.items():
        assert 0 < peaks["fp64"] <= peaks["fp32"], name
    (row,) = catalog.rows("accelerators", "name = 'H100-80GB'")
    assert row["peak_fp64_source"] in catalog.sources


def test_every_measured_accelerator_is_known_or_listed(catalog: Catalog) -> None:
    """Computed from the files themselves, beside the catalog's own query."""

    def column(table: str, *names: str) -> list[tuple[str, ...]]:
        with (SNAPSHOT / f"{table}.csv").open(newline="", encoding="utf-8") as lines:
            return [tuple(row[name] for name in names) for row in csv.DictReader(lines)]

    known = {name for (name,) in column("accelerators", "name")}
    known |= {
        alias for alias, name in column("accelerator_aliases", "alias", "accelerator") if name
    }
    measured = Counter(name for (name,) in column("observations", "accelerator"))
    unknown = {name: count for name, count in measured.items() if name not in known}
    assert unknown == dict(catalog.unidentified)
    assert sum(unknown.values()) < 0.02 * sum(measured.values())
    for name in measured.keys() - unknown.keys():
        assert catalog.accelerator(name).name in catalog.accelerators
