"""What the estimates of a workload stand on: runs made here, their neighbours, or analysis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import cast

from catalog import Catalog
from planner.actions.planning import prepare
from planner.candidates.order import cheapest_first
from planner.errors import BadInput
from planner.items import candidate_id, rounded
from planner.performance.efficiency import Measured
from planner.performance.tasks import task_of
from planner.results.calibration_basis import AcceleratorBasis, Basis, CalibrationBasis
from planner.workload import Workload


def calibration_basis(
    workload: Workload,
    catalog: Catalog,
    measured: Sequence[Measured] = (),
    *,
    where: str = "workload",
) -> CalibrationBasis:
    """One row for each accelerator that can do the work, whatever deadline and budget say.

    ``measured`` are the runs made so far. Raises BadInput where nothing can run it.
    """
    prepared = prepare(workload, catalog, measured, where=where)
    c, task = prepared.candidates, task_of(workload, prepared.shape)
    if not len(prepared.feasible):
        raise BadInput(
            "nothing can run this workload", where=where, remedy="see `planner recommend`"
        )
    rows = cheapest_first(c, prepared.feasible)
    runs = Counter(one.setup.accelerator for one in measured if one.setup.task == task)
    ways: dict[str, list[int]] = {}
    for row in rows.tolist():
        ways.setdefault(c.machines.devices[int(c.config[row])].name, []).append(row)
    found = []
    for name, mine in ways.items():
        bases = Counter(c.throughput.basis[int(c.config[row])] for row in mine)
        best = mine[0]
        found.append(
            AcceleratorBasis(
                accelerator=name,
                basis=cast(Basis, c.throughput.basis[int(c.config[best])]),
                options=len(mine),
                measured=bases["measured"],
                calibrated=bases["calibrated"],
                own_runs=runs[name],
                cheapest=candidate_id(c, best, float(c.nodes[best])),
                cost_usd=rounded(c.usd[best]),
                cost_usd_per_hour=(rounded(c.usd_per_hour[best]) if c.amount.is_service else None),
                cost_usd_p10=rounded(c.usd_p10[best]),
                cost_usd_p90=rounded(c.usd_p90[best]),
            )
        )
    return CalibrationBasis(workload=workload.subject, accelerators=found)
