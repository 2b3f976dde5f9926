"""Managed platforms: what they cost, where that is from and how sure it is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from catalog import Catalog
from catalog.platforms import UNLISTED_SIZE, ManagedPlatforms


@pytest.fixture(scope="module")
def ways(catalog: Catalog) -> dict[tuple[str, str, str], tuple[float, str, str]]:
    """Price, confidence and source of each on-demand way, by platform, region and machine."""
    table = catalog.offers
    on_demand = table.take(table.is_in("kind", ["on_demand"]))
    return {
        (
            on_demand.text("platform", row),
            on_demand.text("region", row),
            on_demand.text("instance_type", row),
        ): (
            float(on_demand.numbers["usd_per_hour"][row]),
            on_demand.text("confidence", row),
            on_demand.text("price_source", row),
        )
        for row in range(len(on_demand))
    }


def test_three_platforms_on_their_own_clouds_and_on_demand_only(catalog: Catalog) -> None:
    table = catalog.offers
    found = set(zip(table.texts("platform"), table.texts("cloud"), strict=True))
    assert {pair for pair in found if pair[0]} == {
        ("sagemaker", "aws"),
        ("vertex-ai", "gcp"),
        ("azure-ml", "azure"),
    }
    managed = table.take(~table.is_in("platform", [""]))
    assert set(managed.texts("kind")) == {"on_demand"}


def test_a_listed_price_is_used_where_it_is_listed(
    ways: dict[tuple[str, str, str], tuple[float, str, str]], catalog: Catalog
) -> None:
    (listed,) = catalog.rows("managed_platforms", "instance_type = 'ml.g5.12xlarge'")
    usd, confidence, source = ways["sagemaker", "us-east-1", "ml.g5.12xlarge"]
    assert usd == listed["managed_usd_per_hour"] == 7.09
    assert (confidence, source) == ("document", listed["source"])


def test_elsewhere_the_same_premium_is_put_on_the_plain_price(
    ways: dict[tuple[str, str, str], tuple[float, str, str]], catalog: Catalog
) -> None:
    plain, _, plain_source = ways["", "ap-northeast-1", "g5.12xlarge"]
    usd, confidence, source = ways["sagemaker", "ap-northeast-1", "ml.g5.12xlarge"]
    assert usd == pytest.approx(plain * 1.25)
    assert confidence == "derived"
    origin = catalog.sources[source]
    assert catalog.sources[plain_source].citation in origin.citation
    premium = catalog.rows("managed_platforms", "instance_type = 'ml.g5.12xlarge'")[0]["source"]
    assert catalog.sources[premium].citation in origin.citation
    dates = [catalog.sources[key].as_of for key in (plain_source, premium)]
    assert origin.as_of == min(day for day in dates if day is not None)


def test_an_unlisted_size_takes_its_familys_premium_and_says_so(
    ways: dict[tuple[str, str, str], tuple[float, str, str]], catalog: Catalog
) -> None:
    assert not catalog.rows("managed_platforms", "instance_type = 'ml.g5.16xlarge'")
    usd, confidence, _ = ways["sagemaker", "us-east-1", "ml.g5.16xlarge"]
    assert usd == pytest.approx(ways["", "us-east-1", "g5.16xlarge"][0] * 1.25)
    assert confidence == "derived"
    table = catalog.offers
    rows = np.flatnonzero(table.is_in("instance_type", ["ml.g5.16xlarge"]))
    assert {table.text("obtainability", int(row)) for row in rows} == {UNLISTED_SIZE}


def test_a_family_without_a_listing_has_no_price(
    ways: dict[tuple[str, str, str], tuple[float, str, str]],
) -> None:
    assert ("", "us-east-1", "g6e.xlarge") in ways
    assert ("sagemaker", "us-east-1", "ml.g6e.xlarge") not in ways
    assert not any("metal" in name for platform, _, name in ways if platform)


@pytest.mark.parametrize("name", ["ml.p4d.24xlarge", "ml.p5.48xlarge", "ml.trn1.32xlarge"])
def test_listings_overtaken_by_a_price_cut_or_contradicted_are_doubted(
    ways: dict[tuple[str, str, str], tuple[float, str, str]], name: str
) -> None:
    confidences = {found[1] for (_, _, machine), found in ways.items() if machine == name}
    assert confidences == {"low"}


def test_premiums_from_memory_are_doubted(
    ways: dict[tuple[str, str, str], tuple[float, str, str]],
) -> None:
    plain = ways["", "europe-west4", "g2-standard-8"][0]
    usd, confidence, _ = ways["vertex-ai", "europe-west4", "g2-standard-8"]
    assert (usd, confidence) == (pytest.approx(plain * 1.15), "low")
    name = "Standard_NC24ads_A100_v4"
    usd, confidence, _ = ways["azure-ml", "eastus", name]
    assert (usd, confidence) == (ways["", "eastus", name][0], "low")
    # One Vertex price was published; it carries to the machine's other regions.
    assert ways["vertex-ai", "us-central1", "a2-highgpu-8g"][0] == 35.26
    assert ways["vertex-ai", "us-central1", "a2-highgpu-8g"][1] != "low"


def test_every_managed_price_has_a_known_source_and_the_plain_machine(catalog: Catalog) -> None:
    table = catalog.offers
    managed = table.take(~table.is_in("platform", [""]))
    plain = table.take(table.is_in("platform", [""]))
    assert set(managed.texts("price_source")) <= set(catalog.sources)
    assert set(managed.texts("hardware")) <= set(plain.texts("hardware"))
    usd = managed.numbers["usd_per_hour"]
    assert np.isfinite(usd).all()
    assert (usd > 0).all()


def test_sagemaker_counts_instances_and_the_others_what_their_clouds_count(
    catalog: Catalog,
) -> None:
    table = catalog.offers
    managed = table.take(~table.is_in("platform", [""]))
    for row in range(0, len(managed), 37):
        quota, machine = managed.text("quota_class", row), managed.text("instance_type", row)
        if managed.text("platform", row) == "sagemaker":
            assert quota == f"sagemaker/{machine} instances"
        else:
            assert quota.startswith(managed.text("platform", row) + "/")


def listing(name: str, **changed: Any) -> dict[str, Any]:
    row = {
        "platform": "SageMaker AI", "cloud": "aws", "instance_type": name, "region": "r1",
        "managed_usd_per_hour": 1.5, "vm_usd_per_hour": 1.0, "premium_fraction": 0.5,
        "confidence": "document", "source": "list",
    }  # fmt: skip
    return {**row, **changed}


def derived(listings: list[dict[str, Any]], name: str, usd: float, **changed: Any) -> Any:
    offer = {"cloud": "aws", "region": "r1", "zone": "", "instance_type": name}
    option = {
        **offer, "kind": "on_demand", "usd_per_hour": usd, "quota_class": "aws/G on-demand",
        "obtainability": "", "confidence": "document", "source": "plain", **changed,
    }  # fmt: skip
    sources = [
        {"source": key, "citation": key, "as_of": day, "as_of_precision": "day", "as_of_note": ""}
        for key, day in (("plain", "2026-01-01"), ("list", "2025-01-01"))
    ]
    platforms = ManagedPlatforms(listings, sources)
    key = option["cloud"], option["region"], option["zone"], name
    return platforms.options({key: option}, [option])


def test_a_listing_is_doubted_once_the_plain_price_has_moved() -> None:
    (same,) = derived([listing("ml.x1.large")], "x1.large", 1.0)
    (moved,) = derived([listing("ml.x1.large")], "x1.large", 0.9)
    assert (same["usd_per_hour"], same["confidence"]) == (1.5, "document")
    assert (moved["usd_per_hour"], moved["confidence"]) == (1.5, "low")


def test_the_familys_middle_premium_leaves_doubtful_sizes_out() -> None:
    listings = [
        listing("ml.x1.a", premium_fraction=0.2),
        listing("ml.x1.b", premium_fraction=0.3),
        listing("ml.x1.c", premium_fraction=0.9, confidence="low"),
        listing("ml.x1.d", premium_fraction=0.8, confidence="low"),
    ]
    (found,) = derived(listings, "x1.huge", 10.0)
    assert (found["usd_per_hour"], found["confidence"]) == (12.0, "derived")
    (found,) = derived(listings[2:], "x1.huge", 10.0)
    assert found["confidence"] == "low"


def test_a_doubtful_plain_price_makes_a_doubtful_managed_one() -> None:
    (found,) = derived([listing("ml.x1.a", region="r2")], "x1.a", 2.0, confidence="low")
    assert (found["usd_per_hour"], found["confidence"]) == (3.0, "low")


def test_spot_and_other_kinds_are_not_carried_over() -> None:
    assert derived([listing("ml.x1.a")], "x1.a", 1.0, kind="spot") == []
