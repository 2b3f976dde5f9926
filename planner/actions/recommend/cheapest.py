"""What the cheapest plan of prepared candidates costs, how sure that is, and on which devices."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from planner.actions.planning import Prepared
from planner.actions.recommend.answer import ranking
from planner.optimize.choice import Choice, choose
from planner.optimize.crossing import Z80
from planner.workload import Workload

# Lines that do not follow the price of the machines.
_NOT_MACHINES = ("egress_usd", "storage_usd")


@dataclass(frozen=True)
class Cheapest:
    """USD in the median after credits, and the standard deviation of its logarithm.

    ``pick`` is the candidate, or the one behind the largest group of a mix.
    """

    usd: float
    log_sd: float
    devices: frozenset[str]
    pick: int
    choice: Choice | None = None


def cheapest(prepared: Prepared, budget: float | None = None) -> Cheapest | None:
    """The cheapest plan, whatever it costs unless a ``budget`` is given; None without one."""
    cover, credits = prepared.cover(), prepared.workload.where.credits
    if cover is None and not credits and budget is None:
        ranked = ranking(prepared)
        if not len(ranked):
            return None
        best = int(ranked[0])
        return Cheapest(
            float(prepared.candidates.usd[best]), *_spread(prepared, np.array([best])), best
        )
    covers = {} if cover is None else {0: cover}
    options = prepared.options()
    choice = choose([options], prepared.limits, budget, covers=covers, credits=credits)
    if not choice.picks or choice.solve.objective is None:
        return None
    pick = choice.picks[0]
    if pick >= 0:
        rows = prepared.in_time[[pick]]
        gross = float(options.cost[pick])
    else:
        assert cover is not None
        groups = choice.mixes[0]
        rows = prepared.cover_rows()[[group.index for group in groups]]
        gross = sum(
            group.count * float(cover.usd_per_group[group.index])
            + group.units * cover.need * float(cover.usd_per_unit[group.index])
            for group in groups
        )
    usd = gross - sum(choice.credit_usd.values())
    return Cheapest(usd, *_spread(prepared, rows), int(rows[0]), choice)


def _spread(prepared: Prepared, rows: NDArray[np.intp]) -> tuple[float, frozenset[str]]:
    """Log standard deviation of the cost, the mean over the groups of a mix, and their devices.

    A service's cost has no spread of its own (its machines are counted at the risk asked for):
    what is unsure is how many it really needs, which goes with the throughput.
    """
    c = prepared.candidates
    config = c.config[rows]
    if c.amount.is_service:
        sd = c.throughput.log_sd[config]
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            sd = np.log(c.usd_p90[rows] / c.usd_p10[rows]) / (2 * Z80)
    names = frozenset(c.machines.devices[int(i)].name for i in config)
    return float(np.mean(np.nan_to_num(sd, nan=0.0, posinf=0.0))), names


def at_deadline(prepared: Prepared, hours: float) -> Prepared:
    """The same candidates with another deadline."""
    workload: Workload = prepared.workload.model_copy(update={"deadline": hours})
    return prepared.asked(workload)


def at_price(
    prepared: Prepared,
    factor: float | NDArray[np.float64],
    among: NDArray[np.bool_] | None = None,
    capital_factor: float | None = None,
) -> Prepared:
    """The same candidates with machines at ``factor`` times their price; moved and stored data
    cost what they do. ``among`` says which candidates, ``capital_factor`` what becomes of the
    price of bought machines (default: the same factor).
    """
    c = prepared.candidates
    rows = np.ones(len(c), bool) if among is None else among
    hourly = np.where(rows, factor, 1.0)
    once = np.where(rows, factor if capital_factor is None else capital_factor, 1.0)
    factors = {"capital_usd": once, **dict.fromkeys(_NOT_MACHINES, np.ones(len(c)))}
    lines = {name: column * factors.get(name, hourly) for name, column in c.lines.items()}
    capital, egress = c.lines["capital_usd"], c.lines["egress_usd"]

    def scaled(usd: NDArray[np.float64], hours: NDArray[np.float64]) -> NDArray[np.float64]:
        with np.errstate(divide="ignore", invalid="ignore"):
            stored = c.lines["storage_usd"] * hours / c.hours
        rest = egress + stored
        result: NDArray[np.float64] = (usd - capital - rest) * hourly + capital * once + rest
        return result

    changed = replace(
        c,
        lines=lines,
        usd=scaled(c.usd, c.hours),
        usd_p10=scaled(c.usd_p10, c.hours_p10),
        usd_p90=scaled(c.usd_p90, c.hours_p90),
        usd_at_risk=scaled(c.usd_at_risk, c.hours_at_risk),
    )
    return replace(prepared, candidates=changed)
