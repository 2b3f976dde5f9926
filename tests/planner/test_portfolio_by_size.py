"""Services and batches with sizes in a portfolio: as alone, and within what others leave."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from catalog import Catalog
from planner.actions.portfolio.plan import recommend_portfolio
from planner.actions.recommend.plan import recommend
from planner.results import PortfolioResult
from planner.workload import Portfolio, parse, parse_any
from tests.planner.test_batch_by_size import AWS, BATCH
from tests.planner.test_by_size import CHAT, GCP

TODAY = date(2026, 1, 1)
LORA = {"kind": "finetune", "model": "llama-3.1-8b", "method": "lora", "tokens": "20M"}


def portfolio(catalog: Catalog, *parts: dict[str, Any], **shared: Any) -> PortfolioResult:
    named = [{**part, "name": f"w{n}"} for n, part in enumerate(parts)]
    asked = parse_any({"workloads": named, **shared}, where="test")
    assert isinstance(asked, Portfolio)
    return recommend_portfolio(asked, catalog, today=TODAY)


def alone(catalog: Catalog, part: dict[str, Any]) -> float:
    found = recommend(parse(part, where="test"), catalog, today=TODAY).recommendation
    return found.mix.cost_usd if found.mix else found.recommendation.cost_usd


def test_without_shared_limits_each_is_planned_as_alone(catalog: Catalog) -> None:
    batch = {**BATCH, "where": AWS}
    found = portfolio(catalog, batch, {**LORA, "where": GCP})
    first = found.workloads[0].mix
    assert first is not None and first.sizes
    assert first.cost_usd == pytest.approx(alone(catalog, batch), rel=1e-6)
    assert any("Planned by request size" in line and "w0" in line for line in found.explanation)
    assert found.cost_usd == pytest.approx(
        first.cost_usd + found.workloads[1].recommendation.cost_usd, rel=1e-5
    )


@pytest.mark.nightly
def test_shared_quotas_hold_over_all_plans(catalog: Catalog) -> None:
    chat = {**CHAT, "where": GCP}
    free = portfolio(catalog, chat, chat)
    quota = max(
        (word for word in catalog.offers.vocabularies["quota_class"] if "gcp" in word),
        key=lambda word: _drawn(catalog, free, word),
    )
    most = _drawn(catalog, free, quota)
    assert most > 2
    tight = portfolio(catalog, chat, chat, quotas={quota: most - 2})
    assert tight.quotas[quota]["used"] <= most - 2
    assert _drawn(catalog, tight, quota) <= most - 2
    assert tight.cost_usd >= free.cost_usd * (1 - 1e-3)


def _drawn(catalog: Catalog, found: PortfolioResult, quota: str) -> float:
    """GPUs or chips that the published groups draw, read off their offers."""
    offers = catalog.offers
    total = 0.0
    for part in found.workloads:
        for item in part.mix.groups if part.mix else [part.recommendation]:
            rows = offers.is_in("instance_type", [item.instance_type]) & offers.is_in(
                "quota_class", [quota]
            )
            if rows.any() and item.purchase == "on_demand":
                total += item.accelerators
    return total


def test_credits_and_budgets_leave_plans_for_the_average(catalog: Catalog) -> None:
    batch = {**BATCH, "where": AWS}
    for shared in ({"credits": {"aws": 100}}, {"budget": "10000 USD"}):
        found = portfolio(catalog, batch, **shared)
        assert found.workloads[0].mix is None or found.workloads[0].mix.sizes is None
