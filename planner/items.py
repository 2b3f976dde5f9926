"""From candidate columns to published items."""

from __future__ import annotations

import math
from datetime import date
from typing import Any, Literal, cast

import numpy as np

from catalog import Catalog
from catalog.accelerators import AcceleratorKind
from planner.amounts import money
from planner.candidates import Candidates
from planner.results import (
    CostBreakdown,
    FrontPoint,
    Item,
    Price,
    Throughput,
    TimeBreakdown,
)


class ItemBuilder:
    """Builds items of one set of candidates, with price age as of ``today``."""

    def __init__(self, candidates: Candidates, catalog: Catalog, today: date) -> None:
        self._c, self._catalog, self._today = candidates, catalog, today

    def id(self, index: int) -> str:
        """Stable name of a candidate: cloud/region/instance type/purchase/machines."""
        c = self._c
        row = int(c.row[index])
        parts = [c.offers.text(n, row) for n in ("cloud", "region", "instance_type", "kind")]
        return "/".join([*parts, f"x{int(c.nodes[index])}"])

    def point(self, index: int) -> FrontPoint:
        c = self._c
        return FrontPoint(
            id=self.id(index),
            purchase=c.offers.text("kind", int(c.row[index])),
            accelerator=c.machines.devices[int(c.config[index])].name,
            nodes=int(c.nodes[index]),
            hours=_round(c.hours[index]),
            cost_usd=_round(c.usd[index]),
        )

    def item(self, index: int, lost_to: int | None = None) -> Item:
        c = self._c
        row, config = int(c.row[index]), int(c.config[index])
        offers, machines, estimate = c.offers, c.machines, c.throughput
        device = machines.devices[config]
        nodes = int(c.nodes[index])
        rate = offers.numbers["usd_per_hour"][row] * nodes
        work, lost, set_up = c.work_hours[index], c.lost_hours[index], c.set_up_hours[index]
        usd = c.usd[index]
        step = estimate.step
        share = work / step.total_s[config]
        is_cpu = device.kind is AcceleratorKind.CPU
        vcpus = offers.numbers["vcpus"][row]
        basis = cast(Literal["measured", "calibrated", "analytic"], estimate.basis[config])
        return Item(
            id=self.id(index),
            cloud=offers.text("cloud", row),
            region=offers.text("region", row),
            zone=offers.text("zone", row) or None,
            instance_type=offers.text("instance_type", row),
            purchase=offers.text("kind", row),
            nodes=nodes,
            accelerator=device.name,
            accelerators=_round(
                device.share * nodes
                if is_cpu or device.share < 1
                else float(machines.per_node[config] * nodes)
            ),
            vcpus=None if np.isnan(vcpus) else _round(vcpus * nodes),
            parallelism=step.layout[config],
            hours=_round(c.hours[index]),
            hours_p10=_round(c.hours_p10[index]),
            hours_p90=_round(c.hours_p90[index]),
            cost_usd=_round(usd),
            cost_usd_p10=_round(c.usd_p10[index]),
            cost_usd_p90=_round(c.usd_p90[index]),
            cost_usd_at_risk=_round(c.usd_at_risk[index]),
            cost_breakdown=CostBreakdown(
                work_usd=_round(work * rate),
                set_up_usd=_round(set_up * rate),
                interruption_usd=_round(lost * rate),
                rounding_usd=_round(max(0.0, usd - (work + set_up + lost) * rate)),
            ),
            time_breakdown=TimeBreakdown(
                compute_hours=_round(step.compute_s[config] * share),
                communication_hours=_round(step.communication_s[config] * share),
                overhead_hours=_round(step.overhead_s[config] * share),
                set_up_hours=_round(set_up),
                interruption_hours=_round(lost),
            ),
            throughput=Throughput(
                value=_round(estimate.median[config]),
                unit=estimate.unit,
                p10=_round(estimate.p10[config]),
                p90=_round(estimate.p90[config]),
                basis=basis,
            ),
            memory_need_gib=_round(step.memory_need[config] / 2**30),
            memory_gib=None if device.memory is None else _round(device.memory / 2**30),
            expected_interruptions=_round(c.interruptions[index]),
            price=self._price(row),
            why_not="" if lost_to is None else self._why_not(index, lost_to),
        )

    def _price(self, row: int) -> Price:
        offers = self._c.offers
        source = self._catalog.sources[offers.text("price_source", row)]
        age = None if source.as_of is None else (self._today - source.as_of).days
        return Price(
            usd_per_hour=_round(offers.numbers["usd_per_hour"][row]),
            source=source.citation,
            as_of=source.as_of.isoformat() if source.as_of else None,
            age_days=age,
            confidence=offers.text("confidence", row) or "unknown",
        )

    def _why_not(self, index: int, best: int) -> str:
        c = self._c
        extra = float(c.usd[index] - c.usd[best])
        share = extra / float(c.usd[best]) if c.usd[best] > 0 else math.inf
        text = f"{money(extra)} ({share:.0%}) dearer"
        hours, best_hours = float(c.hours[index]), float(c.hours[best])
        if hours < best_hours * 0.95:
            return f"{text}, but {best_hours / hours:.1f}x faster"
        return f"{text} and {hours / best_hours:.1f}x slower" if hours > best_hours * 1.05 else text


def _round(value: Any) -> float:
    """Six significant digits: beyond that a figure is noise of the last bit."""
    return float(f"{float(value):.6g}")
