"""Services and batches of a portfolio planned by request size, within what the others leave.

The portfolio is decided for average requests first. Then one workload after the other is planned by
size with the quotas that all others do not use; where that is cheaper it replaces its plan. Costs
only fall, and no limit is broken: a total that is within the budget stays so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from catalog import Catalog
from planner.actions.planning import Prepared
from planner.candidates.priced import quota_units
from planner.optimize.choice import Choice
from planner.performance.efficiency import Measured

if TYPE_CHECKING:
    from planner.actions.by_size.batch import BatchPlan
    from planner.actions.by_size.service import SizedPlan

Plans = Mapping[int, "SizedPlan | BatchPlan"]


def planned_by_size(
    prepared: Sequence[Prepared],
    choice: Choice,
    limits: Mapping[str, float],
    catalog: Catalog,
    measured: Sequence[Measured],
    where: str,
    *,
    budgeted: bool,
) -> Plans:
    """Plans by size that cost less than the choice, by number of the workload.

    ``budgeted``: there is a budget to keep, at the risk asked for. Batches then stay as they are.
    """
    if not any(len(getattr(part.workload, "requests", ())) > 1 for part in prepared):
        return {}
    from planner.actions.by_size.batch import better_batch_by_size
    from planner.actions.by_size.service import better_by_size

    found: dict[int, SizedPlan | BatchPlan] = {}
    for number, part in enumerate(prepared):
        if len(getattr(part.workload, "requests", ())) < 2:
            continue
        left = {
            name: limit
            - sum(
                used(prepared, choice, found, name, other)
                for other in range(len(prepared))
                if other != number
            )
            for name, limit in limits.items()
        }
        place = part.workload.where.model_copy(
            update={"quotas": {name: max(amount, 0.0) for name, amount in left.items()}}
        )
        alone = part.asked(part.workload.model_copy(update={"where": place}))
        known = cost(part, choice, number)
        here = f"{where}: workloads[{number}]"
        plan = better_by_size(alone, known, catalog, measured, here)
        if plan is not None:
            found[number] = plan
        elif not budgeted:
            batch = better_batch_by_size(alone, known, catalog, measured, here)
            if batch is not None:
                found[number] = batch
    return found


def cost(part: Prepared, choice: Choice, number: int) -> float:
    """USD of a workload in the choice."""
    pick = choice.picks[number]
    if pick >= 0:
        return float(part.candidates.usd[part.in_time[pick]])
    cover = part.cover()
    assert cover is not None
    return sum(
        group.count * float(cover.usd_per_group[group.index])
        + group.units * cover.need * float(cover.usd_per_unit[group.index])
        for group in choice.mixes[number]
    )


def used(
    prepared: Sequence[Prepared], choice: Choice, plans: Plans, quota: str, number: int
) -> float:
    """What a workload draws from a quota, in its plan by size where there is one."""
    part = prepared[number]
    c = part.candidates
    if number in plans:
        drawn = [(group.index, float(group.count)) for group in plans[number].groups]
    elif choice.picks[number] >= 0:
        best = int(part.in_time[choice.picks[number]])
        drawn = [(best, float(c.count[best]))]
    else:
        rows = part.cover_rows()
        drawn = [(int(rows[g.index]), float(g.count)) for g in choice.mixes[number]]
    units, total = quota_units(c.offers), 0.0
    for index, count in drawn:
        row = int(c.row[index])
        if c.offers.text("quota_class", row) == quota:
            total += float(units[row] * c.machines.nodes[c.config[index]]) * count
    return total
