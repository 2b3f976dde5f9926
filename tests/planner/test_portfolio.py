"""Several workloads decided together."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import numpy as np
import pytest

from catalog import Catalog
from planner.actions.portfolio.plan import recommend_portfolio
from planner.actions.recommend.plan import recommend
from planner.actions.recommend.risk import RiskOptions
from planner.errors import BadInput, Infeasible
from planner.results import PortfolioResult
from planner.workload import Portfolio, parse_any
from tests.planner.conftest import ROOT, Planner

TODAY = date(2026, 1, 1)
P_QUOTA = "aws/P on-demand"
JOB: dict[str, Any] = {
    "kind": "finetune",
    "model": "llama-3.1-8b",
    "method": "full",
    "tokens": "50M",
    "deadline": "12h",
}
WHERE: dict[str, Any] = {"clouds": ["aws"], "purchase": ["on_demand"], "accelerators": ["H100"]}


def ask(
    catalog: Catalog,
    count: int = 2,
    *,
    explain: bool = False,
    risk: RiskOptions | None = None,
    **shared: Any,
) -> PortfolioResult:
    data = {"workloads": [{**JOB, "name": f"job-{n}"} for n in range(count)], "where": WHERE}
    found = parse_any({**data, **shared}, where="test")
    assert isinstance(found, Portfolio)
    return recommend_portfolio(found, catalog, today=TODAY, explain=explain, risk=risk)


def test_without_shared_limits_each_has_its_own_cheapest(catalog: Catalog) -> None:
    together = ask(catalog)
    data = {**JOB, "where": WHERE}
    single = parse_any(data, where="test")
    assert not isinstance(single, Portfolio)
    alone = recommend(single, catalog, today=TODAY).recommendation.recommendation
    assert [part.recommendation.id for part in together.workloads] == [alone.id] * 2
    assert together.cost_usd == pytest.approx(2 * alone.cost_usd, rel=1e-5)


def test_shared_quota_is_not_exceeded_and_costs_something(catalog: Catalog) -> None:
    free = ask(catalog, 3)
    used = free.quotas.get(P_QUOTA, {}).get("used")
    assert used is None  # no limit, nothing to report
    vcpus = sum(part.recommendation.vcpus or 0 for part in free.workloads)
    tight = ask(catalog, 3, quotas={P_QUOTA: vcpus - 1}, where={**WHERE, "accelerators": []})
    drawn = tight.quotas[P_QUOTA]["used"]
    assert drawn <= vcpus - 1


def test_budget_holds_at_risk_for_all_together(catalog: Catalog) -> None:
    free = ask(catalog)
    enough = ask(catalog, budget=free.cost_usd_at_risk * 1.001)
    assert enough.status == "ok"
    short = ask(catalog, budget=free.cost_usd_at_risk * 0.2)
    assert short.status == "over_budget"
    assert "over the budget" in short.headline


def test_credits_are_shared_not_doubled(catalog: Catalog) -> None:
    free = ask(catalog)
    granted = ask(catalog, credits={"aws": 5})
    assert granted.credit_usd == pytest.approx(5)
    assert granted.cost_usd == pytest.approx(free.cost_usd, rel=1e-5)


def test_possible_alone_but_not_together_names_the_limit(catalog: Catalog) -> None:
    single = ask(catalog, 1).workloads[0].recommendation
    with pytest.raises(Infeasible, match="one by one, but not together") as found:
        ask(catalog, 4, quotas={P_QUOTA: single.vcpus})
    assert any(P_QUOTA in reason and "would help" in reason for reason in found.value.reasons)


def test_the_workload_that_is_impossible_is_named(catalog: Catalog) -> None:
    data = {
        "workloads": [
            {**JOB, "name": "fine"},
            {**JOB, "name": "hopeless", "model": "llama-3.1-405b", "where": {"max_nodes": 1}},
        ],
        "where": WHERE,
    }
    found = parse_any(data, where="test")
    assert isinstance(found, Portfolio)
    with pytest.raises(Infeasible, match=r"^hopeless: .* does not fit: .* GiB"):
        recommend_portfolio(found, catalog, today=TODAY)


def test_unknown_shared_quota_is_refused(catalog: Catalog) -> None:
    with pytest.raises(BadInput, match="quotas"):
        ask(catalog, quotas={"aws/P on-demnd": 5})


def test_example_of_five(planner: Planner) -> None:
    path = ROOT / "examples" / "portfolio-of-five.yaml"
    document = json.loads(planner("recommend", path, "--format", "json").out)
    assert document["schema"] == "planner.portfolio/1"
    assert len(document["workloads"]) == 5
    total = sum(
        group["cost_usd"]
        for part in document["workloads"]
        for group in (part["mix"]["groups"] if part["mix"] else [part["recommendation"]])
    )
    assert document["cost_usd"] == pytest.approx(total, rel=1e-5)
    assert document["cost_usd_at_risk"] <= document["budget_usd"]
    table = planner("recommend", path).out
    assert max(len(line.rstrip()) for line in table.splitlines()) <= 100
    rows = planner("recommend", path, "--format", "csv").out.splitlines()
    assert rows[0].startswith("workload,rank")


def test_what_a_shared_quota_costs_is_said(catalog: Catalog) -> None:
    """Doing without the limit saves what deciding without it says, and names the breakpoint."""
    wide = {**WHERE, "accelerators": []}
    free = ask(catalog, where=wide)
    machine = free.workloads[0].recommendation.instance_type
    offers = catalog.offers
    row = int(np.flatnonzero(offers.is_in("instance_type", [machine]) & on_demand(catalog))[0])
    quota = offers.text("quota_class", row)
    drawn = sum(part.recommendation.vcpus or 0 for part in free.workloads)
    tight = ask(catalog, where=wide, quotas={quota: drawn - 1}, explain=True)
    assert tight.relaxations is not None
    found = {each.constraint: each for each in tight.relaxations}[f"quotas.{quota}"]
    assert found.saves_usd == pytest.approx(tight.cost_usd - free.cost_usd, rel=1e-3)
    assert found.amount == pytest.approx(1.0)
    assert found.sentence in tight.explanation
    assert found.sentence.startswith(f"{quota} raised from {drawn - 1:g} to {drawn:g} would save $")
    assert "job-0: aws/" in found.plan
    assert ask(catalog, where=wide).relaxations is None


def on_demand(catalog: Catalog) -> np.ndarray:
    return catalog.offers.is_in("cloud", ["aws"]) & catalog.offers.is_in("kind", ["on_demand"])


def test_more_time_for_one_saves_what_planning_with_it_says(catalog: Catalog) -> None:
    spot = {**WHERE, "accelerators": [], "purchase": ["on_demand", "spot"]}
    jobs = [{**JOB, "name": "a", "deadline": "2h"}, {**JOB, "name": "b", "deadline": "30h"}]
    asked = ask(catalog, workloads=jobs, where=spot, explain=True)
    later = ask(catalog, workloads=[{**jobs[0], "deadline": "2.5h"}, jobs[1]], where=spot)
    named = [e for e in asked.relaxations or () if e.constraint == "workloads.0.deadline"]
    saved = asked.cost_usd - later.cost_usd
    if saved <= 0.01:
        assert not named
    else:
        assert named[0].saves_usd == pytest.approx(saved, rel=1e-4)


def test_scenarios_of_several_are_the_same_ones(catalog: Catalog) -> None:
    """Two like jobs cost twice as much in every scenario: their errors are common."""
    options = RiskOptions(2000, seed=3)
    both = ask(catalog, risk=options, budget=1e6).risk
    one = ask(catalog, 1, risk=options, budget=1e6).risk
    assert both is not None and one is not None
    for name in ("mean", "p10", "p50", "p90", "p99"):
        assert getattr(both.cost_usd, name) == pytest.approx(
            2 * getattr(one.cost_usd, name), rel=1e-4
        )
    assert both.within_budget == 1.0
    first, second = both.workloads
    assert first.deadline_met == second.deadline_met == both.limits_met == both.all_met
    assert (first.hours, first.name, second.name) == (second.hours, "job-0", "job-1")
    single = parse_any({**JOB, "name": "job-0", "where": WHERE}, where="test")
    assert not isinstance(single, Portfolio)
    alone = recommend(single, catalog, today=TODAY, risk=options).recommendation.risk
    assert alone is not None and alone.picked.cost_usd == first.cost_usd


def test_shared_credits_are_taken_off_the_total_once(catalog: Catalog) -> None:
    options = RiskOptions(1000)
    plain, credited = (
        ask(catalog, risk=options, budget=1e6, **more).risk
        for more in ({}, {"credits": {"aws": 5}})
    )
    assert plain is not None and credited is not None
    assert plain.cost_usd.p10 - credited.cost_usd.p10 == pytest.approx(5, abs=0.01)


def test_a_portfolio_is_chosen_by_its_median_cost(planner: Planner) -> None:
    done = planner(
        "recommend", ROOT / "examples" / "portfolio-of-five.yaml", "--objective", "p90-cost"
    )
    assert (done.code, done.out) == (2, "")
    assert "--objective" in done.err
