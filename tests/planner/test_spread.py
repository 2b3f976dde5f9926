"""Services and batches spread over zones, regions or clouds, and mixes of few accelerators."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from catalog import Catalog
from planner.actions.recommend.plan import recommend
from planner.errors import BadInput, Infeasible
from planner.results import Item, Recommendation
from planner.workload import parse
from tests.planner.conftest import Planner

TODAY = date(2026, 1, 1)
CHAT: dict[str, Any] = {
    "kind": "serving",
    "model": "llama-3.1-8b",
    "requests_per_second": 30,
    "ttft_p95": "3s",
    "tpot_p95": "80ms",
}
BATCH: dict[str, Any] = {
    "kind": "batch-inference",
    "model": "llama-3.1-8b",
    "tokens": "2B",
    "deadline": "6h",
}
SIZES = [
    {"input_length": 200, "output_length": 100, "share": "90%"},
    {"input_length": 30_000, "output_length": 800, "share": "10%"},
]
TWO: dict[str, Any] = {
    "clouds": ["aws", "gcp"],
    "accelerators": ["L4", "L40S", "T4", "A10G"],
    "max_nodes": 64,
}


def plan(
    catalog: Catalog, base: dict[str, Any], where: dict[str, Any], **fields: Any
) -> Recommendation:
    explain = bool(fields.pop("explain", False))
    work = parse({**base, **fields, "where": {**TWO, **where}}, where="test")
    return recommend(work, catalog, today=TODAY, explain=explain).recommendation


def groups(found: Recommendation) -> list[Item]:
    return found.mix.groups if found.mix else [found.recommendation]


def cost(found: Recommendation) -> float:
    return found.mix.cost_usd if found.mix else found.recommendation.cost_usd


def shares(found: Recommendation, *names: str) -> dict[tuple[object, ...], float]:
    by_place: dict[tuple[object, ...], float] = {}
    for item in groups(found):
        place = tuple(getattr(item, name) for name in names)
        by_place[place] = by_place.get(place, 0.0) + item.share_of_work
    return by_place


@pytest.fixture(scope="module")
def free(catalog: Catalog) -> Recommendation:
    return plan(catalog, CHAT, {})


def test_a_service_over_two_clouds(catalog: Catalog, free: Recommendation) -> None:
    found = plan(catalog, CHAT, {"spread": "cloud:2:60%"}, explain=True)
    by_cloud = shares(found, "cloud")
    assert set(by_cloud) == {("aws",), ("gcp",)} and max(by_cloud.values()) <= 0.6 + 1e-6
    assert sum(by_cloud.values()) == pytest.approx(1, abs=1e-5)
    assert cost(found) > cost(free)
    assert found.mix is not None and found.mix.simulation is not None
    assert found.mix.simulation.met is True
    # what the limit costs is what the plan without it costs less
    without = next(r for r in found.relaxations or () if r.constraint == "where.spread")
    assert without.cost_usd <= cost(free) * (1 + 1e-6)
    asked = "Spread as asked (2 clouds, at most 60%"
    assert any(line.startswith(asked) for line in found.explanation)


def test_zones_of_a_region_are_assumed_and_said(catalog: Catalog, free: Recommendation) -> None:
    found = plan(catalog, CHAT, {"spread": {"over": "zone", "at_least": 3, "max_share": 0.5}})
    by_zone = shares(found, "cloud", "region", "zone_number")
    assert len(by_zone) >= 3 and max(by_zone.values()) <= 0.5 + 1e-6
    assert len({place[:2] for place in by_zone}) == 1
    assert {place[2] for place in by_zone} <= {1, 2, 3}
    assert all(item.zone is None for item in groups(found))
    assert any("each zone has these machines is assumed" in line for line in found.explanation)
    assert cost(found) >= cost(free) * (1 - 1e-6)


def test_regions_need_no_mix_anywhere_to_be_said(catalog: Catalog) -> None:
    found = plan(catalog, CHAT, {"spread": "region:3:40%"})
    by_region = shares(found, "cloud", "region")
    assert len(by_region) >= 3 and max(by_region.values()) <= 0.4 + 1e-6
    assert found.workload["where"]["mix"] == "anywhere"


def test_a_batch_over_two_clouds_ends_in_time(catalog: Catalog) -> None:
    alone = plan(catalog, BATCH, {"purchase": ["on_demand"]})
    found = plan(catalog, BATCH, {"purchase": ["on_demand"], "spread": "cloud:2:70%"})
    by_cloud = shares(found, "cloud")
    assert len(by_cloud) == 2 and max(by_cloud.values()) <= 0.7 + 1e-6
    assert all(item.hours is not None and item.hours <= 6 + 1e-6 for item in groups(found))
    assert cost(found) >= cost(alone) * (1 - 1e-6)


def test_requests_by_size_are_spread_too(catalog: Catalog) -> None:
    where = {
        **{"clouds": ["gcp"], "regions": ["us-central1"], "accelerators": ["L4", "A100-80GB"]},
        **{"spread": "zone:2:60%", "max_types": 1},
    }
    found = plan(catalog, CHAT, where, requests=SIZES)
    by_zone = shares(found, "zone_number")
    assert len(by_zone) >= 2 and max(by_zone.values()) <= 0.6 + 2e-3
    assert len({item.accelerator for item in groups(found)}) == 1


@pytest.mark.nightly
def test_more_kinds_never_cost_more(catalog: Catalog) -> None:
    where = {"clouds": ["gcp"], "mix": "anywhere"}
    one, two = (plan(catalog, CHAT, {**where, "max_types": n}, requests=SIZES) for n in (1, 2))
    assert len({item.accelerator for item in groups(one)}) == 1
    assert len({item.accelerator for item in groups(two)}) <= 2
    assert cost(two) <= cost(one) * (1 + 2e-3)


def test_a_single_cloud_is_no_spread_over_two(catalog: Catalog) -> None:
    with pytest.raises(Infeasible, match="spread over 2 clouds") as error:
        plan(catalog, CHAT, {"clouds": ["gcp"], "spread": "cloud:2"})
    assert any(r.startswith("no spread over clouds alone would help") for r in error.value.reasons)
    assert any(r.startswith("other clouds alone would help") for r in error.value.reasons)


@pytest.mark.parametrize(
    ("base", "where", "said"),
    [
        (CHAT, {"spread": "planet:2"}, "where.spread.over"),
        (CHAT, {"spread": "cloud:2:60%:9"}, "write e.g. cloud:2 or zone:2:60%"),
        (CHAT, {"spread": "cloud:1"}, "asks for nothing"),
        (CHAT, {"spread": "zone:4"}, "assumed to have 3"),
        (CHAT, {"spread": {"over": "zone", "max_share": 0}}, "where.spread.max_share"),
        (CHAT, {"max_types": 0}, "where.max_types"),
        ({**CHAT, "spare_machines": 1}, {"spread": "zone:2"}, "spare_machines are kept in one"),
        ({**BATCH, "deadline": None}, {"spread": "zone:2"}, "deadline"),
        (CHAT, {"spread": "zone:2", "mix": "none"}, "mix is none"),
        ({**CHAT, "data": {"at": "aws"}}, {"spread": "zone:2"}, "data.at keeps it in one place"),
        (
            {"kind": "finetune", "model": "llama-3.1-8b", "method": "lora", "tokens": "1M"},
            {"spread": "zone:2"},
            "kind finetune runs on machines of one configuration",
        ),
    ],
)
def test_spreads_that_cannot_be(base: dict[str, Any], where: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as error:
        parse({**base, "where": where}, where="job.yaml")
    assert said in str(error.value)


def test_flags(planner: Planner) -> None:
    outcome = planner(
        "recommend", "--serve", "--model", "llama-3.1-8b", "--rate", "30", "--ttft-p95", "3s",
        "--cloud", "aws", "--cloud", "gcp", "--spread", "cloud:2:60%", "--max-types", "2",
        "--format", "json",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert len({group["cloud"] for group in found["mix"]["groups"]}) == 2
    assert found["workload"]["where"]["spread"] == {
        "over": "cloud", "at_least": 2, "max_share": 0.6,
    }  # fmt: skip
    refused = planner("recommend", "--serve", "--model", "llama-3.1-8b", "--spread", "cloud")
    assert refused.code == 2
