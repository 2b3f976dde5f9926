"""From candidate columns to published items."""

from __future__ import annotations

import math
from datetime import date
from typing import Any, Literal, cast

import numpy as np

from catalog import Catalog
from catalog.layer_names import layer_of
from planner.amounts import money
from planner.candidates import Candidates
from planner.performance.throughput import Throughput as Estimated
from planner.results import (
    CostBreakdown,
    FrontPoint,
    Item,
    Latency,
    Price,
    Throughput,
    TimeBreakdown,
)

Basis = Literal["measured", "calibrated", "analytic"]
_LATENCIES = (
    "ttft_p50", "ttft_p95", "ttft_p99", "tpot_p50", "tpot_p95", "tpot_p99", "latency_p95",
)  # fmt: skip


class ItemBuilder:
    """Builds items of one set of candidates, with price age as of ``today``."""

    def __init__(
        self, candidates: Candidates, catalog: Catalog, today: date, tokens_per_unit: float = 0.0
    ) -> None:
        self._c, self._catalog, self._today = candidates, catalog, today
        self._tokens_per_unit = tokens_per_unit

    def id(self, index: int) -> str:
        """Stable name of a candidate: cloud/region/instance type/purchase/machines."""
        return candidate_id(self._c, index, float(self._c.nodes[index]))

    def point(self, index: int, kg_co2e: float = math.nan) -> FrontPoint:
        c = self._c
        service = c.amount.is_service
        latency = c.latency()[index] if service else math.nan
        return FrontPoint(
            id=self.id(index),
            purchase=c.offers.text("kind", int(c.row[index])),
            accelerator=c.machines.devices[int(c.config[index])].name,
            nodes=int(c.nodes[index]),
            hours=None if service else rounded(c.hours[index]),
            latency_s=rounded(latency) if math.isfinite(latency) else None,
            cost_usd_per_hour=rounded(c.usd_per_hour[index]) if service else None,
            cost_usd=rounded(c.usd[index]),
            kg_co2e=rounded(kg_co2e) if math.isfinite(kg_co2e) else None,
        )

    def item(self, index: int, lost_to: int | None = None, winner_usd: float | None = None) -> Item:
        """One candidate; ``lost_to`` is the winner's index, ``winner_usd`` its cost (of a mix)."""
        c = self._c
        row, config = int(c.row[index]), int(c.config[index])
        offers, machines, estimate = c.offers, c.machines, c.throughput
        device = machines.devices[config]
        nodes, count = int(c.nodes[index]), float(c.count[index])
        vcpus = offers.numbers["vcpus"][row]
        service = c.amount.is_service
        lines = {name: rounded(column[index]) for name, column in c.lines.items()}
        return Item(
            id=self.id(index),
            cloud=offers.text("cloud", row),
            region=offers.text("region", row),
            zone=offers.text("zone", row) or None,
            zone_number=None,
            instance_type=offers.text("instance_type", row),
            purchase=offers.text("kind", row),
            platform=offers.text("platform", row) or None,
            nodes=nodes,
            accelerator=device.name,
            accelerators=rounded(
                device.share * nodes
                if device.is_cpu or device.share < 1
                else float(machines.per_node[config] * nodes)
            ),
            vcpus=None if np.isnan(vcpus) else rounded(vcpus * nodes),
            groups=int(count),
            parallelism=estimate.step.layout[config],
            hours=None if service else rounded(c.hours[index]),
            hours_p10=None if service else rounded(c.hours_p10[index]),
            hours_p90=None if service else rounded(c.hours_p90[index]),
            cost_usd_per_hour=rounded(c.usd_per_hour[index]) if service else None,
            horizon_hours=rounded(c.hours[index]) if service else None,
            **self._per_output(index),
            latency=latency_of(estimate, config),
            cost_usd=rounded(c.usd[index]),
            cost_usd_p10=rounded(c.usd_p10[index]),
            cost_usd_p90=rounded(c.usd_p90[index]),
            cost_usd_at_risk=rounded(c.usd_at_risk[index]),
            cost_breakdown=CostBreakdown(**lines),
            time_breakdown=None if service else self._time(index),
            throughput=Throughput(
                value=rounded(estimate.median[config] * count),
                unit=estimate.unit,
                p10=rounded(estimate.p10[config] * count),
                p90=rounded(estimate.p90[config] * count),
                basis=cast(Basis, estimate.basis[config]),
            ),
            memory_need_gib=rounded(estimate.step.memory_need[config] / 2**30),
            memory_gib=None if device.memory is None else rounded(device.memory / 2**30),
            expected_interruptions=rounded(c.interruptions[index]),
            price=self._price(row),
            why_not="" if lost_to is None else self._why_not(index, lost_to, winner_usd),
        )

    def group(self, index: int, count: int, share: float, usd: float, hours: float | None) -> Item:
        """``count`` groups of the configuration behind a candidate, as part of a mix.

        It costs ``usd`` and handles ``share`` of the work; ``hours`` is when it is done with it.
        """
        base = self.item(index)
        scale = count / float(self._c.count[index])
        lines = base.cost_breakdown.model_dump()
        whole = sum(lines.values())
        # what comes out of the group, against what came out of the candidate for its cost
        output = usd / base.cost_usd / share if share > 0 and base.cost_usd > 0 else 0.0
        per_output = {
            name: rounded(value * output)
            for name in ("usd_per_million_tokens", "usd_per_thousand_samples")
            if (value := getattr(base, name)) is not None
        }
        per_hour = None
        if base.horizon_hours is not None:
            per_hour = rounded(usd / base.horizon_hours)
        speed = base.throughput
        return base.model_copy(
            update={
                "id": base.id.rpartition("/x")[0] + f"/x{round(base.nodes * scale)}",
                "nodes": round(base.nodes * scale),
                "accelerators": rounded(base.accelerators * scale),
                "vcpus": None if base.vcpus is None else rounded(base.vcpus * scale),
                "groups": count,
                "share_of_work": rounded(share),
                **per_output,
                "hours": None if hours is None else rounded(hours),
                "hours_p10": None,
                "hours_p90": None,
                "time_breakdown": None,
                "cost_usd": rounded(usd),
                "cost_usd_p10": rounded(usd),
                "cost_usd_p90": rounded(usd),
                "cost_usd_at_risk": rounded(usd),
                "cost_usd_per_hour": per_hour,
                "cost_breakdown": CostBreakdown(
                    **{name: rounded(value / whole * usd) for name, value in lines.items()}
                ),
                "throughput": speed.model_copy(
                    update={
                        "value": rounded(speed.value * scale),
                        "p10": rounded(speed.p10 * scale),
                        "p90": rounded(speed.p90 * scale),
                    }
                ),
            }
        )

    def _per_output(self, index: int) -> dict[str, float]:
        """Cost over what comes out, for inference."""
        c = self._c
        amount = c.amount
        if amount.is_service:
            units = (amount.mean_per_second or 0.0) * float(c.hours[index]) * 3600
        else:
            units = amount.total or 0.0
        if c.throughput.latency is None and not self._tokens_per_unit:
            return {}
        usd = float(c.usd[index])
        if self._tokens_per_unit:
            tokens = units * self._tokens_per_unit
            return {"usd_per_million_tokens": rounded(usd / tokens * 1e6)}
        return {"usd_per_thousand_samples": rounded(usd / units * 1e3)}

    def _time(self, index: int) -> TimeBreakdown:
        c = self._c
        step = c.throughput.step
        config = int(c.config[index])
        share = c.work_hours[index] / step.total_s[config]
        parts = (float(step.input_s[config]), float(step.bubble_s[config]))
        waiting, bubble = (s if math.isfinite(s) else None for s in parts)
        launches = step.overhead_s[config] - (waiting or 0.0) - (bubble or 0.0)
        return TimeBreakdown(
            compute_hours=rounded(step.compute_s[config] * share),
            communication_hours=rounded(step.communication_s[config] * share),
            overhead_hours=rounded(max(launches, 0.0) * share),
            input_hours=None if waiting is None else rounded(waiting * share),
            bubble_hours=None if bubble is None else rounded(bubble * share),
            set_up_hours=rounded(c.set_up_hours[index]),
            interruption_hours=rounded(c.lost_hours[index]),
        )

    def _price(self, row: int) -> Price:
        offers = self._c.offers
        key = offers.text("price_source", row)
        source = self._catalog.sources.get(key)
        as_of = None if source is None else source.as_of
        return Price(
            usd_per_hour=rounded(offers.numbers["usd_per_hour"][row]),
            source="stated in the workload" if source is None else source.citation,
            layer="workload" if source is None else layer_of(key),
            as_of=as_of.isoformat() if as_of else None,
            age_days=None if as_of is None else (self._today - as_of).days,
            confidence=offers.text("confidence", row) or "unknown",
        )

    def _why_not(self, index: int, best: int, winner_usd: float | None) -> str:
        c = self._c
        won = float(c.usd[best]) if winner_usd is None else winner_usd
        extra = float(c.usd[index]) - won
        if extra < 0:
            return "cheaper, but outside a limit that workloads share"
        share = extra / won if won > 0 else math.inf
        percent = f" ({share:.0%})" if math.isfinite(share) else ""
        text = f"{money(extra)}{percent} dearer"
        if c.amount.is_service:
            time, best_time = float(c.latency()[index]), float(c.latency()[best])
            faster, slower = "lower latency", "latency"
        else:
            time, best_time = float(c.hours[index]), float(c.hours[best])
            faster, slower = "faster", "slower"
        if not (math.isfinite(time) and math.isfinite(best_time)):
            return text
        if time < best_time * 0.95:
            return f"{text}, but {best_time / time:.1f}x {faster}"
        if time > best_time * 1.05:
            return f"{text} and {time / best_time:.1f}x {slower}"
        return text


def candidate_id(candidates: Candidates, index: int, nodes: float) -> str:
    """A candidate's place and way to pay, with a number of machines."""
    row = int(candidates.row[index])
    names = ("cloud", "region", "instance_type", "kind")
    parts = [candidates.offers.text(name, row) for name in names]
    return "/".join([*parts, f"x{round(nodes)}"])


def latency_of(throughput: Estimated, config: int) -> Latency | None:
    """Latencies of one configuration at its operating point; None where there are none."""
    found = throughput.latency
    if found is None:
        return None
    values = {}
    for name in _LATENCIES:
        column = getattr(found, name)
        if column is not None and math.isfinite(column[config]):
            values[f"{name}_s"] = rounded(column[config])
    if found.concurrency is not None and math.isfinite(found.concurrency[config]):
        values["concurrency"] = rounded(found.concurrency[config])
    return Latency(**values)


def rounded(value: Any) -> float:
    """Six significant digits: beyond that a figure is noise of the last bit."""
    return float(f"{float(value):.6g}")
