"""Cost x time x carbon: figures by hand, the front by brute force, and the command's forms."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import numpy as np
import pytest

from catalog import Catalog
from planner.actions.planning import prepare
from planner.actions.recommend.pareto import cost_front
from planner.candidates.carbon import kg_co2e
from planner.workload import parse
from tests.planner.conftest import LORA, Planner

JOB: dict[str, Any] = {
    "kind": "finetune",
    "model": "llama-3.1-8b",
    "method": "lora",
    "tokens": "50M",
}


def test_carbon_by_hand(catalog: Catalog) -> None:
    c = prepare(parse({**JOB, "where": {"clouds": ["gcp"]}}, where="test"), catalog).candidates
    kg = kg_co2e(c, catalog)
    known = np.flatnonzero(np.isfinite(kg))
    assert len(known) > 100
    for i in known[:: len(known) // 40].tolist():
        row, config = int(c.row[i]), int(c.config[i])
        device = c.machines.devices[config]
        grid = catalog.grid_carbon("gcp", c.offers.text("region", row))
        tdp = catalog.accelerators[device.name].tdp_w
        assert grid is not None
        assert grid.gco2_per_kwh is not None
        assert tdp is not None
        # GPUs: count x watts; CPUs: sockets x watts.
        devices = device.share if device.is_cpu else c.machines.per_node[config] * device.share
        kwh = tdp / 1000 * devices * c.nodes[i] * c.hours[i]
        expected = kwh * catalog.facility["PUE gcp"].value * grid.gco2_per_kwh / 1000
        assert kg[i] == pytest.approx(float(expected))


def test_unknown_stays_unknown(catalog: Catalog) -> None:
    c = prepare(parse(JOB, where="test"), catalog).candidates
    kg = kg_co2e(c, catalog)
    for cloud in ("runpod", "lambda"):  # neither a PUE nor a grid in the catalog
        assert np.isnan(kg[c.offers.is_in("cloud", [cloud])[c.row]]).all()
    no_power = [d.name for d in c.machines.devices if catalog.accelerators[d.name].tdp_w is None]
    names = np.array([d.name for d in c.machines.devices])[c.config]
    assert np.isnan(kg[np.isin(names, no_power)]).all()
    assert (kg[np.isfinite(kg) & np.isfinite(c.hours)] > 0).all()


@pytest.mark.parametrize(
    "fields",
    [
        JOB,
        {"kind": "serving", "model": "llama-3.1-8b", "requests_per_second": 20, "ttft_p95": "1s"},
    ],
    ids=["job", "service"],
)
def test_the_front_equals_brute_force(catalog: Catalog, fields: dict[str, Any]) -> None:
    where = {"clouds": ["gcp", "lambda"], "purchase": ["on_demand"], "max_nodes": 4}
    workload = parse({**fields, "where": where}, where="test")
    front = cost_front(workload, catalog, carbon=True)
    found = prepare(workload, catalog)
    c, rows = found.candidates, found.in_time
    time = c.latency() if c.amount.is_service else c.hours
    points = np.stack([time[rows], c.usd[rows], kg_co2e(c, catalog)[rows]], axis=1)
    points[np.isnan(points)] = np.inf
    distinct = np.unique(points, axis=0)
    beaten = [((distinct <= p).all(axis=1) & (distinct < p).any(axis=1)).any() for p in distinct]
    assert front.on_front == len(distinct) - sum(beaten)
    assert front.candidates == len(rows)
    assert front.carbon_known == int(np.isfinite(points[:, 2]).sum())
    assert len(front.points) == min(50, front.on_front)
    best = {tuple(float(f"{v:.6g}") for v in p) for p in distinct[~np.array(beaten)]}
    for point in front.points:
        second = point.hours if point.latency_s is None else point.latency_s
        kg = np.inf if point.kg_co2e is None else point.kg_co2e
        assert (second, point.cost_usd, kg) in best


def test_the_command_shows_carbon_where_asked(planner: Planner) -> None:
    plain = planner("pareto", LORA, "--format", "csv")
    assert "kg_co2e" not in plain.out
    asked = planner("pareto", LORA, "--carbon", "--format", "csv")
    assert asked.code == 0
    rows = list(csv.DictReader(io.StringIO(asked.out)))
    assert any(float(row["kg_co2e"]) > 0 for row in rows if row["kg_co2e"])
    assert "carbon is unknown for" in asked.err
    assert planner("pareto", LORA, "--carbon", "--quiet").err == ""
    table = planner("pareto", LORA, "--carbon")
    assert "kg CO2e" in table.out
    assert "| kg_co2e |" in planner("pareto", LORA, "--carbon", "--format", "markdown").out
    parsed = json.loads(planner("pareto", LORA, "--carbon", "--format", "json").out)
    assert parsed["on_front"] >= len(parsed["points"])
    assert all({"kg_co2e", "cost_usd"} <= set(point) for point in parsed["points"])


def test_carbon_moves_the_choice_to_a_clean_grid(catalog: Catalog) -> None:
    """The least carbon on the front is on a grid far below the mean of the catalog."""
    where = {"clouds": ["gcp", "aws", "azure"]}
    front = cost_front(parse({**JOB, "where": where}, where="test"), catalog, carbon=True)
    known = [p for p in front.points if p.kg_co2e is not None]
    least = min(known, key=lambda p: p.kg_co2e or 0.0)
    cloud, region = least.id.split("/")[:2]
    grid = catalog.grid_carbon(cloud, region)
    assert grid is not None
    assert grid.gco2_per_kwh is not None
    assert grid.gco2_per_kwh < 50
