"""The use case behind ``planner estimate``: how fast one workload runs on named hardware."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, cast

from catalog import Catalog, UnknownName
from planner.actions.own_measurements import one_machine, this_machine
from planner.actions.recommend import model_shape, training_only
from planner.errors import BadInput, Infeasible
from planner.performance.devices import Device, from_accelerator
from planner.performance.efficiency import Measured, weights
from planner.performance.throughput import setups_of, training_throughput
from planner.results import Estimate, Throughput, Weighed
from planner.workload import LanguageTraining, Workload

_ON = re.compile(r"(?P<name>.+?)(?::(?P<count>\d+))?(?:x(?P<nodes>\d+))?")


def estimate(
    workload: Workload,
    on: str,
    catalog: Catalog,
    *,
    measured: Sequence[Measured] = (),
    where: str = "workload",
) -> Estimate:
    """Throughput, hours and memory of the workload on ``local`` or ``ACCELERATOR[:COUNT][xNODES]``.

    Raises BadInput for a name or count that cannot be, Infeasible when the hardware cannot do it.
    """
    workload = training_only(workload, where)
    device, count, nodes = _hardware(on, catalog)
    shape = model_shape(catalog, workload, where)
    machines = one_machine(device, count, nodes)
    found = training_throughput(workload, shape, machines, measured)
    if found.why_not[0]:
        raise Infeasible(f"{workload.subject} cannot run on {on}: {found.why_not[0]}")
    total = (
        workload.tokens
        if isinstance(workload, LanguageTraining)
        else workload.samples * workload.epochs
    )
    median, slow, fast = float(found.median[0]), float(found.p10[0]), float(found.p90[0])
    basis = cast(Literal["measured", "calibrated", "analytic"], found.basis[0])
    return Estimate(
        workload=workload.model_dump(mode="json", exclude_none=True),
        on=on,
        accelerator=device.name,
        accelerators=count * nodes,
        nodes=nodes,
        parallelism=found.step.layout[0],
        throughput=Throughput(
            value=_six(median), unit=found.unit, p10=_six(slow), p90=_six(fast), basis=basis
        ),
        hours=_six(total / median / 3600),
        hours_p10=_six(total / fast / 3600),
        hours_p90=_six(total / slow / 3600),
        memory_need_gib=_six(float(found.step.memory_need[0]) / 2**30),
        memory_gib=None if device.memory is None else _six(device.memory / 2**30),
        weighed=[
            Weighed(observation=observation, weight=round(weight, 3))
            for observation, weight in weights(setups_of(workload, shape, machines)[0], measured)
        ],
    )


def _hardware(on: str, catalog: Catalog) -> tuple[Device, int, int]:
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
    if "training" not in accelerator.can_run:
        raise Infeasible(f"{accelerator.name} cannot train: it runs inference only")
    return from_accelerator(accelerator), count, nodes


def _six(value: float) -> float:
    return float(f"{value:.6g}")
