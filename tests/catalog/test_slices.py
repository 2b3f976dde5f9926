"""Slices of every sort on their way from a source to the readers of the catalog."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from catalog import Catalog
from catalog.quotas import Quota, quotas_by_place, read_quotas
from catalog.refresh import Status, Task, refresh
from catalog.refreshed import Slice, read_slice, write_slice
from catalog.sources.base import QUOTAS, Fetched, FetchedQuotas, Missing, Reject, Source
from catalog.whole_file import safe_word

REGION = "me-central-1"
MACHINE = "p5en.48xlarge"  # the one the small snapshot has there
NOW = datetime(2026, 11, 24, 8, tzinfo=UTC)


def row(kind: str = "on_demand", usd: float = 60.0, **changed: Any) -> dict[str, Any]:
    return {
        "cloud": "aws",
        "region": REGION,
        "zone": "",
        "instance_type": MACHINE,
        "kind": kind,
        "usd_per_hour": usd,
        **changed,
    }


def part(*rows: dict[str, Any], offers: tuple[dict[str, Any], ...] = (), **changed: Any) -> Slice:
    values: dict[str, Any] = {
        "provider": "aws",
        "cloud": "aws",
        "region": REGION,
        "kind": rows[0]["kind"],
        "fetched_at": NOW,
        "source": "a test",
        "offers": offers,
        "options": rows,
    }
    return Slice(**{**values, **changed})


def publish(cache: Path, *parts: Slice) -> Catalog:
    for one in parts:
        write_slice(cache / "refreshed", one)
    return Catalog.open(cache)


def ways(catalog: Catalog, platform: str = "", kind: str = "on_demand") -> dict[str, float]:
    table = catalog.offers
    mine = table.take(
        table.is_in("region", [REGION])
        & table.is_in("platform", [platform])
        & table.is_in("kind", [kind])
    )
    prices = mine.numbers["usd_per_hour"].tolist()
    return dict(zip(mine.texts("instance_type"), prices, strict=True))


def test_a_platforms_own_prices_stand_alone_in_their_region(own_cache: Path) -> None:
    fresh = publish(own_cache, part(row("on_demand")))
    derived = ways(fresh, "sagemaker")
    managed = part(
        row(usd=70.0, instance_type=f"ml.{MACHINE}"), provider="sagemaker", platform="sagemaker"
    )
    after = publish(own_cache, managed)
    assert ways(after, "sagemaker") == {f"ml.{MACHINE}": 70.0}
    assert derived != ways(after, "sagemaker")
    assert ways(after) == ways(fresh)
    table = after.offers
    (own,) = (table.is_in("region", [REGION]) & table.is_in("platform", ["sagemaker"])).nonzero()[0]
    assert table.text("hardware", int(own)).startswith("H200|")
    assert table.text("price_source", int(own)) == "refreshed-sagemaker-aws-me-central-1-on_demand"
    # Another region's premiums stay derived.
    others = table.take(table.is_in("region", ["us-east-1"]) & ~table.is_in("platform", [""]))
    assert len(others) > 5


def test_a_platforms_machine_that_the_cloud_does_not_sell_brings_its_own_hardware(
    own_cache: Path,
) -> None:
    machine = {
        "cloud": "aws", "region": REGION, "zone": "", "instance_type": "ml.odd.large", "hosts": 1,
        "accelerator": "L4", "accelerator_count": 1, "vcpus": 4, "memory_gib": 16,
    }  # fmt: skip
    managed = part(
        row(usd=1.0, instance_type="ml.odd.large"),
        row(usd=1.0, instance_type="ml.ghost.large"),
        offers=(machine,),
        provider="sagemaker",
        platform="sagemaker",
    )
    catalog = publish(own_cache, managed)
    assert ways(catalog, "sagemaker") == {"ml.odd.large": 1.0}
    assert not catalog.rows("offers", "instance_type = 'ml.odd.large'")


def test_of_two_providers_of_one_place_the_later_is_used(own_cache: Path) -> None:
    hosted = part(row(usd=50.0), provider="skypilot", fetched_at=NOW.replace(hour=9))
    assert hosted.file_name == "skypilot.aws.me-central-1.on_demand.json"
    catalog = publish(own_cache, part(row(usd=60.0)), hosted)
    assert ways(catalog) == {MACHINE: 50.0}
    catalog = publish(own_cache, part(row(usd=60.0), fetched_at=NOW.replace(hour=10)))
    assert ways(catalog) == {MACHINE: 60.0}


def test_a_price_is_as_old_as_its_publisher_says(own_cache: Path) -> None:
    published = datetime(2026, 3, 1, tzinfo=UTC)
    catalog = publish(own_cache, part(row(), as_of=published))
    source = catalog.sources["refreshed-aws-aws-me-central-1-on_demand"]
    assert source.as_of == published.date()
    assert source.as_of_note == NOW.isoformat()
    (path,) = (own_cache / "refreshed").iterdir()
    assert read_slice(path).as_of == published


def test_interruptions_have_a_source_of_their_own(own_cache: Path) -> None:
    spot = row(
        "spot",
        20.0,
        interruption_per_month_low=0.05,
        interruption_per_month_high=0.1,
        interruption_source="AWS spot advisor",
    )
    catalog = publish(own_cache, part(spot))
    (found,) = catalog.rows("purchase_options", "region = ? AND kind = 'spot'", REGION)
    assert catalog.sources[found["interruption_source"]].citation == "AWS spot advisor"
    assert found["interruption_per_month_high"] == 0.1


def test_slices_of_the_first_layout_are_read(own_cache: Path) -> None:
    path = write_slice(own_cache / "refreshed", part(row(usd=61.0)))
    document = json.loads(path.read_text())
    for name in ("provider", "platform", "as_of"):
        del document[name]
    path.write_text(json.dumps({**document, "schema": "catalog.slice/1"}))
    assert ways(Catalog.open(own_cache)) == {MACHINE: 61.0}


@pytest.mark.parametrize(
    "word", ["../../etc/passwd", "EU-RO-1", "a/b", "", ".", "x" * 200, "con\0", "ä", "~", "-a"]
)
def test_no_word_of_a_feed_becomes_a_path(tmp_path: Path, word: str) -> None:
    assert safe_word(word).startswith("_")
    one = part(row(region=word), region=word)
    path = write_slice(tmp_path, one)
    assert path.parent == tmp_path
    assert read_slice(path).region == word
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_words_that_differ_have_names_that_differ() -> None:
    words = ["EU-RO-1", "eu-ro-1", "_eu", safe_word("EU-RO-1"), "us-east-1", "Us-East-1"]
    assert len({safe_word(word).lower() for word in words}) == len(words)


class Hosted(Source):
    """A hosted catalog of two clouds with quotas, that needs no network."""

    name: ClassVar[str] = "hosted"
    cloud: ClassVar[str] = ""
    clouds: ClassVar[tuple[str, ...]] = ("aws", "gcp")
    kinds: ClassVar[tuple[str, ...]] = ("on_demand",)
    has_quotas: ClassVar[bool] = True

    def __init__(self, quotas: Callable[[], FetchedQuotas]) -> None:
        self.quotas = quotas

    def missing(self) -> Missing | None:
        return None

    def fetch(self, region: str, kind: str, deadline: float) -> Fetched:
        cloud, place = self.place(region)
        machine = {"cloud": cloud, "region": place, "zone": "", "instance_type": "a", "hosts": 1}
        price = {**row(kind, 1.0), "cloud": cloud, "region": place, "instance_type": "a"}
        return Fetched((machine,), (price,), (), "hosted", NOW)

    def fetch_quotas(self, region: str, deadline: float) -> FetchedQuotas:
        return self.quotas()


def asked(tmp_path: Path, catalog: Catalog, quotas: FetchedQuotas) -> list[Status]:
    tasks = [Task("hosted", "gcp/nowhere-1", kind) for kind in ("on_demand", QUOTAS)]
    report = refresh(
        tasks,
        {"hosted": Hosted(lambda: quotas)},
        tmp_path / "shared",
        catalog,
        private=tmp_path / "private",
    )
    by_kind = {outcome.task.kind: outcome.status for outcome in report.outcomes}
    return [by_kind[task.kind] for task in tasks]


def test_quotas_are_kept_in_the_private_folder_only(tmp_path: Path, catalog: Catalog) -> None:
    quota = Quota("gcp/H100-80GB GPUs", 16.0, None, "GPU")
    fetched = FetchedQuotas((quota,), (Reject("odd", "no number"),), "an API", NOW)
    assert asked(tmp_path, catalog, fetched) == [Status.PUBLISHED, Status.PUBLISHED]
    (shared,) = (tmp_path / "shared").iterdir()
    assert shared.name == "hosted.gcp.nowhere-1.on_demand.json"
    (private,) = (tmp_path / "private").iterdir()
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    (found,) = read_quotas(tmp_path / "private")
    assert (found.cloud, found.region, found.quotas) == ("gcp", "nowhere-1", (quota,))
    place = "gcp", "nowhere-1", "gcp/H100-80GB GPUs"
    assert quotas_by_place(tmp_path / "private") == {place: (quota, NOW)}


def test_no_quotas_in_an_answer_keep_the_old_ones(tmp_path: Path, catalog: Catalog) -> None:
    asked(tmp_path, catalog, FetchedQuotas((Quota("gcp/x", 0.0, 0.0, "vCPU"),), (), "an API", NOW))
    empty = FetchedQuotas((), (), "an API", NOW)
    assert asked(tmp_path, catalog, empty)[1] is Status.FAILED
    assert read_quotas(tmp_path / "private")[0].quotas[0].limit == 0.0


@pytest.mark.parametrize("limit", [-1.0, float("nan"), float("inf")])
def test_a_quota_is_an_amount(limit: float) -> None:
    with pytest.raises(ValueError, match="quota"):
        Quota("aws/P on-demand", limit, None, "vCPU")
