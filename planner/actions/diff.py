"""The use cases behind ``planner diff`` and ``planner replay``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from catalog import Catalog
from planner.actions.recommend.plan import recommend
from planner.actions.saved_result import read_result, workload_of
from planner.amounts import money
from planner.items import rounded
from planner.performance.efficiency import Measured
from planner.results import Item, Recommendation
from planner.results.diff import Difference, Replay, ResultDiff, Section, Value

CHOICE = (
    "cloud", "region", "zone", "instance_type", "purchase", "platform", "nodes", "accelerator",
    "accelerators", "groups", "parallelism", "share_of_work",
)  # fmt: skip
COST = (
    "cost_usd", "cost_usd_p10", "cost_usd_p90", "cost_usd_at_risk", "cost_usd_per_hour",
    "usd_per_million_tokens", "usd_per_thousand_samples",
)  # fmt: skip
TIME = ("hours", "hours_p10", "hours_p90")
# Numbers are published with six digits: less is the noise of the last one.
SAME = 2e-6


def diff_files(a: str, b: str) -> ResultDiff:
    """What changed from one saved result to another. Raises BadInput."""
    return diff(read_result(a), read_result(b), a, b)


def diff(a: Recommendation, b: Recommendation, name_a: str, name_b: str) -> ResultDiff:
    """What changed between two recommendations; which price, of offers that both name."""
    found: list[Difference] = []
    found += _changed("workload", _flat(a.workload), _flat(b.workload))
    same_workload = not found
    found += _changed("catalog", _catalog(a), _catalog(b))
    found += _changed("price", _prices(a), _prices(b))
    choice = _changed("choice", _choice(a), _choice(b))
    found += choice
    found += _changed("cost", _cost(a), _cost(b))
    found += _changed("time", _time(a), _time(b))
    found += _changed("speed", _speed(a), _speed(b))
    same_catalog = a.catalog.content_id == b.catalog.content_id
    return ResultDiff(
        a=name_a,
        b=name_b,
        same_workload=same_workload,
        same_catalog=same_catalog,
        same_choice=not choice,
        headline=_headline(a, b, found, same_workload, same_catalog, not choice),
        differences=found,
    )


def replay(
    path: str,
    catalog: Catalog,
    measured: Sequence[Measured] = (),
    *,
    today: date | None = None,
) -> Replay:
    """Answer a saved result's workload again with ``catalog``. Raises BadInput, Infeasible."""
    saved = read_result(path)
    workload = workload_of(saved, path)
    top = len(saved.alternatives)
    now = recommend(
        workload, catalog, measured=measured, top=top, where=f"{path}: workload", today=today
    ).recommendation
    found = diff(saved, now, path, "now")
    same = not any(d.section in ("choice", "cost", "time", "speed") for d in found.differences)
    which = "the catalog it was made with" if found.same_catalog else "another catalog"
    outcome = "the same answer" if same else f"another answer: {found.headline}"
    return Replay(
        file=path,
        same_catalog=found.same_catalog,
        same=same,
        headline=f"{which}, {outcome}",
        diff=found,
    )


def _catalog(result: Recommendation) -> dict[str, Value]:
    """Without date and age, which are those of the chosen price."""
    return result.catalog.model_dump(exclude={"as_of", "age_days"})


def _chosen(result: Recommendation) -> list[Item]:
    return result.mix.groups if result.mix is not None else [result.recommendation]


def _grouped(result: Recommendation, names: Sequence[str]) -> dict[str, Value]:
    """Fields of what was chosen; of a mix, by group."""
    items = _chosen(result)
    if len(items) == 1:
        return {name: getattr(items[0], name) for name in names}
    return {
        f"group {number}: {name}": getattr(item, name)
        for number, item in enumerate(items, start=1)
        for name in names
    }


def _choice(result: Recommendation) -> dict[str, Value]:
    return {"status": result.status, **_grouped(result, CHOICE)}


def _cost(result: Recommendation) -> dict[str, Value]:
    items = _chosen(result)
    if result.mix is None:
        found = _grouped(result, COST)
    else:
        found = {
            "cost_usd": result.mix.cost_usd,
            "cost_usd_per_hour": result.mix.cost_usd_per_hour,
        }
    lines = [item.cost_breakdown.model_dump() for item in items]
    found |= {name: rounded(sum(line[name] for line in lines)) for name in lines[0]}
    return {**found, "credit_usd": result.credit_usd}


def _time(result: Recommendation) -> dict[str, Value]:
    found = _grouped(result, TIME)
    first = result.recommendation.time_breakdown
    if first is not None and result.mix is None:
        found |= first.model_dump()
    if result.recommendation.latency is not None and result.mix is None:
        found |= result.recommendation.latency.model_dump()
    return found


def _speed(result: Recommendation) -> dict[str, Value]:
    items = _chosen(result)
    found: dict[str, Value] = {}
    for number, item in enumerate(items, start=1):
        prefix = f"group {number}: " if len(items) > 1 else ""
        found |= {f"{prefix}{k}": v for k, v in item.throughput.model_dump().items()}
    return found


def _prices(result: Recommendation) -> dict[str, Value]:
    """USD an hour of one machine, by offer, of everything the result shows."""
    items = [*_chosen(result), *result.alternatives]
    return {
        "/".join((i.cloud, i.region, i.instance_type, i.purchase)): i.price.usd_per_hour
        for i in items
    }


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Value]:
    """Nested fields under dotted names; a list is one value."""
    found: dict[str, Value] = {}
    for name, value in data.items():
        if isinstance(value, dict):
            found |= _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list):
            found[prefix + name] = ", ".join(map(str, value))
        else:
            found[prefix + name] = value
    return found


def _changed(section: Section, a: Mapping[str, Value], b: Mapping[str, Value]) -> list[Difference]:
    """Fields that differ. Prices are compared where both results have the offer."""
    names = [name for name in a if name in b] if section == "price" else list({**a, **b})
    found = []
    for name in names:
        before, after = a.get(name), b.get(name)
        if before == after:
            continue
        change = share = None
        if _is_number(before) and _is_number(after):
            low, high = float(before or 0), float(after or 0)
            if abs(high - low) <= SAME * max(abs(low), abs(high)):
                continue
            change, share = rounded(high - low), rounded(high / low - 1) if low else None
        found.append(
            Difference(
                section=section, field=name, a=before, b=after, change=change, change_share=share
            )
        )
    return found


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _headline(
    a: Recommendation,
    b: Recommendation,
    found: list[Difference],
    same_workload: bool,
    same_catalog: bool,
    same_choice: bool,
) -> str:
    """What changed in a sentence, the cost first."""
    if not found:
        return "nothing changed"
    before = a.mix.cost_usd if a.mix else a.recommendation.cost_usd
    after = b.mix.cost_usd if b.mix else b.recommendation.cost_usd
    text = f"cost {money(before)} -> {money(after)}"
    if before > 0 and abs(after / before - 1) > SAME:
        text += f" ({after / before - 1:+.1%})"
    ids = [" + ".join(item.id for item in _chosen(result)) for result in (a, b)]
    text += f"; same choice {ids[0]}" if same_choice else f"; {ids[0]} -> {ids[1]}"
    changed = [
        name for name, same in (("workload", same_workload), ("catalog", same_catalog)) if not same
    ]
    return text + (f"; changed {' and '.join(changed)}" if changed else "")
