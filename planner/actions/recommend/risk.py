"""What may come of a recommendation: the same scenarios for it and for its rivals."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from planner.actions.planning import Prepared
from planner.actions.recommend.answer import Decided, ranking, within
from planner.candidates.scenarios import (
    ACCELERATOR_SHARE,
    Outcomes,
    Part,
    Way,
    simulate,
    single,
)
from planner.cost.spot import RESTART_H
from planner.cost.spot_scenarios import SPOT_PRICE_LOG_SD
from planner.items import candidate_id, rounded
from planner.optimize.pareto import pareto_front
from planner.results.risk import Distribution, Objective, Risk, RiskOption

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

SCENARIOS = 10_000
SHOWN = 8
# Rivals of each sort: cheapest, of other kinds, cheapest if things go badly, fastest for the money.
_CHEAPEST, _KINDS, _CAREFUL, _FAST, _LATE = 8, 14, 8, 8, 5


@dataclass(frozen=True)
class RiskOptions:
    """How many scenarios, which, and what the choice is made by."""

    scenarios: int = SCENARIOS
    seed: int = 0
    objective: Objective = "median-cost"


def assess(found: Decided, catalog: Catalog, options: RiskOptions) -> tuple[Decided, Risk]:
    """The decision by the objective asked for, and what the scenarios say about it.

    By cost at p90 or expected cost, the choice is among the shortlist and (where one was decided)
    the mix; those that meet deadline or rate in enough of the scenarios come first.
    """
    start = time.process_time()
    prepared = found.prepared
    workload, c = prepared.workload, prepared.candidates
    chosen = decided_way(found)
    allowed, late = _shortlist(found)
    picks = [i for i in allowed if found.pick is None or i != found.pick]
    ways = [chosen, *(single(c, i) for i in picks), *(single(c, i) for i in late)]
    meets = np.arange(len(ways)) < len(ways) - len(late)
    outcomes = simulate(
        workload, c, ways, catalog.offers, scenarios=options.scenarios, seed=options.seed
    )
    compared = _Compared(prepared, outcomes, ways, meets)
    best = 0
    if options.objective != "median-cost":
        best = int(compared.order(compared.score(options.objective))[0])
    if best:
        found = replace(
            found, pick=ways[best][0].index, groups=(), credit_usd=_credit(found, ways[best])
        )
    return found, compared.published(best, options, start)


def decided_way(found: Decided) -> Way:
    """The chosen candidate, or the groups of the chosen mix."""
    c = found.prepared.candidates
    if found.pick is not None:
        return single(c, found.pick)
    rows = found.prepared.cover_rows()
    service = c.amount.is_service
    return tuple(
        Part(int(rows[g.index]), float(g.count), 1.0 if service else g.units) for g in found.groups
    )


def _credit(found: Decided, way: Way) -> float:
    """USD of the median cost that credits pay."""
    c = found.prepared.candidates
    index = way[0].index
    held = found.prepared.workload.where.credits.get(c.offers.text("cloud", int(c.row[index])), 0.0)
    return min(held, float(c.usd[index]))


def _shortlist(found: Decided) -> tuple[list[int], list[int]]:
    """Candidates worth simulating that meet every limit, and cheaper ones that may be late."""
    prepared = found.prepared
    c, workload = prepared.candidates, prepared.workload
    ranked = ranking(prepared)
    if workload.budget is not None and not found.over_budget:
        held = workload.where.credits
        credit = np.array([held.get(word, 0.0) for word in c.offers.vocabularies["cloud"]])
        left = workload.budget + credit[c.offers.codes["cloud"][c.row[ranked]]]
        ranked = ranked[c.usd_at_risk[ranked] <= left]
    chosen = list(ranked[:_CHEAPEST])
    chosen += _of_other_kinds(prepared, ranked, _KINDS)
    for column in (c.usd_at_risk, c.usd_p90):
        chosen += list(ranked[np.argsort(column[ranked], kind="stable")[:_CAREFUL]])
    if not c.amount.is_service:
        slow = c.hours_at_risk[ranked]
        front = ranked[pareto_front(c.usd[ranked], slow, np.arange(len(ranked)))]
        spread = np.linspace(0, len(front) - 1, min(_FAST, len(front))).round().astype(int)
        chosen += list(front[spread])
    late = np.setdiff1d(prepared.feasible, prepared.in_time)
    late = late[np.lexsort((late, c.usd[late]))]
    late = late[within(c, late, prepared.limits)] if prepared.limits else late
    return list(dict.fromkeys(map(int, chosen))), _of_other_kinds(prepared, late, _LATE)


def _of_other_kinds(prepared: Prepared, ranked: Rows, most: int) -> list[int]:
    """The first of each accelerator, way to pay and number of machines."""
    c = prepared.candidates
    seen: dict[tuple[str, str, float], int] = {}
    for index in ranked[:5000].tolist():
        device = c.machines.devices[int(c.config[index])].name
        kind = (device, c.offers.text("kind", int(c.row[index])), float(c.nodes[index]))
        seen.setdefault(kind, index)
        if len(seen) == most:
            break
    return list(seen.values())


class _Compared:
    """Ways beside each other in the same scenarios."""

    def __init__(
        self,
        prepared: Prepared,
        outcomes: Outcomes,
        ways: Sequence[Way],
        meets: NDArray[np.bool_],
    ) -> None:
        self.prepared, self.outcomes, self.ways, self.meets = prepared, outcomes, ways, meets
        workload = prepared.workload
        self.works = np.ones(outcomes.usd.shape, bool)
        self.limited = False
        if outcomes.carried is not None:
            self.works, self.limited = outcomes.carried, True
        elif workload.deadline is not None and outcomes.hours is not None:
            self.works, self.limited = outcomes.hours <= workload.deadline, True
        # The cheapest that is in time; where none is, the cheapest.
        usd = np.where(self.works | ~self.works.any(axis=0), outcomes.usd, np.inf)
        self.best_usd, self.best = usd.min(axis=0), usd.argmin(axis=0)
        self.regret = np.maximum(outcomes.usd - self.best_usd, 0.0)

    def score(self, objective: Objective) -> Floats:
        """What the objective makes least."""
        usd = self.outcomes.usd
        if objective == "expected-cost":
            return np.asarray(usd.mean(axis=1))
        return np.asarray(np.quantile(usd, 0.9 if objective == "p90-cost" else 0.5, axis=1))

    def order(self, score: Floats) -> Rows:
        """By limits met, then by probability asked for met, then by score."""
        # Machines are counted so that a rate is carried with just the probability asked for:
        # three standard errors of the scenarios are no breach of it.
        asked, count = self.prepared.workload.risk, len(self.works[0])
        noise = 3 * np.sqrt(asked * (1 - asked) / count)
        enough = self.works.mean(axis=1) >= asked - noise
        return np.lexsort((np.arange(len(score)), score, ~enough, ~self.meets))

    def published(self, picked: int, options: RiskOptions, start: float) -> Risk:
        by_p90 = self.order(self.score("p90-cost"))
        shown = self.order(self.score(options.objective))[:SHOWN]
        return Risk(
            scenarios=options.scenarios,
            seed=options.seed,
            objective=options.objective,
            picked=self.option(picked),
            regret_usd=distribution(self.regret[picked]),
            avoidably_late=self.avoidably_late(picked),
            robust_pick=self.name(int(by_p90[0])),
            median_pick=self.name(0),
            compared=len(self.ways),
            options=[self.option(int(i)) for i in shown],
            assumptions=self.assumptions(picked),
            cpu_seconds=round(time.process_time() - start, 3),
        )

    def avoidably_late(self, way: int) -> float | None:
        if not self.limited:
            return None
        return float((~self.works[way] & self.works.any(axis=0)).mean())

    def name(self, way: int) -> str:
        """The candidate's id; of a mix all of them, with a plus between."""
        c = self.prepared.candidates
        return " + ".join(
            candidate_id(
                c, part.index, float(c.nodes[part.index] / c.count[part.index] * part.count)
            )
            for part in self.ways[way]
        )

    def option(self, way: int) -> RiskOption:
        found, workload = self.outcomes, self.prepared.workload
        met = float(self.works[way].mean()) if self.limited else None
        service = found.capacity is not None
        return RiskOption(
            id=self.name(way),
            cost_usd=distribution(found.usd[way]),
            hours=None if found.hours is None else distribution(found.hours[way]),
            capacity_per_second=None
            if found.capacity is None
            else distribution(found.capacity[way]),
            interruptions=rounded(found.interruptions[way].mean()),
            deadline_met=None if service else met,
            capacity_met=met if service else None,
            within_budget=None
            if workload.budget is None
            else float((found.usd[way] <= workload.budget).mean()),
            regret_usd=rounded(self.regret[way].mean()),
            best_in_hindsight=float((self.best == way).mean()),
            meets_limits=bool(self.meets[way]),
        )

    def assumptions(self, picked: int) -> list[str]:
        c = self.prepared.candidates
        spot = c.offers.is_in("kind", ["spot"])
        any_spot = any(spot[c.row[part.index]] for way in self.ways for part in way)
        lines = [
            f"Errors of the speed: {ACCELERATOR_SHARE:.0%} of their variance is common to all "
            "machines of an accelerator (assumption); accelerators are drawn apart."
        ]
        if any_spot:
            lines += [
                f"Spot prices: log-normal around the listed one, standard deviation "
                f"{SPOT_PRICE_LOG_SD:.0%} (assumption), at most the on-demand price; one draw for "
                "a machine type in a region.",
                f"Interruptions: Poisson, at the published or assumed rate; {RESTART_H * 60:.0f} "
                "min to restart (assumption), work since the last checkpoint is lost.",
            ]
        assumed = any(c.hazard_assumed[part.index] for part in self.ways[picked])
        if assumed:
            lines.append("The interruption rate of the pick is itself assumed.")
        return lines


def distribution(values: Floats) -> Distribution:
    """Mean and quantiles of (s,) scenarios."""
    quantiles = np.quantile(values, [0.1, 0.5, 0.9, 0.95, 0.99])
    p10, p50, p90, p95, p99 = (rounded(q) for q in quantiles)
    return Distribution(mean=rounded(values.mean()), p10=p10, p50=p50, p90=p90, p95=p95, p99=p99)
