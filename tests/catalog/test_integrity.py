"""What is checked before a slice is published, and on the published whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from catalog import Catalog
from catalog.integrity import Effect, LastGood, blocking_reason, check_catalog, check_slice
from catalog.refreshed import Slice
from catalog.sources.aws_rows import option_row

REGION = "eu-west-9"  # unknown to the snapshot


def offer(name: str, **changed: Any) -> dict[str, Any]:
    return {
        "cloud": "aws",
        "region": REGION,
        "zone": "",
        "instance_type": name,
        "vcpus": 8,
        "memory_gib": 32,
        "accelerator": "L4",
        "accelerator_count": 1,
        "hosts": 1,
    } | changed


def option(name: str, usd_per_hour: float, kind: str = "on_demand") -> dict[str, Any]:
    return option_row(name, REGION, kind, usd_per_hour)


def make(*rows: tuple[str, float], kind: str = "on_demand") -> Slice:
    names = dict.fromkeys(name for name, _ in rows)
    return Slice(
        "aws",
        "aws",
        REGION,
        kind,
        datetime(2026, 11, 23, tzinfo=UTC),
        "test",
        tuple(offer(name) for name in names),
        tuple(option(name, usd, kind) for name, usd in rows),
    )


@pytest.fixture
def last_good(catalog: Catalog) -> LastGood:
    """Ten machines, a.1 to a.10, published at 1 USD/h; spot at 0.5."""
    known = LastGood(catalog, "aws", REGION, "on_demand")
    assert not known.prices
    known.prices = {("", f"a.{n}", 0, ""): 1.0 for n in range(1, 11)}
    known.on_demand = {f"a.{n}": 1.0 for n in range(1, 11)}
    return known


def ten(usd_per_hour: float = 1.0) -> tuple[tuple[str, float], ...]:
    return tuple((f"a.{n}", usd_per_hour) for n in range(1, 11))


def test_a_good_slice_has_no_findings(last_good: LastGood) -> None:
    part = make(*ten())
    assert check_slice(part, last_good) == (part, [])


@pytest.mark.parametrize("usd", [0.0, -1.0])
def test_a_price_that_is_none_costs_its_row(last_good: LastGood, usd: float) -> None:
    kept, findings = check_slice(make(*ten(), ("b.1", usd)), last_good)
    assert len(kept.options) == 10
    (finding,) = findings
    assert (finding.check, finding.effect) == ("price", Effect.ROW)
    assert "b.1" in finding.where
    assert "not positive" in finding.reason
    assert blocking_reason(findings) is None


@pytest.mark.parametrize(
    ("changed", "check", "said"),
    [
        ({"accelerator": "Z9000"}, "accelerator", "Z9000"),
        ({"accelerator_count": None}, "count", "without a count"),
        ({"accelerator_count": 0}, "count", "without a count"),
        ({"accelerator_count": 1.5}, "count", "neither"),
        ({"accelerator": ""}, "count", "without a name"),
        ({"vcpus": "many"}, "columns", "many"),
        ({"new_column": 1}, "columns", "new_column"),
    ],
)
def test_a_bad_machine_takes_its_price_with_it(
    last_good: LastGood, changed: dict[str, Any], check: str, said: str
) -> None:
    part = make(*ten(), ("b.1", 1.0))
    part = replace(part, offers=(*part.offers[:-1], offer("b.1", **changed)))
    kept, findings = check_slice(part, last_good)
    assert [finding.check for finding in findings] == [check, "machine"]
    assert said in findings[0].reason
    assert {row["instance_type"] for row in kept.options} == {f"a.{n}" for n in range(1, 11)}


def test_not_a_number_and_infinity_cost_their_rows(last_good: LastGood) -> None:
    part = make(*ten(), ("b.1", float("nan")), ("b.2", float("inf")))
    kept, findings = check_slice(part, last_good)
    assert len(kept.options) == 10
    assert {finding.check for finding in findings} == {"columns"}


def test_a_second_price_and_a_foreign_row_are_left_out(last_good: LastGood) -> None:
    part = make(*ten(), ("a.1", 1.1))
    foreign = option("a.2", 1.0) | {"region": "us-east-1"}
    part = replace(part, options=(*part.options, foreign))
    kept, findings = check_slice(part, last_good)
    assert len(kept.options) == 10
    assert [finding.check for finding in findings] == ["duplicate", "place", "duplicate"]


def test_few_rows_keep_the_last_good_slice(last_good: LastGood) -> None:
    _, findings = check_slice(make(*ten()[:7]), last_good)
    assert blocking_reason(findings) is None
    _, findings = check_slice(make(*ten()[:6]), last_good)
    assert "6 prices where the last good had 10" in (blocking_reason(findings) or "")


def test_no_rows_are_never_published(catalog: Catalog) -> None:
    _, findings = check_slice(make(), LastGood(catalog, "aws", REGION, "on_demand"))
    assert "no usable price" in (blocking_reason(findings) or "")


@pytest.mark.parametrize("usd", [0.49, 2.01])
def test_a_jump_needs_consent(last_good: LastGood, usd: float) -> None:
    part = make(*ten()[1:], ("a.1", usd))
    _, findings = check_slice(part, last_good)
    reason = blocking_reason(findings) or ""
    assert f"a.1: 1 -> {usd:g} USD/h" in reason
    assert "--accept-jumps" in reason
    kept, findings = check_slice(part, last_good, accept_jumps=True)
    assert blocking_reason(findings) is None
    assert [finding.effect for finding in findings] == [Effect.NOTE]
    assert len(kept.options) == 10


def test_spot_may_move_further(last_good: LastGood) -> None:
    _, findings = check_slice(make(*ten(0.2), kind="spot"), last_good)
    assert findings == []


def test_spot_above_on_demand_is_noted(last_good: LastGood) -> None:
    kept, findings = check_slice(make(*ten()[1:], ("a.1", 1.2), kind="spot"), last_good)
    assert [(f.effect, f.where) for f in findings] == [(Effect.NOTE, "a.1")]
    assert len(kept.options) == 10


def test_the_embedded_snapshot_has_no_fault(catalog: Catalog) -> None:
    faults = [finding for finding in check_catalog(catalog) if finding.effect is not Effect.NOTE]
    assert faults == []
