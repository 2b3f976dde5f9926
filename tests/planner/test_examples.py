"""Every example answers, in every form, with devices that can do the work."""

from __future__ import annotations

import csv
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from catalog import Catalog
from planner.actions.portfolio.plan import recommend_portfolio
from planner.actions.recommend.plan import recommend
from planner.actions.schemas import json_schema
from planner.candidates.eligible import ability
from planner.model_choice import shape_of
from planner.report.rows import COLUMNS, chosen, to_csv, to_json, to_markdown
from planner.results import PortfolioResult, Recommendation
from planner.workload import Portfolio, Workload, read_any
from tests.planner.conftest import ROOT

# Those with a `kind:` or `workloads:`; the others are specs of `planner capacity`, `compare`, ...
EXAMPLES = sorted(
    path.name
    for path in (ROOT / "examples").glob("*.yaml")
    if any(line.startswith(("kind:", "workloads:")) for line in path.read_text().splitlines())
)


@cache
def answer(name: str, catalog: Catalog) -> tuple[Workload | Portfolio, Any]:
    asked = read_any(str(Path(ROOT / "examples" / name)))
    if isinstance(asked, Portfolio):
        return asked, recommend_portfolio(asked, catalog)
    return asked, recommend(asked, catalog).recommendation


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_answers_by_its_published_schema(name: str, catalog: Catalog) -> None:
    _, result = answer(name, catalog)
    subject = "portfolio-result" if isinstance(result, PortfolioResult) else "recommendation"
    jsonschema.validate(json.loads(to_json(result)), json_schema(subject))
    assert result.status == "ok"


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_has_the_same_figures_in_every_form(name: str, catalog: Catalog) -> None:
    _, result = answer(name, catalog)
    parts = result.workloads if isinstance(result, PortfolioResult) else [result]
    items = [item for part in parts for item in chosen(part)]
    if isinstance(result, Recommendation):
        items += result.alternatives
    rows = list(csv.DictReader(io.StringIO(to_csv(result))))
    lines = [line.strip("| ").split(" | ") for line in to_markdown(result).splitlines()]
    table = [line for line in lines if len(line) > 10]
    assert len(rows) == len(items) == len(table) - 2
    for row, item in zip(rows, items, strict=True):
        assert float(row["cost_usd"]) == item.cost_usd
        for column in ("hours", "cost_usd_per_hour", "usd_per_million_tokens"):
            value = getattr(item, column)
            assert row[column] == ("" if value is None else str(value))
    assert set(COLUMNS) <= set(rows[0])


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_costs_add_up(name: str, catalog: Catalog) -> None:
    _, result = answer(name, catalog)
    parts = result.workloads if isinstance(result, PortfolioResult) else [result]
    for part in parts:
        for item in [*chosen(part), *part.alternatives]:
            lines = item.cost_breakdown.model_dump()
            assert sum(lines.values()) == pytest.approx(item.cost_usd, rel=1e-4, abs=1e-9)
            assert min(lines.values()) >= 0


@pytest.mark.parametrize("name", EXAMPLES)
def test_no_device_is_given_work_it_cannot_do(name: str, catalog: Catalog) -> None:
    """What a device can do at all is a fact of the catalog: Coral runs int8 vision only."""
    asked, result = answer(name, catalog)
    pairs = (
        zip(asked.workloads, result.workloads, strict=True)
        if isinstance(asked, Portfolio)
        else [(asked, result)]
    )
    for workload, part in pairs:
        needed = ability(workload, shape_of(catalog, workload, "test"))
        for item in [*chosen(part), *part.alternatives]:
            device = catalog.accelerator(item.accelerator)
            assert needed in device.can_run, f"{device.name} cannot do {needed}"
            precision = workload.precision.value if workload.precision else None
            if precision and device.only_precisions:
                assert precision in device.only_precisions
