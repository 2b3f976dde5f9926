"""A wrong fact in the published catalog is found and named."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.facts_integrity import check_facts
from catalog.integrity import Effect, Finding

Row = dict[str, str]


@pytest.fixture
def changed(
    small_snapshot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[Finding]]:
    """Findings on the small snapshot after ``change`` has been applied to one row of a table."""
    folder = tmp_path / "snapshot"
    shutil.copytree(small_snapshot, folder)
    monkeypatch.setattr("catalog.compiled.SNAPSHOT", folder)

    def findings(table: str, change: Callable[[Row], object], twice: bool = False) -> list[Finding]:
        path = folder / f"{table}.csv"
        with path.open(newline="", encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        row = dict(rows[0])
        change(row)
        rows = [row, *(rows if twice else rows[1:])]
        with path.open("w", newline="", encoding="utf-8") as out:
            writer = csv.DictWriter(out, list(row))
            writer.writeheader()
            writer.writerows(rows)
        return [f for f in check_facts(Catalog.open(tmp_path / "cache")) if f.effect is Effect.ROW]

    return findings


def test_the_published_facts_have_no_fault(catalog: Catalog) -> None:
    findings = check_facts(catalog)
    assert [finding for finding in findings if finding.effect is not Effect.NOTE] == []
    assert findings


@pytest.mark.parametrize(
    ("table", "column", "value", "check", "said"),
    [
        ("accelerators", "can_run", "training|brewing", "ability", "brewing"),
        ("onprem_systems", "accelerator", "Z9000", "accelerator", "Z9000"),
        ("edge_devices", "accelerator", "Z9000", "accelerator", "Z9000"),
        ("cpu_families", "cpu", "Z9000", "accelerator", "Z9000"),
        ("accelerator_aliases", "accelerator", "Z9000", "accelerator", "Z9000"),
        ("regions", "jurisdiction", "atlantis", "residency", "atlantis"),
        ("purchase_options", "kind", "gift", "kind", "gift"),
        ("purchase_options", "confidence", "sure", "confidence", "sure"),
        ("purchase_options", "interruption_per_month_low", "1.5", "interruption", "1.5"),
        ("purchase_options", "payment", "partial upfront", "upfront", "without an amount"),
        ("regions", "source", "hearsay", "source", "hearsay"),
        ("edge_devices", "source", "hearsay", "source", "hearsay"),
        ("electricity", "source", "hearsay", "source", "hearsay"),
    ],
)
def test_a_wrong_fact_is_found(
    changed: Callable[..., list[Finding]],
    table: str,
    column: str,
    value: str,
    check: str,
    said: str,
) -> None:
    findings = changed(table, lambda row: row.update({column: value}))
    assert [finding.check for finding in findings] == [check]
    assert said in findings[0].reason


def test_the_same_way_to_buy_twice_is_found(changed: Callable[..., list[Finding]]) -> None:
    findings = changed("purchase_options", lambda row: row.update(usd_per_hour="1.0"), twice=True)
    assert [finding.check for finding in findings] == ["duplicate"]
