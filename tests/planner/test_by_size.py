"""Services whose requests differ in size: who serves which, checked against the ordinary plan."""

from __future__ import annotations

import itertools
from datetime import date
from typing import Any

import numpy as np
import pytest

from catalog import Catalog
from planner.actions.by_size.service import has_sizes, plan_by_size
from planner.actions.planning import Prepared, prepare
from planner.actions.recommend.plan import recommend
from planner.candidates.by_size import SizeClass, by_size, size_classes
from planner.errors import Infeasible
from planner.results import Item, Recommendation
from planner.workload import RequestSize, Serving, Workload, parse
from tests.planner.conftest import Planner

TODAY = date(2026, 1, 1)
SHORT_AND_LONG = [
    {"input_length": 200, "output_length": 100, "share": "90%"},
    {"input_length": 30_000, "output_length": 800, "share": "10%"},
]
CHAT: dict[str, Any] = {
    "kind": "serving",
    "model": "llama-3.1-8b",
    "requests_per_second": 30,
    "ttft_p95": "3s",
    "tpot_p95": "80ms",
    "requests": SHORT_AND_LONG,
}
GCP: dict[str, Any] = {"clouds": ["gcp"], "max_nodes": 64}


def workload(where: dict[str, Any] | None = None, **fields: Any) -> Workload:
    return parse({**CHAT, **fields, "where": where or GCP}, where="test")


def plan(catalog: Catalog, where: dict[str, Any] | None = None, **fields: Any) -> Recommendation:
    return recommend(workload(where, **fields), catalog, today=TODAY).recommendation


def groups(found: Recommendation) -> list[Item]:
    return found.mix.groups if found.mix else [found.recommendation]


def hourly(found: Recommendation) -> float:
    cost = found.mix.cost_usd_per_hour if found.mix else found.recommendation.cost_usd_per_hour
    assert cost is not None
    return cost


@pytest.fixture(scope="module")
def split(catalog: Catalog) -> Recommendation:
    return plan(catalog)


def test_long_and_short_requests_go_to_different_machines_where_that_pays(
    catalog: Catalog, split: Recommendation
) -> None:
    mix = split.mix
    assert mix is not None and mix.sizes is not None
    short, long = mix.sizes
    assert (short.input_length, long.input_length) == (200, 30_000)
    # the machines that serve most of the long ones serve few of the short ones
    at_long = int(np.argmax(long.by_group))
    assert long.by_group[at_long] > 0.5 > short.by_group[at_long]
    big = mix.groups[at_long]
    small = mix.groups[int(np.argmax(short.by_group))]
    assert (big.memory_gib or 0) * big.accelerators > (small.memory_gib or 0) * small.accelerators
    alone = plan(catalog, {**GCP, "mix": "none"})
    assert hourly(split) < 0.98 * hourly(alone)
    assert mix.saved_usd == pytest.approx(730 * (hourly(alone) - hourly(split)), rel=0.01)


def test_everything_is_served_and_adds_up(split: Recommendation) -> None:
    mix = split.mix
    assert mix is not None and mix.sizes is not None and mix.cost_usd_per_hour is not None
    for one in mix.sizes:
        assert sum(one.by_group) == pytest.approx(1, abs=1e-5)
    assert sum(one.share for one in mix.sizes) == pytest.approx(1)
    assert sum(one.requests_per_second for one in mix.sizes) == pytest.approx(30)
    assert sum(g.share_of_work or 0 for g in mix.groups) == pytest.approx(1, abs=1e-4)
    assert sum(g.cost_usd for g in mix.groups) == pytest.approx(mix.cost_usd, rel=1e-4)
    for g in mix.groups:
        assert g.cost_usd_per_hour == pytest.approx(g.price.usd_per_hour * g.nodes, rel=1e-4)
        assert sum(g.cost_breakdown.model_dump().values()) == pytest.approx(g.cost_usd, rel=1e-4)
    assert len({(g.cloud, g.region) for g in mix.groups}) == 1
    assert sum(g.nodes for g in mix.groups) <= 64
    tokens = 30 * (0.9 * 100 + 0.1 * 800) * 3600
    assert mix.usd_per_million_tokens == pytest.approx(
        mix.cost_usd_per_hour / tokens * 1e6, rel=1e-4
    )
    assert f"${mix.usd_per_million_tokens:.2f}/M tokens" in split.headline


def test_the_bound_is_below_and_the_simulation_keeps_the_targets(split: Recommendation) -> None:
    mix = split.mix
    assert mix is not None and mix.simulation is not None
    assert mix.bound_usd_per_hour is not None and mix.cost_usd_per_hour is not None
    assert mix.bound_usd_per_hour <= mix.cost_usd_per_hour
    assert mix.gap is not None and 0 <= mix.gap < 0.2
    assert mix.simulation.met is True
    for item, seen in zip(mix.groups, mix.simulation.groups, strict=True):
        assert item.latency is not None and item.latency.ttft_p95_s is not None
        assert item.latency.ttft_p95_s <= 3.0
        if seen is not None:
            assert seen.ttft_p95_s <= 3.0 * 1.02
            assert (seen.tpot_p95_s or 0) <= 0.08 * 1.02
    text = " ".join(split.explanation)
    assert "Requests of about 30,000 + 800 tokens (10%)" in text
    assert "Simulated, " in text


@pytest.mark.parametrize("clouds", [["aws"], ["gcp"]])
@pytest.mark.parametrize("rate", [6, 45])
def test_never_dearer_than_one_configuration(
    catalog: Catalog, clouds: list[str], rate: float
) -> None:
    where = {"clouds": clouds, "max_nodes": 64}
    sizes = [
        {"input_length": 128, "output_length": 60, "share": "50%"},
        {"input_length": 1_500, "output_length": 250, "share": "35%"},
        {"input_length": 9_000, "output_length": 400, "share": "15%"},
    ]
    asked = {"requests_per_second": rate, "requests": sizes}
    alone = hourly(plan(catalog, {**where, "mix": "none"}, **asked))
    region = hourly(plan(catalog, where, **asked))
    assert region <= alone * (1 + 1e-6)
    assert hourly(plan(catalog, {**where, "mix": "anywhere"}, **asked)) <= region * (1 + 2e-3)


def enumerated(prepared: Prepared, catalog: Catalog, most: int) -> float:
    """USD/h of the cheapest counts of two machine types that carry two classes: a knapsack."""
    service = prepared.workload
    assert isinstance(service, Serving)
    found = by_size(
        service,
        prepared.shape,
        catalog,
        prepared.candidates,
        size_classes(service.requests),
        (),
        "test",
    )
    assert len(found.index) == 2 and len(found.classes) == 2
    rate = np.array([one.share for one in found.classes]) * service.peak_rate
    best = np.inf
    steps = np.linspace(0, 1, 2001)
    for counts in itertools.product(range(most + 1), repeat=2):
        cost = float(found.usd_per_hour @ np.array(counts))
        if cost >= best:
            continue
        # x of the short ones on the first machine; as many of the long ones as then fit there
        with np.errstate(divide="ignore", invalid="ignore"):
            load = rate / found.rate  # (machine, class)
        short = np.nan_to_num(steps * load[0, 0], posinf=np.inf)
        room = np.maximum(counts[0] - short, 0.0)
        long = np.minimum(room / load[0, 1], 1.0)
        second = (1 - steps) * load[1, 0]
        second += np.where(long < 1, (1 - long) * load[1, 1], 0.0)
        if ((short <= counts[0] + 1e-9) & (second <= counts[1] + 1e-9)).any():
            best = cost
    return best


@pytest.mark.parametrize("rate", [4, 11, 23])
def test_two_machine_types_are_counted_as_by_enumeration(catalog: Catalog, rate: float) -> None:
    where = {
        "clouds": ["gcp"],
        "regions": ["us-central1"],
        "instance_types": ["g2-standard-8", "a3-highgpu-1g"],
        "purchase": ["spot"],
        "max_nodes": 64,
    }
    sizes = [
        {"input_length": 200, "output_length": 100, "share": "80%"},
        {"input_length": 6_000, "output_length": 300, "share": "20%"},
    ]
    asked = workload(where, requests_per_second=rate, requests=sizes, tpot_p95="120ms")
    prepared = prepare(asked, catalog)
    found = plan_by_size(prepared, catalog, (), "test")
    best = enumerated(prepared, catalog, 24)
    assert found is not None and np.isfinite(best)
    assert found.bound_usd_per_hour == pytest.approx(best, rel=2e-3)
    if found.tightened == 0:
        assert found.usd_per_hour == pytest.approx(best, rel=2e-3)
    assert found.usd_per_hour >= best * (1 - 1e-9)


def test_what_a_group_gets_is_what_the_model_says_it_carries(catalog: Catalog) -> None:
    """Loads of classes do not simply add up: the whole is asked of the model again."""
    prepared = prepare(workload(), catalog)
    found = plan_by_size(prepared, catalog, (), "test")
    assert found is not None
    for group in found.groups:
        carried = float(group.estimate.p10[0]) * group.count
        assert group.rate.sum() <= carried * (1 + 1.001e-3)
        assert ((group.rate == 0) | (group.rate > 1e-3 * 30 * 0.1)).all()


def test_quotas_machines_and_spot_share_hold(catalog: Catalog) -> None:
    where = {**GCP, "purchase": ["on_demand", "spot"], "max_spot_share": 0.4, "max_nodes": 20}
    found = plan(catalog, where)
    spot = sum(g.share_of_work or 1.0 for g in groups(found) if g.purchase == "spot")
    assert 0 < spot <= 0.4 + 1e-6
    assert sum(g.nodes for g in groups(found)) <= 20
    first = max(groups(found), key=lambda g: g.cost_usd)
    fewer = plan(catalog, {**where, "exclude": [f"{first.cloud}/{first.region}"]})
    assert hourly(fewer) >= hourly(found) * (1 - 1e-6)
    classes = set(catalog.offers.vocabularies["quota_class"])
    h100 = next(name for name in sorted(classes) if "H100" in name and name.startswith("gcp"))
    capped = plan(catalog, {**GCP, "quotas": {h100: 2}})
    drawn = sum(g.accelerators for g in groups(capped) if g.accelerator.startswith("H100"))
    assert drawn <= 2


def test_a_mix_for_the_mean_may_be_on_spot_in_part(catalog: Catalog) -> None:
    where = {"clouds": ["aws"], "purchase": ["on_demand", "spot"], "max_spot_share": 0.5}
    found = plan(catalog, {**where, "max_nodes": 64}, requests=[], input_length=800)
    assert found.mix is not None and found.mix.sizes is None
    kinds = {g.purchase for g in found.mix.groups}
    assert kinds == {"on_demand", "spot"}
    assert found.mix.simulation is not None and found.mix.simulation.met is True


def test_spares_are_kept_in_every_group(catalog: Catalog, split: Recommendation) -> None:
    spare = plan(catalog, spare_machines=1)
    assert hourly(spare) > hourly(split)
    if spare.mix is not None and spare.mix.sizes is not None:
        assert all(g.nodes >= 2 for g in spare.mix.groups)


def test_a_budget_is_checked_against_the_mix(catalog: Catalog, split: Recommendation) -> None:
    cost = 730 * hourly(split)
    assert plan(catalog, budget=f"{cost * 1.001:.0f} USD").status == "ok"
    assert plan(catalog, budget=f"{cost * 0.99:.0f} USD").status == "over_budget"


def test_own_machines_join(catalog: Catalog, split: Recommendation) -> None:
    site = {
        "name": "lab",
        "accelerator": "A100-80GB",
        "accelerators_per_machine": 4,
        "machines": 1,
        "vcpus": 64,
        "memory": "512GiB",
        "power": "3kW",
        "usd_per_kwh": 0.1,
    }
    found = plan(catalog, {**GCP, "on_prem": [site]})
    assert hourly(found) < hourly(split)
    assert sum(g.nodes for g in groups(found) if g.cloud == "on-prem") == 1


def test_one_size_is_planned_as_before(catalog: Catalog) -> None:
    one = workload(requests=[{"input_length": 700, "output_length": 90, "share": 1}])
    assert not has_sizes(one)
    assert not has_sizes(workload(requests=[], input_length=700))
    assert not has_sizes(workload({**GCP, "mix": "none"}))
    assert not has_sizes(workload(autoscaling={"mean_requests_per_second": 5}))
    assert has_sizes(workload())


def test_a_plan_by_size_may_exist_where_no_single_one_does(catalog: Catalog) -> None:
    """The small machines are too slow for the long requests, the big ones are too few for all."""
    where = {**GCP, "instance_types": ["g2-standard-96", "a3-highgpu-8g"], "purchase": ["spot"]}
    sizes = [
        {"input_length": 500, "output_length": 1500, "share": "70%"},
        {"input_length": 30_000, "output_length": 20, "share": "30%"},
    ]
    asked: dict[str, Any] = {"requests": sizes, "requests_per_second": 48}
    c = prepare(workload(where, **asked), catalog).candidates
    big = c.offers.is_in("instance_type", ["a3-highgpu-8g"])[c.row]
    assert np.isnan(c.count[~big]).all()
    needed = int(np.nanmin(c.count[big]))
    short = {**where, "quotas": {c.offers.text("quota_class", int(c.row[big][0])): 8 * needed - 1}}
    with pytest.raises(Infeasible):
        plan(catalog, {**short, "mix": "none"}, **asked)
    found = plan(catalog, short, **asked)
    assert found.mix is not None and found.mix.sizes is not None
    counts = {g.instance_type: g.nodes for g in found.mix.groups}
    assert 0 < counts["a3-highgpu-8g"] < needed
    assert counts["g2-standard-96"] > 0
    assert found.mix.saved_usd == 0.0


def test_explain_and_json_name_the_classes(planner: Planner, tmp_path: Any) -> None:
    import json

    import yaml

    file = tmp_path / "chat.yaml"
    file.write_text(yaml.safe_dump({**CHAT, "where": GCP}))
    done = planner("recommend", file, "--format", "json", "--near", "10%")
    assert done.code == 0
    found = json.loads(done.out)
    assert [one["share"] for one in found["mix"]["sizes"]] == [0.9, 0.1]
    table = planner("recommend", file)
    assert "30,000 + 800" in table.out


def sizes(*triples: tuple[int, int, float]) -> list[RequestSize]:
    return [RequestSize(input_length=i, output_length=o, share=s) for i, o, s in triples]


def test_classes_keep_every_request() -> None:
    rng = np.random.default_rng(5)
    share = rng.dirichlet(np.ones(200))
    many = sizes(
        *(
            (int(new), int(out), float(part))
            for new, out, part in zip(
                np.exp(rng.normal(6, 1.5, 200)) + 1,
                np.exp(rng.normal(5, 1.0, 200)) + 1,
                share,
                strict=True,
            )
        )
    )
    found = size_classes(many, 12)
    assert len(found) == 12
    assert sum(one.share for one in found) == pytest.approx(1)
    mean = sum(one.share * one.input_length for one in found)
    assert mean == pytest.approx(sum(one.share * one.input_length for one in many), rel=1e-6)
    inside = [size.input_length for one in found for size in one.sizes]
    assert sorted(inside) == sorted(
        {(s.input_length, s.output_length): s.input_length for s in many}.values()
    )


def test_few_sizes_are_classes_of_their_own_and_equal_ones_are_one() -> None:
    found = size_classes(sizes((10, 5, 0.25), (900, 5, 0.5), (10, 5, 0.25)))
    assert [(one.input_length, one.share) for one in found] == [(10, 0.5), (900, 0.5)]
    assert found[0] == SizeClass(tuple(sizes((10, 5, 1.0))), 0.5)
