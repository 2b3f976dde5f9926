"""``planner diff`` and ``planner replay``: saved recommendations against each other and today."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog
from planner.actions.recommend.plan import recommend
from planner.actions.saved_result import workload_of
from planner.workload import Portfolio, read_any
from tests.planner.conftest import LORA, ROOT, Planner

EXAMPLES = [
    path
    for path in sorted((ROOT / "examples").glob("*.yaml"))
    if "kind:" in path.read_text() and "workloads:" not in path.read_text()
]


@pytest.fixture
def saved(planner: Planner, tmp_path: Path) -> Path:
    path = tmp_path / "saved.json"
    path.write_text(planner("recommend", LORA, "--format", "json").out)
    return path


def changed(path: Path, tmp_path: Path, **fields: Any) -> Path:
    """A copy with dotted fields set to other values."""
    data = json.loads(path.read_text())
    for name, value in fields.items():
        *parts, last = name.split("__")
        part = data
        for key in parts:
            part = part[key]
        part[last] = value
    copy = tmp_path / "changed.json"
    copy.write_text(json.dumps(data))
    return copy


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_embedded_workload_is_the_one_asked(catalog: Catalog, path: Path) -> None:
    asked = read_any(str(path))
    assert not isinstance(asked, Portfolio)
    result = recommend(asked, catalog).recommendation
    again = type(result).model_validate_json(result.model_dump_json(by_alias=True))
    assert workload_of(again, "saved") == asked


def test_same_result_has_no_differences(planner: Planner, saved: Path) -> None:
    done = planner("diff", saved, saved, "--exit-code")
    assert (done.code, done.out.strip()) == (0, "nothing changed")
    answer = json.loads(planner("diff", saved, saved, "--format", "json").out)
    assert answer["schema"] == "planner.diff/1" and answer["differences"] == []


def test_what_changed_is_told_by_section(planner: Planner, saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(
        planner("recommend", LORA, "--tokens", "100M", "--cloud", "aws", "--format", "json").out
    )
    done = planner("diff", saved, other, "--format", "json")
    assert done.code == 0
    answer = json.loads(done.out)
    found = {(each["section"], each["field"]): each for each in answer["differences"]}
    tokens = found["workload", "tokens"]
    assert (tokens["a"], tokens["b"], tokens["change_share"]) == (5e7, 1e8, 1.0)
    before, after = (json.loads(p.read_text())["recommendation"] for p in (saved, other))
    cost = found["cost", "cost_usd"]
    assert cost["change"] == pytest.approx(after["cost_usd"] - before["cost_usd"], rel=1e-5)
    assert found["choice", "instance_type"]["b"] == after["instance_type"]
    assert not answer["same_workload"] and answer["same_catalog"] and not answer["same_choice"]
    assert planner("diff", saved, other, "--exit-code").code == 5
    markdown = planner("diff", saved, other, "--format", "markdown").out
    assert "| workload | tokens |" in markdown


def test_replay_of_today_is_the_same(planner: Planner, saved: Path) -> None:
    done = planner("replay", saved)
    assert done.code == 0
    assert "the catalog it was made with, the same answer" in done.out


@pytest.mark.parametrize("name", ["hybrid-site-burst", "serve-llama-70b", "detect-yolo-edge"])
def test_replay_of_other_kinds(planner: Planner, tmp_path: Path, name: str) -> None:
    path = tmp_path / "saved.json"
    asked = planner("recommend", ROOT / "examples" / f"{name}.yaml", "--format", "json")
    path.write_text(asked.out)
    assert planner("replay", path).code == 0


def test_replay_tells_another_catalog_from_another_answer(
    planner: Planner, saved: Path, tmp_path: Path
) -> None:
    older = changed(saved, tmp_path, catalog__content_id="0000")
    done = planner("replay", older, "--format", "json")
    answer = json.loads(done.out)
    assert (done.code, answer["same_catalog"], answer["same"]) == (0, False, True)
    assert answer["headline"].startswith("another catalog, the same answer")
    was = json.loads(saved.read_text())["recommendation"]["cost_usd"]
    dearer = changed(saved, tmp_path, recommendation__cost_usd=2 * was)
    done = planner("replay", dearer, "--format", "json")
    answer = json.loads(done.out)
    assert (done.code, answer["same_catalog"], answer["same"]) == (5, True, False)
    (cost,) = [d for d in answer["diff"]["differences"] if d["field"] == "cost_usd"]
    assert cost["change_share"] == pytest.approx(-0.5, rel=1e-4)


def test_a_price_that_moved_is_a_price(planner: Planner, saved: Path, tmp_path: Path) -> None:
    was = json.loads(saved.read_text())["recommendation"]["price"]["usd_per_hour"]
    other = changed(saved, tmp_path, recommendation__price__usd_per_hour=was * 1.5)
    answer = json.loads(planner("diff", saved, other, "--format", "json").out)
    (price,) = answer["differences"]
    assert price["section"] == "price"
    assert price["change_share"] == pytest.approx(0.5, rel=1e-4)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (None, "cannot be read"),
        ("not json", "is no JSON"),
        ("[1, 2]", "holds no result"),
        ('{"schema": "planner.portfolio/1"}', "planner.recommendation/1"),
        ('{"schema": "planner.recommendation/1"}', "field required"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_bad_files_get_one_line(
    planner: Planner, saved: Path, tmp_path: Path, content: str | None, hint: str
) -> None:
    path = tmp_path / "bad.json"
    if content is not None:
        path.write_text(content)
    for arguments in (("diff", path, saved), ("diff", saved, path), ("replay", path)):
        done = planner(*arguments)
        assert (done.code, done.out) == (2, "")
        assert len(done.err.splitlines()) == 1
        assert done.err.startswith("error: ") and hint in done.err and "bad.json" in done.err


def test_a_workload_changed_by_hand_is_refused(
    planner: Planner, saved: Path, tmp_path: Path
) -> None:
    for field, value in (("deadline", -3.0), ("kind", "knitting"), ("colour", "red")):
        done = planner("replay", changed(saved, tmp_path, **{f"workload__{field}": value}))
        assert done.code == 2
        assert f"changed.json: workload: {field}" in done.err
