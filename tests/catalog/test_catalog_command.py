"""``planner catalog``: what it prints, what it exits with."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from pathlib import Path

import pytest

from catalog import Catalog
from planner.actions.catalog import list_offers
from planner.actions.catalog_facts import show
from planner.cli.catalog import app
from planner.errors import BadInput
from tests.fakes.aws import FakeAws, ec2_error

Capture = pytest.CaptureFixture[str]


def run(*arguments: str) -> int:
    return int(app(args=list(arguments), prog_name="catalog", standalone_mode=False) or 0)


def test_list_filters_and_sorts_by_price(catalog: Catalog) -> None:
    listing = list_offers(
        catalog,
        clouds=["aws"],
        accelerators=["a10g"],
        kinds=["on-demand", "spot"],
        max_usd_per_hour=2.0,
        today=date(2026, 12, 1),
    )
    prices = [offer.usd_per_hour for offer in listing.offers]
    assert prices == sorted(prices)
    assert 0 < prices[-1] <= 2.0
    assert {offer.accelerator for offer in listing.offers} == {"A10G"}
    assert {offer.kind for offer in listing.offers} == {"on_demand", "spot"}
    for offer in listing.offers:
        assert offer.citation
        assert offer.as_of is None or offer.age_days == (date(2026, 12, 1) - offer.as_of).days


def test_list_of_cpu_machines_and_with_a_limit(catalog: Catalog) -> None:
    listing = list_offers(catalog, accelerators=["cpu"], limit=3)
    assert len(listing.offers) == 3 < listing.matching
    assert {offer.accelerator for offer in listing.offers} == {""}


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"regions": ["us-east-11"]}, "did you mean us-east-1"),
        ({"clouds": ["awz"]}, "did you mean aws"),
        ({"accelerators": ["h1000"]}, "unknown accelerator"),
        ({"kinds": ["spots"]}, "known: on_demand, spot"),
        ({"max_usd_per_hour": 0.0}, "no price"),
        ({"max_usd_per_hour": float("nan")}, "no price"),
    ],
)
def test_wrong_filters_are_bad_input(
    catalog: Catalog, filters: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        list_offers(catalog, **filters)  # type: ignore[arg-type]  # one filter at a time


def test_formats_agree_and_results_alone_are_on_stdout(capsys: Capture) -> None:
    filters = ("--cloud", "aws", "--region", "us-east-1", "--accelerator", "L4")
    assert run("list", *filters, "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "planner.catalog_list/1"
    assert document["matching"] == len(document["offers"])
    assert run("list", *filters, "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [float(row["usd_per_hour"]) for row in rows] == [
        offer["usd_per_hour"] for offer in document["offers"]
    ]
    assert run("list", *filters, "--limit", "2") == 0
    shown = capsys.readouterr()
    assert "g6" in shown.out
    assert "[1] " in shown.out  # the source
    assert "2 of" in shown.err
    assert run("list", *filters, "--limit", "2", "--quiet") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("name", "kind", "fact"),
    [
        ("h100-80gb", "accelerator", "peak_bf16_tflops"),
        ("Gaudi1", "accelerator", "memory_gib"),
        ("p5.48xlarge", "instance type", "accelerator_count"),
        ("llama-3.1-8b", "model", "layers"),
    ],
)
def test_show_gives_facts_with_sources(catalog: Catalog, name: str, kind: str, fact: str) -> None:
    (section,) = show(catalog, name, today=date(2026, 12, 1))
    assert section.kind == kind
    assert fact in {found.name for found in section.facts}
    assert all(found.citation for found in section.facts)


@pytest.mark.parametrize("format", ["table", "json", "csv"])
def test_show_prints_in_all_formats(capsys: Capture, format: str) -> None:
    assert run("show", "p5.48xlarge", "--format", format) == 0
    assert "3200" in capsys.readouterr().out.replace(",", "")


def test_show_of_a_wrong_name_suggests(catalog: Catalog) -> None:
    with pytest.raises(KeyError) as caught:
        show(catalog, "p5.48xlarg")
    assert "p5.48xlarge" in str(caught.value)


def test_check_ends_with_zero_for_remarks_and_two_for_faults(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("check") == 0
    assert "0 faults" in capsys.readouterr().err
    monkeypatch.setattr("catalog.integrity._price_fault", lambda _: "price is odd")
    assert run("check", "--format", "csv", "--quiet") == 2
    assert "price is odd" in capsys.readouterr().out


def test_refresh_reports_and_says_what_is_left_out(
    aws: FakeAws, own_cache: Path, capsys: Capture
) -> None:
    arguments = ("refresh", "--only", "aws", "--regions", "me-central-1", "--kinds", "on_demand")
    assert run(*arguments, "--rejects") == 0
    shown = capsys.readouterr()
    assert "published" in shown.out
    assert "z9.huge: no facts about accelerator 'Z9000'" in shown.out
    assert "aws me-central-1 on_demand: published, 3 prices" in shown.err
    assert run("list", "--region", "me-central-1", "--format", "json") == 0
    offers = json.loads(capsys.readouterr().out)["offers"]
    assert {offer["age_days"] for offer in offers if offer["kind"] == "on_demand"} == {0}


def test_refresh_that_keeps_something_back_ends_with_one(
    aws: FakeAws, own_cache: Path, capsys: Capture
) -> None:
    aws.closed_regions["us-east-1"] = ec2_error("AuthFailure", status=401)
    regions = "us-east-1,me-central-1"
    assert run("refresh", "--regions", regions, "--kinds", "spot", "--format", "json") == 1
    shown = capsys.readouterr()
    slices = {part["region"]: part for part in json.loads(shown.out)["slices"]}
    assert slices["us-east-1"]["status"] == "kept last good"
    assert slices["me-central-1"]["status"] == "published"
    assert "not enabled" in shown.err
