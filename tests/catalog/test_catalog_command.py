"""``planner catalog``: what it prints, what it exits with."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog
from planner.actions.catalog.facts import show
from planner.actions.catalog.listing import STALE_DAYS, Filters, list_offers
from planner.cli import main
from planner.cli.catalog import app
from planner.errors import BadInput
from tests.fakes.aws import FakeAws, ec2_error

Capture = pytest.CaptureFixture[str]


def run(*arguments: str) -> int:
    return int(app(args=list(arguments), prog_name="catalog", standalone_mode=False) or 0)


def test_list_filters_and_sorts_by_price(catalog: Catalog) -> None:
    filters = Filters(
        clouds=["aws"], accelerators=["a10g"], kinds=["on-demand", "spot"], max_usd_per_hour=2.0
    )
    listing = list_offers(catalog, filters, today=date(2026, 12, 1))
    order = [
        (offer.confidence == "low" or offer.age_days > STALE_DAYS, offer.usd_per_hour)
        for offer in listing.offers
        if offer.age_days is not None
    ]
    assert order == sorted(order) and {stale for stale, _ in order} == {False, True}
    assert len(order) == len(listing.offers)
    assert all(0 < offer.usd_per_hour <= 2.0 for offer in listing.offers)
    assert {offer.accelerator for offer in listing.offers} == {"A10G"}
    assert {offer.kind for offer in listing.offers} == {"on_demand", "spot"}
    for offer in listing.offers:
        assert offer.citation
        assert offer.as_of is None or offer.age_days == (date(2026, 12, 1) - offer.as_of).days


def test_list_of_cpu_machines_and_with_a_limit(catalog: Catalog) -> None:
    listing = list_offers(catalog, Filters(accelerators=["cpu"]), limit=3)
    assert len(listing.offers) == 3 < listing.matching
    assert {offer.accelerator for offer in listing.offers} == {""}


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"regions": ["us-east-11"]}, "did you mean us-east-1"),
        ({"clouds": ["awz"]}, "did you mean aws"),
        ({"clouds": ["qqqq"]}, "known: aws, azure"),
        ({"accelerators": ["h1000"]}, "unknown accelerator"),
        ({"kinds": ["spots"]}, "known: on_demand, spot"),
        ({"platforms": ["sagemakr"]}, "did you mean sagemaker"),
        ({"platforms": [""]}, "known: all, azure-ml"),
        ({"residencies": ["uu"]}, "did you mean eu|known: "),
        ({"residencies": ["mars"]}, "unknown residency 'mars'"),
        ({"max_usd_per_hour": 0.0}, "no price"),
        ({"max_usd_per_hour": float("nan")}, "no price"),
        ({"min_memory_gib": -1.0}, "no amount of memory"),
        ({"min_memory_gib": float("inf")}, "no amount of memory"),
    ],
)
def test_wrong_filters_are_bad_input(catalog: Catalog, filters: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        list_offers(catalog, Filters(**filters))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("list", "--max-price", "-1"), "--max-price"),
        (("list", "--max-price", "cheap"), "--max-price"),
        (("list", "--max-price", "nan"), "USD per hour"),
        (("list", "--min-memory", "0"), "--min-memory"),
        (("list", "--limit", "-1"), "--limit"),
        (("list", "--residency", ""), "--residency"),
        (("list", "--residency", "eu\nus"), "--residency"),
        (("list", "--region", ""), "--region"),
        (("list", "--cloud", "AWZ"), "did you mean aws"),
        (("list", "--accelerator", ""), "--accelerator"),
        (("list", "--accelerator", "h100 80"), "did you mean"),
        (("list", "--purchase", "spott"), "known: on_demand"),
        (("list", "--platform", "bedrock"), "known: all"),
        (("list", "--cloud", "vultr", "--platform", "sagemaker"), "leave out --cloud"),
        (("list", "--max-price", "1e-9"), "leave out --max-price"),
        (("list", "--format", "xml"), "xml"),
        (("show", ""), "unknown"),
        (("show", "zzzzzzzz"), "zzzzzzzz"),
        (("show", "DGX H1000"), "did you mean"),
        (("show",), "argument"),
    ],
)
def test_mistakes_end_with_two_and_one_line(
    arguments: tuple[str, ...], said: str, capsys: Capture
) -> None:
    assert main.run(["catalog", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    assert said in shown.err


def test_filters_that_leave_nothing_name_the_one_to_leave_out(catalog: Catalog) -> None:
    with pytest.raises(BadInput) as caught:
        list_offers(catalog, Filters(clouds=["lambda"], residencies=["eu"]))
    everywhere = len(list_offers(catalog, Filters(clouds=["lambda"])).offers)
    assert f"--residency ({everywhere:,} offers)" in caught.value.remedy
    with pytest.raises(BadInput, match="leave several filters out"):
        list_offers(
            catalog,
            Filters(clouds=["lambda"], regions=["us-east-1"], residencies=["eu"], kinds=["owned"]),
        )


def test_plain_machines_are_listed_unless_a_platform_is_named(catalog: Catalog) -> None:
    here = {"regions": ["us-east-1"], "accelerators": ["A10G"], "kinds": ["on_demand"]}
    plain = list_offers(catalog, Filters(**here))
    assert {offer.platform for offer in plain.offers} == {"vm"}
    managed = list_offers(catalog, Filters(**here, platforms=["sagemaker"]))
    assert {offer.platform for offer in managed.offers} == {"sagemaker"}
    assert all(offer.instance_type.startswith("ml.") for offer in managed.offers)
    every = list_offers(catalog, Filters(**here, platforms=["all"]))
    assert every.matching == plain.matching + managed.matching


def test_residency_memory_and_cpu_only(catalog: Catalog) -> None:
    places = catalog.regions_in("eu")
    listing = list_offers(catalog, Filters(residencies=["EU"], has_accelerator=True))
    assert {(offer.cloud, offer.region) for offer in listing.offers} <= places
    assert all(offer.residency == "eu" and offer.accelerator for offer in listing.offers)
    big = list_offers(catalog, Filters(min_memory_gib=100, has_accelerator=True))
    memories = {catalog.accelerators[o.accelerator].memory_gib for o in big.offers}
    assert memories
    assert all(gib is not None and gib >= 100 for gib in memories)
    cpu = list_offers(catalog, Filters(min_memory_gib=100, has_accelerator=False), limit=50)
    assert all(o.memory_gib is not None and o.memory_gib >= 100 for o in cpu.offers)
    assert {o.accelerator for o in cpu.offers} == {""}


def test_a_family_stands_for_all_its_members(catalog: Catalog) -> None:
    listing = list_offers(catalog, Filters(accelerators=["h100"]))
    found = {offer.accelerator for offer in listing.offers}
    assert {"H100-80GB", "H100-NVL"} <= found
    assert all(name.startswith("H100-") for name in found)
    one = list_offers(catalog, Filters(accelerators=["l4"]))  # L40 and L40S are others
    assert {offer.accelerator for offer in one.offers} == {"L4"}
    cpu = list_offers(catalog, Filters(accelerators=["CPU-Graviton4"]), limit=5)
    assert {offer.accelerator for offer in cpu.offers} == {""}


def test_the_table_is_read_in_100_columns_and_says_age_and_source(capsys: Capture) -> None:
    assert run("list", "--platform", "all", "--gpu", "--residency", "eu", "--quiet") == 0
    lines = capsys.readouterr().out.splitlines()
    header = lines[0].split()
    assert header[:3] == ["cloud", "region", "machine"]
    assert header[-3:] == ["USD/h", "age", "from"]
    notes = [line for line in lines if line.startswith("[")]
    assert notes
    rows = lines[: lines.index(notes[0])]
    assert max(map(len, rows)) <= 100
    priced = [line for line in rows[1:] if line.rstrip().endswith("]")]
    assert len(priced) == 40


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
    assert run("list", *filters, "--format", "markdown", "--limit", "0") == 0
    table = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert table[0] == list(rows[0])
    column = table[0].index("usd_per_hour")
    assert [float(line[column]) for line in table[2:]] == [float(r["usd_per_hour"]) for r in rows]
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
        ("ml.p5.48xlarge", "instance type", "usd_per_hour"),
        ("dgx h100", "on-prem system", "capex_usd"),
        ("Coral M.2 module", "edge device", "power_w_busy"),
        ("aws us-east-1", "region", "usd_per_kwh"),
        ("me-west1", "region", "jurisdiction"),
    ],
)
def test_show_gives_facts_with_sources(catalog: Catalog, name: str, kind: str, fact: str) -> None:
    (section,) = show(catalog, name, today=date(2026, 12, 1))
    assert section.kind == kind
    assert fact in {found.name for found in section.facts}
    assert all(found.citation for found in section.facts)


@pytest.mark.parametrize("format", ["table", "json", "csv", "markdown"])
def test_show_prints_in_all_formats(capsys: Capture, format: str) -> None:
    assert run("show", "p5.48xlarge", "--format", format) == 0
    assert "3200" in capsys.readouterr().out.replace(",", "")


def test_show_of_a_wrong_name_suggests(catalog: Catalog) -> None:
    with pytest.raises(KeyError) as caught:
        show(catalog, "p5.48xlarg")
    assert "p5.48xlarge" in str(caught.value)
    with pytest.raises(KeyError, match="DGX H100"):
        show(catalog, "DGX H1000")


def test_every_figure_of_a_table_has_age_and_source(capsys: Capture) -> None:
    assert run("show", "Coral USB Accelerator") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["about", "fact", "value", "unit", "age", "from"]
    facts = [line for line in lines[2:] if not line.startswith("[")]
    assert len(facts) >= 6
    assert all(re.search(r" (<=)?(\d+d|\?) +\[\d+\]$", line.rstrip()) for line in facts)


def test_show_gives_each_figure_its_own_source(catalog: Catalog) -> None:
    (section,) = show(catalog, "Raspberry Pi 5 8GB")
    by_name = {fact.name: fact.source for fact in section.facts}
    assert by_name["power_w_idle"] != by_name["unit_price_usd"]
    (section,) = show(catalog, "H100-80GB")
    by_name = {fact.name: fact.source for fact in section.facts}
    assert by_name["peak_fp64_tflops"] != by_name["peak_fp32_tflops"]


def test_check_ends_with_zero_for_remarks_and_two_for_faults(
    catalog: Catalog, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("check") == 0
    shown = capsys.readouterr()
    assert "0 faults" in shown.err
    assert run("check", "--format", "json", "--quiet") == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    unnamed = {f["where"]: f["reason"] for f in findings if f["check"] == "measured accelerator"}
    assert unnamed.keys() == dict(catalog.unidentified).keys()
    for name, count in catalog.unidentified.items():
        assert f"{count} measurements" in unnamed[name]
    monkeypatch.setattr("catalog.integrity.option_faults", lambda _: [("price", "price is odd")])
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
    assert (
        run("refresh", "--only", "aws", "--regions", regions, "--kinds", "spot", "--format", "json")
        == 1
    )
    shown = capsys.readouterr()
    slices = {part["region"]: part for part in json.loads(shown.out)["slices"]}
    assert slices["us-east-1"]["status"] == "kept last good"
    assert slices["me-central-1"]["status"] == "published"
    assert "not enabled" in shown.err
