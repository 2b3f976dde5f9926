"""From a choice to a published recommendation: items, mix, baseline, front, explanation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.records import dataclass
from planner.actions.places import assumed_zone, spread_line
from planner.actions.planning import Prepared, options_of
from planner.candidates import Candidates, blocked
from planner.candidates.order import cheapest_first
from planner.explain import explain, headline, mix_lines
from planner.items import ItemBuilder, rounded
from planner.optimize.choice import Choice, Group, shares
from planner.optimize.pareto import pareto_front
from planner.results import Baseline, CatalogInfo, FrontPoint, Item, Mix, Recommendation, Solver
from planner.workload import BatchInference, Serving

if TYPE_CHECKING:
    from planner.actions.by_size.batch import BatchPlan
    from planner.actions.by_size.service import SizedPlan
    from planner.results.service_mix import ServiceSimulation

Rows = NDArray[np.intp]
FRONT_POINTS = 50
FAILOVERS = 5


@dataclass(frozen=True)
class Decided:
    """What the program decided for one workload: a candidate, or groups of a mix."""

    prepared: Prepared
    pick: int | None
    groups: tuple[Group, ...]
    over_budget: bool
    credit_usd: float


def decided(
    prepared: Prepared, choice: Choice, number: int = 0, *, over_budget: bool = False
) -> Decided:
    """The part of a choice that concerns workload ``number``.

    Credits that several workloads share are no single one's.
    """
    pick = choice.picks[number]
    credit = sum(choice.credit_usd.values()) if len(choice.picks) == 1 else 0.0
    if pick >= 0:
        return Decided(prepared, int(prepared.in_time[pick]), (), over_budget, credit)
    groups = choice.mixes[number]
    if len(groups) == 1:  # one kind of group only: a candidate, where its count was enumerated
        found = _same_count(prepared, groups[0])
        if found is not None:
            return Decided(prepared, found, (), over_budget, credit)
    return Decided(prepared, None, groups, over_budget, credit)


def _same_count(prepared: Prepared, group: Group) -> int | None:
    c = prepared.candidates
    base = int(prepared.cover_rows()[group.index])
    same = (c.row == c.row[base]) & (c.config == c.config[base]) & (c.count == group.count)
    found = np.intersect1d(np.flatnonzero(same), prepared.in_time)
    return int(found[0]) if len(found) else None


def answer(
    found: Decided,
    catalog: Catalog,
    choice: Choice,
    *,
    top: int,
    today: date,
    seconds: float,
    sized: SizedPlan | BatchPlan | None = None,
    checked: ServiceSimulation | None = None,
) -> Recommendation:
    """The published recommendation; ``sized`` is a plan by request size that beats the choice,
    ``checked`` the simulation of a mix that was chosen.
    """
    prepared = found.prepared
    workload, candidates, feasible = prepared.workload, prepared.candidates, prepared.feasible
    builder = ItemBuilder(candidates, catalog, today, tokens_per_unit(prepared))
    ranked = ranking(prepared)
    mix = None
    if sized is not None:
        single = float(candidates.usd[ranked[0]]) if len(ranked) else math.inf
        mix, best = sized.mix(prepared, catalog, today, single), sized.groups[0].index
        chosen = mix.groups[0]
    elif found.pick is not None:
        best = found.pick
        chosen = builder.item(best)
    else:
        mix, best = _mix(prepared, found.groups, builder, ranked)
        chosen = mix.groups[0]
        mix = mix.model_copy(update={"simulation": checked}) if len(mix.groups) > 1 else None
    mixed = None if mix is None else mix.cost_usd
    alternatives = _differing(candidates, ranked, best if mix is None else None, top)
    lines = explain(
        prepared.workload, candidates, feasible, ranked, best, chosen, catalog, mixed_usd=mixed
    )
    baseline = _baseline(prepared, mix.cost_usd if mix else chosen.cost_usd)
    if mix is not None:
        lines = [*mix_lines(mix, alone=len(ranked) > 0), *lines]
    if workload.where.spread is not None:
        groups = [chosen] if mix is None else mix.groups
        lines = [spread_line(workload.where.spread, groups), *lines]
    if baseline is not None:
        lines.append(baseline_line(baseline, chosen))
    if chosen.price.layer.startswith(("refreshed", "overlay")):
        lines.append(f"Price: {chosen.price.layer}, {chosen.price.as_of or 'undated'}.")
    if found.credit_usd > 0:
        lines.append(f"Credits held pay ${found.credit_usd:,.2f} of it.")
    return Recommendation(
        status="over_budget" if found.over_budget else "ok",
        workload=workload.model_dump(mode="json", exclude_none=True),
        catalog=CatalogInfo(
            content_id=catalog.content_id,
            as_of=chosen.price.as_of,
            age_days=chosen.price.age_days,
            offers=catalog.offer_count,
            refreshed_slices=len(catalog.refreshed),
        ),
        headline=headline(workload, chosen, found.over_budget, mix, candidates, best),
        recommendation=chosen,
        mix=mix,
        baseline=baseline,
        credit_usd=rounded(found.credit_usd),
        alternatives=[builder.item(i, lost_to=best, winner_usd=mixed) for i in alternatives],
        failover=[builder.point(index) for index in _failover(candidates, ranked, best)],
        pareto=front(candidates, feasible, builder),
        explanation=lines,
        excluded=dict(sorted((candidates.excluded + blocked(candidates)).items())),
        solver=Solver(
            name=choice.solve.solver if sized is None else sized.solver,
            status=choice.solve.status.value if sized is None else sized.status,
            candidates=len(candidates),
            feasible=len(feasible),
            in_program=choice.considered if sized is None else sized.offers,
        ),
        seconds=round(seconds, 4),
    )


def ranking(prepared: Prepared) -> Rows:
    """Candidates that meet deadline and quotas, cheapest first; of the same cost the fastest."""
    candidates, rows = prepared.candidates, prepared.in_time
    ranked = cheapest_first(candidates, rows)
    limits = prepared.limits
    if not limits:
        return ranked
    return ranked[within(candidates, ranked, limits)]


def within(candidates: Candidates, rows: Rows, limits: Mapping[str, float]) -> NDArray[np.bool_]:
    """Which candidates draw no more than their quota allows by itself."""
    offers = candidates.offers
    limit = np.array([limits.get(word, np.inf) for word in offers.vocabularies["quota_class"]])
    allowed: NDArray[np.bool_] = (
        candidates.quota_use[rows] <= limit[offers.codes["quota_class"][candidates.row[rows]]]
    )
    return allowed


def tokens_per_unit(prepared: Prepared) -> float:
    """Generated tokens of one request of a language model; scoring counts its prompt."""
    workload = prepared.workload
    if prepared.shape.kind not in ("transformer", "encoder-decoder"):
        return 0.0
    if isinstance(workload, Serving):
        return workload.mean_output_length
    if isinstance(workload, BatchInference):
        length = workload.mean_output_length
        return length if length > 1 else workload.mean_input_length
    return 0.0


def _mix(
    prepared: Prepared, groups: tuple[Group, ...], builder: ItemBuilder, ranked: Rows
) -> tuple[Mix, int]:
    """The groups as items, and the candidate behind the largest."""
    cover = prepared.cover()
    assert cover is not None
    rows = prepared.cover_rows()
    c = prepared.candidates
    items: list[Item] = []
    parts = shares(cover, groups, service=c.amount.is_service)
    spread = prepared.cover_places()
    for group, part in zip(groups, parts, strict=True):
        usd = group.count * float(cover.usd_per_group[group.index])
        usd += group.units * cover.need * float(cover.usd_per_unit[group.index])
        index = int(rows[group.index])
        hours = None
        if not c.amount.is_service:
            per_group = group.units * cover.need / float(cover.capacity[group.index]) / group.count
            deadline = prepared.workload.deadline or math.nan
            hours = float(c.set_up_hours[index]) + per_group * (
                deadline - float(c.set_up_hours[index])
            )
        item = builder.group(index, group.count, part, usd, hours)
        if spread:
            number = assumed_zone(spread[group.index])
            item = item.model_copy(update={"zone_number": number})
        items.append(item)
    total = sum(item.cost_usd for item in items)
    single = float(c.usd[ranked[0]]) if len(ranked) else math.inf
    hourly = None
    if c.amount.is_service:
        hourly = rounded(total / (c.amount.horizon_hours or 1.0))
    saved = single - total if math.isfinite(single) else 0.0
    tokens = items[0].usd_per_million_tokens
    if tokens is not None and items[0].cost_usd > 0:
        # of all groups together: its part of the work at its part of the cost
        tokens = rounded(tokens * total / items[0].cost_usd * (items[0].share_of_work or 1.0))
    mix = Mix(
        groups=items,
        usd_per_million_tokens=tokens,
        cost_usd=rounded(total),
        cost_usd_per_hour=hourly,
        saved_usd=rounded(max(saved, 0.0)),
    )
    return mix, int(rows[groups[0].index])


def _baseline(prepared: Prepared, cost_usd: float) -> Baseline | None:
    """What the hosted API would cost for the same requests."""
    workload, amount = prepared.workload, prepared.candidates.amount
    if not isinstance(workload, (Serving, BatchInference)) or workload.hosted_api is None:
        return None
    hosted = workload.hosted_api
    prompt, output = workload.mean_input_length, workload.mean_output_length
    if isinstance(workload, Serving):
        requests = (amount.mean_per_second or 0.0) * workload.horizon * 3600
    else:
        requests = workload.request_count
    each = prompt * hosted.usd_per_million_input_tokens
    each += output * hosted.usd_per_million_output_tokens
    usd = requests * each / 1e6
    return Baseline(
        name=hosted.name,
        cost_usd=rounded(usd),
        cost_usd_per_hour=rounded(usd / workload.horizon)
        if isinstance(workload, Serving)
        else None,
        usd_per_million_tokens=rounded(usd / (requests * output) * 1e6),
        cheaper=usd < cost_usd,
    )


def baseline_line(baseline: Baseline, chosen: Item) -> str:
    """How the hosted API compares, in words."""
    per = "an hour" if baseline.cost_usd_per_hour is not None else "in total"
    usd = baseline.cost_usd_per_hour or baseline.cost_usd
    own = chosen.cost_usd_per_hour or chosen.cost_usd
    verdict = "cheaper than" if baseline.cheaper else "dearer than"
    return f"{baseline.name}: ${usd:,.2f} {per}, {verdict} the own machines at ${own:,.2f}."


def _kind(candidates: Candidates, index: int) -> tuple[str, str, str]:
    row = int(candidates.row[index])
    device = candidates.machines.devices[int(candidates.config[index])]
    return candidates.offers.text("cloud", row), device.name, candidates.offers.text("kind", row)


def _differing(candidates: Candidates, ranked: Rows, best: int | None, count: int) -> list[int]:
    """The cheapest others that differ in kind: another cloud, accelerator or way to pay."""
    seen = set() if best is None else {_kind(candidates, best)}
    found: list[int] = []
    for candidate in ranked:
        if len(found) == count:
            break
        index = int(candidate)
        if _kind(candidates, index) not in seen:
            seen.add(_kind(candidates, index))
            found.append(index)
    return found


def _failover(candidates: Candidates, ranked: Rows, best: int) -> list[int]:
    """The cheapest offers that can still be had when the first is sold out.

    Sold out is a machine type in a region in one way to pay; each is tried once.
    """
    offers = candidates.offers

    def place(index: int) -> tuple[str, ...]:
        row = int(candidates.row[index])
        return tuple(
            offers.text(name, row) for name in ("cloud", "region", "instance_type", "kind")
        )

    seen = {place(best)}
    found: list[int] = []
    for candidate in ranked[:2000].tolist():
        if len(found) == FAILOVERS:
            break
        if place(candidate) not in seen:
            seen.add(place(candidate))
            found.append(candidate)
    return found


def front(candidates: Candidates, feasible: Rows, builder: ItemBuilder) -> list[FrontPoint]:
    """Cost against time (a service: against latency), thinned to FRONT_POINTS."""
    rows = feasible[front_rows(candidates, feasible)]
    if len(rows) > FRONT_POINTS:  # keep the ends and an even spread between them
        rows = rows[np.linspace(0, len(rows) - 1, FRONT_POINTS).round().astype(int)]
    return [builder.point(int(index)) for index in rows]


def front_rows(candidates: Candidates, feasible: Rows) -> Rows:
    """Positions in ``feasible`` that no other beats in both cost and time (or latency)."""
    second = candidates.latency() if candidates.amount.is_service else candidates.hours
    time = np.nan_to_num(second[feasible], nan=np.inf)
    return pareto_front(candidates.usd[feasible], time, np.arange(len(feasible)))


__all__ = ["Decided", "answer", "decided", "front", "options_of", "ranking", "tokens_per_unit"]
