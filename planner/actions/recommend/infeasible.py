"""Why nothing meets the constraints: what alone would help, then the smallest sets that would."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from catalog import Catalog
from catalog.layer_names import is_account_quota
from catalog.records import dataclass
from planner.actions.planning import Prepared, prepare
from planner.amounts import hours, money, seconds
from planner.candidates import blocked, smallest_shortfall_gib
from planner.errors import BadInput, Infeasible
from planner.optimize.choice import choose
from planner.performance.efficiency import Measured
from planner.workload import LanguageTraining, Method, Purchase, Where, Workload

# Sets are tried for this long at most, smallest first.
SEARCH_S = 6.0
MOST_NODES = 1024
LATENCIES = (
    "ttft_p50", "ttft_p95", "ttft_p99", "tpot_p50", "tpot_p95", "tpot_p99", "latency_p95",
)  # fmt: skip


@dataclass(frozen=True)
class Relaxation:
    """One constraint given up: its field, what it is in words, and the workload without it."""

    field: str
    words: str
    apply: Callable[[Workload], Workload]


def relaxations(workload: Workload) -> list[Relaxation]:
    """Every constraint of the workload that could be given up."""
    found = []
    if workload.deadline is not None:
        found.append(_field("a longer deadline", deadline=None))
    for name in LATENCIES:
        asked = getattr(workload, name, None)
        if asked is not None:
            found.append(_field(f"{name} above {seconds(asked)}", **{name: None}))
    if getattr(workload, "power", None) is not None:
        found.append(_field("more power a device", power=None))
    if workload.precision is not None:
        found.append(_field("another precision", precision=None))
    where = workload.where
    for name, empty, words in (
        ("clouds", (), "other clouds"),
        ("regions", (), "other regions"),
        ("residency", (), "other jurisdictions"),
        ("accelerators", (), "other accelerators"),
        ("instance_types", (), "other instance types"),
        ("exclude", (), "what exclude rules out"),
    ):
        if getattr(where, name):
            found.append(_place(words, **{name: empty}))
    for quota in sorted(where.quotas):
        others = {name: limit for name, limit in where.quotas.items() if name != quota}
        found.append(_place(f"more of the quota {quota}", quotas=others))
    if not where.cloud_offers:
        found.append(_place("cloud machines beside the own site", cloud_offers=True))
    if set(where.purchase) < {Purchase.ON_DEMAND, Purchase.SPOT}:
        both = tuple(dict.fromkeys([*where.purchase, Purchase.ON_DEMAND, Purchase.SPOT]))
        found.append(_place("on-demand and spot machines", purchase=both))
    if where.max_spot_share < 1:
        found.append(_place("a larger share of spot machines", max_spot_share=1.0))
    if where.spread is not None:
        found.append(_place(f"no spread over {where.spread.over}s", spread=None))
    if where.max_types is not None:
        found.append(_place("any number of accelerator types", max_types=None))
    if where.max_nodes < MOST_NODES:
        found.append(_place(f"more than {where.max_nodes} machines", max_nodes=MOST_NODES))
    if where.price_confidence == "documented":
        found.append(_place("prices that the catalog doubts", price_confidence="any"))
    return found


def _field(words: str, **values: object) -> Relaxation:
    return Relaxation(next(iter(values)), words, lambda w: w.model_copy(update=values))


def _place(words: str, **values: object) -> Relaxation:
    def apply(w: Workload) -> Workload:
        where: Where = w.where.model_copy(update=values)
        return w.model_copy(update={"where": where})

    return Relaxation(f"where.{next(iter(values))}", words, apply)


def why_infeasible(
    prepared: Prepared | None,
    problem: str,
    workload: Workload,
    catalog: Catalog,
    measured: list[Measured],
    where: str,
) -> Infeasible:
    """The error with its reasons: what blocks, what alone would help, which sets would."""
    reasons: list[str] = []
    if prepared is not None:
        counted = blocked(prepared.candidates).most_common(4)
        reasons += [f"{count:,} candidates: {why}" for why, count in counted]
    known = relaxations(workload)
    started = time.monotonic()

    def cheapest(chosen: tuple[Relaxation, ...]) -> str | None:
        relaxed = workload
        for relaxation in chosen:
            relaxed = relaxation.apply(relaxed)
        return _best(relaxed, catalog, measured, where, workload)

    helps = []
    _waiting()
    for relaxation in known:
        if time.monotonic() - started > SEARCH_S:
            break
        best = cheapest((relaxation,))
        if best is not None:
            helps.append(f"{relaxation.words} alone would help: {best}")
    if not helps:
        for chosen, best in _sets(known, cheapest, started):
            helps.append(f"{' and '.join(r.words for r in chosen)} together would help: {best}")
    if not helps:
        helps.append(_advice(prepared, workload))
    return Infeasible(problem, [*helps, *reasons])


def _waiting() -> None:
    """A word to a person who waits: re-planning without each constraint takes seconds."""
    if sys.stderr.isatty():
        print("looking for what would help ...", file=sys.stderr)  # noqa: T201 - the user's stderr


def _sets(
    known: list[Relaxation],
    cheapest: Callable[[tuple[Relaxation, ...]], str | None],
    started: float,
) -> Iterator[tuple[tuple[Relaxation, ...], str]]:
    """The smallest sets that help: all pairs, or else triples, ... as far as time allows."""
    for size in range(2, len(known) + 1):
        found = False
        for chosen in combinations(known, size):
            if time.monotonic() - started > SEARCH_S:
                return
            best = cheapest(chosen)
            if best is not None:
                found = True
                yield chosen, best
        if found:
            return


def _best(
    relaxed: Workload,
    catalog: Catalog,
    measured: list[Measured],
    where: str,
    asked: Workload,
) -> str | None:
    """The cheapest plan of a relaxed workload, in words; None when there is none."""
    try:
        prepared = prepare(relaxed, catalog, measured, where=where)
    except (Infeasible, BadInput):
        return None
    cover = prepared.cover()
    if not len(prepared.in_time) and (cover is None or relaxed.where.spread is None):
        return None
    choice = choose(
        [prepared.options()], prepared.limits, None, covers={0: cover} if cover else None
    )
    if not choice.picks:
        return None
    candidates = prepared.candidates
    rows = prepared.in_time
    cost = choice.solve.objective or 0.0
    service = candidates.amount.is_service
    if service:
        cost /= candidates.amount.horizon_hours or 1.0
    text = f"from {money(cost)}{'/h' if service else ''}"
    if asked.deadline is not None and relaxed.deadline is None:
        soonest = float(np.min(candidates.hours_at_risk[rows]))
        text = f"{hours(soonest)} or more; {text}"
    return text


def _advice(prepared: Prepared | None, workload: Workload) -> str:
    """What might help when giving up constraints does not."""
    lighter = isinstance(workload, LanguageTraining) and workload.method is not Method.QLORA
    if prepared is not None and smallest_shortfall_gib(prepared.candidates) is not None:
        more = "allow more nodes or larger accelerators"
        return f"{more}, or method lora or qlora" if lighter else more
    return "no constraint that can be given up by itself or in pairs would help"


def problem_of(prepared: Prepared) -> str:
    """What is wrong, in one line."""
    workload, candidates = prepared.workload, prepared.candidates
    if not len(prepared.feasible):
        shortfall = smallest_shortfall_gib(candidates)
        reasons = candidates.throughput.why_not
        if any(" missed" in reason or "latency targets" in reason for reason in reasons):
            return f"nothing in the catalog serves {workload.subject} within these latencies"
        if shortfall is not None and all(reasons):
            missing = f"the closest misses {shortfall:.1f} GiB a device"
            return f"{workload.subject} does not fit: {missing}"
        return f"nothing in the catalog can run {workload.subject} within these limits"
    spread = workload.where.spread
    if spread is not None:
        asked = f"{spread.places} {spread.over}s"
        return f"no mix that is spread over {asked} meets these limits"
    if workload.deadline is not None and not len(prepared.in_time):
        late = f"nothing finishes within {hours(workload.deadline)}"
        return f"{late} with {workload.risk:.0%} probability"
    account = [name for name in candidates.limits if is_account_quota(name)]
    if account and not workload.where.quotas:
        return (
            "what is fast enough needs more than the account's quotas allow (fetched by refresh; "
            "where.quotas replaces them)"
        )
    if candidates.limits and not workload.where.quotas:
        pools = ", ".join(name.removesuffix(" instances") for name in sorted(candidates.limits))
        return f"what is fast enough needs more machines than there are: {pools}"
    return "every candidate needs more than the quotas allow"
