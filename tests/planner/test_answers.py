"""What ``planner recommend`` prints: same figures in every form, same bytes every time."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from planner.amounts import money
from planner.report.rows import COLUMNS
from planner.results import Recommendation
from tests.planner.conftest import LORA, MNIST, Planner

PLANNER = [sys.executable, "-c", "from planner.cli.main import main; main()"]


def answer(planner: Planner, *arguments: object) -> dict[str, Any]:
    result = planner("recommend", *arguments, "--format", "json")
    assert result.code == 0, result.err
    document: dict[str, Any] = json.loads(result.out)
    return document


@pytest.mark.parametrize("example", [LORA, MNIST], ids=lambda path: path.stem)
def test_answer_holds_what_was_promised(example: Path, planner: Planner) -> None:
    document = answer(planner, example)
    assert document["schema"] == "planner.recommendation/1"
    assert document["status"] == "ok"
    best = document["recommendation"]
    assert best["cloud"]
    assert best["region"]
    assert best["instance_type"]
    assert best["purchase"] in ("on_demand", "spot")
    assert best["nodes"] >= 1
    assert 0 < best["hours_p10"] < best["hours"] < best["hours_p90"]
    assert 0 < best["cost_usd_p10"] <= best["cost_usd"] <= best["cost_usd_p90"]
    assert best["throughput"]["p10"] < best["throughput"]["value"] < best["throughput"]["p90"]
    assert document["alternatives"]
    assert document["pareto"]
    assert document["explanation"]
    assert document["catalog"]["age_days"] is None or document["catalog"]["age_days"] >= 0
    assert document["catalog"]["offers"] > 9000


def test_lines_of_cost_and_time_add_up(planner: Planner) -> None:
    for example in (LORA, MNIST):
        document = answer(planner, example)
        for item in [document["recommendation"], *document["alternatives"]]:
            # Every figure is rounded to six digits, so sums agree to about five.
            assert sum(item["cost_breakdown"].values()) == pytest.approx(item["cost_usd"], rel=2e-5)
            hours = [value for value in item["time_breakdown"].values() if value is not None]
            assert sum(hours) == pytest.approx(item["hours"], rel=2e-5)
            assert min(item["cost_breakdown"].values()) >= 0
            assert min(hours) >= 0


def test_same_question_same_bytes(child_environment: dict[str, str]) -> None:
    """Two processes, with different hash seeds, differ in the time they took at most."""

    def ask(seed: str) -> str:
        done = subprocess.run(
            [*PLANNER, "recommend", str(LORA), "--format", "json"],
            env={**child_environment, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        return re.sub(r'"seconds": [\d.e-]+', '"seconds": 0', done.stdout)

    assert ask("1") == ask("2")


def test_json_follows_its_schema(planner: Planner) -> None:
    """Checked twice: by the types it is made from, and by the published JSON schema."""
    result = planner("recommend", LORA, "--format", "json")
    parsed = Recommendation.model_validate_json(result.out)
    assert json.loads(parsed.model_dump_json(by_alias=True)) == json.loads(result.out)
    schema = Recommendation.model_json_schema(mode="serialization")
    conforms(json.loads(result.out), schema, schema["$defs"], "answer")


def conforms(value: Any, schema: dict[str, Any], defs: dict[str, Any], path: str) -> None:
    """The parts of JSON Schema that our result types use, and no others."""
    if "$ref" in schema:
        schema = defs[schema["$ref"].removeprefix("#/$defs/")]
    if "anyOf" in schema:
        kinds = [defs[s["$ref"].split("/")[-1]] if "$ref" in s else s for s in schema["anyOf"]]
        fitting = [s for s in kinds if _is(value, s.get("type", "object"))]
        assert fitting, f"{path}: {value!r} is none of {kinds}"
        schema = fitting[0]
    if "const" in schema:
        assert value == schema["const"], path
    if "enum" in schema:
        assert value in schema["enum"], path
    assert _is(value, schema["type"]) if "type" in schema else True, f"{path}: {value!r}"
    if isinstance(value, list):
        for number, part in enumerate(value):
            conforms(part, schema.get("items", {}), defs, f"{path}[{number}]")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            assert name in value, f"{path}.{name} is missing"
        others = schema.get("additionalProperties", {})
        for name, part in value.items():
            assert properties == {} or name in properties, f"{path}.{name} is not in the schema"
            inner = properties.get(name, others if isinstance(others, dict) else {})
            conforms(part, inner, defs, f"{path}.{name}")


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    types: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "number": (int, float),
        "integer": (int,),
        "array": (list,),
        "object": (dict,),
        "null": (type(None),),
    }
    return isinstance(value, types.get(kind, ()))


def test_all_forms_carry_the_same_figures(planner: Planner) -> None:
    document = answer(planner, LORA, "--top", "8")
    items = [document["recommendation"], *document["alternatives"]]

    rows = list(
        csv.DictReader(io.StringIO(planner("recommend", LORA, "--top", "8", "--format", "csv").out))
    )
    markdown = planner("recommend", LORA, "--top", "8", "--format", "markdown").out
    lines = [line.strip("| ").split(" | ") for line in markdown.splitlines() if line[:1] == "|"]
    assert tuple(lines[0]) == COLUMNS
    assert document["headline"] in markdown
    table = planner("recommend", LORA, "--top", "8").out
    flat = re.sub(r"\s+", "", table)
    assert max(len(line.rstrip()) for line in table.splitlines()) <= 100
    assert re.sub(r"\s+", "", document["headline"]) in flat

    assert len(rows) == len(items) == len(lines) - 2
    for row, line, item in zip(rows, lines[2:], items, strict=True):
        assert dict(zip(COLUMNS, line, strict=True)) == row
        for column in ("cloud", "region", "instance_type", "purchase", "accelerator"):
            assert row[column] == item[column]
        for column in ("nodes", "cost_usd", "cost_usd_p90", "hours", "hours_p10", "hours_p90"):
            assert float(row[column]) == item[column]
        assert float(row["throughput"]) == item["throughput"]["value"]
        assert float(row["usd_per_hour"]) == item["price"]["usd_per_hour"]
        # the table rounds: its figures are those of `money`
        assert money(item["cost_usd"]).lstrip("$") in table


def test_answer_from_stdin_and_from_flags_is_that_of_the_file(planner: Planner) -> None:
    from_file = answer(planner, LORA)["recommendation"]
    piped = planner("recommend", "-", "--format", "json", stdin=LORA.read_text())
    assert json.loads(piped.out)["recommendation"] == from_file
    flags = ["--model", "llama-3.1-8b", "--finetune", "lora", "--tokens", "50M"]
    flags += ["--sequence-length", "4096", "--precision", "bf16", "--deadline", "24h"]
    assert answer(planner, *flags)["recommendation"] == from_file


def test_explanation_says_why(planner: Planner) -> None:
    text = re.sub(r"\s+", " ", planner("recommend", LORA, "--explain").out)
    assert "Cheapest of" in text
    assert "Runner-up" in text
    assert "1 lost: $" in text
    assert "left out" in text


class TestExitCodes:
    def test_infeasible_says_what_would_help(self, planner: Planner) -> None:
        result = planner("recommend", LORA, "--deadline", "1s", "--format", "json")
        assert (result.code, result.out) == (3, "")
        assert result.err.startswith("infeasible: nothing finishes within")
        assert "alone would help" in result.err

    def test_over_budget_prints_the_plan_and_ends_with_4(self, planner: Planner) -> None:
        result = planner("recommend", LORA, "--budget", "0.01", "--format", "json")
        assert result.code == 4
        assert json.loads(result.out)["status"] == "over_budget"
        assert result.err.startswith("over budget: ")

    def test_no_budget_helps_what_is_infeasible(self, planner: Planner) -> None:
        result = planner("recommend", LORA, "--deadline", "1s", "--budget", "0.01")
        assert result.code == 3

    def test_help_and_version(self, planner: Planner) -> None:
        assert planner("--help").code == 0
        assert planner("recommend", "--help").code == 0

    def test_reader_that_goes_away_leaves_no_trace(self, child_environment: dict[str, str]) -> None:
        process = subprocess.Popen(
            [*PLANNER, "recommend", str(LORA), "--format", "json"],
            env=child_environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        process.stdout.close()
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert err == b""

    def test_ctrl_c_ends_with_130(self, child_environment: dict[str, str]) -> None:
        process = subprocess.Popen(
            [*PLANNER, "recommend", "-"],
            env=child_environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        wait_until_it_reads(process.pid)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert out == b""
        assert err == b"interrupted\n"


def wait_until_it_reads(pid: int) -> None:
    """Until the process sleeps in a read of its stdin, whose other end says nothing."""
    deadline = time.monotonic() + 60
    calm = 0
    while time.monotonic() < deadline and calm < 10:
        # field 3 is the state, 14 and 15 the processor time; it sleeps once it waits for us
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        used = int(fields[11]) + int(fields[12])
        calm = calm + 1 if fields[0] == "S" and used > 10 * os.sysconf("SC_CLK_TCK") / 100 else 0
        time.sleep(0.05)
