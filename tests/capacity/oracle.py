"""An independent reading of a capacity spec: every period written out, solved by scipy's HiGHS.

It shares nothing with the planner: it reads the spec as the user wrote it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import optimize, sparse

TERMS = {"reserved_1y": 8760.0, "reserved_3y": 26280.0}


class _Model:
    def __init__(self) -> None:
        self.cost: list[float] = []
        self.upper: list[float] = []
        self.integer: list[int] = []
        self.entries: list[tuple[int, int, float]] = []
        self.lower_side: list[float] = []
        self.upper_side: list[float] = []

    def variable(self, cost: float, upper: float = math.inf, integer: bool = False) -> int:
        self.cost.append(cost)
        self.upper.append(upper)
        self.integer.append(int(integer))
        return len(self.cost) - 1

    def row(
        self, terms: list[tuple[int, float]], low: float = -math.inf, high: float = math.inf
    ) -> None:
        number = len(self.lower_side)
        self.entries += [(number, column, value) for column, value in terms]
        self.lower_side.append(low)
        self.upper_side.append(high)


@dataclass
class _Plan:
    """A commitment of an amount: its variable, and what machines draw on it by period."""

    spec: dict[str, Any]
    is_usd: bool
    amount: int
    held: float
    drawn: dict[int, list[tuple[int, float]]] = field(default_factory=dict)

    def covers(self, offer: dict[str, Any]) -> bool:
        named = self.spec.get("offers", []) or self.spec.get("families", [])
        return (
            not named
            or offer["name"] in self.spec.get("offers", [])
            or offer.get("family") in self.spec.get("families", [])
        )


def _committed_amounts(model: _Model, spec: dict[str, Any], horizon: float) -> list[_Plan]:
    found = []
    for plan in spec.get("savings_plans", []):
        most = plan.get("max_usd_per_hour", math.inf)
        amount = model.variable(horizon, most, plan.get("whole", False))
        found.append(_Plan(plan, True, amount, plan.get("held_usd_per_hour", 0)))
    for one in spec.get("resource_commitments", []):
        usd = one["usd_per_unit_hour"] * horizon
        amount = model.variable(usd, one.get("max_units", math.inf), one.get("whole", True))
        found.append(_Plan(one, False, amount, one.get("held_units", 0)))
    return found


def _covered(
    model: _Model,
    plan: _Plan,
    offer: dict[str, Any],
    t: int,
    on_demand: int,
    out: float,
    rented: list[int],
    quota: dict[str, list[int]],
    serves: list[tuple[int, float]],
    speed: float,
) -> None:
    """A machine that a savings plan pays, or the units that one on demand has of a resource."""
    drawn = plan.drawn.setdefault(t, [])
    if not plan.is_usd:
        units = offer.get("resources", {}).get(plan.spec["resource"], 0)
        if units and plan.covers(offer):
            drawn.append((on_demand, units))
        return
    rate = plan.spec.get("usd_per_hour", {}).get(offer["name"])
    if rate is None and "discount" in plan.spec and plan.covers(offer):
        rate = offer["on_demand_usd_per_hour"] * (1 - plan.spec["discount"])
    if rate is not None:
        x = model.variable(out)
        drawn.append((x, rate))
        rented.append(x)
        quota["max_on_demand"].append(x)
        serves.append((x, speed))


def _credited(model: _Model, plan: _Plan, plans: list[_Plan], hours: float) -> None:
    """Machines pay their whole price; what a commitment covers of it is given back."""
    same = [p for p in plans if not p.is_usd and p.spec["resource"] == plan.spec["resource"]]
    if plan is not same[0]:
        return
    for terms in plan.drawn.values():
        back = model.variable(-plan.spec["on_demand_usd_per_unit_hour"] * hours)
        model.row([(back, 1.0), *((p.amount, -1.0) for p in same)], high=sum(p.held for p in same))
        model.row([(back, 1.0), *((x, -units) for x, units in terms)], high=0.0)


def least_cost(
    spec: dict[str, Any], *, whole: bool = True, gap: float = 1e-9
) -> tuple[float | None, np.ndarray | None]:
    """Optimal cost and solution of a spec, or None where nothing is feasible."""
    hours = float(spec.get("period_hours", 1))
    workloads = spec.get("workloads") or [{**spec, "name": "all"}]
    size = len(workloads[0]["demand"])
    horizon = hours * size
    every = spec.get("integer") == "all"
    model = _Model()
    share = spec.get("limits", {}).get("max_spot_share")
    serves: dict[tuple[int, int], list[tuple[int, float]]] = {
        (t, w): [] for t in range(size) for w in range(len(workloads))
    }
    spots: dict[tuple[int, int], list[tuple[int, float]]] = {key: [] for key in serves}
    plans = _committed_amounts(model, spec, horizon)
    for offer in spec["offers"]:
        committed = []
        for term, term_hours in TERMS.items():
            price = offer.get(term)
            if price is None:
                continue
            price = price if isinstance(price, dict) else {"usd_per_hour": price}
            total = price["usd_per_hour"] * horizon + price.get("upfront_usd", 0) * (
                horizon / term_hours
            )
            committed.append(model.variable(total, price.get("max_count", math.inf), whole))
        bought = None
        if "purchase" in offer:
            p = offer["purchase"]
            worth, rate, life = p["capex_usd"] - p.get("residual_usd", 0), 0.0, p["life_years"]
            rate = p.get("cost_of_capital", 0)
            yearly = worth * rate / (1 - (1 + rate) ** -life) if rate else worth / life
            bought = model.variable(yearly * horizon / 8760, p.get("max_new", math.inf), whole)
        for t in range(size):
            held = sum(
                h["count"] for h in offer.get("held", []) if h["remaining_hours"] >= (t + 1) * hours
            )
            rented, pool, own = [], [], []
            quota: dict[str, list[int]] = {"max_on_demand": [], "max_spot": []}
            for w, workload in enumerate(workloads):
                speed = offer["throughput"]
                speed = speed.get(workload["name"], 0) if isinstance(speed, dict) else speed
                if not speed:
                    continue
                move = workload.get("migration")
                egress = move["egress_gb_per_unit_hour"] * move["egress_usd_per_gb"] if move else 0
                home = move.get("home", "on-prem") if move else ""
                out = egress * speed * hours if home == "on-prem" else 0.0
                out_own = egress * speed * hours if home == "cloud" else 0.0
                if committed or held:
                    x = model.variable(out)
                    pool.append(x)
                    serves[t, w].append((x, speed))
                if offer.get("on_demand_usd_per_hour") is not None:
                    x = model.variable(offer["on_demand_usd_per_hour"] * hours + out, integer=every)
                    rented.append(x)
                    quota["max_on_demand"].append(x)
                    serves[t, w].append((x, speed))
                    for plan in plans:
                        _covered(model, plan, offer, t, x, out, rented, quota, serves[t, w], speed)
                spot = offer.get("spot_usd_per_hour")
                if spot is not None:
                    spot = spot[t] if isinstance(spot, list) else spot
                    factor = offer.get("spot_capacity_factor", 1.0)
                    x = model.variable(spot * hours + out * factor, integer=every)
                    rented.append(x)
                    quota["max_spot"].append(x)
                    serves[t, w].append((x, speed * factor))
                    spots[t, w].append((x, speed * factor))
                if bought is not None or offer.get("owned_count"):
                    x = model.variable(
                        offer.get("running_usd_per_hour", 0) * hours + out_own, integer=every
                    )
                    own.append(x)
                    serves[t, w].append((x, speed))
            if pool:
                terms = [(x, 1.0) for x in pool] + [(r, -1.0) for r in committed]
                model.row(terms, high=held)
                if every:
                    for x in pool:
                        model.integer[x] = 1
            if own:
                terms = [(x, 1.0) for x in own]
                terms += [(bought, -1.0)] if bought is not None else []
                model.row(terms, high=offer.get("owned_count", 0))
            if "max_count" in offer:
                terms = [(x, 1.0) for x in rented] + [(r, 1.0) for r in committed]
                model.row(terms, high=max(offer["max_count"] - held, 0))
            for name, columns in quota.items():
                if name in offer and columns:
                    model.row([(x, 1.0) for x in columns], high=offer[name])
    for plan in plans:
        for terms in plan.drawn.values():
            if plan.is_usd:
                model.row([*terms, (plan.amount, -1.0)], high=plan.held)
        if not plan.is_usd:
            _credited(model, plan, plans, hours)
    for (t, w), columns in serves.items():
        demand = float(workloads[w]["demand"][t])
        unmet = workloads[w].get("unmet_usd_per_unit_hour")
        if unmet is not None:
            columns.append((model.variable(unmet * hours), 1.0))
        model.row(columns, low=demand)
        if share is not None:
            model.row(spots[t, w], high=share * demand)
    if not model.cost:
        return (0.0, None) if all(low <= 0 for low in model.lower_side) else (None, None)
    rows, columns_, values = (np.array(part) for part in zip(*model.entries, strict=True))
    matrix = sparse.coo_matrix(
        (values, (rows, columns_)), shape=(len(model.lower_side), len(model.cost))
    ).tocsc()
    found = optimize.milp(
        np.array(model.cost),
        integrality=np.array(model.integer),
        bounds=optimize.Bounds(0, np.array(model.upper)),
        constraints=optimize.LinearConstraint(
            matrix, np.array(model.lower_side), np.array(model.upper_side)
        ),
        options={"mip_rel_gap": gap, "time_limit": 120},
    )
    if found.status == 2:
        return None, None
    assert found.status == 0, found.message
    return float(found.fun), found.x
