"""A spec given as a mapping, solved; and what a plan must satisfy whatever its cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from planner.optimize.capacity.from_spec import arrays_from
from planner.optimize.capacity.program import CapacityPlan, Settings, optimise
from planner.optimize.capacity.read_spec import parse_spec

TIGHT = Settings(gap=1e-7, time_limit_s=120)


def solved(spec: dict[str, Any], settings: Settings = TIGHT) -> CapacityPlan:
    fleet, periods = arrays_from(parse_spec(spec, where="spec"), "spec", Path())
    return optimise(fleet, periods, settings)
