"""Options side by side: one row a figure, one cell an option."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from planner.amounts import hours, hours_range, money, seconds
from planner.report.words import when
from planner.results import Item, Mix
from planner.results.comparison import ComparedSide
from planner.results.recommendation import CostBreakdown, TimeBreakdown

NONE = "-"
# How sure a price is, as the catalog says it, for people.
CONFIDENCE = {"document": "as documented", "secondary": "second-hand", "low": "doubtful"}
_OF_BOTH = ("cost_usd", "cost_usd_p10", "cost_usd_p90", "cost_usd_per_hour", "hours")


@dataclass(frozen=True)
class Side:
    """What a column shows; ``plan`` None: it cannot do the work, for ``why_not``.

    Of a mix ``plan`` is the largest group, and costs are those of all, without an interval.
    """

    name: str
    plan: Item | None
    mix: Mix | None = None
    cost_usd: float | None = None
    cost_usd_p10: float | None = None
    cost_usd_p90: float | None = None
    cost_usd_per_hour: float | None = None
    hours: float | None = None
    why_not: tuple[str, ...] = ()

    @classmethod
    def of_item(cls, name: str, item: Item) -> Side:
        return cls(name, item, **{figure: getattr(item, figure) for figure in _OF_BOTH})

    @classmethod
    def of_side(cls, side: ComparedSide) -> Side:
        figures = {figure: getattr(side, figure) for figure in _OF_BOTH}
        why_not = tuple(side.why_not)
        return cls(side.name, side.plan, side.mix, why_not=why_not, **figures)


@dataclass(frozen=True)
class Row:
    """``title`` and a cell for each side; ``best``: the side whose figure is the better one."""

    title: str
    cells: tuple[str, ...]
    best: int | None = None
    heading: bool = False


def rows(sides: Sequence[Side]) -> list[Row]:
    """Machine, cost and its lines, time or latency, speed, memory, price; no row empty for all."""
    service = any(side.cost_usd_per_hour is not None for side in sides)
    found = [
        _heading("Runs on", len(sides)),
        Row("machine", tuple(_machines(side) for side in sides)),
        Row("devices", tuple(_devices(side) for side in sides)),
        *_texts(sides, {"place": _place, "buy": _buy, "layout": _layout}),
        _heading("Cost", len(sides)),
        *_costs(sides, service),
        _heading("Latency" if service else "Time", len(sides)),
        *(_latencies(sides) if service else _times(sides)),
        _heading("Speed, price", len(sides)),
        *_texts(
            sides,
            {
                "speed": _speed,
                "80% range": _speed_range,
                "basis": lambda plan: plan.throughput.basis,
                "memory": _memory,
                "interruptions to expect": lambda plan: f"{plan.expected_interruptions:.2g}",
                "machine-hour": lambda plan: money(plan.price.usd_per_hour),
                "price": _age,
            },
        ),
    ]
    if any(side.why_not for side in sides):
        found.append(Row("why not", tuple("; ".join(side.why_not) or NONE for side in sides)))
    return found


def _heading(title: str, count: int) -> Row:
    return Row(title, ("",) * count, heading=True)


def _texts(sides: Sequence[Side], of: dict[str, Callable[[Item], str]]) -> list[Row]:
    cells = {
        title: tuple(NONE if s.plan is None else text(s.plan) for s in sides)
        for title, text in of.items()
    }
    return [Row(title, row) for title, row in cells.items() if not set(row) <= {NONE, "0"}]


def _figures(
    title: str,
    values: Sequence[float | None],
    words: Callable[[float], str],
    *,
    better: bool = True,
) -> list[Row]:
    """A row of figures, the least marked; none where all are unknown or nought."""
    if not any(values):
        return []
    known = [value for value in values if value is not None]
    best = None
    if better and len(known) == len(values) > 1 and len(set(known)) > 1:
        best = min(range(len(known)), key=lambda at: known[at])
    cells = tuple(NONE if value is None else words(value) for value in values)
    return [Row(title, cells, best)]


def _costs(sides: Sequence[Side], service: bool) -> list[Row]:
    found: list[Row] = []
    if service:
        per_hour = [side.cost_usd_per_hour for side in sides]
        found += _figures("an hour", per_hour, money)
    found += _figures("in total", [side.cost_usd for side in sides], money)
    ranges = tuple(
        NONE
        if side.cost_usd_p10 is None or side.cost_usd_p90 is None
        else f"{money(side.cost_usd_p10)} - {money(side.cost_usd_p90)}"
        for side in sides
    )
    plans = [side.plan for side in sides]
    if not service:  # whose machines are counted at the risk asked for: nothing is left to vary
        found.append(Row("80% range", ranges))
        at_risk = [None if p is None else p.cost_usd_at_risk for p in plans]
        found += _figures("at most", at_risk, money, better=False)
    for name in CostBreakdown.model_fields:
        values = [None if p is None else getattr(p.cost_breakdown, name) for p in plans]
        title = f"- {name.removesuffix('_usd').replace('_', '-')}"
        found += _figures(title, values, money, better=False)
    for title, name in (
        ("$/M tokens", "usd_per_million_tokens"),
        ("$/1,000", "usd_per_thousand_samples"),
    ):
        values = [None if p is None else getattr(p, name) for p in plans]
        found += _figures(title, values, money)
    return found


def _times(sides: Sequence[Side]) -> list[Row]:
    plans = [side.plan for side in sides]
    found = _figures("in total", [side.hours for side in sides], hours)
    ranges = tuple(
        NONE
        if p is None or p.hours_p10 is None or p.hours_p90 is None or side.mix is not None
        else hours_range(p.hours_p10, p.hours_p90)
        for p, side in zip(plans, sides, strict=True)
    )
    found.append(Row("80% range", ranges))
    for name in TimeBreakdown.model_fields:
        values = [
            None if p is None or p.time_breakdown is None else getattr(p.time_breakdown, name)
            for p in plans
        ]
        title = f"- {name.removesuffix('_hours').replace('_', '-')}"
        found += _figures(title, values, hours, better=False)
    return found


def _latencies(sides: Sequence[Side]) -> list[Row]:
    plans = [side.plan for side in sides]
    found: list[Row] = []
    for title, name in (
        ("TTFT p95", "ttft_p95_s"),
        ("TPOT p95", "tpot_p95_s"),
        ("request p95", "latency_p95_s"),
    ):
        values = [
            None if p is None or p.latency is None else getattr(p.latency, name) for p in plans
        ]
        found += _figures(title, values, seconds)
    if not found:
        found.append(Row("latency", tuple(when(p) or NONE if p else NONE for p in plans)))
    return found


def _machines(side: Side) -> str:
    return " + ".join(_machine(group) for group in _groups(side)) or NONE


def _devices(side: Side) -> str:
    return " + ".join(group.devices for group in _groups(side)) or NONE


def _groups(side: Side) -> list[Item]:
    if side.mix is not None:
        return side.mix.groups
    return [] if side.plan is None else [side.plan]


def _machine(plan: Item) -> str:
    return f"{plan.nodes} x {plan.instance_type}"


def _place(plan: Item) -> str:
    return " ".join(filter(None, (plan.cloud, plan.region, plan.zone or "", plan.platform or "")))


def _buy(plan: Item) -> str:
    return plan.purchase.replace("_", "-")


def _layout(plan: Item) -> str:
    return plan.parallelism if plan.groups == 1 else f"{plan.groups} x {plan.parallelism}"


def _speed(plan: Item) -> str:
    found = plan.throughput
    return f"{_round(found.value)} {found.unit.replace('_per_', '/')}"


def _speed_range(plan: Item) -> str:
    return f"{_round(plan.throughput.p10)} - {_round(plan.throughput.p90)}"


def _round(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _memory(plan: Item) -> str:
    have = "unknown" if plan.memory_gib is None else f"{plan.memory_gib:.0f} GiB"
    return f"{plan.memory_need_gib:.1f} of {have}"


def _age(plan: Item) -> str:
    age = "age unknown" if plan.price.age_days is None else f"{plan.price.age_days} days old"
    return f"{age}, {CONFIDENCE.get(plan.price.confidence, plan.price.confidence)}"
