"""The choice program: one configuration (or one mix) for each workload, at least total cost.

    minimise    sum_w sum_i cost[w,i] x[w,i]
              + sum_w sum_g (group_cost[w,g] n[w,g] + unit_cost[w,g] u[w,g]) - sum_c credit[c]
    subject to  sum_i x[w,i] + m[w] = 1                        for each workload w       (assign)
                u[w,g] <= capacity[w,g] n[w,g]                                           (capacity)
                sum_g u[w,g] >= need[w] m[w]                                             (cover)
                sum_g nodes[w,g] n[w,g] <= max_nodes[w] m[w]                             (machines)
                sum_{g on spot} u[w,g] <= share[w] need[w]                               (spot)
                n[w,g] <= most[w,g] y[w,place(g)], sum_p y[w,p] <= m[w]                  (place)
                a[w,p] <= sum_{g in p} n[w,g], sum_p a[w,p] >= least[w] m[w]             (apart)
                sum_{g in p} u[w,g] <= share[w] need[w]    for each place p that is spread over
                n[w,g] <= most[w,g] k[w,kind(g)], sum_k k[w,k] <= types[w]               (types)
                sum use x + sum use n <= limit[q]              for each limited quota q  (quota)
                sum cost_at_risk x + mixes - sum_c credit[c] <= budget                   (budget)
                credit[c] <= held[c], credit[c] <= cost in cloud c                       (credit)
                x, m, y, a, k binary; n integer; u, credit continuous

Deadlines are per candidate and have already removed those that miss them. Candidates that cannot
be in any cheapest plan are pruned before the program is built, so it stays tiny.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np

from catalog.records import dataclass
from planner.optimize.options import EVERYWHERE, Cover, Options, Rows, Shared, prune, prune_cover
from planner.optimize.solver import Solve, Status, minimise

__all__ = ["Choice", "Cover", "Group", "Options", "Shared", "choose", "shares"]

# Of plans that cost the same, one configuration is preferred to a mix.
_MIX_PENALTY = 1e-5
_NONE = -1


@dataclass(frozen=True, slots=True)
class Group:
    """``count`` groups of a cover's column ``index``, which together handle ``units``."""

    index: int
    count: int
    units: float


@dataclass(frozen=True, slots=True)
class Choice:
    """Chosen candidate of each workload (-1 where a mix is chosen), empty without a solution."""

    picks: tuple[int, ...]
    solve: Solve
    considered: int
    mixes: Mapping[int, tuple[Group, ...]] = field(default_factory=dict)
    credit_usd: Mapping[str, float] = field(default_factory=dict)


def shares(cover: Cover, groups: Sequence[Group], *, service: bool) -> list[float]:
    """The part of the work that each group of a mix gets.

    A service's load spreads over what each group can carry, unless that puts more on spot or into
    one place than is allowed; a batch is split as decided.
    """
    decided = [group.units for group in groups]
    decided = [units / (sum(decided) or 1.0) for units in decided]
    if not service:
        return decided
    even = [group.count * float(cover.capacity[group.index]) for group in groups]
    even = [part / sum(even) for part in even]
    found = list(zip(groups, even, strict=True))
    if sum(part for g, part in found if cover.spot[g.index]) > cover.max_spot_share * (1 + 1e-9):
        return decided
    if cover.apart is not None:
        in_place: dict[int, float] = {}
        for g, part in found:
            at = int(cover.apart.place[g.index])
            in_place[at] = in_place.get(at, 0.0) + part
        if max(in_place.values()) > cover.apart.max_share * (1 + 1e-9):
            return decided
    return even


class _Program:
    """The program under construction; terms are collected, then added once."""

    def __init__(self) -> None:
        import pulp

        self.pulp = pulp
        self.problem = pulp.LpProblem("choice", pulp.LpMinimize)
        self.cost: list[tuple[Any, float]] = []
        self.at_risk: list[tuple[Any, float]] = []
        self.quota: dict[str, list[tuple[Any, float]]] = {}
        self.by_cloud: dict[str, list[tuple[Any, float]]] = {}

    def add(self, terms: Sequence[tuple[Any, float]], sense: str, bound: float, name: str) -> None:
        expression = self.pulp.LpAffineExpression(terms)
        self.problem += (expression <= bound if sense == "<=" else expression == bound), name

    def pays(self, variable: Any, cost: float, at_risk: float, cloud: str) -> None:
        self.cost.append((variable, cost))
        self.at_risk.append((variable, at_risk))
        self.by_cloud.setdefault(cloud, []).append((variable, cost))


def choose(
    workloads: Sequence[Options],
    limits: Mapping[str, float],
    budget: float | None,
    *,
    covers: Mapping[int, Cover] | None = None,
    credits: Mapping[str, float] | None = None,
) -> Choice:
    """Solve the program for all workloads together.

    ``covers`` gives the groups that workload w may be mixed from; ``credits`` USD held by cloud.
    """
    shared = Shared(limits, budget, credits or {})
    kept = [prune(options, shared) for options in workloads]
    groups = {}
    for w, cover in (covers or {}).items():
        to_beat = _to_beat(workloads[w], kept[w], shared, alone=len(workloads) == 1)
        groups[w] = prune_cover(cover, shared, to_beat)
    considered = sum(map(len, kept)) + sum(map(len, groups.values()))
    if any(len(rows) == 0 and not len(groups.get(w, ())) for w, rows in enumerate(kept)):
        return Choice((), Solve(Status.INFEASIBLE, "presolve", None, 0.0), considered)
    alone = _only_plan(workloads, kept, groups, shared, considered)
    if alone is not None:
        return alone
    program = _Program()
    x = [_define_choice(program, w, workloads[w], rows) for w, rows in enumerate(kept)]
    mixed = {
        w: _define_mix(program, w, (covers or {})[w], rows, workloads[w], x[w])
        for w, rows in groups.items()
        if len(rows)
    }
    for w, chosen in enumerate(x):
        terms = [(variable, 1.0) for variable in chosen]
        if w in mixed:
            terms.append((mixed[w].used, 1.0))
        program.add(terms, "==", 1.0, f"assign_{w}")
    _define_quotas(program, limits)
    credit = _define_credits(program, shared.credits)
    if budget is not None:
        terms = [*program.at_risk, *((variable, -1.0) for variable in credit.values())]
        program.add(terms, "<=", budget, "budget")
    objective = [*program.cost, *((variable, -1.0) for variable in credit.values())]
    program.problem.setObjective(program.pulp.LpAffineExpression(objective))
    solve = minimise(program.problem)
    if solve.objective is None:
        return Choice((), solve, considered)
    picks: list[int] = []
    mixes: dict[int, tuple[Group, ...]] = {}
    for w, (rows, variables) in enumerate(zip(kept, x, strict=True)):
        if w in mixed and (mixed[w].used.value() or 0.0) > 0.5:
            picks.append(_NONE)
            mixes[w] = mixed[w].chosen()
        else:
            best = max(range(len(rows)), key=lambda k: variables[k].value() or 0.0)
            picks.append(int(rows[best]))
    spent = {cloud: float(variable.value() or 0.0) for cloud, variable in credit.items()}
    return Choice(tuple(picks), solve, considered, mixes, spent)


def _to_beat(options: Options, rows: Rows, shared: Shared, *, alone: bool) -> float:
    """USD that a mix must cost less than: the budget, and the cheapest single candidate where no
    limit forbids it. Pruned ``rows`` keep to the quotas as long as they are ``alone``.
    """
    if shared.credits:
        return np.inf  # costs are smaller than they look
    most = np.inf if shared.budget is None else shared.budget * (1 + 1e-9)
    if not alone and (shared.quotas or shared.budget is not None):
        return most
    allowed = rows[options.cost_at_risk[rows] <= most]
    return float(np.min(options.cost[allowed], initial=most))


def _only_plan(
    workloads: Sequence[Options],
    kept: Sequence[Rows],
    groups: Mapping[int, Rows],
    shared: Shared,
    considered: int,
) -> Choice | None:
    """The plan when pruning leaves one candidate each and they meet all limits together.

    There is nothing to decide then, and no solver is loaded.
    """
    if shared.credits or any(len(rows) != 1 for rows in kept):
        return None
    if any(len(rows) for rows in groups.values()):
        return None
    picks = [int(rows[0]) for rows in kept]
    chosen = list(zip(workloads, picks, strict=True))
    for name, limit in shared.quotas.items():
        if sum(float(o.quota_use[i]) for o, i in chosen if o.quota[i] == name) > limit:
            return None
    at_risk = sum(float(o.cost_at_risk[i]) for o, i in chosen)
    if shared.budget is not None and at_risk > shared.budget:
        return None
    cost = sum(float(o.cost[i]) for o, i in chosen)
    return Choice(tuple(picks), Solve(Status.OPTIMAL, "pruning", cost, 0.0), considered)


def _define_choice(program: _Program, w: int, options: Options, rows: Rows) -> list[Any]:
    """x[w,i] binary: workload w runs on candidate i."""
    pulp = program.pulp
    variables = [pulp.LpVariable(f"x_{w}_{i}", cat=pulp.LpBinary) for i in rows]
    for variable, i in zip(variables, rows.tolist(), strict=True):
        cloud = options.cloud[i] if options.cloud else ""
        program.pays(variable, float(options.cost[i]), float(options.cost_at_risk[i]), cloud)
        program.quota.setdefault(options.quota[i], []).append(
            (variable, float(options.quota_use[i]))
        )
    return variables


@dataclass(frozen=True)
class _Mix:
    used: Any
    rows: Rows
    counts: list[Any]
    units: list[Any]

    def chosen(self) -> tuple[Group, ...]:
        found = []
        for index, n, u in zip(self.rows.tolist(), self.counts, self.units, strict=True):
            count = round(n.value() or 0.0)
            if count:
                found.append(Group(int(index), count, float(u.value() or 0.0)))
        return tuple(sorted(found, key=lambda group: -group.units))


def _define_mix(
    program: _Program, w: int, cover: Cover, rows: Rows, options: Options, single: list[Any]
) -> _Mix:
    """m[w] = 1: integer groups n[w,g] that handle u[w,g] units together cover the need."""
    pulp = program.pulp
    used = pulp.LpVariable(f"m_{w}", cat=pulp.LpBinary)
    most = np.floor(cover.max_nodes / np.maximum(cover.nodes, 1))
    counts = [pulp.LpVariable(f"n_{w}_{g}", 0, int(most[g]), cat=pulp.LpInteger) for g in rows]
    # Units are counted in needs, so that the matrix stays well scaled.
    need = cover.need
    units = [pulp.LpVariable(f"u_{w}_{g}", 0, 1) for g in rows]
    for g, n, u in zip(rows.tolist(), counts, units, strict=True):
        program.add(
            [(u, 1.0), (n, -float(cover.capacity[g]) / need)], "<=", 0.0, f"capacity_{w}_{g}"
        )
        cloud = cover.cloud[g] if cover.cloud else ""
        group_usd, unit_usd = float(cover.usd_per_group[g]), float(cover.usd_per_unit[g]) * need
        program.pays(n, group_usd, group_usd, cloud)
        program.pays(u, unit_usd, unit_usd, cloud)
        program.quota.setdefault(cover.quota[g], []).append((n, float(cover.quota_use[g])))
    program.add([(used, 1.0), *((u, -1.0) for u in units)], "<=", 0.0, f"cover_{w}")
    nodes = [(n, float(cover.nodes[g])) for g, n in zip(rows.tolist(), counts, strict=True)]
    program.add([*nodes, (used, -float(cover.max_nodes))], "<=", 0.0, f"machines_{w}")
    on_spot = [(u, 1.0) for g, u in zip(rows.tolist(), units, strict=True) if cover.spot[g]]
    if on_spot and cover.max_spot_share < 1:
        program.add(on_spot, "<=", cover.max_spot_share, f"spot_{w}")
    if cover.place is not None:
        _define_places(program, w, cover.place[rows], counts, most[rows], used)
    _define_apart(program, w, cover, rows, counts, units, used)
    _define_types(program, w, cover, rows, counts, most)
    if single:
        program.cost.append((used, _MIX_PENALTY * float(np.min(options.cost))))
    return _Mix(used, rows, counts, units)


def _define_places(
    program: _Program, w: int, place: Rows, counts: list[Any], most: Any, used: Any
) -> None:
    """y[w,p] binary, sum_p y[w,p] <= m[w]; n[w,g] <= most[g] y[w,place(g)]: one place a mix."""
    pulp = program.pulp
    here = {
        p: pulp.LpVariable(f"y_{w}_{p}", cat=pulp.LpBinary)
        for p in sorted(set(place.tolist()) - {EVERYWHERE})
    }
    if len(here) < 2:
        return
    program.add([*((y, 1.0) for y in here.values()), (used, -1.0)], "<=", 0.0, f"place_{w}")
    for number, (p, n) in enumerate(zip(place.tolist(), counts, strict=True)):
        if p != EVERYWHERE:
            limit = [(n, 1.0), (here[p], -float(most[number]))]
            program.add(limit, "<=", 0.0, f"at_{w}_{number}")


def _define_apart(
    program: _Program,
    w: int,
    cover: Cover,
    rows: Rows,
    counts: list[Any],
    units: list[Any],
    used: Any,
) -> None:
    """a[w,p] binary, a[w,p] <= sum_{g in p} n[w,g], sum_p a[w,p] >= least m[w];
    sum_{g in p} u[w,g] <= share (units are counted in needs).
    """
    apart = cover.apart
    if apart is None:
        return
    places = apart.place[rows].tolist()
    here = {}
    for p in sorted(set(places)):
        inside = [k for k, other in enumerate(places) if other == p]
        if apart.max_share < 1:
            share = [(units[k], 1.0) for k in inside]
            program.add(share, "<=", apart.max_share, f"apart_share_{w}_{p}")
        if apart.at_least > 1:
            here[p] = program.pulp.LpVariable(f"a_{w}_{p}", cat=program.pulp.LpBinary)
            machines = [(counts[k], -1.0) for k in inside]
            program.add([(here[p], 1.0), *machines], "<=", 0.0, f"apart_in_{w}_{p}")
    if apart.at_least > 1:
        enough = [(used, float(apart.at_least)), *((a, -1.0) for a in here.values())]
        program.add(enough, "<=", 0.0, f"apart_{w}")


def _define_types(
    program: _Program, w: int, cover: Cover, rows: Rows, counts: list[Any], most: Any
) -> None:
    """k[w,kind] binary, n[w,g] <= most[w,g] k[w,kind(g)], sum of k <= max_types."""
    if cover.max_types is None or cover.kind is None:
        return
    kinds = cover.kind[rows].tolist()
    if len(set(kinds)) <= cover.max_types:
        return
    binary = program.pulp.LpBinary
    used = {k: program.pulp.LpVariable(f"k_{w}_{k}", cat=binary) for k in sorted(set(kinds))}
    for g, k, n in zip(rows.tolist(), kinds, counts, strict=True):
        program.add([(n, 1.0), (used[k], -float(most[g]))], "<=", 0.0, f"type_{w}_{g}")
    program.add([(k, 1.0) for k in used.values()], "<=", float(cover.max_types), f"types_{w}")


def _define_quotas(program: _Program, limits: Mapping[str, float]) -> None:
    """What all workloads draw from a quota stays within it."""
    for number, (name, limit) in enumerate(sorted(limits.items())):
        terms = program.quota.get(name)
        if terms:
            program.add(terms, "<=", limit, f"quota_{number}")


def _define_credits(program: _Program, held: Mapping[str, float]) -> dict[str, Any]:
    """credit[c]: what credits pay of the cost in cloud c."""
    found = {}
    for number, (cloud, usd) in enumerate(sorted(held.items())):
        terms = program.by_cloud.get(cloud)
        if not terms:
            continue
        variable = program.pulp.LpVariable(f"credit_{number}", 0, float(usd))
        cost = [(v, -c) for v, c in terms]
        program.add([(variable, 1.0), *cost], "<=", 0.0, f"credit_{number}_cost")
        found[cloud] = variable
    return found
