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
