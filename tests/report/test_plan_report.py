"""``planner report``: what a page says, that it is computed, and that names stay names."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pydantic import ValidationError

from planner.actions.report.make import report_of, report_on
from planner.actions.session import Session, workload_from
from planner.report.document import Chart
from planner.report.html import to_html
from planner.report.markdown import to_markdown
from planner.report.pages.plan import plan_document
from planner.report.pages.rendered import document_of, rendered
from planner.results.capacity import CapacityFront
from planner.results.study import (
    CapacityStudy,
    ComparisonStudy,
    MixStudy,
    PortfolioStudy,
    Sensitivities,
    Study,
)
from planner.results.sweep import Sweep
from tests.planner.conftest import LORA, Planner

HOSTILE = (
    "</title><script>alert(1)</script> ]]> <img src=x onerror=alert(2)> | `a` &amp; \x00\ud800"
)


class Seen(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def swings(found: Sensitivities | None) -> dict[str, tuple[float | None, float | None]]:
    assert found is not None
    return {row.factor: (row.low.usd, row.high.usd) for row in found.rows}


def test_a_study_is_the_plan_answered_again(study: Study) -> None:
    assert study.same_catalog and study.same_plan
    assert study.now is not None and study.now.headline == study.result.headline
    assert study.risk is not None and study.risk.scenarios == 2000
    assert study.observations and all("trees treat it alike" in line for line in study.observations)
    assert any(fact.about.startswith("price of ") and fact.age_days for fact in study.facts)


def test_sensitivities_are_plans_made_anew(study: Study, session: Session) -> None:
    """Each end is what planning with that value costs; the base is the plan's own cost."""
    found = study.sensitivities
    assert found is not None
    item = study.result.recommendation
    assert found.base_usd == pytest.approx(item.cost_usd, rel=1e-4)
    ends = swings(found)
    assert ends["speed, this plan kept"] == pytest.approx(
        (item.cost_usd_p10, item.cost_usd_p90), rel=1e-4
    )
    widths = [row.swing(found.base_usd) for row in found.rows]
    assert widths == sorted(widths, reverse=True)
    workload, where = workload_from(str(LORA), None, {"tokens": "60M"}, {})
    more = session.recommend(workload, where=where).recommendation.recommendation
    assert ends["tokens"][1] == pytest.approx(more.cost_usd, rel=1e-4)


def test_a_price_that_rises_loses_to_the_runner_up(study: Study) -> None:
    """At a fifth more the plan's accelerator costs at most the cheapest of another accelerator."""
    assert study.sensitivities is not None
    name = study.result.recommendation.accelerator
    row = next(r for r in study.sensitivities.rows if r.factor == f"price of {name}")
    others = [a.cost_usd for a in study.result.alternatives if a.accelerator != name]
    assert row.low.usd == pytest.approx(0.8 * study.result.recommendation.cost_usd, rel=0.01)
    assert row.high.usd == pytest.approx(
        min(1.2 * study.result.recommendation.cost_usd, *others), rel=0.01
    )


def test_every_chart_has_words_and_a_table(study: Study) -> None:
    document = plan_document(study, file="plan.json", made="Made by a test.")
    charts = [b for s in document.sections for b in s.blocks if isinstance(b, Chart)]
    titles = [section.title for section in document.sections]
    for wanted in ("Recommendation", "Cost against time", "What would change the cost", "Risk"):
        assert wanted in titles
    for wanted in ("How old the figures are", "Assumptions", "Evidence", "How to make this again"):
        assert wanted in titles
    assert len(charts) == 5
    for chart in charts:
        assert [child.tag for child in chart.svg][:2] == ["title", "desc"]
        assert chart.svg[0].text and chart.svg[1].text and chart.table.rows
        for node in chart.svg.iter():
            for name in ("x", "y", "cx", "cy", "x1", "x2", "width"):
                value = node.get(name, "0")
                assert "nan" not in value and "inf" not in value, ET.tostring(node)


def test_the_page_needs_nothing_from_outside(study: Study) -> None:
    page = to_html(plan_document(study, file="plan.json", made="Made by a test."))
    seen = Seen(page)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(seen.tags)
    assert not [(n, v) for n, v in seen.attributes if n.startswith("on") or n in ("src", "href")]
    assert "url(" not in page and "@import" not in page
    policy = re.search(r'content="(default-src[^"]+)"', page)
    assert policy and policy[1].startswith("default-src 'none'; style-src 'sha256-")
    for media in ("prefers-color-scheme:dark", "@media print", "@page"):
        assert media in page


def hostile(study: Study) -> Study:
    """The same study with names that try to be markup."""
    result = study.result
    item = result.recommendation.model_copy(update={"instance_type": HOSTILE, "region": HOSTILE})
    fact = study.facts[0].model_copy(update={"about": HOSTILE, "citation": HOSTILE})
    changed = result.model_copy(
        update={
            "workload": {**result.workload, "name": HOSTILE},
            "headline": HOSTILE,
            "recommendation": item,
            "pareto": [p.model_copy(update={"id": HOSTILE}) for p in result.pareto],
        }
    )
    return study.model_copy(update={"result": changed, "facts": [fact]})


def test_hostile_names_stay_text_in_html(study: Study) -> None:
    page = to_html(plan_document(hostile(study), file=HOSTILE, made=HOSTILE))
    seen = Seen(page)
    assert "script" not in seen.tags and "img" not in seen.tags
    assert not [n for n, _ in seen.attributes if n.startswith("on")]
    assert "<script>alert(1)</script> ]]> <img src=x" in "".join(seen.text)
    assert page.encode("utf-8") and "\x00" not in page


def test_hostile_names_stay_text_in_markdown(study: Study) -> None:
    page = to_markdown(plan_document(hostile(study), file=HOSTILE, made=HOSTILE))
    prose = [line for line in page.splitlines() if not line.startswith("    ")]
    assert not [line for line in prose if "<script" in line or "<img" in line]
    columns = {len(re.findall(r"(?<!\\)\|", line)) for line in prose if line.startswith("| ")}
    assert columns <= {4, 5, 6, 8, 9}
    assert page.encode("utf-8")


def leaves(data: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the numbers of a result are."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from leaves(value, (*path, name))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from leaves(value, (*path, number))
    elif isinstance(data, (int, float)) and not isinstance(data, bool):
        yield path


def with_numbers_changed(study: Study, every: int) -> int:
    """Draw the page with one number of the study after the other made odd; how many were."""
    whole = study.model_dump(mode="json", by_alias=True)
    tried = 0
    for path in list(leaves(whole))[::every]:
        for odd in (0, -1, 10**300):
            data = json.loads(json.dumps(whole))
            part = data
            for key in path[:-1]:
                part = part[key]
            part[path[-1]] = odd
            try:
                changed = Study.model_validate(data)
            except ValidationError:
                continue
            page = to_html(plan_document(changed, file="x.json", made=""))
            assert "nan" not in re.sub(r"[a-z]*nan[a-z]+|[a-z]+nan[a-z]*", "", page.lower()), path
            tried += 1
    return tried


def test_odd_numbers_are_drawn_all_the_same(study: Study) -> None:
    assert with_numbers_changed(study, 41) > 20


@pytest.mark.nightly
def test_every_odd_number_is_drawn_all_the_same(study: Study) -> None:
    assert with_numbers_changed(study, 1) > 500


def test_a_plan_that_no_catalog_has_any_more(saved: Path, session: Session, tmp_path: Path) -> None:
    data = json.loads(saved.read_text())
    data["workload"]["deadline"] = 0.001
    path = tmp_path / "late.json"
    path.write_text(json.dumps(data))
    found = report_on(str(path), session)
    assert isinstance(found, Study) and found.now is None and found.why_none
    page = rendered(found, "markdown", file=str(path), made="")
    assert "no plan any more" in page and "Not computed" in page


def test_a_comparison(sides: ComparisonStudy) -> None:
    seen = Seen(rendered(sides, "html", file="", made=""))
    assert "A100-80GB or H100-80GB: finetune-llama-8b-lora" in seen.text
    assert seen.tags.count("svg") == 3  # cost, time, both along the deadline
    for wanted in ("How old the figures are", "Assumptions", "Evidence"):
        assert wanted in seen.text
    assert all(sides.grounds.evidence[name] for name in ("A100-80GB", "H100-80GB"))


def test_a_portfolio(several: PortfolioStudy) -> None:
    result = several.result.model_copy(update={"name": HOSTILE})
    page = to_html(document_of(several.model_copy(update={"result": result}), file="", made=""))
    assert "script" not in Seen(page).tags and "(exceeded)" in page and "aws/P" in page
    for wanted in ("How old the figures are", "Assumptions", "trees treat it alike"):
        assert wanted in page


def test_a_mix_is_planned_again_for_its_page(
    mixed: MixStudy, session: Session, tmp_path: Path
) -> None:
    """More requests cost more; what is on the page is what planning them costs."""
    from planner.actions.mix.plan import MixOptions, plan_mix, varied
    from planner.optimize.mix.profile import parse_profile

    result = mixed.result
    assert mixed.sensitivities is not None and result.profile is not None
    profile = parse_profile(result.profile, "profile")
    row = next(r for r in mixed.sensitivities.rows if r.field == "requests_per_second")
    more = plan_mix(varied(profile, requests_per_second=12.0), MixOptions(simulate=False))
    assert row.high.usd == more.cost_usd_per_hour
    assert {front.over for front in mixed.fronts} == {"types", "head-room"}
    assert Seen(rendered(mixed, "html", file="", made="")).tags.count("svg") == 5
    path = tmp_path / "mix.json"
    path.write_text(result.model_copy(update={"profile": None}).model_dump_json(by_alias=True))
    without = report_on(str(path), session)
    assert "does not hold its profile" in rendered(without, "markdown", file="", made="")


def test_a_capacity_plan_is_planned_again_for_its_page(
    year: CapacityStudy, session: Session
) -> None:
    result = year.result
    ends = swings(year.sensitivities)
    low, high = ends["demand"]
    assert low is not None and high is not None and low < result.cost_usd < high
    none = ends["share on spot"][1]
    assert none is not None and none > result.cost_usd
    assert year.break_even is not None
    page = rendered(year, "markdown", file="", made="")
    assert "## What would change the cost" in page and "## Cloud, on-prem or both" in page
    lost = report_of(result.model_copy(update={"spec": {}}), "x.json", session)
    assert "Not computed: x.json" in rendered(lost, "markdown", file="", made="")


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (["estimate", str(LORA), "--on", "H100-80GB"], ["# Estimate: ", "80% interval"]),
        (["pareto", str(LORA)], ["# Front: finetune", "kg CO2e"]),
    ],
)
def test_estimates_and_fronts(
    planner: Planner, tmp_path: Path, command: list[str], wanted: list[str]
) -> None:
    path = tmp_path / "result.json"
    more = ["--carbon"] if command[0] == "pareto" else []
    path.write_text(planner(*command, *more, "--format", "json").out)
    page = planner("report", path).out
    assert all(words in page for words in wanted), page[:500]


def test_sweeps_and_fronts_of_capacity(swept: Sweep, less_carbon: CapacityFront) -> None:
    page = rendered(swept.model_copy(update={"name": HOSTILE}), "html", file="", made="")
    assert Seen(page).tags.count("rect") == 1 and "script" not in Seen(page).tags
    assert "infeasible: nothing finishes" in page
    assert "What less carbon costs" in rendered(less_carbon, "markdown", file="", made="")


def test_files_are_written_whole_or_not_at_all(
    planner: Planner, saved: Path, tmp_path: Path
) -> None:
    out = tmp_path / "plan.html"
    out.write_text("mine")
    refused = planner("report", saved, "-o", out)
    assert (refused.code, refused.out) == (2, "") and "exists already" in refused.err
    assert out.read_text() == "mine" and list(tmp_path.glob(".planner*")) == []
    for name, problem in (("plan.pdf", "no form of a report"), ("nowhere/plan.html", "no folder")):
        failed = planner("report", saved, "-o", tmp_path / name)
        assert failed.code == 2 and problem in failed.err and failed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["benchmark"], "needs the name of an exercise"),
        (["plan.json", "cnn"], "goes with benchmark"),
        (["benchmark", "cnn", "--model", "x"], "goes with benchmark transformer"),
        (["benchmark", "transformer", "--model", "resnet50"], "no decoder-only language model"),
        (["benchmark", "transformer", "--model", "gpt-3-175c"], "did you mean GPT-3-175B"),
        (["missing.json"], "cannot be read"),
    ],
)
def test_bad_input_is_one_line(planner: Planner, arguments: list[str], problem: str) -> None:
    found = planner("report", *arguments)
    assert (found.code, found.out) == (2, "")
    assert problem in found.err and found.err.count("\n") == 1


@pytest.mark.parametrize(
    "text", ["", "[]", '{"a": NaN}', '{"schema": ["x"]}', '{"schema": "planner.diff/1"}']
)
def test_files_that_are_no_result(planner: Planner, tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    found = planner("report", path)
    assert found.code == 2 and found.err.startswith(f"error: {path}") and found.err.count("\n") == 1
