"""The Python API: what the commands answer, as functions.

    import planner

    plan = planner.recommend("examples/serve-llama-70b.yaml", where={"clouds": ["aws", "gcp"]})
    print(plan.headline)
    table = planner.to_pandas(plan)

A question is a file's path or a mapping with the same fields; what is said beside it replaces its
fields, as flags do on the command line. Answers are those of the commands' JSON. Every function
opens the catalog anew unless it is given a ``session`` (``open_session()``), which is worth it for
more than a few questions.

All raise ``BadInput`` for a question that cannot be used and ``Infeasible`` where nothing meets the
limits; ``catalog.CatalogError`` for a catalog that cannot be read. Nothing is printed, nothing is
written, nothing is rented.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from planner.errors import BadInput

if TYPE_CHECKING:
    from planner.actions.session import Session
    from planner.results import Estimate, Front, PortfolioResult, Recommendation
    from planner.results.capacity import CapacityAnswer
    from planner.results.comparison import Comparison
    from planner.results.mix import MixResult
    from planner.results.risk import Objective

Question = str | os.PathLike[str] | Mapping[str, Any]


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
    file, text = _read(workload, "workload")
    flags, place = _laid_over(fields)
    return _session(session).answer_from(
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
    asked, where = _workload(workload, fields)
    return _session(session).estimate(asked, on, explain=explain, where=where)


def pareto(
    workload: Question, *, carbon: bool = False, session: Session | None = None, **fields: Any
) -> Front:
    """Cost against time (and carbon): every configuration that nothing beats in all of them."""
    file, text = _read(workload, "workload")
    flags, place = _laid_over(fields)
    return _session(session).front_from(file, text, flags, place, carbon=carbon)


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
    asked, where = _workload(workload, fields)
    return _session(session).compare(asked, a, b, axes=axes, where=where)


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

    file, text = _read(profile, "profile")
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

    file, text = _read(spec, "spec")
    return capacity_from(
        file,
        Settings(gap, time_limit_s, solver),
        text=text,
        catalog=None if session is None else (lambda: session.catalog),
    )


def _session(session: Session | None) -> Session:
    if session is not None:
        return session
    from planner.actions.session import open_session

    return open_session()


def _workload(question: Question, fields: Mapping[str, Any]) -> tuple[Any, str]:
    from planner.actions.session import workload_from

    file, text = _read(question, "workload")
    return workload_from(file, text, *_laid_over(fields))


def _read(question: Question, word: str) -> tuple[str, str | None]:
    """The file, and its text where it is none; ``word`` is what errors call a mapping.

    Raises BadInput for what is neither, and for a mapping that JSON cannot hold.
    """
    if isinstance(question, Mapping):
        try:
            return word, json.dumps(dict(question))
        except (TypeError, ValueError) as error:
            raise BadInput(
                f"cannot be read ({error})",
                where=word,
                remedy="use texts, numbers, lists and mappings, as a YAML file would hold",
            ) from None
    if isinstance(question, (str, os.PathLike)):
        return os.fspath(question), None
    raise BadInput(
        f"is a {type(question).__name__}", where=word, remedy="give a file's path or a mapping"
    )


def _laid_over(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields of the workload, and those of its ``where``."""
    flags = dict(fields)
    place = flags.pop("where", None)
    if place is not None and not isinstance(place, Mapping):
        raise BadInput(
            f"is a {type(place).__name__}", where="where", remedy='say {"clouds": ["aws"]}'
        )
    return flags, dict(place or {})
