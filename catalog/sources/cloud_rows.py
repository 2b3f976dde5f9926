"""Rows of the tables ``offers`` and ``purchase_options`` for clouds with simple prices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from catalog.sources.base import Reject

ALL = "all"  # the region of a cloud with one price everywhere


@dataclass(frozen=True, slots=True)
class Machine:
    """One instance type of a cloud. ``accelerator_count`` is None for a CPU machine."""

    instance_type: str
    vcpus: float | None
    memory_gib: float | None
    accelerator: str = ""
    accelerator_count: float | None = None
    hosts: int = 1


@dataclass(frozen=True, slots=True)
class Priced:
    """A machine and what an hour of the whole of it costs."""

    machine: Machine
    usd_per_hour: float
    obtainability: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a cloud bills, in seconds; ``confidence`` of its on-demand prices."""

    cloud: str
    billing_increment_s: int
    minimum_s: int

    def offer(self, region: str, machine: Machine) -> dict[str, Any]:
        row: dict[str, Any] = {
            "cloud": self.cloud,
            "region": region,
            "zone": "",
            "instance_type": machine.instance_type,
            "hosts": machine.hosts,
            "accelerator": machine.accelerator,
            "accelerator_count": machine.accelerator_count,
            "vcpus": machine.vcpus,
            "memory_gib": machine.memory_gib,
        }
        return {name: value for name, value in row.items() if value is not None}

    def option(self, region: str, kind: str, priced: Priced) -> dict[str, Any]:
        return {
            "cloud": self.cloud,
            "region": region,
            "zone": "",
            "instance_type": priced.machine.instance_type,
            "kind": kind,
            # Sums of floats end in digits that no price has.
            "usd_per_hour": round(priced.usd_per_hour, 6),
            "quota_class": f"{self.cloud}/instances",
            "billing_increment_s": self.billing_increment_s,
            "minimum_s": self.minimum_s,
            "obtainability": priced.obtainability,
            "confidence": "volatile" if kind == "spot" else "document",
        }

    def rows(
        self, region: str, kind: str, priced: Iterable[Priced]
    ) -> tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]:
        """Offers and options in order of the instance type."""
        ordered = sorted(priced, key=lambda one: one.machine.instance_type)
        return (
            tuple(self.offer(region, one.machine) for one in ordered),
            tuple(self.option(region, kind, one) for one in ordered),
        )


class Unusable(Exception):
    """Why something a provider sent becomes a reject."""

    def __init__(self, what: str, reason: str) -> None:
        self.reject = Reject(printable(what), reason)
        super().__init__(reason)


def printable(text: object) -> str:
    """A name of a feed, short and without control characters, fit for a log line."""
    return "".join(ch for ch in str(text)[:80] if ch.isprintable()) or "?"
