"""The choice program: one configuration for each workload, at least total cost.

    minimise    sum_w sum_i cost[w,i] x[w,i]
    subject to  sum_i x[w,i] = 1                              for each workload w      (assign)
                sum_w sum_i use[w,i,q] x[w,i] <= limit[q]     for each limited quota q (quota)
                sum_w sum_i cost_at_risk[w,i] x[w,i] <= budget                         (budget)
                x binary

Deadlines are per candidate and have already removed those that miss them. Candidates that cannot
be in any cheapest plan are pruned before the program is built, so it stays tiny.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.solver import Solve, Status, minimise

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Options:
    """Feasible candidates of one workload, shape (n,). ``quota`` names the class each draws on.

    ``order`` breaks ties: of equal cost the lowest order is kept.
    """

    cost: Floats
    cost_at_risk: Floats
    quota: Sequence[str]
    quota_use: Floats
    order: Rows


@dataclass(frozen=True, slots=True)
class Choice:
    """Chosen candidate of each workload, empty when there is no solution."""

    picks: tuple[int, ...]
    solve: Solve
    considered: int


def prune(options: Options, limits: Mapping[str, float], budget: float | None) -> Rows:
    """Candidates that can be in a cheapest plan, cheapest first.

    One candidate makes another redundant when it is not worse in cost, in cost at risk (only
    under a budget) and in use of the same quota; without a limit on its quota, use is free. Every
    plan with the redundant one stays feasible and gets no dearer by exchanging it.
    """
    count = len(options.cost)
    limited = np.zeros(count, bool)
    use = np.zeros(count)
    allowed = np.ones(count, bool)
    if limits:
        limit = np.array([limits.get(name, np.inf) for name in options.quota])
        limited = np.isfinite(limit)
        use = np.where(limited, options.quota_use, 0.0)
        allowed = use <= limit
    risk = options.cost_at_risk if budget is not None else np.zeros(count)
    order = np.lexsort((options.order, use, risk, options.cost))
    order = order[allowed[order]]
    # Least risk among the cheaper candidates that draw on no limit: they beat any rival.
    free_risk = np.where(limited[order], np.inf, risk[order])
    beaten_at = np.concatenate([[np.inf], np.minimum.accumulate(free_risk)[:-1]])
    order = order[risk[order] < beaten_at]
    kept: list[int] = []
    fronts: dict[str, list[tuple[float, float]]] = {}
    for index in order.tolist():
        if limited[index]:
            rivals = fronts.setdefault(options.quota[index], [])
            if any(r <= risk[index] and u <= use[index] for r, u in rivals):
                continue
            rivals.append((float(risk[index]), float(use[index])))
        kept.append(index)
    return np.array(kept, np.intp)


def choose(
    workloads: Sequence[Options], limits: Mapping[str, float], budget: float | None
) -> Choice:
    """Solve the program for all workloads together."""
    import pulp

    kept = [prune(options, limits, budget) for options in workloads]
    considered = sum(len(rows) for rows in kept)
    if any(len(rows) == 0 for rows in kept):
        return Choice((), Solve(Status.INFEASIBLE, "presolve", None, 0.0), considered)
    problem = pulp.LpProblem("choice", pulp.LpMinimize)
    x = [
        [pulp.LpVariable(f"x_{w}_{i}", cat=pulp.LpBinary) for i in rows]
        for w, rows in enumerate(kept)
    ]
    problem += pulp.LpAffineExpression(
        (v, float(workloads[w].cost[i]))
        for w, rows in enumerate(kept)
        for v, i in zip(x[w], rows, strict=True)
    )
    for w in range(len(kept)):
        problem += pulp.lpSum(x[w]) == 1, f"assign_{w}"
    for number, (name, limit) in enumerate(sorted(limits.items())):
        terms = [
            (v, float(workloads[w].quota_use[i]))
            for w, rows in enumerate(kept)
            for v, i in zip(x[w], rows, strict=True)
            if workloads[w].quota[i] == name
        ]
        if terms:
            problem += pulp.LpAffineExpression(terms) <= limit, f"quota_{number}"
    if budget is not None:
        terms = [
            (v, float(workloads[w].cost_at_risk[i]))
            for w, rows in enumerate(kept)
            for v, i in zip(x[w], rows, strict=True)
        ]
        problem += pulp.LpAffineExpression(terms) <= budget, "budget"
    solve = minimise(problem)
    if solve.objective is None:
        return Choice((), solve, considered)
    picks = tuple(
        int(rows[max(range(len(rows)), key=lambda k: v[k].value() or 0.0)])
        for rows, v in zip(kept, x, strict=True)
    )
    return Choice(picks, solve, considered)
