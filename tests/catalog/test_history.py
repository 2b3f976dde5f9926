"""Prices over time: what is kept, and what diff and history tell of it."""

from __future__ import annotations

import json
import sqlite3
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog, CatalogError
from catalog.history import PriceHistory, SeriesKey
from catalog.refreshed import Slice
from planner.actions.catalog.changes import Change, catalog_diff, price_history
from planner.cli.catalog import app
from planner.errors import BadInput
from planner.report.price_plot import plot
from tests.catalog.test_refresh import refresh_aws
from tests.fakes.aws import FakeAws, paged, price_item

T0 = datetime(2026, 11, 1, tzinfo=UTC)
REGION = "me-central-1"


def run(*arguments: str) -> int:
    return int(app(args=list(arguments), prog_name="catalog", standalone_mode=False) or 0)


def part(at: datetime, **usd: float) -> Slice:
    options = tuple(
        {
            "cloud": "aws",
            "region": REGION,
            "zone": "",
            "instance_type": name,
            "kind": "spot",
            "usd_per_hour": price,
        }
        for name, price in usd.items()
    )
    return Slice("aws", "aws", REGION, "spot", at, "test", (), options)


def day(number: int) -> datetime:
    return T0 + timedelta(days=number)


def test_only_changes_are_kept_and_an_end_is_one(tmp_path: Path) -> None:
    history = PriceHistory(tmp_path / "data" / "history.sqlite")
    assert history.series("a") == {}
    assert history.last_refresh() is None
    assert history.add(part(day(0), a=1.0, b=2.0)) == 2
    assert history.add(part(day(1), a=1.0, b=2.0)) == 0
    assert history.add(part(day(2), a=1.5)) == 2
    assert history.add(part(day(3), a=1.5)) == 0
    assert history.add(part(day(4), a=1.5, b=2.0)) == 1
    ((key, points),) = history.series("b").items()
    assert key == SeriesKey("aws", REGION, "", "spot", "", "b", 0, "")
    assert points == [(day(0), 2.0), (day(2), None), (day(4), 2.0)]
    assert [usd for _, usd in next(iter(history.series("a").values()))] == [1.0, 1.5]
    assert set(history.changed_since(day(3))) == {key}
    assert stat.S_IMODE(history.path.stat().st_mode) == 0o600
    with (
        sqlite3.connect(history.path) as connection,
        pytest.raises(sqlite3.IntegrityError, match="only added"),
    ):
        connection.execute("DELETE FROM prices")


def test_an_upfront_payment_counts(tmp_path: Path) -> None:
    history = PriceHistory(tmp_path / "history.sqlite")
    row = part(day(0), a=0.0).options[0]
    row = {**row, "kind": "reservation", "term_months": 12, "upfront_usd": 8760.0}
    history.add(replace(part(day(0), a=1.0), kind="reservation", options=(row,)))
    ((key, points),) = history.series("a").items()
    assert (key.term_months, points[0][1]) == (12, pytest.approx(1.0))


@pytest.mark.parametrize("later_s", [0.0, 0.4, 1.0])
def test_refreshes_within_a_second_are_told_apart(tmp_path: Path, later_s: float) -> None:
    """The first one's prices may carry the second in which the next one begins."""
    history = PriceHistory(tmp_path / "history.sqlite")
    start = day(0).replace(microsecond=900_000)
    history.begin(start)
    history.add(part(start + timedelta(seconds=0.2), a=1.0))
    again = start + timedelta(seconds=later_s)
    history.begin(again)
    history.add(replace(part(again, a=2.0)))
    since = history.last_refresh()
    assert since is not None
    ((_, points),) = history.changed_since(since).items()
    assert [usd for at, usd in points if at >= since] == [2.0]
    assert [usd for at, usd in points if at < since] == [1.0]


def test_a_damaged_or_foreign_history_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    path.write_bytes(b"not a database, but long enough to look at" * 40)
    before = path.read_bytes()
    with pytest.raises(CatalogError, match="price history"):
        PriceHistory(path).add(part(day(0), a=1.0))
    assert path.read_bytes() == before


def test_a_history_that_cannot_be_written_costs_no_new_price(
    aws: FakeAws, own_cache: Path, isolated_dirs: Path
) -> None:
    isolated_dirs.mkdir(exist_ok=True)
    (isolated_dirs / "price_history.sqlite").write_bytes(b"x" * 4096)
    result = refresh_aws()
    assert result.complete
    notes = [f.check for outcome in result.report.outcomes for f in outcome.findings]
    assert "price history" in notes


def new_prices(aws: FakeAws, factor: float) -> None:
    rows = {"g6.xlarge": 0.9, "p5.48xlarge": 55.04, "m7i.2xlarge": 0.4032}
    items = [price_item(name, f"{usd * factor:.4f}") for name, usd in rows.items()]
    aws.answers["GetProducts"] = paged(items, "PriceList")


def test_diff_and_history_of_two_refreshes(
    aws: FakeAws, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert catalog_diff().moves == ()
    with pytest.raises(BadInput, match="no refresh"):
        catalog_diff("last")
    refresh_aws()
    first = catalog_diff()
    news = {m.instance_type for m in first.moves if m.what is Change.NEW and not m.platform}
    assert news == {"g6.xlarge", "p5.48xlarge", "m7i.2xlarge"}
    assert {m.instance_type for m in first.moves if m.what is Change.GONE} >= {"p5en.48xlarge"}
    new_prices(aws, 0.75)
    refresh_aws()
    later = catalog_diff("last")
    moved = [(m.instance_type, m.what, m.change) for m in later.moves]
    assert {name for name, _, _ in moved} == {"g6.xlarge", "p5.48xlarge", "m7i.2xlarge"}
    assert all(change == pytest.approx(-0.25) for _, _, change in moved)
    assert catalog_diff("2999-01-01").moves == ()
    with pytest.raises(BadInput, match="no time"):
        catalog_diff("yesterday")
    (series,) = price_history("g6.xlarge", regions=[REGION], kinds=["on-demand"])
    assert [usd for _, usd in series.points] == [0.9, pytest.approx(0.675)]
    with pytest.raises(BadInput, match="filters"):
        price_history("g6.xlarge", clouds=["gcp"])
    with pytest.raises(KeyError, match="g6"):
        price_history("g6.xlargo")

    assert run("diff", "--since", "last", "--format", "json") == 0
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)["moves"]) == 3
    assert "3 moved, 0 new, 0 gone of 3 prices" in shown.err
    assert run("diff", "--since", "last", "--limit", "1") == 0
    assert "-25.0%" in capsys.readouterr().out
    assert run("history", "g6.xlarge", "--region", REGION) == 0
    table = capsys.readouterr().out
    assert "USD/h" in table
    assert "* aws me-central-1 on demand" in table
    assert run("history", "g6.xlarge", "--format", "csv", "--quiet") == 0
    assert "0.675" in capsys.readouterr().out


def test_moves_are_sorted_by_size_either_way() -> None:
    from planner.actions.catalog.changes import _moves

    def key(name: str) -> SeriesKey:
        return SeriesKey("aws", "r", "", "spot", "", name, 0, "")

    old = {key("a"): 1.0, key("b"): 1.0, key("c"): 1.0, key("gone"): 1.0, key("same"): 2.0}
    new = {key("a"): 1.1, key("b"): 0.5, key("c"): 1.9, key("new"): 1.0, key("same"): 2.0}
    assert [move.instance_type for move in _moves(old, new)] == ["b", "c", "a", "new", "gone"]


def test_a_plot_is_plain_steps() -> None:
    points: list[tuple[datetime, float | None]] = [(day(0), 1.0), (day(5), 3.0), (day(10), 2.0)]
    lines = plot([("one", points)], width=40, height=5)
    assert all(line.isascii() for line in lines)
    assert max(map(len, lines)) <= 40
    assert lines[0].startswith("3 |")
    assert lines[0].count("*") > 10  # the highest price held for half the time
    assert lines[4].startswith("1 |*")
    assert lines[-2].split() == ["2026-11-01", "2026-11-11"]
    assert plot([("none", [(day(0), None)])]) == ["no price known"]
    flat: list[Any] = [(day(0), 2.0)]
    assert "*" in "".join(plot([("flat", flat)]))


def test_the_embedded_catalog_is_never_the_refreshed_one(aws: FakeAws, own_cache: Path) -> None:
    before = Catalog.open_embedded().content_id
    refresh_aws()
    assert Catalog.open_embedded().content_id == before != Catalog.open().content_id
