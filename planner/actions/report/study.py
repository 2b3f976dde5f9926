"""What a report says of a recommendation beyond the saved file: computed, not made up on the page.

The workload in the file is answered again with today's catalog: that tells whether the plan still
holds, and gives scenarios, binding limits and sensitivities where the file has none.
"""

from __future__ import annotations

from datetime import date

from planner.actions.planning import prepare
from planner.actions.private_layers import for_workload
from planner.actions.recommend.plan import recommend
from planner.actions.recommend.risk import RiskOptions
from planner.actions.recommend.sensitivity import sensitivities
from planner.actions.report.assumed import assumptions
from planner.actions.report.grounds import evidence_of, facts_of
from planner.actions.saved_result import workload_of
from planner.actions.session import Session
from planner.errors import BadInput, Infeasible
from planner.results import Recommendation, Weighed
from planner.results.study import Study

# Fewer than `recommend --scenarios` takes by default: quantiles in a drawing need no more.
SCENARIOS = 2000


def study(
    result: Recommendation, path: str, session: Session, *, today: date | None = None
) -> Study:
    """Everything a report says of the plan in ``path``.

    Raises BadInput where the file's workload cannot be read by this version.
    """
    today = today or date.today()
    where = f"{path}: workload"
    workload, catalog, _ = for_workload(workload_of(result, path), session.catalog)
    now, why_none = None, ""
    try:
        now = recommend(
            workload,
            catalog,
            measured=session.measured,
            top=len(result.alternatives),
            explain=True,
            where=where,
            risk=RiskOptions(scenarios=SCENARIOS),
            today=today,
        ).recommendation
    except (BadInput, Infeasible) as error:
        why_none = str(error)
    swings, observations, own = None, list[str](), list[Weighed]()
    if now is not None:
        swings = sensitivities(workload, catalog, session.measured, where=where)
        prepared = prepare(workload, catalog, session.measured, where=where)
        observations, own = evidence_of(prepared, catalog, session)
    items = result.mix.groups if result.mix is not None else [result.recommendation]
    return Study(
        result=result,
        now=now,
        why_none=why_none,
        same_catalog=result.catalog.content_id == session.catalog.content_id,
        risk=result.risk or (now.risk if now is not None else None),
        relaxations=now.relaxations if result.relaxations is None and now else result.relaxations,
        sensitivities=swings,
        observations=observations,
        own_runs=own,
        facts=facts_of(items, catalog, today),
        assumptions=assumptions(result),
    )
