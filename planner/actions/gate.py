"""The use case behind ``planner gate``: a workload's plan against a cost limit and an old plan."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from planner.actions.diff import diff
from planner.actions.planning import prepare
from planner.actions.saved_result import read_result
from planner.actions.session import Session
from planner.amounts import money
from planner.errors import BadInput, Infeasible
from planner.items import rounded
from planner.report.rows import chosen
from planner.results import Item, PortfolioResult, Recommendation
from planner.results.gate import BaselineNow, Gate, Verdict


@dataclass(frozen=True)
class Limits:
    """What a plan is held to: cost in total, and the share by which keeping the ``baseline`` (a
    saved result) may be dearer than the cheapest plan."""

    max_cost_usd: float | None = None
    max_regret: float | None = None
    baseline: str | None = None


def gate(
    session: Session,
    file: str | None,
    text: str | None,
    fields: Mapping[str, Any],
    place: Mapping[str, Any],
    limits: Limits,
) -> Gate:
    """Plan a workload or portfolio, and hold it against the limits.

    Nothing that meets the constraints is a verdict too. Raises BadInput.
    """
    old = read_result(limits.baseline) if limits.baseline is not None else None
    if limits.max_regret is not None and old is None:
        raise BadInput(
            "needs a plan that is kept", where="--max-regret", remedy="add --baseline RESULT.json"
        )
    if limits.max_cost_usd is not None:
        fields = {**fields, "budget": f"{limits.max_cost_usd!r} USD"}
    try:
        found = session.answer_from(file, text, fields, place)
    except Infeasible as error:
        return Gate(
            verdict="infeasible",
            name=file or "workload",
            headline=f"infeasible: {error}",
            plan="",
            cost_usd=None,
            cost_usd_at_risk=None,
            max_cost_usd=limits.max_cost_usd,
            max_regret=limits.max_regret,
            baseline=None,
            price_as_of=None,
            reasons=[str(error), *error.reasons],
        )
    cap = _budget(found)
    if cap is None and limits.max_regret is None:
        raise BadInput(
            "has no limit to be held to",
            where=file or "workload",
            remedy="say --max-cost 500USD, or --max-regret 10% --baseline RESULT.json",
        )
    if old is None:
        return _verdict(found, limits, cap, None)
    if isinstance(found, PortfolioResult):
        raise BadInput(
            "is compared for one workload, and this is a portfolio",
            where="--baseline",
            remedy="gate each workload in a file of its own",
        )
    return _verdict(found, limits, cap, _baseline(session, old, found, str(limits.baseline)))


def _budget(found: Recommendation | PortfolioResult) -> float | None:
    if isinstance(found, PortfolioResult):
        return found.budget_usd
    budget = found.workload.get("budget")
    return None if budget is None else float(budget)


def _verdict(
    found: Recommendation | PortfolioResult,
    limits: Limits,
    cap: float | None,
    baseline: BaselineNow | None,
) -> Gate:
    parts = found.workloads if isinstance(found, PortfolioResult) else [found]
    items = [item for part in parts for item in chosen(part)]
    cost, at_risk, per_hour = _costs(found)
    reasons: list[str] = []
    verdict: Verdict = "pass"
    if baseline is not None and limits.max_regret is not None:
        allowed = f"{limits.max_regret:.0%} allowed"
        if baseline.regret is None:
            verdict = "over_regret"
            reasons.append(
                f"the baseline {baseline.plan} cannot do this work any more, or is not sold"
            )
        elif baseline.regret > limits.max_regret:
            verdict = "over_regret"
            reasons.append(
                f"keeping {baseline.plan} costs {baseline.regret:.1%} more than the cheapest plan, "
                f"{allowed}"
            )
    if found.status == "over_budget":
        verdict = "over_cost"
        reasons.insert(
            0, f"costs {money(at_risk)} at the risk asked for, {money(cap or 0)} allowed"
        )
    name = found.name if isinstance(found, PortfolioResult) else str(found.workload.get("name"))
    dates = [item.price.as_of for item in items if item.price.as_of]
    return Gate(
        verdict=verdict,
        name=name,
        headline=_headline(name, verdict, cost, cap, reasons),
        plan=" + ".join(item.id for item in items),
        cost_usd=cost,
        cost_usd_at_risk=at_risk,
        cost_usd_per_hour=per_hour,
        max_cost_usd=cap,
        max_regret=limits.max_regret,
        baseline=baseline,
        price_as_of=min(dates, default=None),
        reasons=reasons,
    )


def _costs(found: Recommendation | PortfolioResult) -> tuple[float, float, float | None]:
    """Cost, cost at the risk asked for, cost an hour of a service; credits apart."""
    if isinstance(found, PortfolioResult):
        return found.cost_usd, found.cost_usd_at_risk, None
    if found.mix is not None:
        at_risk = sum(item.cost_usd_at_risk for item in found.mix.groups)
        return found.mix.cost_usd, rounded(at_risk), found.mix.cost_usd_per_hour
    item = found.recommendation
    return item.cost_usd, item.cost_usd_at_risk, item.cost_usd_per_hour


def _headline(
    name: str, verdict: Verdict, cost: float, cap: float | None, reasons: list[str]
) -> str:
    if verdict == "pass":
        within = f", within {money(cap)}" if cap is not None else ""
        return f"{name}: pass, {money(cost)}{within}"
    word = "over the cost limit" if verdict == "over_cost" else "the baseline is not worth keeping"
    return f"{name}: {word}: {'; '.join(reasons)}"


def _baseline(session: Session, old: Recommendation, now: Recommendation, file: str) -> BaselineNow:
    # The limit is the gate's, not part of the work that was agreed.
    asked = {name: value for name, value in now.workload.items() if name != "budget"}
    if old.workload.get("budget") is not None:
        asked["budget"] = old.workload["budget"]
    changed = diff(old, now.model_copy(update={"workload": asked}), file, "now")
    best, _, _ = _costs(now)
    before, _, _ = _costs(old)
    kept = best if changed.same_choice else _kept_cost(session, chosen(old), now)
    regret = None
    if kept is not None:
        regret = 0.0 if best <= 0 else max(0.0, kept / best - 1)
    return BaselineNow(
        file=Path(file).name,
        plan=" + ".join(item.id for item in chosen(old)),
        cost_usd=before,
        cost_usd_now=None if kept is None else rounded(kept),
        regret=None if regret is None else rounded(regret),
        same_workload=changed.same_workload,
        same_choice=changed.same_choice,
        headline=changed.headline,
    )


def _kept_cost(session: Session, items: list[Item], now: Recommendation) -> float | None:
    """What the machines of an old plan cost for the workload as it is now; None where they cannot
    do it within its constraints, or are not sold. A service keeps their type, and as many as its
    load needs. A mix is not planned again: None."""
    if len(items) != 1:
        return None
    from planner.actions.private_layers import for_workload
    from planner.actions.saved_result import workload_of

    workload, catalog, _ = for_workload(workload_of(now, "workload"), session.catalog)
    try:
        prepared = prepare(workload, catalog, session.measured)
    except Infeasible:
        return None
    (item,), c = items, prepared.candidates
    offers = c.offers
    mask = np.ones(len(offers.codes["cloud"]), bool)
    for column, value in (
        ("cloud", item.cloud),
        ("region", item.region),
        ("instance_type", item.instance_type),
        ("kind", item.purchase),
        ("platform", item.platform or ""),
    ):
        mask &= offers.is_in(column, [value])
    rows = prepared.in_time
    kept = mask[c.row[rows]]
    if not c.amount.is_service:  # of which as many are kept as its load needs
        kept &= np.round(c.nodes[rows]) == item.nodes
    same = rows[kept]
    usd = float(c.usd[same].min()) if len(same) else math.inf
    return usd if math.isfinite(usd) else None
