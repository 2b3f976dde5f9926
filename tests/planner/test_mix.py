"""``planner mix`` from profile to answer, its refusals, and what it says when nothing fits."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.planner.conftest import ROOT, Planner

EXAMPLE = ROOT / "examples" / "serving-mix-profile.json"


def profile(**changes: Any) -> dict[str, Any]:
    """Two buckets by two, two offers; the cheapest mix is found by hand below."""
    base: dict[str, Any] = {
        "schema": "planner.mix-profile/1",
        "input_len_buckets": [128, 1024],
        "output_len_buckets": [64, 512],
        "request_distribution": [[0.5, 0.25], [0.25, 0.0]],
        "requests_per_second": 8,
        "offers": [
            {
                "name": "small",
                "usd_per_hour": 1.0,
                "max_requests_per_second": [[4, 1], [0, 0]],
                "max_count": None,
            },
            {
                "name": "big",
                "usd_per_hour": 3.0,
                "max_requests_per_second": [[8, 4], [4, 2]],
                "max_count": None,
            },
        ],
    }
    return base | changes


def solved(planner: Planner, given: dict[str, Any], *flags: str, code: int = 0) -> dict[str, Any]:
    done = planner("mix", "-", "--format", "json", *flags, stdin=json.dumps(given))
    assert done.code == code, done.err
    answer: dict[str, Any] = json.loads(done.out)
    assert answer["schema"] == "planner.mix/1"
    return answer


def test_the_answer_by_hand(planner: Planner) -> None:
    """Loads 1, .5, .5 on big; 1, 2 on small. One big for the 1024s has half free for the 512s:
    big + small costs 4, two big 6, and small cannot go alone."""
    answer = solved(planner, profile())
    assert answer["status"] == "optimal"
    assert answer["cost_usd_per_hour"] == 4.0
    assert answer["bound_usd_per_hour"] == pytest.approx(4.0)
    assert {(g["type"], g["count"]) for g in answer["groups"]} == {("big", 1), ("small", 1)}
    assert answer["assignment"]["big"][0][1] == pytest.approx(1, abs=1e-6)
    assert answer["assignment"]["small"][0][0] == pytest.approx(1, abs=1e-6)
    assert answer["cost_usd_per_million_requests"] == pytest.approx(4 / (8 * 3600) * 1e6)
    assert answer["simulation"]["requests"] > 0
    assert isinstance(answer["solve_seconds"], float)


def test_every_format_says_the_same(planner: Planner) -> None:
    text = json.dumps(profile())
    rows = list(csv.DictReader(io.StringIO(planner("mix", "-", "--format", "csv", stdin=text).out)))
    assert {(r["type"], r["count"]) for r in rows} == {("big", "1"), ("small", "1")}
    assert "| big | 1 |" in planner("mix", "-", "--format", "markdown", stdin=text).out
    table = planner("mix", "-", stdin=yaml.safe_dump(profile()))
    assert "1 x big, 1 x small for $4.00/h" in table.out
    assert table.err == ""


def test_a_delay_limit_buys_head_room(planner: Planner) -> None:
    tight = solved(planner, profile())
    assert tight["simulation"]["worst_queue_delay_s"] > 0.3, "fully loaded machines queue up"
    roomy = solved(planner, profile(), "--max-queue-delay", "0.3")
    assert roomy["simulation"]["met"] is True
    assert roomy["simulation"]["worst_queue_delay_s"] <= 0.3
    assert roomy["cost_usd_per_hour"] > tight["cost_usd_per_hour"]
    bursty = solved(planner, profile(), "--max-queue-delay", "0.3", "--burstiness", "8")
    assert bursty["cost_usd_per_hour"] >= roomy["cost_usd_per_hour"]
    again = solved(planner, profile(), "--max-queue-delay", "0.3")
    assert again["groups"] == roomy["groups"], "the same seed gives the same answer"


def test_a_delay_limit_that_cannot_be_met_is_infeasible(planner: Planner) -> None:
    given = profile(slo={"max_queue_delay_s": 0.01, "percentile": 99})
    for offer in given["offers"]:
        offer["max_count"] = 1
    answer = solved(planner, given, code=3)
    assert answer["status"] == "infeasible"
    assert "p99 queueing delay is" in answer["reasons"][0]


def test_limits_by_flag(planner: Planner) -> None:
    assert solved(planner, profile(), "--max-types", "1")["cost_usd_per_hour"] == 6.0
    spare = solved(planner, profile(), "--spare", "1")
    assert spare["cost_usd_per_hour"] == 8.0
    loaded = solved(planner, profile(), "--max-utilisation", "0.5")
    assert max(g["utilisation"] for g in loaded["groups"]) <= 0.5 + 1e-6


def test_over_budget_still_prints_the_mix(planner: Planner) -> None:
    answer = solved(planner, profile(), "--budget", "3", code=4)
    assert answer["over_budget"] is True
    assert answer["cost_usd_per_hour"] == 4.0


def test_no_requests_need_nothing(planner: Planner) -> None:
    answer = solved(planner, profile(requests_per_second=0))
    assert (answer["status"], answer["groups"], answer["cost_usd_per_hour"]) == ("optimal", [], 0.0)
    empty = solved(planner, profile(requests_per_second=0, offers=[]))
    assert empty["status"] == "optimal"


def unservable() -> dict[str, Any]:
    given = profile()
    given["offers"] = given["offers"][:1]
    return given


def short_of_quota() -> dict[str, Any]:
    given = profile(limits={"quotas": {"pool": 10}})
    for offer in given["offers"]:
        offer |= {"quota_class": "pool", "quota_units": 8}
    return given


def too_few() -> dict[str, Any]:
    given = profile()
    given["offers"] = [given["offers"][1] | {"max_count": 1}]
    return given


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (unservable(), "no offer serves the bucket input 1024 output 64 (2 requests/s)"),
        (profile(offers=[]), "there are no offers"),
        (short_of_quota(), "quota pool is short by 6: 16 in place of 10 alone would help"),
        (too_few(), "max_count of big is short by 1 alone would help"),
        (
            profile(limits={"spread": [{"over": "zone", "at_least": 2}]}),
            "min zones lower by 2 alone would help",
        ),
    ],
)
def test_infeasible_says_what_is_short(
    planner: Planner, given: dict[str, Any], reason: str
) -> None:
    answer = solved(planner, given, code=3)
    assert answer["status"] == "infeasible"
    assert answer["cost_usd_per_hour"] is None
    assert reason in answer["reasons"]
    table = planner("mix", "-", stdin=json.dumps(given))
    assert (table.code, table.out) == (3, "")
    assert reason in table.err


def offer(**changes: Any) -> dict[str, Any]:
    return profile(offers=[profile()["offers"][1] | changes])


BAD: dict[str, tuple[object, str, str]] = {
    "list": ([1], "holds a list, not a mix profile", "as a mapping"),
    "misspelt": (profile(request_per_second=3), "request_per_second: unknown field", "mean requ"),
    "misspelt in offer": (offer(max_counts=3), "offers.0.max_counts", "did you mean max_count?"),
    "misspelt in limits": (profile(limits={"quota": {}}), "limits.quota", "mean quotas?"),
    "other schema": (
        profile(schema="planner.mix/1"),
        "schema",
        "did you mean planner.mix-profile/1",
    ),
    "no rate": (
        {k: v for k, v in profile().items() if k != "requests_per_second"},
        "missing",
        "add",
    ),
    "negative rate": (
        profile(requests_per_second=-1),
        "requests_per_second: -1 is below 0",
        "use 0",
    ),
    "rate as text": (profile(requests_per_second="8"), "'8' is not a number", "write a number"),
    "rate true": (profile(requests_per_second=True), "true is not a number", "write a number"),
    "rate nan": (profile(requests_per_second=float("nan")), "requests_per_second", "number"),
    "rate infinite": (profile(requests_per_second=float("inf")), "requests_per_second", "use"),
    "rows": (
        profile(request_distribution=[[1, 1]]),
        "has 1 rows for 2 input_len_buckets",
        "give 2",
    ),
    "columns": (
        offer(max_requests_per_second=[[1, 1], [1]]),
        "(big): row 1 has 1 numbers",
        "give 2",
    ),
    "no buckets": (profile(input_len_buckets=[]), "input_len_buckets: is empty", "give"),
    "bucket twice": (profile(input_len_buckets=[5, 5]), "names a bucket twice", "keep one"),
    "bucket of 0": (profile(input_len_buckets=[0, 5]), "input_len_buckets.0", "use more"),
    "no weights": (profile(request_distribution=[[0, 0], [0, 0]]), "is 0 in every bucket", "share"),
    "negative price": (offer(usd_per_hour=-1), "offers.0.usd_per_hour: -1 is below 0", "use 0"),
    "part of a machine": (offer(max_count=1.5), "max_count: 1.5 is not a whole", "whole number"),
    "same name": (profile(offers=profile()["offers"][:1] * 2), "'small' names two offers", "own"),
    "offers as mapping": (profile(offers={"a": 1}), "offers: a mapping", "list"),
    "unknown quota": (profile(limits={"quotas": {"x": 1}}), "limits.quotas.x", "quota_class"),
    "spread over rack": (
        profile(limits={"spread": [{"over": "rack"}]}),
        "limits.spread.0.over",
        "zone",
    ),
    "percentile": (
        profile(slo={"max_queue_delay_s": 1, "percentile": 100}),
        "slo.percentile",
        "use",
    ),
    "delay of 0": (profile(slo={"max_queue_delay_s": 0}), "slo.max_queue_delay_s: 0", "use more"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_profiles_end_in_one_line(planner: Planner, name: str, tmp_path: Path) -> None:
    content, problem, remedy = BAD[name]
    file = tmp_path / "profile.json"
    file.write_text(json.dumps(content))
    done = planner("mix", file)
    assert done.code == 2, done.out
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert str(file) in done.err
    assert problem in done.err
    assert remedy in done.err.split(problem)[1]


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        (("--solver", "cbcc"), "did you mean cbc?"),
        (("--quota", "x"), "is not a quota"),
        (("--quota", "x=1"), "no offer draws on this quota class"),
        (("--max-types", "0"), "max_types: 0 is below 1"),
        (("--max-spot-share", "2"), "max_spot_share: 2 is above 1"),
        (("--percentile", "95"), "--max-queue-delay"),
        (("--gap", "-1"), "is no gap"),
        (("--write-lp", "/nowhere/at/all.lp"), "cannot be written"),
    ],
)
def test_bad_flags_end_in_one_line(planner: Planner, flags: tuple[str, ...], problem: str) -> None:
    done = planner("mix", "-", *flags, stdin=json.dumps(profile()))
    assert (done.code, done.out) == (2, "")
    assert problem in done.err
    assert done.err.count("\n") == 1


def test_broken_files(planner: Planner, tmp_path: Path) -> None:
    assert "no such file" in planner("mix", tmp_path / "absent.json").err
    broken = tmp_path / "broken.json"
    broken.write_text('{"name": "x", "name": "y"}')
    assert "name: is given twice" in planner("mix", broken).err
    broken.write_text('{"name": ')
    done = planner("mix", broken)
    assert done.code == 2
    assert "line 1" in done.err
    assert "correct the JSON" in done.err
    broken.write_text('{"a": ' * 100_000)
    assert planner("mix", broken).code == 2


def test_the_program_as_a_file(planner: Planner, tmp_path: Path) -> None:
    file = tmp_path / "mix.lp"
    solved(planner, profile(), "--write-lp", str(file))
    text = file.read_text()
    assert "Minimize" in text
    assert "capacity_0:" in text


def test_the_worked_example_is_what_the_docs_show(planner: Planner) -> None:
    shown = (ROOT / "docs" / "mix.md").read_text().split("<!-- mix-example -->")[1].split("```")[1]
    done = planner("mix", EXAMPLE)
    assert done.code == 0
    printed = " ".join(done.out.split())
    headline = printed.split(" machine ")[0]
    assert headline in " ".join(shown.split())
    answer = json.loads(planner("mix", EXAMPLE, "--format", "json").out)
    assert answer["simulation"]["met"] is True
    for group in answer["groups"]:
        assert f"{group['type']}" in shown


def test_schemas_are_there(planner: Planner) -> None:
    given = json.loads(planner("schema", "mix-profile").out)
    assert "max_requests_per_second" in given["$defs"]["ProfileOffer"]["properties"]
    assert "schema" in json.loads(planner("schema", "mix").out)["properties"]
