"""Several workloads decided together."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from catalog import Catalog
from planner.actions.portfolio import recommend_portfolio
from planner.actions.recommend import recommend
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


def ask(catalog: Catalog, count: int = 2, **shared: Any) -> PortfolioResult:
    data = {"workloads": [{**JOB, "name": f"job-{n}"} for n in range(count)], "where": WHERE}
    found = parse_any({**data, **shared}, where="test")
    assert isinstance(found, Portfolio)
    return recommend_portfolio(found, catalog, today=TODAY)


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
