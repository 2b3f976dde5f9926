"""What a report says of a recommendation beyond the saved file: computed, not made up on the page.

The workload in the file is answered again with today's catalog: that tells whether the plan still
holds, and gives scenarios, binding limits and sensitivities where the file has none.
"""

from __future__ import annotations

from datetime import date

from catalog import Catalog
from planner.actions.estimate.behind import observations_behind
from planner.actions.planning import Prepared, prepare
from planner.actions.private_layers import for_workload
from planner.actions.recommend.cheapest import cheapest
from planner.actions.recommend.plan import recommend
from planner.actions.recommend.risk import RiskOptions
from planner.actions.recommend.sensitivity import sensitivities
from planner.actions.report.assumed import assumptions
from planner.actions.saved_result import workload_of
from planner.actions.session import Session
from planner.errors import BadInput, Infeasible
from planner.performance.efficiency import weights
from planner.performance.tasks import setups_of
from planner.results import Recommendation, Weighed
from planner.results.study import Fact, Study

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
        observations, own = _evidence(prepared, catalog, session)
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
        facts=_facts(result, catalog, today),
        assumptions=assumptions(result),
    )


def _evidence(
    prepared: Prepared, catalog: Catalog, session: Session
) -> tuple[list[str], list[Weighed]]:
    """Published observations and own runs behind the speed of today's cheapest plan."""
    best = cheapest(prepared)
    if best is None:
        return [], []
    c = prepared.candidates
    config = int(c.config[best.pick])
    published = observations_behind(c.throughput, config, catalog)
    if not session.measured:
        return published, []
    known = setups_of(prepared.workload, prepared.shape, c.machines, c.throughput)
    heaviest = weights(known[config], session.measured) if len(known) else []
    return published, [Weighed(observation=name, weight=round(w, 3)) for name, w in heaviest]


def _facts(result: Recommendation, catalog: Catalog, today: date) -> list[Fact]:
    """Sources of prices and peaks of what is recommended."""
    items = result.mix.groups if result.mix is not None else [result.recommendation]
    found = []
    for item in items:
        price = item.price
        read = None if price.as_of is None else date.fromisoformat(price.as_of)
        found.append(
            Fact(
                about=f"price of {item.instance_type}, {item.cloud} {item.region}",
                citation=f"{price.source} ({price.layer}, confidence {price.confidence})",
                as_of=price.as_of,
                age_days=None if read is None else (today - read).days,
            )
        )
        spec = catalog.accelerators.get(item.accelerator)
        source = None if spec is None else catalog.sources.get(spec.source)
        if spec is not None and source is not None:
            as_of = source.as_of
            found.append(
                Fact(
                    about=f"peaks and memory of {spec.name}",
                    citation=f"{source.citation} (verified by: {spec.verified_by or 'nothing'})",
                    as_of=None if as_of is None else as_of.isoformat(),
                    age_days=None if as_of is None else (today - as_of).days,
                )
            )
    return list({fact.about: fact for fact in found}.values())
