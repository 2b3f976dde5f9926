"""What several plans rest on: dated sources, assumptions, and the measurements behind them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from catalog import Catalog
from planner.actions.estimate.behind import observations_behind
from planner.actions.planning import Prepared, prepare
from planner.actions.private_layers import for_workload
from planner.actions.recommend.cheapest import cheapest
from planner.actions.report.assumed import assumptions
from planner.actions.saved_result import workload_from_data, workload_of
from planner.actions.session import Session
from planner.errors import BadInput, Infeasible
from planner.performance.efficiency import weights
from planner.performance.tasks import setups_of
from planner.results import Item, PortfolioResult, Weighed
from planner.results.comparison import ComparedSide, Comparison
from planner.results.study import ComparisonStudy, Fact, Grounds, PortfolioStudy


def facts_of(items: Iterable[Item], catalog: Catalog, today: date) -> list[Fact]:
    """Sources of prices and peaks of what is recommended."""
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


def evidence_of(
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


def portfolio_study(
    result: PortfolioResult, path: str, session: Session, *, today: date | None = None
) -> PortfolioStudy:
    """A portfolio with what each of its plans rests on."""
    items, evidence = list[Item](), dict[str, list[str]]()
    taken: dict[str, list[str]] = {}
    for part in result.workloads:
        items += part.mix.groups if part.mix is not None else [part.recommendation]
        name = str(part.workload.get("name", "workload"))
        for line in assumptions(part):
            taken.setdefault(line, []).append(name)
        try:
            workload, catalog, _ = for_workload(workload_of(part, path), session.catalog)
            prepared = prepare(workload, catalog, session.measured, where=path)
        except (BadInput, Infeasible):
            continue
        evidence[name] = _lines(*evidence_of(prepared, catalog, session))
    grounds = Grounds(
        facts=facts_of(items, session.catalog, today or date.today()),
        assumptions=[
            line if len(names) == len(result.workloads) else f"{', '.join(names)}: {line}"
            for line, names in taken.items()
        ],
        evidence=evidence,
    )
    return PortfolioStudy(result=result, grounds=grounds)


def comparison_study(
    result: Comparison, path: str, session: Session, *, today: date | None = None
) -> ComparisonStudy:
    """A comparison with what both sides rest on."""
    sides = (result.a, result.b)
    items = [item for side in sides for item in _items(side)]
    evidence = {}
    try:
        asked = workload_from_data(result.workload, path)
    except BadInput:
        asked = None
    for side in sides if asked is not None else ():
        plans = [item for item in _items(side) if item.accelerator in session.catalog.accelerators]
        if not plans or asked is None:
            continue
        where = asked.where.model_copy(
            update={"accelerators": (plans[0].accelerator,), "on_prem": ()}
        )
        try:
            only = asked.model_copy(update={"where": where})
            prepared = prepare(only, session.catalog, session.measured, where=path)
        except (BadInput, Infeasible):
            continue
        evidence[side.name] = _lines(*evidence_of(prepared, session.catalog, session))
    bases = sorted({item.throughput.basis for item in items})
    grounds = Grounds(
        facts=facts_of(items, session.catalog, today or date.today()),
        assumptions=[
            f"Speed: {' and '.join(bases)}; the speeds of both sides are taken as independent.",
            "Each side's plan is its cheapest that meets every limit; what is varied is varied "
            "alone, and both sides are planned anew at each value.",
            "Prices hold while the work lasts.",
        ]
        if bases
        else [],
        evidence=evidence,
    )
    return ComparisonStudy(result=result, grounds=grounds)


def _items(side: ComparedSide) -> list[Item]:
    if side.mix is not None:
        return side.mix.groups
    return [] if side.plan is None else [side.plan]


def _lines(published: list[str], own: list[Weighed]) -> list[str]:
    runs = [f"Own run {run.observation}: {run.weight:.0%} of the correction." for run in own]
    return runs + published
