"""Batches whose requests differ in size: who does which, held against the ordinary plan."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest

from catalog import Catalog
from planner.actions.by_size.batch import has_sizes, plan_batch_by_size
from planner.actions.planning import prepare
from planner.actions.recommend.plan import recommend
from planner.candidates.by_size import size_classes
from planner.errors import BadInput
from planner.optimize.choice import choose
from planner.performance.throughput import throughput_of
from planner.results import Recommendation
from planner.workload import BatchInference, RequestSize, Workload, parse

TODAY = date(2026, 1, 1)
# Prompts to read, and answers to write: what is good at one is dear at the other.
READ_AND_WRITE = [
    {"input_length": 2000, "output_length": 1, "share": "50%"},
    {"input_length": 500, "output_length": 2000, "share": "50%"},
]
BATCH: dict[str, Any] = {
    "kind": "batch-inference",
    "model": "llama-3.1-70b",
    "samples": "2M",
    "deadline": "8h",
    "requests": READ_AND_WRITE,
}
AWS: dict[str, Any] = {"clouds": ["aws"], "max_nodes": 200, "purchase": ["on_demand"]}


def workload(where: dict[str, Any] | None = None, **fields: Any) -> Workload:
    return parse({**BATCH, **fields, "where": {**AWS, **(where or {})}}, where="test")


def plan(catalog: Catalog, where: dict[str, Any] | None = None, **fields: Any) -> Recommendation:
    return recommend(workload(where, **fields), catalog, today=TODAY).recommendation


@pytest.fixture(scope="module")
def split(catalog: Catalog) -> Recommendation:
    return plan(catalog)


def test_it_costs_less_than_planning_for_the_average(
    catalog: Catalog, split: Recommendation
) -> None:
    prepared = prepare(workload(), catalog)
    cover = prepared.cover()
    assert cover is not None
    average = choose([prepared.options()], prepared.limits, None, covers={0: cover})
    assert split.mix is not None and split.mix.sizes is not None
    assert split.mix.cost_usd < 0.97 * float(average.solve.objective or 0.0)
    assert len({group.accelerator for group in split.mix.groups}) > 1


def test_every_request_is_done_in_time_at_the_risk_asked_for(split: Recommendation) -> None:
    mix = split.mix
    assert mix is not None and mix.sizes is not None
    assert sum(one.requests or 0.0 for one in mix.sizes) == pytest.approx(2e6)
    for one in mix.sizes:
        assert sum(one.by_group) == pytest.approx(1, abs=1e-5) and one.requests_per_second is None
    assert sum(group.share_of_work for group in mix.groups) == pytest.approx(1, abs=1e-5)
    for group in mix.groups:
        assert group.hours is not None and group.hours_p90 is not None
        assert group.hours < group.hours_p90 <= 8 * (1 + 1e-3)
        assert sum(group.cost_breakdown.model_dump().values()) == pytest.approx(
            group.cost_usd, rel=1e-4
        )
        assert group.cost_usd_p10 <= group.cost_usd <= group.cost_usd_p90
    assert sum(group.cost_usd for group in mix.groups) == pytest.approx(mix.cost_usd, rel=1e-5)
    assert mix.bound_usd is None or mix.cost_usd >= mix.bound_usd * (1 - 1e-6)


def test_hours_are_those_of_the_classes_one_after_the_other(catalog: Catalog) -> None:
    """Asked of the performance model by hand, class by class."""
    batch = workload()
    assert isinstance(batch, BatchInference)
    prepared = prepare(batch, catalog)
    found = plan_batch_by_size(prepared, catalog, (), "test")
    assert found is not None
    group = next(one for one in found.groups if not one.mixed)
    config = int(prepared.candidates.config[group.index])
    machines = prepared.candidates.machines.take(np.array([config]))
    hours = 0.0
    for size, requests in zip(found.classes, group.requests.tolist(), strict=True):
        alone = size.of_batch(batch, max(requests, 1.0))
        rate = throughput_of(alone, prepared.shape, machines, catalog=catalog).median[0]
        hours += requests / rate / 3600 if requests else 0.0
    expected = hours * float(found.found.hourly_usd[group.at]) + group.fixed_usd
    assert group.usd == pytest.approx(expected, rel=1e-4)


def test_where_one_kind_is_best_at_all_sizes_the_plan_is_the_ordinary_one(
    catalog: Catalog,
) -> None:
    found = plan(catalog, {"instance_types": ["inf2.xlarge"]}, model="llama-3.1-8b")
    assert found.mix is None or found.mix.sizes is None


@pytest.mark.nightly
def test_limits_hold(catalog: Catalog, split: Recommendation) -> None:
    found = plan(catalog, {"max_types": 1})
    assert len({group.accelerator for group in _groups(found)}) == 1
    assert _cost(found) >= _cost(split) * (1 - 1e-3)
    spread = plan(catalog, {"spread": "region:2:60%"})
    by_region: dict[str, float] = {}
    for group in _groups(spread):
        by_region[group.region] = by_region.get(group.region, 0.0) + group.share_of_work
    assert len(by_region) >= 2 and max(by_region.values()) <= 0.6 + 2e-3


def test_what_has_sizes_to_share_out() -> None:
    assert has_sizes(workload())
    assert not has_sizes(workload(deadline=None))
    assert not has_sizes(workload({"mix": "none"}))
    assert not has_sizes(workload(requests=[], input_length=100))
    assert not has_sizes(workload(requests=[{**READ_AND_WRITE[0], "share": "100%"}]))


def test_a_class_of_one_size_is_never_split() -> None:
    """Weights whose mean is off by its last bit once made an empty class."""
    for percent in range(1, 100):
        sizes = [
            RequestSize(input_length=500, output_length=500, share=percent / 100),
            RequestSize(input_length=100_000, output_length=1000, share=1 - percent / 100),
        ]
        assert len(size_classes(sizes)) == 2


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"requests": [{**READ_AND_WRITE[0], "share": "40%"}]}, "shares that add up to 0.4"),
        ({"input_length": 100}, "input_length does not go with requests"),
        ({"samples": None, "tokens": 100}, "is below input_length; one request"),
        ({"model": "bert-large"}, "requests"),
        (
            {"requests": [{"input_length": 200_000, "output_length": 1, "share": 1}]},
            "reads 131,072",
        ),
    ],
)
def test_sizes_that_cannot_be(catalog: Catalog, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput) as error:
        prepare(workload(**fields), catalog)
    assert said.removeprefix("input_length ") in str(error.value)


def _groups(found: Recommendation) -> list[Any]:
    return found.mix.groups if found.mix else [found.recommendation]


def _cost(found: Recommendation) -> float:
    return found.mix.cost_usd if found.mix else found.recommendation.cost_usd
