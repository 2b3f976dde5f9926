"""The library's names, their signatures, and that they answer what the commands answer."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import planner
from planner.cli.main import run as command

EXAMPLES = Path(__file__).parents[2] / "examples"
LORA = EXAMPLES / "finetune-llama-8b-lora.yaml"
PROFILE = EXAMPLES / "serving-mix-profile.json"

# A change here is a change of the public interface: CHANGELOG.md says so.
SURFACE = {
    "recommend": "workload, top, explain, near, scenarios, objective, seed, session, fields",
    "estimate": "workload, on, explain, session, fields",
    "pareto": "workload, carbon, session, fields",
    "compare": "workload, a, b, axes, session, fields",
    "mix": "profile, gap, time_limit_s, solver, seed, simulate",
    "capacity": "spec, gap, time_limit_s, solver, session",
    "hardware": "name, session",
    "compare_hardware": "names, workload, axes, session, fields",
    "make_report": "result, form, session",
    "export": "result, to, command, template, image, model_id, megatron, workload, group, "
    "alternative, start",
    "gate": "workload, max_cost, max_regret, baseline, session, fields",
    "to_rows": "result",
    "to_pandas": "result",
    "to_polars": "result",
    "open_session": "say",
}


def without_times(document: dict[str, Any]) -> dict[str, Any]:
    def clean(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: clean(v) for k, v in value.items() if k not in ("seconds", "solve_seconds")}
        return [clean(v) for v in value] if isinstance(value, list) else value

    cleaned = clean(document)
    assert isinstance(cleaned, dict)
    return cleaned


def as_json(result: Any) -> dict[str, Any]:
    return without_times(json.loads(result.model_dump_json(by_alias=True)))


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Any:
    def ask(*words: str) -> dict[str, Any]:
        assert command([*words, "--format", "json"]) == 0
        return without_times(json.loads(capsys.readouterr().out))

    return ask


def test_the_surface_is_what_it_was() -> None:
    others = {"BadInput", "Infeasible", "PlannerError", "Session"}
    assert set(planner.__all__) == set(SURFACE) | others
    assert set(planner.__all__) <= set(dir(planner))
    for name, parameters in SURFACE.items():
        found = getattr(planner, name)
        assert ", ".join(inspect.signature(found).parameters) == parameters, name
        assert inspect.getdoc(found), name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        planner.nothing  # noqa: B018


def test_importing_it_costs_nothing() -> None:
    code = "import sys, planner; print([m for m in sys.modules if m.startswith('planner.')])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_recommend_is_the_command(cli: Any) -> None:
    with_flags = cli("recommend", str(LORA), "--deadline", "12h", "--cloud", "aws", "--top", "2")
    result = planner.recommend(LORA, deadline="12h", where={"clouds": ["aws"]}, top=2)
    assert as_json(result) == with_flags
    assert planner.recommend(str(LORA)).headline


def test_estimate_pareto_compare_and_mix_are_the_commands(cli: Any) -> None:
    session = planner.open_session()
    on = "H100-80GB:8"
    assert as_json(planner.estimate(LORA, on, session=session)) == cli(
        "estimate", str(LORA), "--on", on
    )
    assert as_json(planner.pareto(LORA, session=session)) == cli("pareto", str(LORA))
    sides = ("A100-80GB", "H100-80GB")
    assert as_json(planner.compare(LORA, *sides, axes=["price_b"], session=session)) == cli(
        "compare", "--a", sides[0], "--b", sides[1], str(LORA), "--axis", "price_b"
    )
    assert as_json(planner.mix(PROFILE)) == cli("mix", str(PROFILE))


def test_hardware_and_gate_are_the_commands(cli: Any, tmp_path: Path) -> None:
    session = planner.open_session()
    assert as_json(planner.hardware("H100-80GB", session=session)) == cli(
        "hardware", "show", "H100-80GB"
    )
    names = ("H100-80GB", "TPU-v5p")
    assert as_json(planner.compare_hardware(names, session=session)) == cli(
        "hardware", "compare", *names
    )
    compared = planner.compare_hardware(["L4"], LORA, axes=["deadline"], session=session)
    assert compared.on[0].operators and compared.sweeps[0].axis == "deadline"
    with pytest.raises(planner.BadInput, match="did you mean H100-80GB"):
        planner.hardware("H100-80B", session=session)
    plan = planner.recommend(LORA, session=session)
    kept = tmp_path / "kept.json"
    kept.write_text(plan.model_dump_json(by_alias=True))
    asked = planner.gate(LORA, max_cost=500, max_regret="10%", baseline=kept, session=session)
    assert asked.verdict == "pass" and asked.baseline is not None
    assert as_json(asked) == cli(
        "gate", str(LORA), "--max-cost", "500USD", "--max-regret", "10%", "--baseline", str(kept)
    )
    assert planner.gate(LORA, max_cost="0.01 USD", session=session).verdict == "over_cost"
    with pytest.raises(planner.BadInput, match="max_cost"):
        planner.gate(LORA, max_cost="cheap", session=session)


def test_reports_and_exports_of_answers(tmp_path: Path) -> None:
    session = planner.open_session()
    where = {"clouds": ["aws"], "accelerators": ["A100"]}
    plan = planner.recommend(LORA, where=where, session=session)
    file = tmp_path / "plan.json"
    file.write_text(plan.model_dump_json(by_alias=True))
    sheet = planner.hardware("L4", session=session)
    saved = tmp_path / "l4.json"
    saved.write_text(sheet.model_dump_json(by_alias=True))
    for source in (sheet, saved):
        assert planner.make_report(source, "markdown", session=session).startswith("# L4")
    assert planner.make_report(sheet, session=session).startswith("<!doctype html>")
    (task,) = planner.export(plan, "skypilot", command="python train.py")
    assert planner.export(file, "skypilot", command="python train.py") == [task]
    assert "python train.py" in task
    for call, says in (
        (lambda: planner.make_report(plan, "pdf"), "no form of a report"),
        (lambda: planner.make_report(3), "is a int"),
        (lambda: planner.export(plan, "nomad"), "is no target"),
        (lambda: planner.export(sheet, "skypilot"), "is a HardwareSheet"),
    ):
        with pytest.raises(planner.BadInput, match=says):
            call()


def test_a_mapping_is_a_file() -> None:
    import yaml

    session = planner.open_session()
    fields = yaml.safe_load(LORA.read_text())
    from_mapping, from_file = (
        as_json(planner.recommend(question, session=session)) for question in (fields, LORA)
    )
    assert from_mapping == from_file


def test_capacity_has_rows_by_period() -> None:
    answer = planner.capacity(EXAMPLES / "hybrid-year.yaml")
    rows = planner.to_rows(answer)
    assert len(rows) == 8760
    assert all(set(row) == set(rows[0]) for row in rows[:50])
    assert answer.result.cost_usd > 0


@pytest.mark.parametrize(
    ("question", "says"),
    [
        ({"kind": "finetune", "model": "no-such-model", "tokens": "1M"}, "workload"),
        ({"kind": "finetune", "model": "llama-3.1-8b", "tokens": "1M", "colour": 1}, "colour"),
        ({"kind": {1, 2}}, "cannot be read"),
        (3, "is a int"),
        ("no-such-file.yaml", "no-such-file.yaml"),
    ],
)
def test_bad_questions_are_refused(question: Any, says: str) -> None:
    with pytest.raises(planner.BadInput, match=says):
        planner.recommend(question)


def test_bad_places_and_objectives_are_refused() -> None:
    with pytest.raises(planner.BadInput, match="where: is a list"):
        planner.recommend(LORA, where=["aws"])
    with pytest.raises(planner.Infeasible):
        planner.recommend(LORA, deadline="1s")


def test_rows_and_frames() -> None:
    session = planner.open_session()
    plan = planner.recommend(LORA, session=session, top=3)
    rows = planner.to_rows(plan)
    assert [row["rank"] for row in rows] == [0, 1, 2, 3]
    assert rows[0]["cost_usd"] == plan.recommendation.cost_usd
    assert rows[0]["ttft_p95_s"] is None
    assert planner.to_rows(planner.mix(PROFILE))[0]["count"] >= 1
    (row,) = planner.to_rows(planner.estimate(LORA, "H100-80GB", session=session))
    assert row["throughput_value"] > 0
    assert planner.to_rows(planner.pareto(LORA, session=session))[0]["cost_usd"] > 0
    with pytest.raises(TypeError, match="int is no answer"):
        planner.to_rows(3)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_keep_numbers(library: str) -> None:
    pytest.importorskip(library)
    plan = planner.recommend(LORA, top=3)
    frame = planner.to_pandas(plan) if library == "pandas" else planner.to_polars(plan)
    assert frame["cost_usd"][0] == plan.recommendation.cost_usd
    assert list(frame["rank"]) == [0, 1, 2, 3]
