"""Accelerators: what a device can do at best, from its datasheet."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from catalog.records import dataclass


class AcceleratorKind(StrEnum):
    GPU = "GPU"
    TPU = "TPU"
    ASIC = "ASIC"
    FPGA = "FPGA"
    NPU = "NPU"
    CPU = "CPU"


# Precision names of the snapshot columns, widest first.
PRECISIONS = ("fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "int8", "int4", "fp4")


@dataclass(frozen=True, slots=True)
class Accelerator:
    """One device (for a CPU: one socket). Peaks are dense, in 1e12 operations a second.

    ``can_run`` names the work the device can do at all: ``training``, ``llm-inference``,
    ``vision-inference``, ``diffusion`` (inference) and ``generic`` (programs of one's own in a
    general language). Devices that run only what a network compiler makes are not generic. What
    generic work needs in FP32 or FP64 is told by those peaks; no peak means unknown or none.
    ``only_precisions`` is empty when nothing beyond the peaks limits the device.
    """

    name: str
    vendor: str
    kind: AcceleratorKind
    memory_gib: float | None
    memory_bandwidth_gb_per_s: float | None
    peak_tera_ops: Mapping[str, float]
    link: str
    link_bandwidth_gb_per_s: float | None
    link_domain_size: int
    tdp_w: float | None
    release_year: int | None
    cores: int | None
    can_run: frozenset[str]
    only_precisions: frozenset[str]
    verified_by: str
    source: str

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> Accelerator:
        """Build from one row of the ``accelerators`` table (see ``snapshot/attributes.csv``)."""
        peaks = {
            precision: float(value)
            for precision in PRECISIONS
            for unit in ("tflops", "tops")
            if isinstance(value := row.get(f"peak_{precision}_{unit}"), (int, float))
        }
        return cls(
            name=str(row["name"]),
            vendor=str(row["vendor"]),
            kind=AcceleratorKind(str(row["kind"])),
            memory_gib=_number(row["memory_gib"]),
            memory_bandwidth_gb_per_s=_number(row["memory_bandwidth_gb_per_s"]),
            peak_tera_ops=peaks,
            link=str(row["link"] or ""),
            link_bandwidth_gb_per_s=_number(row["link_bandwidth_gb_per_s"]),
            link_domain_size=int(_number(row["link_domain_size"]) or 1),
            tdp_w=_number(row["tdp_w"]),
            release_year=_integer(row["release_year"]),
            cores=_integer(row["cores"]),
            can_run=_split(row["can_run"]) - {"none"},
            only_precisions=_split(row["only_precisions"]),
            verified_by=str(row["verified_by"] or ""),
            source=str(row["source"]),
        )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def _integer(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) else None


def _split(value: object) -> frozenset[str]:
    return frozenset(part for part in str(value or "").split("|") if part)
