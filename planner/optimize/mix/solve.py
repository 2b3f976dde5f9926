"""The cheapest mix: proven where the clock allows, with its bound where it does not.

1. Buckets without requests go; identical offers merge.
2. A Lagrangian bound prices every offer. Offers that would lift it above the best known cost are
   out, with proof (``bounds``).
3. The program over the most promising offers and pairs gives a mix; while the gap is open, over
   more of them, and at last over all that are not ruled out. What was left out has a bound of its
   own, so the gap reported is that of the whole problem.
4. With the counts fixed, routing is chosen that loads instances evenly, and checked exactly.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from planner.optimize.mix.bounds import Bound, bound_at, lagrangian_bound, stronger
from planner.optimize.mix.merge import groups, merged, split
from planner.optimize.mix.problem import (
    Flags,
    Floats,
    Ids,
    MixLimits,
    MixProblem,
    MixSolution,
    instances_needed,
)
from planner.optimize.mix.program import mix_program
from planner.optimize.mix.routing import even_routing
from planner.optimize.solver import TIME_LIMIT_S, Solution, Status, solve

# Up to this many (offer, bucket) pairs a mix is solved to a finer gap, and up to WHOLE in one go.
SMALL, WHOLE = 4000, 300
GAPS = (1e-6, 1e-3)
_FIRST_OFFERS, _PAIRS_A_BUCKET = 40, 10
# HiGHS overruns its time limit in the presolve of larger integer programs.
_MOST_PAIRS = 50_000


def default_gap(problem: MixProblem) -> float:
    """1e-6 where that is a matter of a second, else 1e-3."""
    return GAPS[0] if problem.offers * problem.buckets <= SMALL else GAPS[1]


def solve_mix(
    problem: MixProblem,
    limits: MixLimits | None = None,
    *,
    gap: float | None = None,
    time_limit_s: float = TIME_LIMIT_S,
    solver: str = "HiGHS",
) -> MixSolution:
    """Counts and routing at least cost per hour, to a relative ``gap`` (see ``default_gap``).

    Status infeasible is proven; ``infeasible.reasons`` says why. Raises BadInput for a solver that
    is unknown or absent.
    """
    start = time.perf_counter()
    limits = limits or MixLimits()
    wanted = default_gap(problem) if gap is None else gap
    busy = np.flatnonzero(problem.rate > 0)
    if not len(busy):
        return _no_work(problem, start)
    work = problem.take(np.arange(problem.offers), busy)
    group = groups(work, limits)
    fewer, fewer_limits = merged(work, limits, group)
    search = _Search(fewer, fewer_limits, wanted, start + time_limit_s, solver)
    search.run()
    counts, shares = search.counts, search.shares
    assignment = np.zeros((problem.offers, problem.buckets))
    all_counts = np.zeros(problem.offers, np.int64)
    if search.objective is not None:
        all_counts, assignment[:, busy] = split(work, group, counts, shares)
    return MixSolution(
        status=search.status,
        counts=all_counts,
        assignment=assignment,
        utilisation=utilisation(problem, all_counts, assignment),
        objective=search.objective,
        bound=search.bound if np.isfinite(search.bound) else None,
        solver=search.solver,
        seconds=time.perf_counter() - start,
        message=search.message,
    )


def utilisation(problem: MixProblem, counts: Ids, assignment: Floats) -> Floats:
    """Load over capacity of each offer's instances (o,), NaN where there are none."""
    with np.errstate(divide="ignore", invalid="ignore"):
        load = np.where(
            assignment > 0, assignment * problem.rate[None, :] / problem.throughput, 0.0
        ).sum(axis=1)
        used: Floats = np.where(counts > 0, load / counts, np.nan)
    return used


def _no_work(problem: MixProblem, start: float) -> MixSolution:
    return MixSolution(
        status=Status.OPTIMAL,
        counts=np.zeros(problem.offers, np.int64),
        assignment=np.zeros((problem.offers, problem.buckets)),
        utilisation=np.full(problem.offers, np.nan),
        objective=0.0,
        bound=0.0,
        solver="none needed",
        seconds=time.perf_counter() - start,
        message="no requests",
    )


class _Search:
    """One problem with requests in every bucket, on its way from a bound to a mix."""

    def __init__(
        self, problem: MixProblem, limits: MixLimits, gap: float, deadline: float, solver: str
    ) -> None:
        self.problem, self.limits, self.gap = problem, limits, gap
        self.deadline, self.asked, self.solver = deadline, solver, solver
        self.load = instances_needed(problem, limits)
        self.status, self.message = Status.FAILED, ""
        self.counts = np.zeros(problem.offers, np.int64)
        self.shares = np.zeros(self.load.shape)
        self.objective: float | None = None
        self.bound = -np.inf

    def run(self) -> None:
        if not self.problem.offers or not np.isfinite(self.load).any(axis=0).all():
            self.status, self.message = Status.INFEASIBLE, "no offer serves some bucket"
            return
        everything = np.isfinite(self.load)
        if everything.sum() <= WHOLE:
            self._step(everything, None, np.arange(self.problem.offers), final=True)
            return
        floor = lagrangian_bound(self.problem, self.limits, self.load)
        self.bound = floor.usd_per_hour
        self._round_up()
        order = np.argsort(floor.with_offer, kind="stable")
        size, width = _FIRST_OFFERS, _PAIRS_A_BUCKET
        while not self._closed() and self._left() > 0.5:
            chosen = np.sort(order[:size])
            if size >= self.problem.offers:
                self._step(everything, floor, chosen, final=True)
                return
            usable = _promising(self.problem, self.load, floor, chosen, width)
            before = self.objective
            self._step(usable, floor, chosen, final=False)
            if self.status is Status.INFEASIBLE or self.objective is None:
                size, width = size * 4, width * 4
                continue
            if self._closed():
                break
            floor = self._lifted(floor, chosen)
            order = np.argsort(floor.with_offer, kind="stable")
            if before is not None and self.objective >= before * (1 - self.gap / 4):
                break  # more offers did not help: what is left is the proof
            size, width = size * 2, width * 2
        if self.objective is not None and not self._closed() and self._left() > 0.5:
            needed = np.flatnonzero(floor.with_offer < self.objective * (1 - self.gap))
            if everything[needed].sum() <= _MOST_PAIRS and not self._closed():
                self._step(everything, floor, needed, final=True)
        if self.objective is not None and self._closed():
            self.status, self.message = Status.OPTIMAL, ""
        if self.objective is None:
            self.status, self.message = Status.FAILED, "the time limit came before a first mix"

    def _lifted(self, floor: Bound, chosen: Ids) -> Bound:
        """The bound at the duals of the relaxed program over some offers: quotas are priced."""
        limited = self.limits.max_spot_share is not None or self.limits.quotas
        if not limited or not np.isfinite(self.load[chosen]).any(axis=0).all():
            return floor
        usable = _promising(self.problem, self.load, floor, chosen, 4 * _PAIRS_A_BUCKET)[chosen]
        limits = self.limits
        if isinstance(limits.max_utilisation, np.ndarray):
            limits = replace(limits, max_utilisation=limits.max_utilisation[chosen])
        part = self.problem.take(chosen)
        every_class = set(limits.quotas) & set(self.problem.quota_class)
        if every_class != set(limits.quotas) & set(part.quota_class):
            return floor
        model, program = mix_program(part, limits, self.load[chosen], usable, integer=False)
        model = replace(model, integer=np.zeros(model.width, bool))
        found = solve(model, time_limit_s=max(0.05, self._left() / 2), solver=self.asked)
        if not len(found.row_duals):
            return floor
        # An upper limit's dual is what one unit more saves: at most 0.
        duals = {name: found.row_duals[rows] for name, rows in program.rows.items()}
        lifted = bound_at(
            self.problem,
            self.limits,
            self.load,
            np.maximum(duals["serve"], 0.0),
            np.maximum(-duals.get("quota", np.empty(0)), 0.0),
            float(np.maximum(-duals.get("spot", np.zeros(1)), 0.0)[0]),
        )
        floor = stronger(floor, lifted)
        assert self.objective is not None
        self.bound = max(self.bound, min(floor.usd_per_hour, self.objective))
        return floor

    def _round_up(self) -> None:
        """A first mix without a solver: each bucket on its cheapest offer, counts rounded up."""
        limits = self.limits
        if limits.max_types is not None or limits.spread or limits.max_spot_share is not None:
            return
        with np.errstate(invalid="ignore"):
            cost = np.where(
                np.isfinite(self.load), self.problem.usd_per_hour[:, None] * self.load, np.inf
            )
        best, every = cost.argmin(axis=0), np.arange(self.problem.buckets)
        shares = np.zeros(self.load.shape)
        shares[best, every] = 1.0
        loads = np.zeros(self.problem.offers)
        np.add.at(loads, best, self.load[best, every])
        counts = np.where(loads > 0, np.ceil(loads - 1e-9) + limits.spare_instances, 0.0)
        counts = np.where(loads > 0, np.maximum(counts, 1.0), counts)
        units = self.problem.quota_units * counts
        drawn = {
            name: sum(units[o] for o, c in enumerate(self.problem.quota_class) if c == name)
            for name in limits.quotas
        }
        if (counts > self.problem.max_count).any() or any(
            drawn[name] > most for name, most in limits.quotas.items()
        ):
            return
        if limits.max_nodes is not None and self.problem.nodes @ counts > limits.max_nodes:
            return
        self.objective = float(self.problem.usd_per_hour @ counts)
        self.counts, self.shares = counts.astype(np.int64), shares
        self.status, self.message = Status.FEASIBLE, "stopped at a limit"
        self.solver = "rounding"
        self.bound = min(self.bound, self.objective)
        if self._closed():
            self.status, self.message = Status.OPTIMAL, ""

    def _left(self) -> float:
        return self.deadline - time.perf_counter()

    def _closed(self) -> bool:
        return self.objective is not None and (
            self.objective - self.bound <= self.gap * abs(self.objective) + 1e-15
        )

    def _step(self, usable: Flags, floor: Bound | None, chosen: Ids, *, final: bool) -> None:
        """Solve over some offers and pairs, keep the mix if it is the best, raise the bound.

        ``final``: every pair of the chosen offers is in, so the solver's bound holds for them.
        """
        part = self.problem.take(chosen)
        limits = self.limits
        if isinstance(limits.max_utilisation, np.ndarray):
            limits = replace(limits, max_utilisation=limits.max_utilisation[chosen])
        load, pairs = self.load[chosen], usable[chosen]
        limit_s = max(0.05, self._left() * (1.0 if final else 0.5))
        gap = self.gap / (1 if final else 2)
        found, counts, shares = self._solved(part, limits, load, pairs, gap, limit_s)
        if final:
            self._raise_bound(found, floor, chosen)
        self.solver = found.solver
        if counts is not None and shares is not None:
            objective = float(part.usd_per_hour @ counts)
            if self.objective is None or objective < self.objective:
                self.objective = objective
                self.counts = np.zeros(self.problem.offers, np.int64)
                self.counts[chosen] = counts
                self.shares = np.zeros(self.load.shape)
                self.shares[chosen] = shares
        if self.objective is None:
            self.status, self.message = found.status, found.message
            if found.status is Status.INFEASIBLE and final and floor is not None:
                # Offers were left out; only a program over all of them can prove it.
                whole = len(chosen) == self.problem.offers
                self.status = Status.INFEASIBLE if whole else Status.FAILED
            return
        self.bound = min(self.bound, self.objective)
        self.status = Status.OPTIMAL if self._closed() else Status.FEASIBLE
        self.message = "" if self.status is Status.OPTIMAL else "stopped at a limit"

    def _raise_bound(self, found: Solution, floor: Bound | None, chosen: Ids) -> None:
        """Any mix uses only chosen offers, or at least one of the others."""
        if found.status is Status.INFEASIBLE:
            within = np.inf
        else:
            within = -np.inf if found.bound is None else found.bound
        others = np.ones(self.problem.offers, bool)
        others[chosen] = False
        without = np.inf
        if floor is not None and others.any():
            without = float(floor.with_offer[others].min())
        if np.isfinite(proven := min(within, without)):
            self.bound = max(self.bound, proven)

    def _solved(
        self,
        part: MixProblem,
        limits: MixLimits,
        load: Floats,
        pairs: Flags,
        gap: float,
        limit_s: float,
    ) -> tuple[Solution, Ids | None, Floats | None]:
        """The program's answer with counts and routing that hold exactly."""
        start = time.perf_counter()
        solution: Solution | None = None
        # The second time a little room makes up for what the solver's tolerance gave away.
        for room, links in ((0.0, False), (2e-6, True)):
            model, program = mix_program(part, limits, load * (1 + room), pairs, links=links)
            found = solve(
                model,
                time_limit_s=max(0.05, limit_s - (time.perf_counter() - start)),
                gap=gap,
                solver=self.asked,
            )
            solution = solution or found
            if not found.has_point:
                break
            counts = np.round(found.values[program.count]).astype(np.int64)
            shares = even_routing(part, limits, load, counts, self.asked)
            if shares is not None:
                return solution, counts, shares
        assert solution is not None
        return solution, None, None


def _promising(problem: MixProblem, load: Floats, floor: Bound, chosen: Ids, width: int) -> Flags:
    """The pairs of the chosen offers that cost least beyond their value, ``width`` a bucket."""
    with np.errstate(invalid="ignore"):
        excess = np.where(
            np.isfinite(load[chosen]),
            problem.usd_per_hour[chosen, None] * load[chosen] - floor.value[chosen],
            np.inf,
        )
    usable = np.zeros(load.shape, bool)
    if width >= len(chosen):
        usable[chosen] = np.isfinite(load[chosen])
        return usable
    best = np.argpartition(excess, width - 1, axis=0)[:width]
    usable[chosen[best], np.arange(problem.buckets)[None, :]] = True
    return usable & np.isfinite(load)
