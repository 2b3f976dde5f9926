"""Refresh from fetch to what readers of the catalog see."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from catalog import Catalog, CatalogError
from catalog.refresh import Outcome, Report, Status, Task, refresh
from catalog.refreshed import Slice, read_slice, write_slice
from catalog.sources.aws import AwsSource
from catalog.sources.aws_rows import option_row
from catalog.sources.base import Fetched, FetchFailed, Missing, Source
from planner.actions.catalog.refresh import Refreshed, refresh_catalog
from planner.errors import BadInput
from tests.fakes.aws import FakeAws, ec2_error, paged, price_item

# The snapshot has one price here, so that the fake's three pass the row count.
REGION = "me-central-1"


def refresh_aws(kind: str = "on_demand", *regions: str, accept: bool = False) -> Refreshed:
    return refresh_catalog(
        only=["aws"], regions=regions or [REGION], kinds=[kind], accept_jumps=accept, deadline_s=30
    )


def price(catalog: Catalog, name: str, kind: str, region: str = REGION) -> dict[str, object]:
    (row,) = catalog.rows(
        "purchase_options",
        "cloud = 'aws' AND region = ? AND instance_type = ? AND kind = ?",
        region,
        name,
        kind,
    )
    return row


def test_a_refreshed_price_reaches_readers_with_its_source_and_date(
    aws: FakeAws, own_cache: Path
) -> None:
    before = Catalog.open()
    result = refresh_aws()
    assert result.complete
    (outcome,) = result.report.outcomes
    assert (outcome.status, outcome.rows) == (Status.PUBLISHED, 3)
    assert {reject.what for reject in outcome.rejects} == {"p5.48xlarge", "z9.huge", "p9.ghost"}
    after = Catalog.open()
    assert after.content_id != before.content_id
    row = price(after, "g6.xlarge", "on_demand")
    assert row["usd_per_hour"] == 0.9
    source = after.sources[str(row["source"])]
    assert source.as_of == datetime.now(UTC).date()
    assert "GetProducts" in source.citation
    table = after.offers
    mine = table.take(table.is_in("region", [REGION]) & table.is_in("kind", ["on_demand"]))
    plain = mine.take(mine.is_in("platform", [""]))
    assert sorted(plain.numbers["usd_per_hour"]) == [0.4032, 0.9, 55.04]
    # A managed platform's price follows the new plain one, and is as old as its premium.
    (managed,) = np.flatnonzero(mine.is_in("instance_type", ["ml.g6.xlarge"]))
    assert mine.number("usd_per_hour", int(managed)) == pytest.approx(0.9 * 1.25)
    origin = after.sources[mine.text("price_source", int(managed))]
    assert "GetProducts" in origin.citation
    assert origin.as_of is not None
    assert origin.as_of < source.as_of
    assert after.refreshed[0][:3] == ("aws", REGION, "on_demand")


def test_other_regions_and_kinds_stay_as_they_were(aws: FakeAws, own_cache: Path) -> None:
    def others(catalog: Catalog) -> list[dict[str, object]]:
        where = "NOT (cloud = 'aws' AND region = ? AND kind = 'on_demand')"
        return catalog.rows("purchase_options", where, REGION)

    before = others(Catalog.open())
    refresh_aws()
    assert others(Catalog.open()) == before


def test_a_spot_refresh_keeps_interruption_bands_with_their_own_source(
    aws: FakeAws, own_cache: Path
) -> None:
    region = "ap-northeast-1"
    before = Catalog.open()
    banded = before.rows(
        "purchase_options",
        "cloud = 'aws' AND region = ? AND kind = 'spot' AND interruption_source != ''",
        region,
    )
    part = Slice(
        "aws",
        "aws",
        region,
        "spot",
        datetime(2026, 11, 23, tzinfo=UTC),
        "test",
        (),
        tuple(option_row(str(row["instance_type"]), region, "spot", 0.5) for row in banded),
    )
    write_slice(own_cache / "refreshed", part)
    after = price(Catalog.open(), str(banded[0]["instance_type"]), "spot", region)
    assert after["usd_per_hour"] == 0.5
    for name in ("interruption_per_month_low", "interruption_source"):
        assert after[name] == banded[0][name]


def test_a_region_that_fails_keeps_its_prices_while_others_are_published(
    aws: FakeAws, own_cache: Path
) -> None:
    aws.closed_regions["ap-east-1"] = ec2_error("AuthFailure", status=401)
    aws.closed_regions["us-east-1"] = ec2_error("AuthFailure", status=401)
    result = refresh_aws("on_demand", REGION, "ap-east-1", "us-east-1")
    assert not result.complete
    by_region = {outcome.task.region: outcome for outcome in result.report.outcomes}
    assert by_region[REGION].status is Status.PUBLISHED
    assert by_region["us-east-1"].status is Status.KEPT
    assert by_region["us-east-1"].last_good_rows > 500
    assert by_region["ap-east-1"].status is Status.FAILED
    assert "not enabled" in by_region["ap-east-1"].reason
    assert len(result.report.with_status(Status.PUBLISHED)) == 1


def test_a_jump_is_published_only_with_consent(aws: FakeAws, own_cache: Path) -> None:
    refresh_aws()
    prices = [price_item(name, "9.0") for name in ("g6.xlarge", "p5.48xlarge", "m7i.2xlarge")]
    aws.answers["GetProducts"] = paged(prices, "PriceList")
    (outcome,) = refresh_aws().report.outcomes
    assert outcome.status is Status.KEPT
    assert "--accept-jumps" in outcome.reason
    assert price(Catalog.open(), "g6.xlarge", "on_demand")["usd_per_hour"] == 0.9
    assert refresh_aws(accept=True).complete
    assert price(Catalog.open(), "g6.xlarge", "on_demand")["usd_per_hour"] == 9.0


def test_a_cut_off_price_list_keeps_the_last_good(aws: FakeAws, own_cache: Path) -> None:
    refresh_aws()
    aws.answers["GetProducts"] = paged([price_item("g6.xlarge", "0.9")], "PriceList")
    (outcome,) = refresh_aws().report.outcomes
    assert outcome.status is Status.KEPT
    assert "1 prices where the last good had 3" in outcome.reason
    assert price(Catalog.open(), "p5.48xlarge", "on_demand")["usd_per_hour"] == 55.04


def test_a_damaged_slice_is_told_with_file_field_and_remedy_and_refresh_repairs_it(
    aws: FakeAws, own_cache: Path
) -> None:
    refresh_aws()
    path = own_cache / "refreshed" / f"aws.{REGION}.on_demand.json"
    document = json.loads(path.read_text())
    document["options"][0]["usd_per_hour"] = 0.01
    path.write_text(json.dumps(document))
    with pytest.raises(CatalogError, match=r"sha256: rows do not match") as caught:
        Catalog.open()
    assert caught.value.path == str(path)
    assert "planner catalog refresh" in caught.value.remedy
    result = refresh_aws()
    assert result.complete
    assert [moved.name for moved in result.report.set_aside] == [f"{path.name}.damaged"]
    assert price(Catalog.open(), "g6.xlarge", "on_demand")["usd_per_hour"] == 0.9


@pytest.mark.parametrize(
    ("damage", "field"),
    [
        (lambda d: d.pop("fetched_at"), "fetched_at"),
        (lambda d: d.update(schema="catalog.slice/99"), "schema"),
        (lambda d: d.update(fetched_at="yesterday"), ""),
    ],
)
def test_other_damage_names_its_field(
    tmp_path: Path, damage: Callable[[dict[str, object]], object], field: str
) -> None:
    part = Slice("aws", "aws", "r", "spot", datetime(2026, 1, 1, tzinfo=UTC), "s", (), ())
    path = write_slice(tmp_path, part)
    assert read_slice(path) == part
    document = json.loads(path.read_text())
    damage(document)
    path.write_text(json.dumps(document))
    with pytest.raises(CatalogError) as caught:
        read_slice(path)
    assert caught.value.field == field
    assert caught.value.remedy
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(CatalogError, match="not readable as JSON"):
        read_slice(path)


class Scripted(Source):
    """Answers for which no network is needed."""

    name = cloud = "aws"
    kinds = ("on_demand",)

    def __init__(self, answer: Callable[[str], Fetched]) -> None:
        self.answer = answer

    def missing(self) -> Missing | None:
        return None

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        return self.answer(region)


def scripted(
    answer: Callable[[str], Fetched], folder: Path, catalog: Catalog, deadline_s: float = 10
) -> Report:
    tasks = [Task("aws", region, "on_demand") for region in ("x-1", "x-2")]
    return refresh(tasks, {"aws": Scripted(answer)}, folder, catalog, deadline_s=deadline_s)


def one_price(region: str) -> Fetched:
    offer = {"cloud": "aws", "region": region, "zone": "", "instance_type": "a.1", "hosts": 1}
    options = (option_row("a.1", region, "on_demand", 1.0),)
    return Fetched((offer,), options, (), "script", datetime(2026, 1, 1, tzinfo=UTC))


def test_a_region_past_the_deadline_does_not_hold_up_the_others(
    tmp_path: Path, catalog: Catalog
) -> None:
    def answer(region: str) -> Fetched:
        if region == "x-2":
            time.sleep(5)
        return one_price(region)

    start = time.monotonic()
    report = scripted(answer, tmp_path, catalog, deadline_s=0.4)
    assert time.monotonic() - start < 2
    assert [outcome.status for outcome in report.outcomes] == [Status.PUBLISHED, Status.FAILED]
    assert "no answer within" in report.outcomes[1].reason


def test_a_stopped_refresh_keeps_what_came_and_the_last_good_rest(
    tmp_path: Path, catalog: Catalog
) -> None:
    asked: list[str] = []

    def answer(region: str) -> Fetched:
        asked.append(region)
        if region != "x-1":
            time.sleep(1)
        return one_price(region)

    came: list[Outcome] = []
    regions = [f"x-{number}" for number in range(1, 30)]
    start = time.monotonic()
    report = refresh(
        [Task("aws", region, "on_demand") for region in regions],
        {"aws": Scripted(answer)},
        tmp_path,
        catalog,
        progress=came.append,
        is_stopped=lambda: bool(came),
    )
    assert time.monotonic() - start < 1
    assert [o.status for o in report.outcomes] == [Status.PUBLISHED] + [Status.FAILED] * 28
    assert all("stopped" in o.reason and o.remedy for o in report.outcomes[1:])
    seen = len(asked)
    time.sleep(1.2)
    assert len(asked) == seen  # nothing is asked for any more
    assert [path.name for path in tmp_path.iterdir()] == ["aws.x-1.on_demand.json"]


def test_a_bug_in_a_source_costs_its_slice_only(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "tracebacklimit", 0, raising=False)  # SkyPilot leaves it so

    def answer(region: str) -> Fetched:
        if region == "x-2":
            raise ZeroDivisionError("holds s3cret")
        return one_price(region)

    report = scripted(answer, tmp_path, catalog)
    (failed,) = report.with_status(Status.FAILED)
    assert "ZeroDivisionError at test_refresh.py" in failed.reason
    assert "s3cret" not in failed.reason
    assert len(report.with_status(Status.PUBLISHED)) == 1


def test_interrupt_leaves_whole_slices(tmp_path: Path, catalog: Catalog) -> None:
    write_slice(
        tmp_path,
        Slice("aws", "aws", "x-1", "on_demand", datetime(2025, 1, 1, tzinfo=UTC), "old", (), ()),
    )

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        refresh(
            [Task("aws", region, "on_demand") for region in ("x-1", "x-2")],
            {"aws": Scripted(one_price)},
            tmp_path,
            catalog,
            progress=stop,
        )
    paths = sorted(tmp_path.iterdir())
    assert all(path.suffix == ".json" for path in paths)
    for path in paths:
        read_slice(path)


def test_a_process_interrupted_while_aws_hangs_keeps_the_catalog(
    aws: FakeAws, own_cache: Path, small_snapshot: Path
) -> None:
    refresh_aws()
    before = Catalog.open().content_id
    answer = aws.answers["GetProducts"]

    def hang(parameters: dict[str, object]) -> dict[str, object]:
        time.sleep(9)
        return answer(parameters)

    aws.answers["GetProducts"] = hang
    asked = aws.count("GetProducts")
    code = (
        "import pathlib, catalog.compiled as c;"
        f"c.SNAPSHOT = pathlib.Path({str(small_snapshot)!r});"
        "from planner.actions.catalog.refresh import refresh_catalog as r;"
        f"r(only=['aws'], regions=['{REGION}'], kinds=['on_demand'])"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], stderr=subprocess.PIPE
    )
    give_up = time.monotonic() + 15
    while aws.count("GetProducts") == asked and time.monotonic() < give_up:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    process.communicate(timeout=10)
    assert process.returncode != 0
    assert time.monotonic() - start < 6  # a hanging thread does not hold up the end
    assert Catalog.open().content_id == before


def test_unwritable_folder_is_told(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocker = tmp_path / "file"
    blocker.touch()
    with pytest.raises(CatalogError, match="cannot be written"):
        scripted(one_price, blocker / "refreshed", catalog)


def test_unusable_credentials_are_bad_input_that_says_what_to_run(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(BadInput, match="aws configure"):
        refresh_aws()


@pytest.mark.parametrize(
    ("only", "regions", "kinds", "said"),
    [
        (["ibm"], [], [], "live sources: aws"),
        (["aws"], ["../../etc"], [], "no region"),
        (["aws"], [], ["flex_start"], "known: on_demand, spot"),
    ],
)
def test_wrong_names_are_bad_input(
    aws: FakeAws, own_cache: Path, only: list[str], regions: list[str], kinds: list[str], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        refresh_catalog(only=only, regions=regions, kinds=kinds)
    assert not aws.calls


def test_without_regions_those_of_the_catalog_are_asked(
    aws: FakeAws, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def note(self: AwsSource, region: str, kind: str, deadline: float) -> Fetched:
        asked.append((region, kind))
        raise FetchFailed("not now", "later")

    monkeypatch.setattr(AwsSource, "fetch", note)
    refresh_catalog(only=["aws"])
    regions = {region for region, _ in asked}
    assert {"us-east-1", REGION} <= regions
    assert not any(region.startswith("us-gov") for region in regions)
    assert len(asked) == len(AwsSource.kinds) * len(regions)


def test_a_skipped_cloud_makes_a_refresh_incomplete(aws: FakeAws, own_cache: Path) -> None:
    result = refresh_aws("spot")
    assert result.complete
    assert not replace(result, skipped=("gcp: no key",)).complete
