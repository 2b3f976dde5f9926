"""Every name and source used in the embedded snapshot exists; every price is one."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest

from catalog import Catalog
from catalog.accelerators import PRECISIONS
from catalog.attributes import SNAPSHOT, attributes
from catalog.compiled import TABLES
from catalog.offers import NUMBER_COLUMNS, TEXT_COLUMNS, PurchaseKind

SOURCED = [
    name for name in TABLES if name not in ("sources", "accelerator_aliases", "observations")
]


@pytest.mark.parametrize("table", TABLES)
def test_headers_match_the_attribute_table(table: str) -> None:
    with (SNAPSHOT / f"{table}.csv").open(newline="", encoding="utf-8") as lines:
        assert next(csv.reader(lines)) == list(attributes()[table])


def test_the_attribute_table_describes_the_files_there_are() -> None:
    files = {path.stem for path in SNAPSHOT.glob("*.csv")} - {"attributes"}
    assert files == set(TABLES) == set(attributes())
    types = {column.type for columns in attributes().values() for column in columns.values()}
    assert types == {"text", "number", "integer", "boolean"}


@pytest.mark.parametrize("table", SOURCED)
def test_every_source_key_exists(catalog: Catalog, table: str) -> None:
    columns = [name for name in attributes()[table] if name == "source" or name.endswith("_source")]
    assert "source" in columns
    for row in catalog.rows(table):
        assert row["source"] in catalog.sources, row
        for column in columns:
            assert not row[column] or row[column] in catalog.sources, row


def test_every_source_is_dated_or_says_that_it_is_not(catalog: Catalog) -> None:
    for source in catalog.sources.values():
        assert (source.as_of is None) == (source.as_of_precision == "unknown"), source
        assert source.citation


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("offers", "accelerator"),
        ("onprem_systems", "accelerator"),
        ("cpu_families", "cpu"),
        ("accelerator_aliases", "accelerator"),
    ],
)
def test_every_accelerator_named_has_a_spec(catalog: Catalog, table: str, column: str) -> None:
    named = {row[column] for row in catalog.rows(table)} - {""}
    assert named <= set(catalog.accelerators)


def test_every_accelerator_measured_has_a_spec_or_an_alias(catalog: Catalog) -> None:
    aliases = {row["alias"] for row in catalog.rows("accelerator_aliases")}
    measured = {row["accelerator"] for row in catalog.rows("observations")}
    assert measured <= aliases | set(catalog.accelerators)


def test_prices_are_positive_and_kinds_known(catalog: Catalog) -> None:
    for row in catalog.rows("purchase_options"):
        assert row["usd_per_hour"] > 0 and math.isfinite(row["usd_per_hour"]), row
        assert row["kind"] in set(PurchaseKind), row
        assert row["upfront_usd"] is None or row["upfront_usd"] >= 0, row


def test_every_price_has_a_machine(catalog: Catalog) -> None:
    platforms = int(catalog.meta["platform_options"])
    assert platforms > 0
    assert len(catalog.offers) == int(catalog.meta["options"]) + platforms


def test_peaks_of_accelerators_are_read_whatever_their_unit(catalog: Catalog) -> None:
    columns = attributes()["accelerators"].values()
    peaks = [c.name for c in columns if c.name.startswith("peak_") and c.type == "number"]
    assert len(peaks) == len(PRECISIONS)
    h100 = catalog.accelerator("h100 80gb")
    assert h100.name == "H100-80GB"
    assert set(h100.peak_tera_ops) >= {"bf16", "fp8", "int8"}


def test_columns_hold_what_the_tables_hold(catalog: Catalog) -> None:
    table = catalog.offers
    assert set(table.codes) == set(TEXT_COLUMNS)
    assert set(table.numbers) == set(NUMBER_COLUMNS)
    options = catalog.rows("purchase_options")
    plain = np.flatnonzero(table.is_in("platform", [""]))
    assert plain.tolist() == list(range(len(options)))  # the plain machines come first
    table = table.take(plain)
    assert table.texts("instance_type") == [row["instance_type"] for row in options]
    assert table.numbers["usd_per_hour"].tolist() == [row["usd_per_hour"] for row in options]
    assert table.text("price_source", 0) == options[0]["source"]
    unknown = [row["upfront_usd"] is None for row in options]
    assert [math.isnan(value) for value in table.numbers["upfront_usd"].tolist()] == unknown


CLOUDS = {
    "aws", "azure", "crusoe", "digitalocean", "gcp", "hyperstack", "lambda", "nebius", "oci",
    "runpod", "verda", "vultr",
}  # fmt: skip


def test_twelve_clouds_with_an_on_demand_price_each(catalog: Catalog) -> None:
    assert {row["cloud"] for row in catalog.rows("offers")} == CLOUDS
    on_demand = catalog.rows("purchase_options", "kind = 'on_demand'")
    assert {row["cloud"] for row in on_demand} == CLOUDS
    spot = catalog.rows("purchase_options", "kind = 'spot'")
    assert {row["cloud"] for row in spot} == CLOUDS - {"digitalocean", "hyperstack", "lambda"}


def test_every_commitment_priced_for_an_offered_machine_can_be_bought(catalog: Catalog) -> None:
    offered = {(r["cloud"], r["region"], r["instance_type"]) for r in catalog.rows("offers")}
    bought = {
        (r["region"], r["instance_type"], r["kind"], r["term_months"], r["payment"]): r
        for r in catalog.rows("purchase_options", "cloud = 'aws'")
    }
    kinds = {"EC2 Standard RI": "reservation", "Compute SP": "savings_plan"}
    seen = 0
    for row in catalog.rows("commitment_discounts", "scope = 'instance'"):
        place = row["region"], row["instance_type"]
        if (row["cloud"], *place) not in offered:
            continue
        months = row["term_years"] and int(row["term_years"] * 12)
        kind = kinds.get(row["commitment"], "capacity_block")
        option = bought[(*place, kind, months, row["payment"])]
        hours = (months or 0) * 730
        per_hour = (option["upfront_usd"] or 0) / hours if hours else 0
        assert option["usd_per_hour"] + per_hour == pytest.approx(
            row["committed_usd_per_hour"], rel=1e-4
        ), row
        seen += 1
    assert seen > 800


def test_what_is_paid_upfront_is_told_for_every_commitment(catalog: Catalog) -> None:
    for row in catalog.rows("purchase_options", "term_months IS NOT NULL"):
        if row["payment"] in ("no upfront", "monthly"):
            assert row["upfront_usd"] == 0, row
        else:
            assert row["upfront_usd"] > 0, row
    blocks = catalog.rows("purchase_options", "kind = 'capacity_block'")
    assert len(blocks) >= 4
    for row in blocks:  # sold in whole days
        assert (row["minimum_s"], row["billing_increment_s"]) == (86400, 86400)


def test_a_longer_or_earlier_paid_commitment_is_no_dearer(catalog: Catalog) -> None:
    def effective(kind: str, months: int, payment: str) -> float:
        (row,) = catalog.rows(
            "purchase_options",
            "cloud = 'aws' AND region = 'us-east-1' AND instance_type = 'm6a.xlarge'"
            " AND kind = ? AND term_months = ? AND payment = ?",
            kind, months, payment,
        )  # fmt: skip
        return float(row["usd_per_hour"] + row["upfront_usd"] / (months * 730))

    one = effective("reservation", 12, "no upfront")
    assert effective("reservation", 12, "partial upfront") < one
    assert (
        effective("reservation", 36, "no upfront")
        < one
        < effective("savings_plan", 12, "no upfront")
    )


def test_spot_bands_are_known_on_aws_and_honest_elsewhere(catalog: Catalog) -> None:
    spot = catalog.rows("purchase_options", "kind = 'spot'")
    banded = [row for row in spot if row["interruption_per_month_low"] is not None]
    assert {row["cloud"] for row in banded} == {"aws"}
    assert len(banded) > 1200
    assert all(row["interruption_source"] in catalog.sources for row in banded)


def test_a_price_from_an_older_catalog_is_superseded_by_the_newer(catalog: Catalog) -> None:
    (row,) = catalog.rows(
        "purchase_options",
        "cloud = 'azure' AND region = 'eastus' AND kind = 'spot'"
        " AND instance_type = 'Standard_NC24ads_A100_v4'",
    )
    assert row["usd_per_hour"] == 0.67877
    assert str(catalog.sources[row["source"]].as_of) == "2026-09-06"
