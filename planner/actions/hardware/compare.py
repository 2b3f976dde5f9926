"""The use case behind ``planner hardware compare``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import cast

from catalog import Catalog
from planner.actions.hardware.facts import Facts
from planner.actions.hardware.on_workload import on_device
from planner.actions.hardware.sides import Sides, edge_devices, sides_of
from planner.actions.hardware.sweeps import AXES, AxisName, Question, swept
from planner.errors import BadInput
from planner.field_errors import shown, suggest
from planner.model_choice import shape_of
from planner.performance.efficiency import Measured
from planner.performance.operators import work_unit
from planner.results.hardware import DeviceOn, HardwareComparison
from planner.workload import Edge, Workload


def compare_hardware(
    names: Sequence[str],
    catalog: Catalog,
    workload: Workload | None = None,
    measured: Sequence[Measured] = (),
    *,
    axes: Sequence[str] = (),
    where: str = "workload",
    today: date | None = None,
) -> HardwareComparison:
    """Datasheets and prices beside each other; with a workload its rooflines, and when which side
    is cheapest. A kind (``gpu``, ``tpu``, ``edge``) stands for all devices of it; datasheets and
    rooflines are then of the one that does the work cheapest.

    Raises BadInput for unknown names and axes.
    """
    facts = Facts(catalog, today)
    sides = sides_of(names, catalog)
    wanted = _axes(axes)
    if workload is None:
        if axes:
            raise BadInput("goes with a workload", where="--axis", remedy="add --workload FILE")
        single = [specs[0].name for specs in sides.values() if len(specs) == 1]
        if len(single) < len(sides):
            kinds = ", ".join(side for side, specs in sides.items() if len(specs) > 1)
            raise BadInput(
                f"{kinds} is a kind, and which device of it is best depends on the work",
                where="hardware compare",
                remedy="add --workload FILE, or name devices",
            )
        sheets = [facts.sheet(name) for name in single]
        return HardwareComparison(
            sheets=sheets, workload=None, on=[], sweeps=[], not_swept={}, catalog=catalog.content_id
        )
    on = _on(workload, sides, facts, measured, where)
    question = Question(workload, sides, catalog, measured, where)
    sweeps, left_out = swept(question, wanted)
    return HardwareComparison(
        sheets=[facts.sheet(one.name) for one in on],
        workload=workload.name,
        work_unit=work_unit(workload),
        on=on,
        sweeps=sweeps,
        not_swept=left_out,
        catalog=catalog.content_id,
    )


def _on(
    workload: Workload,
    sides: Sides,
    facts: Facts,
    measured: Sequence[Measured],
    where: str,
) -> list[DeviceOn]:
    """Each side's device: of a kind the one whose output is cheapest, else the fastest."""
    shape = shape_of(facts.catalog, workload, where)
    edge = edge_devices(facts.catalog)
    found = []
    for specs in sides.values():
        if isinstance(workload, Edge):
            specs = tuple(spec for spec in specs if spec in edge) or specs
        tried = [on_device(workload, shape, spec, facts, measured) for spec in specs]
        found.append(min(tried, key=_rank))
    return found


def _rank(one: DeviceOn) -> tuple[bool, bool, float]:
    if one.devices is None or one.throughput is None:
        return True, True, 0.0
    if one.usd_per_million_units is not None:
        return False, False, one.usd_per_million_units
    return False, True, -one.throughput / one.devices


def _axes(asked: Sequence[str]) -> list[AxisName]:
    names = [name.strip().replace("-", "_") for name in asked]
    for name in names:
        if name not in AXES:
            raise BadInput(
                f"{shown(name)} is no axis", where="--axis", remedy=suggest(name, tuple(AXES))
            )
    chosen = list(dict.fromkeys(names)) or list(AXES)
    return [cast(AxisName, name) for name in chosen]
