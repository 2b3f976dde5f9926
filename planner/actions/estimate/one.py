"""The use case behind ``planner estimate``: how fast one workload runs on named hardware."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, cast

from catalog import Catalog, UnknownName
from catalog.model_shapes import ModelShape
from planner.actions.calibration.own import machines_up_to, this_machine, why_not_on
from planner.actions.estimate.behind import observations_behind
from planner.candidates.amount import amount_of
from planner.candidates.eligible import ability
from planner.errors import BadInput, Infeasible
from planner.items import latency_of, rounded
from planner.model_choice import shape_of
from planner.performance.devices import Device, Machines, from_accelerator
from planner.performance.efficiency import Measured, weights
from planner.performance.throughput import setups_of, throughput_of
from planner.results import Estimate, Throughput, Weighed
from planner.workload import LanguageTraining, VisionTraining, Workload

_ON = re.compile(r"(?P<name>.+?)(?::(?P<count>\d+))?(?:x(?P<nodes>\d+))?")


def estimate(
    workload: Workload,
    on: str,
    catalog: Catalog,
    *,
    measured: Sequence[Measured] = (),
    explain: bool = False,
    where: str = "workload",
) -> Estimate:
    """Throughput, hours and memory of the workload on ``local`` or ``ACCELERATOR[:COUNT][xNODES]``.

    With ``explain`` it names the published observations that weigh most.

    Raises BadInput for a name or count that cannot be, Infeasible when the hardware cannot do it.
    """
    shape = shape_of(catalog, workload, where)
    device, count, nodes = _hardware(on, catalog, ability(workload, shape))
    machines = machines_up_to(device, count, nodes)
    found = throughput_of(workload, shape, machines, measured, catalog=catalog)
    last = len(machines) - 1
    if found.why_not[last]:
        reason = why_not_on(device, found.why_not[last])
        raise Infeasible(f"{workload.subject} cannot run on {on}: {reason}")
    total = amount_of(workload).total
    median, slow, fast = (float(column[last]) for column in (found.median, found.p10, found.p90))
    basis = cast(Literal["measured", "calibrated", "analytic"], found.basis[last])
    return Estimate(
        workload=workload.model_dump(mode="json", exclude_none=True),
        on=on,
        accelerator=device.name,
        accelerators=count * nodes,
        nodes=nodes,
        parallelism=found.step.layout[last],
        throughput=Throughput(
            value=rounded(median),
            unit=found.unit,
            p10=rounded(slow),
            p90=rounded(fast),
            basis=basis,
        ),
        hours=None if total is None else rounded(total / median / 3600),
        hours_p10=None if total is None else rounded(total / fast / 3600),
        hours_p90=None if total is None else rounded(total / slow / 3600),
        latency=latency_of(found, last),
        memory_need_gib=rounded(float(found.step.memory_need[last]) / 2**30),
        memory_gib=None if device.memory is None else rounded(device.memory / 2**30),
        weighed=[
            Weighed(observation=observation, weight=round(weight, 3))
            for observation, weight in _weighed(workload, shape, machines, measured)
        ],
        observations=observations_behind(found, last, catalog) if explain else [],
    )


def _weighed(
    workload: Workload, shape: ModelShape, machines: Machines, measured: Sequence[Measured]
) -> list[tuple[str, float]]:
    """Own measurements behind the estimate; those of training are kept so far."""
    if not isinstance(workload, (LanguageTraining, VisionTraining)):
        return []
    return weights(setups_of(workload, shape, machines)[-1], measured)


def _hardware(on: str, catalog: Catalog, needed: str) -> tuple[Device, int, int]:
    match = _ON.fullmatch(on.strip())
    if match is None:
        raise BadInput("is empty", where="--on", remedy="say local or an accelerator, H100-80GB:8")
    if match["name"] == "local":
        if match["count"] or match["nodes"]:
            raise BadInput("this machine is one", where="--on", remedy="say --on local")
        return this_machine(), 1, 1
    count, nodes = int(match["count"] or 1), int(match["nodes"] or 1)
    if not (1 <= count <= 16384 and 1 <= nodes <= 4096):
        raise BadInput(f"{on!r} counts out of range", where="--on", remedy="say H100-80GB:8x2")
    try:
        accelerator = catalog.accelerator(match["name"])
    except UnknownName as error:
        close = ", ".join(error.suggestions)
        raise BadInput(
            f"unknown accelerator {match['name']!r}",
            where="--on",
            remedy=f"did you mean {close}?" if close else "say an accelerator such as H100-80GB",
        ) from None
    if needed not in accelerator.can_run:
        raise Infeasible(f"{accelerator.name} cannot do {needed}")
    return from_accelerator(accelerator), count, nodes
