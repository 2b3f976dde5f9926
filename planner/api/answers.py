"""What the commands answer: plans, estimates, fronts, comparisons, mixes, capacity, hardware."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from planner.api.questions import (
    Question,
    laid_over,
    read,
    session_or_new,
    workload_from_question,
)
from planner.errors import BadInput

if TYPE_CHECKING:
    from planner.actions.session import Session
    from planner.results import Estimate, Front, PortfolioResult, Recommendation
    from planner.results.capacity import CapacityAnswer
    from planner.results.comparison import Comparison
    from planner.results.hardware import HardwareComparison, HardwareSheet
    from planner.results.mix import MixResult
    from planner.results.risk import Objective


def recommend(
    workload: Question,
    *,
    top: int = 5,
    explain: bool = False,
    near: float | None = None,
    scenarios: int | None = None,
    objective: Objective = "median-cost",
    seed: int = 0,
    session: Session | None = None,
    **fields: Any,
) -> Recommendation | PortfolioResult:
    """The cheapest configuration (or mix) that meets the workload's limits; of a file with several
    ``workloads``, one for each.

    Args:
        workload: a file, or a mapping of the same fields.
        top: alternatives that differ in kind.
        explain: say what binds and what giving way would save.
        near: also other plans within this share of the cost, 0.05 for 5%.
        scenarios: draw speed, interruptions and spot prices this many times.
        objective: ``median-cost``, ``p90-cost`` or ``expected-cost``; the latter two use scenarios.
        seed: of the scenarios.
        session: an open catalog.
        fields: what replaces the workload's fields (``deadline="24h"``, ``where={...}``).
    """
    risk = None
    if scenarios is not None or objective != "median-cost":
        from planner.actions.recommend.risk import SCENARIOS, RiskOptions

        risk = RiskOptions(scenarios or SCENARIOS, seed, objective)
    file, text = read(workload, "workload")
    flags, place = laid_over(fields)
    return session_or_new(session).answer_from(
        file, text, flags, place, top=top, explain=explain, near=near, risk=risk
    )


def estimate(
    workload: Question,
    on: str,
    *,
    explain: bool = False,
    session: Session | None = None,
    **fields: Any,
) -> Estimate:
    """Speed, hours and memory need on ``local`` or ``ACCELERATOR[:COUNT][xNODES]``."""
    asked, where = workload_from_question(workload, fields)
    return session_or_new(session).estimate(asked, on, explain=explain, where=where)


def pareto(
    workload: Question, *, carbon: bool = False, session: Session | None = None, **fields: Any
) -> Front:
    """Cost against time (and carbon): every configuration that nothing beats in all of them."""
    file, text = read(workload, "workload")
    flags, place = laid_over(fields)
    return session_or_new(session).front_from(file, text, flags, place, carbon=carbon)


def compare(
    workload: Question,
    a: str,
    b: str,
    *,
    axes: Sequence[str] = (),
    session: Session | None = None,
    **fields: Any,
) -> Comparison:
    """Two sides of one workload, say ``TPU-v6e`` and ``H100-80GB``, and where the cheaper flips."""
    asked, where = workload_from_question(workload, fields)
    return session_or_new(session).compare(asked, a, b, axes=axes, where=where)


def mix(
    profile: Question,
    *,
    gap: float | None = None,
    time_limit_s: float = 30.0,
    solver: str = "HiGHS",
    seed: int = 0,
    simulate: bool = True,
) -> MixResult:
    """How many of which machines serve requests of many sizes, and what goes where.

    Of a profile that nothing can serve, the result's ``status`` says so with ``reasons``.
    """
    from planner.actions.mix.plan import MixOptions, mix_from

    file, text = read(profile, "profile")
    options = MixOptions(gap, time_limit_s, solver, seed, simulate)
    return mix_from(file, text, options=options)


def capacity(
    spec: Question,
    *,
    gap: float = 1e-4,
    time_limit_s: float = 60.0,
    solver: str = "HiGHS",
    session: Session | None = None,
) -> CapacityAnswer:
    """A horizon of demand: what to commit, buy, rent and run on spot, and when each works."""
    from planner.actions.capacity.plan import capacity_from
    from planner.optimize.capacity.program import Settings

    file, text = read(spec, "spec")
    return capacity_from(
        file,
        Settings(gap, time_limit_s, solver),
        text=text,
        catalog=None if session is None else (lambda: session.catalog),
    )


def hardware(name: str, *, session: Session | None = None) -> HardwareSheet:
    """One device of the catalog, say ``H100-80GB``: peaks, memory, links, power, prices."""
    from planner.actions.hardware.facts import Facts

    return Facts(session_or_new(session).catalog).sheet(name)


def compare_hardware(
    names: Sequence[str],
    workload: Question | None = None,
    *,
    axes: Sequence[str] = (),
    session: Session | None = None,
    **fields: Any,
) -> HardwareComparison:
    """Devices, families or kinds (``gpu``, ``tpu``, ``cpu`` ...) beside each other; for a workload
    with its operators, and which of them is cheapest along each of the ``axes`` (default: all).
    """
    from planner.actions.hardware.compare import compare_hardware as compared

    opened = session_or_new(session)
    if isinstance(names, str):
        names = [names]
    if workload is None:
        if fields:
            raise BadInput("goes with a workload", where=next(iter(fields)), remedy="give one")
        return compared(names, opened.catalog, axes=axes)
    asked, where = workload_from_question(workload, fields)
    return compared(names, opened.catalog, asked, opened.measured, axes=axes, where=where)
