"""How much the reduction saves: the same year with every hour written out, in the same run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planner.optimize.capacity.fleet import merge_periods
from planner.optimize.capacity.formulation import build
from planner.optimize.capacity.from_spec import arrays_from
from planner.optimize.capacity.master import master_model
from planner.optimize.capacity.partition import group
from planner.optimize.capacity.program import Settings, optimise
from planner.optimize.capacity.read_spec import parse_spec
from planner.optimize.solver import Status, solve
from tests.planner.conftest import ROOT


def year(offers: int, hours: int, seed: int = 0) -> dict[str, Any]:
    """A noisy year that grows, and offers with commitments, spot and limits; one on-prem."""
    rng = np.random.default_rng(seed)
    t = np.arange(hours)
    daily = 1000 + 400 * np.sin(2 * np.pi * t / 24)
    weekly = np.where((t // 24) % 7 >= 5, 0.7, 1.0)
    demand = daily * weekly * (1 + 0.3 * t / 8760) * rng.lognormal(0, 0.08, hours)
    listed: list[dict[str, Any]] = []
    for number in range(offers - 1):
        speed = float(rng.uniform(5, 60))
        price = float(speed * rng.uniform(0.04, 0.08))
        listed.append(
            {
                "name": f"o{number}",
                "throughput": speed,
                "on_demand_usd_per_hour": price,
                "spot_usd_per_hour": price * float(rng.uniform(0.3, 0.6)),
                "spot_capacity_factor": 0.9,
                "reserved_1y": price * 0.63,
                "reserved_3y": price * 0.45,
                "max_count": int(rng.integers(5, 30)),
                "max_spot": int(rng.integers(1, 6)),
            }
        )
    bought = {"capex_usd": 30_000, "life_years": 4, "max_new": 10}
    listed.append(
        {
            "name": "own",
            "throughput": 40,
            "owned_count": 3,
            "running_usd_per_hour": 0.3,
            "purchase": bought,
        }
    )
    return {"demand": demand.tolist(), "offers": listed, "limits": {"max_spot_share": 0.3}}


def reduced_against_written_out(
    offers: int, hours: int, limit_s: float
) -> tuple[float, float, float, float, float]:
    """Seconds of both, our cost, and cost and bound of the model of every hour."""
    fleet, periods = arrays_from(parse_spec(year(offers, hours), where="spec"), "spec", Path())
    start = time.perf_counter()
    plan = optimise(fleet, periods, Settings(gap=1e-4))
    reduced_s = time.perf_counter() - start
    assert plan.status is Status.OPTIMAL and plan.gap <= 1e-4
    classes = merge_periods(fleet, periods)
    start = time.perf_counter()
    program = build(fleet, classes, periods.horizon_hours, prune=False)
    every = group(classes, np.arange(len(classes)))
    found = solve(master_model(program, every, periods.hours), gap=1e-4, time_limit_s=limit_s)
    written_s = time.perf_counter() - start
    assert found.bound is not None and plan.bound_usd <= (found.objective or np.inf)
    return reduced_s, written_s, plan.cost_usd, found.objective or np.inf, found.bound


@pytest.mark.benchmark
def test_a_tenth_of_a_year_is_far_faster_than_written_out() -> None:
    reduced_s, written_s, cost, other, bound = reduced_against_written_out(10, 876, 120)
    print(f"reduced {reduced_s:.2f} s, written out {written_s:.2f} s, {written_s / reduced_s:.0f}x")
    assert cost <= other * (1 + 1e-4)
    assert cost >= bound * (1 - 1e-6)
    assert written_s / reduced_s >= 3


@pytest.mark.nightly
@pytest.mark.benchmark
def test_a_year_of_fifty_offers_is_twenty_times_faster() -> None:
    """50 offers x 8,760 hours, the model of every hour stopped after five minutes."""
    reduced_s, written_s, cost, other, bound = reduced_against_written_out(50, 8760, 300)
    print(f"reduced {reduced_s:.2f} s, written out {written_s:.2f} s, {written_s / reduced_s:.0f}x")
    assert cost <= other * (1 + 1e-4)
    assert cost >= bound * (1 - 1e-6)
    assert written_s / reduced_s >= 20


@pytest.mark.benchmark
def test_fifty_offers_for_a_year_as_a_whole_process(
    tmp_path: Path, child_environment: dict[str, str]
) -> None:
    """Reading the spec, four plans (three baselines), JSON: CPU time, since others share the
    machine."""
    spec = tmp_path / "year.json"
    spec.write_text(json.dumps(year(50, 8760)), encoding="utf-8")
    before = os.times()
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from planner.cli.main import run; sys.exit(run(sys.argv[1:]))",
            "capacity",
            str(spec),
            "--format",
            "json",
        ],
        env=child_environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    after = os.times()
    cpu_s = after.children_user - before.children_user + after.children_system
    cpu_s -= before.children_system
    result = json.loads(done.stdout)
    print(f"whole process {cpu_s:.2f} s of CPU, solve {result['solve_seconds']} s")
    assert result["status"] == "optimal" and result["gap"] <= 1e-4
    assert cpu_s < 9, "about 3 s where two cores are free"
