"""Sweeps: rows against single questions, the same on every engine, and how they end early."""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from catalog import Catalog
from planner.actions.recommend.plan import recommend
from planner.actions.session import Session
from planner.actions.sweep.file import read_sweep
from planner.actions.sweep.ray_cluster import joined
from planner.actions.sweep.row import Runner, Setup
from planner.actions.sweep.run import sweep
from planner.errors import BadInput, PlannerError
from planner.workload import parse
from tests.planner.conftest import ROOT, Planner

TODAY = date(2026, 1, 1)
EXAMPLE = ROOT / "examples" / "sweeps" / "deadlines.yaml"
BASE: dict[str, Any] = {
    "kind": "finetune",
    "model": "llama-3.1-8b",
    "method": "lora",
    "tokens": "50M",
    "where": {"clouds": ["gcp"]},
}


def written(vary: dict[str, Any], base: dict[str, Any] | None = None, **more: Any) -> str:
    return yaml.safe_dump({"workload": base or BASE, "vary": vary, **more}, sort_keys=False)


FOUR = written(
    {"deadline": ["30min", "24h", "1s"], "model": ["llama-3.1-8b", "no-such-model"]},
    scenarios=200,
)


def test_rows_are_the_answers_to_single_questions(catalog: Catalog) -> None:
    text = written({"deadline": ["30min", "24h"], "where.max_nodes": [1, 4]})
    found = sweep(read_sweep("-", text), Session(catalog), workers=1, today=TODAY)
    assert found.fields == ["deadline", "where.max_nodes"]
    assert [tuple(row.values.values()) for row in found.rows] == [
        ("30min", 1),
        ("30min", 4),
        ("24h", 1),
        ("24h", 4),
    ]
    for row in found.rows:
        where = {"clouds": ["gcp"], "max_nodes": row.values["where.max_nodes"]}
        alone = parse({**BASE, "deadline": row.values["deadline"], "where": where}, where="test")
        item = recommend(alone, catalog, today=TODAY).recommendation.recommendation
        assert (row.status, row.id, row.cost_usd) == ("ok", item.id, item.cost_usd)
        assert (row.hours, row.hours_p90, row.nodes) == (item.hours, item.hours_p90, item.nodes)
    assert BASE["where"] == {"clouds": ["gcp"]}


def test_what_cannot_be_answered_says_why_in_its_row(planner: Planner) -> None:
    done = planner("sweep", "-", "--format", "csv", "--workers", "1", stdin=FOUR)
    assert done.code == 0
    rows = list(csv.DictReader(io.StringIO(done.out)))
    by = {(row["deadline"], row["model"]): row for row in rows}
    assert by["24h", "llama-3.1-8b"]["status"] == "ok"
    assert by["1s", "llama-3.1-8b"]["status"] == "infeasible"
    assert "deadline" in by["1s", "llama-3.1-8b"]["reason"]
    assert by["24h", "no-such-model"]["status"] == "bad_input"
    assert "no-such-model" in by["24h", "no-such-model"]["reason"]
    assert by["1s", "llama-3.1-8b"]["cost_usd"] == ""
    assert float(by["24h", "llama-3.1-8b"]["deadline_met"]) > 0.99
    assert "6 combinations: 2 ok, 3 bad input, 1 infeasible" in done.err


def test_processes_give_the_same_rows_in_the_same_order(planner: Planner) -> None:
    one = planner("sweep", "-", "--format", "json", "--workers", "1", stdin=FOUR)
    two = planner("sweep", "-", "--format", "json", "--workers", "2", stdin=FOUR)
    assert one.code == two.code == 0
    assert one.out == two.out
    parsed = json.loads(two.out)
    assert parsed["schema"] == "planner.sweep/1"
    assert "6 of 6 combinations" in two.err


with_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed (extra `ray`)"
)
SWEEP = [sys.executable, "-c", "from planner.cli.main import main; main()", "sweep"]
SWEEP += ["sweep.yaml", "--format", "json"]


def ray_environment(child: dict[str, str]) -> dict[str, str]:
    """Ray's workers import what the driver does, wherever it is installed."""
    folder = Path(str(importlib.util.find_spec("ray").origin)).parents[1]  # type: ignore[union-attr]
    path = child["PYTHONPATH"] + os.pathsep + str(folder)
    return {**child, "PYTHONPATH": path, "RAY_USAGE_STATS_ENABLED": "0"}


@with_ray
def test_a_local_ray_gives_the_same_rows(tmp_path: Path, child_environment: dict[str, str]) -> None:
    (tmp_path / "sweep.yaml").write_text(FOUR)
    environment = ray_environment(child_environment)
    outputs = []
    for flags in (
        ("--workers", "1"),
        ("--engine", "ray", "--address", "local", "--workers", "2"),
    ):
        done = subprocess.run(
            [*SWEEP, *flags],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
        )
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
    assert len(json.loads(outputs[1])["rows"]) == 6


@with_ray
@pytest.mark.parametrize("given", ["--address", "RAY_ADDRESS"])
def test_a_ray_cluster_that_is_gone_is_named_at_once(
    tmp_path: Path, child_environment: dict[str, str], given: str
) -> None:
    """What the last ``ray start`` wrote down outlives its cluster; Ray waits for it for minutes."""
    (tmp_path / "sweep.yaml").write_text(FOUR)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    environment = ray_environment(child_environment)
    flags = ["--engine", "ray", "--quiet"]
    if given == "RAY_ADDRESS":
        environment["RAY_ADDRESS"] = address
    else:
        flags += ["--address", address]
    start = time.monotonic()
    refused = subprocess.run(
        [*SWEEP, *flags],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert time.monotonic() - start < 40
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"no Ray cluster there (nothing answers at {address}" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


def test_a_ray_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    never = threading.Event()
    silent = SimpleNamespace(init=lambda **_: never.wait())
    monkeypatch.setattr("planner.actions.sweep.ray_cluster.START_S", 0.05)
    with (
        pytest.raises(PlannerError, match="a local Ray did not start"),
        joined(silent, "local", 2),
    ):
        raise AssertionError("there is no Ray to work on")
    with (
        socket.create_server(("127.0.0.1", 0)) as listens,  # something, but not Ray
        pytest.raises(BadInput, match="no answer within"),
        joined(silent, f"127.0.0.1:{listens.getsockname()[1]}", None),
    ):
        raise AssertionError("there is no Ray to work on")
    never.set()


def test_without_ray_a_line_says_what_to_install(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = planner("sweep", EXAMPLE, "--engine", "ray", "--quiet")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "error: --engine ray: Ray is not installed; pip install 'ai-capacity-planner[ray]', or use "
        "--engine local\n"
    )


def test_scenarios_seed_and_objective_may_vary(catalog: Catalog) -> None:
    text = written({"objective": ["median-cost", "p90-cost"], "seed": [1, 2]}, scenarios=300)
    found = sweep(read_sweep("-", text), Session(catalog), workers=1, today=TODAY)
    means = [row.mean_cost_usd for row in found.rows]
    assert None not in means
    assert means[0] != means[1]
    assert (found.rows[2].p90_cost_usd or 0) <= (found.rows[0].p90_cost_usd or 0)


def test_a_base_file_lies_beside_the_sweep(planner: Planner, tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "tune.yaml").write_text(yaml.safe_dump(BASE))
    sweep_file = tmp_path / "sweep.yaml"
    sweep_file.write_text("base: jobs/tune.yaml\nvary: {tokens: [10M, 20M]}\n")
    out = tmp_path / "answer.json"
    done = planner("sweep", sweep_file, "--workers", "1", "--out", out)
    assert (done.code, done.out) == (0, "")
    costs = [row["cost_usd"] for row in json.loads(out.read_text())["rows"]]
    assert costs[0] < costs[1]
    again = planner("sweep", sweep_file, "--workers", "1", "--out", out)
    assert again.code == 2
    assert "exists already" in again.err
    assert planner("sweep", sweep_file, "--workers", "1", "--out", out, "--force").code == 0


def test_exit_codes_follow_the_rows(planner: Planner) -> None:
    late = planner("sweep", "-", "--workers", "1", stdin=written({"deadline": ["1s", "2s"]}))
    assert late.code == 3
    assert late.out.count("infeasible") == 2
    dear = planner("sweep", "-", "--workers", "1", stdin=written({"budget": ["0.01 USD"]}))
    assert dear.code == 4
    assert "over budget" in dear.out
    wrong = planner("sweep", "-", "--workers", "1", stdin=written({"model": ["a-b", "c-d"]}))
    assert (wrong.code, wrong.out) == (2, "")
    assert "a-b" in wrong.err
    assert "no other combination" in wrong.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[]", "holds no sweep"),
        ("vary: {deadline: [1h]}", "base: is missing; name a workload file"),
        (
            f"base: x.yaml\nworkload: {json.dumps(BASE)}\nvary: {{deadline: [1h]}}",
            "base: excludes workload",
        ),
        ("base: nowhere.yaml\nvary: {deadline: [1h]}", "nowhere.yaml: no such file"),
        (written({}), "vary"),
        (written({"deadline": []}), "vary.deadline lists no value"),
        (written({"deadline": "24h"}), "vary"),
        (written({"deadlin": ["24h"]}), "deadlin"),
        (written({"deadlin": ["24h"]}), "did you mean deadline"),
        (written({"where.max_node": [1, 2]}), "max_node"),
        (written({"model.layers": [1]}), "model of the base is no mapping"),
        (written({"scenarios": [5]}), "scenarios"),
        (written({"objective": ["cheapest"]}), "objective"),
        (written({"deadline": ["1h"]}, seed=-1), "seed"),
        (written({"deadline": ["1h"]}, scenario=100), "did you mean scenarios"),
        (written({"tokens": list(range(1000)), "seed": list(range(1000))}), "1,000,000 comb"),
    ],
)
def test_bad_sweeps_are_refused_in_one_line(planner: Planner, text: str, words: str) -> None:
    done = planner("sweep", "-", stdin=text)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--workers", "0"), "--workers"),
        (("--engine", "dask"), "--engine"),
        (("--address", "auto"), "goes with --engine ray"),
        (("--out", "x.txt", "--format", "table"), "use csv or json"),
    ],
)
def test_bad_flags_are_refused_in_one_line(
    planner: Planner, flags: tuple[str, ...], words: str
) -> None:
    done = planner("sweep", EXAMPLE, *flags)
    assert (done.code, done.out) == (2, "")
    assert words in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_a_worker_with_another_catalog_refuses(catalog: Catalog) -> None:
    with pytest.raises(PlannerError, match="another catalog"):
        Runner(Setup("test", (), TODAY, "other"), catalog)


def test_one_failure_does_not_lose_the_other_rows(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = recommend

    def breaks(workload: Any, *rest: Any, **more: Any) -> Any:
        if workload.deadline == 24.0:
            raise RuntimeError("bolt\nbroken")
        return real(workload, *rest, **more)

    monkeypatch.setattr("planner.actions.sweep.row.recommend", breaks)
    text = written({"deadline": ["24h", "12h"]})
    found = sweep(read_sweep("-", text), Session(catalog), workers=1, today=TODAY)
    assert [row.status for row in found.rows] == ["failed", "ok"]
    assert found.rows[0].reason == "unexpected RuntimeError: bolt broken"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_ctrl_c_ends_clean_with_nothing_written(
    tmp_path: Path, child_environment: dict[str, str], workers: str
) -> None:
    text = written({"tokens": [f"{n}M" for n in range(1, 1500)], "scenarios": [2000]})
    (tmp_path / "sweep.yaml").write_text(text)
    command = [sys.executable, "-c", "from planner.cli.main import main; main()", "sweep"]
    process = subprocess.Popen(
        [*command, "sweep.yaml", "--workers", workers, "--out", "answer.csv"],
        env=child_environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(6)
    assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, err.strip().splitlines()[-1]) == ("", "interrupted")
    assert "Traceback" not in err
    assert {path.name for path in tmp_path.iterdir()} <= {"data", "sweep.yaml"}
    until = time.monotonic() + 20
    while left := living(process.pid):
        assert time.monotonic() < until, left
        time.sleep(0.1)


def living(group: int) -> list[str]:
    """Processes of a group that still run (zombies wait for whoever adopted them)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = stat.read_text().rpartition(")")
        except OSError:
            continue
        state, _, its_group, *_ = rest.split()
        if int(its_group) == group and state != "Z":
            found.append(name)
    return found


def test_the_example_makes_twelve_questions(catalog: Catalog) -> None:
    plan = read_sweep(str(EXAMPLE))
    assert len(plan) == len(list(plan)) == 12
    runner = Runner(Setup(plan.where, (), TODAY, catalog.content_id), catalog)
    first, *_, last = (runner.row(combination) for combination in [*plan][::11])
    assert first["status"] == last["status"] == "ok"
    assert first["values"]["deadline"] == "1h"
    assert first["cost_usd"] >= last["cost_usd"]
    assert last["regret_usd"] > 0
