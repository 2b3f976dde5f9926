"""Every mistake in a spec ends in one line that names file and field and says what is right."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.planner.conftest import ROOT, Planner

OFFER = "  - {name: a, throughput: 10, on_demand_usd_per_hour: 2}\n"
BASE = f"demand: [10, 50, 90]\noffers:\n{OFFER}"


def offer(fields: str) -> str:
    return f"demand: [10]\noffers:\n  - {{name: a, throughput: 10, {fields}}}\n"


def demand(text: str) -> str:
    return f"demand: {text}\noffers:\n{OFFER}"


# Text of the spec, what the line must name, and part of the remedy.
FILES: dict[str, tuple[str, str, str]] = {
    "empty": ("", "holds nothing", "planner schema capacity"),
    "list": ("- 1\n", "holds a list", "as a mapping"),
    "no demand": (f"offers:\n{OFFER}", "demand: is missing", "add `demand:`"),
    "no offers": ("demand: [1]\n", "offers: is missing", "add `offers:`"),
    "field": (BASE + "offer: 3\n", "offer: unknown field", "did you mean offers?"),
    "field of an offer": (offer("ondemand: 2"), "offers.0.ondemand: unknown field", "on_demand"),
    "field of limits": (
        BASE + "limits: {max_spotshare: 1}\n",
        "limits.max_spotshare: unknown field",
        "did you mean max_spot_share?",
    ),
    "field of a purchase": (
        offer("purchase: {capex_usd: 1, life_years: 2, lifeyears: 3}"),
        "offers.0.purchase.lifeyears: unknown field",
        "did you mean life_years?",
    ),
    "purchase without life": (
        offer("purchase: {capex_usd: 1}"),
        "offers.0.purchase.life_years: is missing",
        "add `life_years:`",
    ),
    "residual": (
        offer("purchase: {capex_usd: 1, life_years: 1, residual_usd: 2}"),
        "offers.0.purchase.residual_usd: is above capex_usd",
        "loses value",
    ),
    "negative price": (offer("spot_usd_per_hour: -1"), "offers.0.spot_usd_per_hour", "below zero"),
    "price as text": (offer("spot_usd_per_hour: cheap"), "offers.0.spot_usd_per_hour", "500 USD"),
    "reserved as text": (offer("reserved_1y: cheap"), "offers.0.reserved_1y", "500 USD"),
    "field of reserved": (
        offer("reserved_1y: {usd_per_hour: 1, upfront: 3}"),
        "offers.0.reserved_1y.upfront: unknown field",
        "did you mean upfront_usd?",
    ),
    "count": (offer("max_count: 1.5"), "offers.0.max_count: 1.5 is not a whole number", "such as"),
    "count negative": (offer("max_count: -2"), "offers.0.max_count: -2 is below zero", "write"),
    "share": (BASE + "limits: {max_spot_share: 1.2}\n", "max_spot_share: 1.2 is above 1", "less"),
    "factor": (offer("spot_capacity_factor: 1.2"), "spot_capacity_factor: 1.2 is above 1", "less"),
    "no throughput": (
        "demand: [1]\noffers:\n  - {name: a}\n",
        "offers.0.throughput: is missing",
        "add",
    ),
    "throughput of zero": (
        "demand: [1]\noffers:\n  - {name: a, throughput: 0}\n",
        "offers.0.throughput: 0 is not above zero",
        "write a quantity",
    ),
    "twins": (BASE + OFFER, "offers.1: 'a' is given twice", "rename one"),
    "demand negative": (demand("[1, -2]"), "demand.1: -2 is below zero", "write a quantity"),
    "demand as text": (demand("[1, many]"), "demand.1: 'many' is not a quantity", "12.5"),
    "no periods": (demand("[]"), "demand: has no periods", "one figure a period"),
    "shape": (
        demand("{shape: dirunal, mean: 1, peak: 2}"),
        "demand.shape: 'dirunal' is not a named shape",
        "did you mean diurnal?",
    ),
    "field of a shape": (
        demand("{shape: diurnal, mean: 1, peak: 2, peakhour: 3}"),
        "demand.peakhour: unknown field",
        "did you mean peak_hour?",
    ),
    "peak": (demand("{shape: diurnal, mean: 1, peak: 3}"), "peak: must lie between mean", "adjust"),
    "shape within a sum": (
        demand("{sum: [{shape: growth, start: 1}]}"),
        "demand.sum.0.end: is missing",
        "add `end:`",
    ),
    "no such file": (demand("nowhere.csv"), "nowhere.csv: no such file", "relative to the spec"),
    "fewer rows": (demand("[1, 2]") + "periods: 3\n", "demand: has 2 periods, not 3", "lower"),
    "period": (BASE + "period_hours: fortnight\n", "period_hours", "24h"),
    "integer": (BASE + "integer: none\n", "integer: 'none' is not one of the choices", "use one"),
    "workload in throughput": (
        "workloads:\n  - {name: chat, demand: [1]}\noffers:\n"
        "  - {name: a, throughput: {chta: 3}}\n",
        "offers.0.throughput: unknown workload 'chta'",
        "did you mean chat?",
    ),
    "one throughput for two": (
        "workloads:\n  - {name: x, demand: [1]}\n  - {name: y, demand: [1]}\n"
        "offers:\n  - {name: a, throughput: 3}\n",
        "offers.0.throughput: is one figure for several workloads",
        "write {x: 3",
    ),
    "demand twice": (
        f"demand: [1]\nworkloads:\n  - {{name: x, demand: [1]}}\noffers:\n{OFFER}",
        "demand: does not go with workloads",
        "each of the workloads",
    ),
    "workloads of other lengths": (
        "workloads:\n  - {name: x, demand: [1, 2]}\n  - {name: y, demand: [1]}\n"
        "offers:\n  - {name: a, throughput: {x: 1, y: 1}}\n",
        "workloads.1.demand: has 1 periods where x has 2",
        "same periods",
    ),
    "more held than exist": (
        offer("max_count: 1, held: [{count: 2, remaining_hours: 1}]"),
        "offers.0.max_count: 1 is below the 2 machines held",
        "raise it",
    ),
    "catalog": (
        offer("catalog: {cloud: aws, region: us-east-1, instance_type: p5.49xlarge}"),
        "offers.0.catalog.instance_type: the catalog has no instance type 'p5.49xlarge'",
        "did you mean p5.4",
    ),
    "power": (
        offer("power: {busy_kw: 1, idle_kw: 2, usd_per_kwh: 0.1}"),
        "offers.0.power.idle_kw: is above busy_kw",
        "exchange",
    ),
    "prices of fewer periods": (
        "demand: [1, 2]\noffers:\n  - {name: a, throughput: 1, spot_usd_per_hour: [1]}\n",
        "offers.0.spot_usd_per_hour: has 1 periods, the demand 2",
        "every period",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_mistakes_end_in_one_line(name: str, planner: Planner, tmp_path: Path) -> None:
    text, problem, remedy = FILES[name]
    spec = tmp_path / "spec.yaml"
    spec.write_text(text, encoding="utf-8")
    outcome = planner("capacity", spec)
    assert outcome.code == 2, outcome.err
    assert outcome.out == ""
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: ")
    assert "spec.yaml" in lines[0]
    assert problem in lines[0] and remedy in lines[0]


def test_quantities_as_people_write_them(planner: Planner) -> None:
    spec = (
        "period_hours: 30m\ndemand: [1k, 2_000]\noffers:\n"
        "  - {name: a, throughput: 0.5k, on_demand_usd_per_hour: $3/h}\n"
    )
    outcome = planner("capacity", "-", "--format", "json", stdin=spec)
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["cost_usd"] == pytest.approx((2 + 4) * 3 * 0.5)


def test_schema_is_published_and_covers_the_example(planner: Planner) -> None:
    import yaml

    schema = json.loads(planner("schema", "capacity").out)
    example = yaml.safe_load((ROOT / "examples" / "hybrid-year.yaml").read_text())
    assert set(example) <= set(schema["properties"])
    offers = schema["$defs"]["OfferSpec"]["properties"]
    for given in example["offers"]:
        assert set(given) <= set(offers)
    result = json.loads(planner("schema", "capacity-result").out)
    assert {"cost_usd", "bound_usd", "status", "unmet_demand"} <= set(result["properties"])
