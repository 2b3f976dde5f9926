"""``planner gate``: limits, an old plan, exit codes and the comment."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from catalog import Catalog
from planner.report.gate import MARK, to_markdown
from planner.results.gate import Gate
from tests.exports.conftest import EXAMPLES, HOSTILE, saved, small
from tests.planner.conftest import ROOT, Planner

WORK = {"kind": "finetune", "model": "llama-3.1-8b", "method": "lora", "tokens": "5M"}


@pytest.fixture
def workload(tmp_path: Path) -> Path:
    path = tmp_path / "work.yaml"
    path.write_text(yaml.safe_dump({**WORK, "name": "lora"}))
    return path


@pytest.mark.parametrize(("limit", "code"), [("500USD", 0), ("0.01USD", 4)])
def test_cost_decides(planner: Planner, workload: Path, limit: str, code: int) -> None:
    outcome = planner("gate", workload, "--max-cost", limit, "--format", "json")
    assert outcome.code == code, outcome.err
    result = json.loads(outcome.out)
    over = result["cost_usd_at_risk"] > result["max_cost_usd"]
    assert over == (code == 4) == bool(result["reasons"])
    assert result["cost_usd"] <= result["cost_usd_at_risk"]


def test_the_budget_in_the_file_is_a_limit(planner: Planner, tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    path.write_text(yaml.safe_dump({**WORK, "budget": "0.01 USD"}))
    assert planner("gate", path).code == 4
    assert planner("gate", path, "--max-cost", "9 USD").code == 0


def test_a_plan_that_is_still_the_cheapest_has_no_regret(
    planner: Planner, workload: Path, catalog: Catalog, tmp_path: Path
) -> None:
    old = saved(small(catalog, name="lora"), tmp_path)
    outcome = planner(
        "gate", workload, "--max-cost", "9USD", "--max-regret", "0%", "--baseline", old,
        "--format", "json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.out
    baseline = json.loads(outcome.out)["baseline"]
    assert baseline["regret"] == 0
    assert baseline["same_choice"] and baseline["same_workload"]


def test_a_dearer_plan_is_regretted_by_what_it_costs_more(
    planner: Planner, workload: Path, catalog: Catalog, tmp_path: Path
) -> None:
    old = small(catalog, name="lora", where={"clouds": ["aws"]})
    best = small(catalog, name="lora")
    regret = old.recommendation.cost_usd / best.recommendation.cost_usd - 1
    assert 0.01 < regret < 0.9
    for allowed, code in ((f"{regret - 0.005:.3f}", 5), (f"{regret + 0.005:.3f}", 0)):
        outcome = planner(
            "gate", workload, "--baseline", saved(old, tmp_path), "--max-regret", allowed,
            "--format", "json",
        )  # fmt: skip
        assert outcome.code == code, outcome.out
        assert json.loads(outcome.out)["baseline"]["regret"] == pytest.approx(regret, rel=1e-3)


def test_a_service_keeps_its_machines_in_the_number_it_needs(
    planner: Planner, catalog: Catalog, tmp_path: Path
) -> None:
    service = {
        "kind": "serving", "model": "llama-3.1-8b", "name": "chat", "requests_per_second": 40,
        "ttft_p95": "2s", "where": {"clouds": ["gcp"], "mix": "none"},
    }  # fmt: skip
    path = tmp_path / "w.yaml"
    path.write_text(yaml.safe_dump({**service, "where": {"mix": "none"}}))
    old = small(catalog, method=None, tokens=None, **{**service, "requests_per_second": 4})
    outcome = planner(
        "gate", path, "--baseline", saved(old, tmp_path), "--max-regret", "100%", "--format", "json"
    )
    baseline = json.loads(outcome.out)["baseline"]
    assert baseline["cost_usd_now"] > 2 * baseline["cost_usd"]
    assert baseline["regret"] >= 0 and outcome.code in (0, 5)


def test_a_plan_that_is_not_sold_any_more_is_not_worth_keeping(
    planner: Planner, workload: Path, catalog: Catalog, tmp_path: Path
) -> None:
    old = small(catalog, name="lora")
    gone = old.recommendation.model_copy(update={"instance_type": "gone.1xlarge"})
    path = saved(old.model_copy(update={"recommendation": gone}), tmp_path)
    outcome = planner("gate", workload, "--baseline", path, "--max-regret", "50%")
    assert outcome.code == 5 and "is not sold" in outcome.out


def test_cost_goes_before_regret(
    planner: Planner, workload: Path, catalog: Catalog, tmp_path: Path
) -> None:
    path = saved(small(catalog, name="lora", where={"clouds": ["aws"]}), tmp_path)
    outcome = planner(
        "gate", workload, "--max-cost", "0.01USD", "--max-regret", "0%", "--baseline", path
    )
    assert outcome.code == 4


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "has no limit to be held to"),
        (["--max-regret", "10%"], "add --baseline"),
        (["--max-cost", "much"], "--max-cost"),
        (["--max-cost", "9USD", "--baseline", "nowhere.json"], "cannot be read"),
        (["--max-regret", "110%", "--baseline", "x"], "--max-regret"),
    ],
)
def test_mistakes_are_one_line(
    planner: Planner, workload: Path, words: list[str], problem: str
) -> None:
    outcome = planner("gate", workload, *words)
    assert (outcome.code, outcome.out, len(outcome.err.splitlines())) == (2, "", 1)
    assert problem in outcome.err


def test_the_comment_is_there_whatever_the_verdict(planner: Planner, tmp_path: Path) -> None:
    path, comment = tmp_path / "w.yaml", tmp_path / "comment.md"
    for deadline, code in (("24h", 0), ("1s", 3)):
        path.write_text(yaml.safe_dump({**WORK, "deadline": deadline}))
        outcome = planner("gate", path, "--max-cost", "9USD", "--comment", comment)
        assert outcome.code == code
        text = comment.read_text()
        assert text.startswith(MARK) and ("infeasible" in text) == (code == 3)


def test_text_of_users_is_no_markup() -> None:
    result = Gate(
        verdict="over_cost", name=HOSTILE, headline=f"[x](javascript:1) {HOSTILE} @team",
        plan="aws/`x`/|", cost_usd=1.0, cost_usd_at_risk=2.0, max_cost_usd=1.5, max_regret=None,
        baseline=None, price_as_of="2026-01-01", reasons=["<script>alert(1)</script>\n# heading"],
    )  # fmt: skip
    text = to_markdown(result)
    assert "<img" not in text and "<script" not in text and "](" not in text.replace("\\](", "")
    assert "@team" not in text
    table = [line for line in text.splitlines() if line.startswith("| plan")]
    assert table == ["| plan | `aws/'x'/\\|` |"]
    assert not any(line.startswith("# ") for line in text.splitlines())


def test_a_portfolio_shares_the_limit(planner: Planner, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    several = {"workloads": [{**WORK, "name": "a"}, {**WORK, "name": "b"}]}
    path.write_text(yaml.safe_dump(several))
    assert planner("gate", path, "--max-cost", "50USD").code == 0
    assert planner("gate", path, "--max-cost", "0.05USD").code == 4


def test_the_github_action_example_runs_the_gate(planner: Planner, tmp_path: Path) -> None:
    """Its YAML is a workflow, and its command one that the command line takes."""
    workflow = yaml.safe_load((EXAMPLES / "github-action.yml").read_text())
    assert "pull_request" in workflow[True]  # YAML 1.1 reads `on` so, and so does GitHub
    (job,) = workflow["jobs"].values()
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    steps = job["steps"]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    assert all("@" in step["uses"] for step in steps if "uses" in step)
    for step in steps:
        script = re.sub(r"\$\{\{.*?\}\}", "x", step.get("run", ""))
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    (line,) = [
        one
        for step in steps
        for one in step.get("run", "").replace("\\\n", " ").splitlines()
        if one.strip().startswith("planner gate")
    ]
    words = line.split()[1:]
    assert words[1] == "workload.yaml"
    words[1] = str(ROOT / "examples" / "finetune-llama-8b-lora.yaml")
    baseline = words[words.index("--baseline") + 1]
    old = planner("recommend", words[1], "--format", "json")
    (tmp_path / baseline).write_text(old.out)
    words[words.index("--baseline") + 1] = str(tmp_path / baseline)
    words[words.index("--comment") + 1] = str(tmp_path / "comment.md")
    assert planner(*words).code == 0
    posted = next(step for step in steps if "comment" in step.get("name", "").lower())
    assert posted["if"].startswith("always()"), "a comment on a failed gate too"
