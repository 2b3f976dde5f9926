"""What every registered source holds to, seen through its fake and the real client library."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.integrity import Effect, LastGood, blocking_reason, check_slice
from catalog.offers import PurchaseKind
from catalog.refreshed import Slice
from catalog.sources import SOURCES, Fetched, FetchFailed, Source, open_source
from tests.fakes.registry import (
    REGIONS,
    Fake,
    clear_faults,
    fake_class,
    fake_module,
    faked_sources,
    open_fake,
)

SEED = 7
SOURCE_NAMES = sorted(SOURCES)
FAKED = faked_sources()


@pytest.fixture(scope="module")
def fakes() -> Iterator[dict[str, Fake]]:
    """One fake a module of tests/fakes, filled with the regions of the sources it serves."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(open_fake(name))
            for name in {fake_module(name): name for name in FAKED}.values()
        }


@pytest.fixture
def fake_of(fakes: dict[str, Fake], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> object:
    """Opens a source with its fake filled anew and its environment pointing there."""
    by_module = {fake_module(name): fake for name, fake in fakes.items()}
    monkeypatch.setenv("PLANNER_CACHE_DIR", str(tmp_path / "cache"))

    def ready(name: str) -> tuple[Source, Fake, str]:
        fake = by_module[fake_module(name)]
        regions = regions_of(name)
        fake.populate(list(regions), SEED)
        clear_faults(fake)
        for variable, value in fake.env.items():
            monkeypatch.setenv(variable, value)
        return open_source(name), fake, regions[0]

    return ready


def regions_of(name: str) -> tuple[str, ...]:
    return REGIONS.get(name, ("all",))


def secrets_of(fake: Fake) -> list[str]:
    """Values that must never be told: what is not a URL, a path or a plain word."""
    return [
        value
        for name, value in fake.env.items()
        if any(word in name for word in ("KEY", "SECRET", "TOKEN", "PASSWORD")) and len(value) >= 8
    ]


def fetch(source: Source, region: str, kind: str, seconds: float = 60.0) -> Fetched:
    return source.fetch(region, kind, time.monotonic() + seconds)


@pytest.mark.parametrize("name", SOURCE_NAMES)
def test_it_says_who_it_is(name: str, catalog: Catalog) -> None:
    source = open_source(name)
    assert source.name == name
    assert source.needs
    assert source.kinds
    assert set(source.kinds) <= set(PurchaseKind)
    assert bool(source.cloud) != bool(source.clouds)
    assert source.platform in ("", "sagemaker", "vertex-ai", "azure-ml")
    if not source.cloud:
        assert source.opt_in, "hosted catalogs are asked by name"
    assert 1 <= source.workers <= 16


def test_sources_import_without_any_sdk() -> None:
    modules = sorted({module for module, _ in SOURCES.values()})
    code = (
        "import sys\n"
        "SDKS = ('boto3', 'botocore', 'google', 'azure', 'nebius', 'oci')\n"
        "sys.modules.update(dict.fromkeys(SDKS))\n"
        f"for name in {modules!r}: __import__(name)\n"
        f"from catalog.sources import SOURCES, open_source\n"
        "for name in SOURCES:\n"
        "    missing = open_source(name).missing()\n"
        "    assert missing is None or missing.remedy, name\n"
        "    print(name, missing is None)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(SOURCES)


@pytest.mark.parametrize("name", FAKED)
def test_every_kind_it_names_gives_rows_that_are_published(
    name: str, fake_of: object, catalog: Catalog
) -> None:
    source, fake, region = fake_of(name)  # type: ignore[operator]
    assert source.missing() is None
    published = 0
    for kind in source.kinds:
        fetched = fetch(source, region, kind)
        cloud, place = source.place(region)
        if not fetched.options:
            continue
        assert {row["kind"] for row in fetched.options} == {kind}
        assert {(row["cloud"], row["region"]) for row in fetched.options} == {(cloud, place)}
        assert fetched.source
        assert abs((fetched.fetched_at - datetime.now(UTC)).total_seconds()) < 120
        part = Slice(
            source.name, cloud, place, kind, fetched.fetched_at, fetched.source,
            fetched.offers, fetched.options, source.platform, fetched.as_of,
        )  # fmt: skip
        last_good = LastGood(catalog, cloud, place, kind, source.platform)
        last_good.prices = {}  # the fake's prices are its own: no jump, no count to compare
        kept, findings = check_slice(part, last_good)
        wrong = [f for f in findings if f.effect is Effect.ROW and f.check in ("columns", "place")]
        assert not wrong, wrong[:3]
        assert blocking_reason(findings) is None
        assert len(kept.options) >= 0.7 * len(part.options), findings[:5]
        published += 1
        assert not any(secret in fetched.source for secret in secrets_of(fake))
        assert all(reject.what and reject.reason for reject in fetched.rejects)
    assert published >= (len(source.kinds) + 1) // 2, "most kinds must have rows in the fake"


@pytest.mark.parametrize("name", FAKED)
def test_quotas_have_the_catalogs_words(name: str, fake_of: object, catalog: Catalog) -> None:
    source, _, region = fake_of(name)  # type: ignore[operator]
    if not source.has_quotas:
        with pytest.raises(FetchFailed, match="quotas"):
            source.fetch_quotas(region, time.monotonic() + 5)
        return
    found = source.fetch_quotas(region, time.monotonic() + 60)
    words = set(catalog.offers.vocabularies["quota_class"])
    classes = {quota.quota_class for quota in found.quotas}
    assert len(classes) == len(found.quotas)
    assert classes & words, sorted(classes)[:5]


@pytest.mark.parametrize("name", FAKED)
def test_a_deadline_that_has_passed_asks_nothing_more(name: str, fake_of: object) -> None:
    source, _, region = fake_of(name)  # type: ignore[operator]
    start = time.monotonic()
    with pytest.raises(FetchFailed):
        fetch(source, region, source.kinds[0], -1.0)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("name", FAKED)
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in range(2, 40))]
)
def test_whatever_goes_wrong_is_a_failure_with_a_remedy_or_rows(
    name: str, seed: int, fake_of: object
) -> None:
    """Random faults: rows, or FetchFailed; nothing else, in bounded time, without secrets."""
    source, fake, region = fake_of(name)  # type: ignore[operator]
    fake.fault(seed)
    start = time.monotonic()
    try:
        fetched = fetch(source, region, source.kinds[seed % len(source.kinds)], 4.0)
    except FetchFailed as error:
        said = f"{error.problem} {error.remedy} {error.__cause__ or ''}"
        assert error.remedy
        assert "\n" not in error.problem
        assert len(error.problem) < 600
    else:
        said = f"{fetched.source} {fetched.rejects[:50]}"
    assert time.monotonic() - start < 4.0 + 21.0  # a silent server is left after a read timeout
    assert not any(secret in said for secret in secrets_of(fake))


def test_every_source_has_a_fake() -> None:
    without = sorted(name for name in SOURCES if fake_class(name) is None)
    assert without == [], f"no fake with populate and fault for {without}"
