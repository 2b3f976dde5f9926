"""What anyone would expect of a recommendation, each with its reason.

The catalog and the model are the embedded ones, without own measurements.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import planner.candidates.priced
from catalog import Catalog
from catalog.accelerators import AcceleratorKind
from planner.actions.recommend.plan import Plan, recommend
from planner.candidates import Candidates, build, is_feasible
from planner.errors import BadInput, Infeasible
from planner.optimize.choice import Options, choose
from planner.results import Item
from planner.workload import Workload, parse
from tests.planner.conftest import Planner

TODAY = date(2026, 1, 1)
LORA: dict[str, Any] = {
    "kind": "finetune",
    "model": "llama-3.1-8b",
    "method": "lora",
    "tokens": "50M",
    "sequence_length": 4096,
}
MNIST: dict[str, Any] = {
    "kind": "vision-training",
    "model": "MNIST-CNN-pytorch-examples",
    "samples": 60000,
    "epochs": 14,
    "batch_size": 64,
    "decode_images": False,
}
JOBS = {
    "lora": LORA,
    "cnn": MNIST,
    "pretrain": {"kind": "pretrain", "model": "GPT2-124M", "tokens": "1B", "sequence_length": 1024},
    "resnet": {"kind": "vision-training", "model": "resnet50", "samples": "1.28M", "epochs": 10},
}


def workload(job: dict[str, Any], **changes: Any) -> Workload:
    return parse({**job, **changes}, where="test")


def plan(catalog: Catalog, job: dict[str, Any], **changes: Any) -> Plan:
    return recommend(workload(job, **changes), catalog, today=TODAY)


def best(catalog: Catalog, job: dict[str, Any], **changes: Any) -> Item:
    return plan(catalog, job, **changes).recommendation.recommendation


def cost(catalog: Catalog, job: dict[str, Any], **changes: Any) -> float:
    """Least cost; infinite when nothing is feasible within deadline, quotas and budget."""
    try:
        found = plan(catalog, job, **changes).recommendation
    except (Infeasible, BadInput):  # BadInput: the filters leave no offer at all
        return np.inf
    return found.recommendation.cost_usd if found.status == "ok" else np.inf


def candidates_of(catalog: Catalog, job: dict[str, Any], **changes: Any) -> Candidates:
    asked = workload(job, **changes)
    return build(asked, catalog.model_shape(asked.model), catalog)


@pytest.mark.parametrize("deadline", [None, "20m", "1h", "10h"])
def test_small_cnn_never_takes_more_than_one_accelerator(
    catalog: Catalog, deadline: str | None
) -> None:
    """A step of 64 digits is too little work to split: launches and all-reduces would dominate.

    The choice equals plain enumeration over every candidate that meets the deadline.
    """
    found = plan(catalog, MNIST, deadline=deadline)
    item = found.recommendation.recommendation
    assert item.nodes == 1
    device = catalog.accelerators[item.accelerator]
    if device.kind is not AcceleratorKind.CPU:
        assert item.accelerators <= 1
    c = found.candidates
    late = np.inf if deadline is None else workload(MNIST, deadline=deadline).deadline
    allowed = is_feasible(c) & (c.hours_at_risk <= late)
    assert item.cost_usd == pytest.approx(c.usd[allowed].min(), rel=1e-5)


@pytest.mark.parametrize("job", JOBS)
def test_choice_equals_enumeration(catalog: Catalog, job: str) -> None:
    found = plan(catalog, JOBS[job])
    c = found.candidates
    assert found.recommendation.recommendation.cost_usd == pytest.approx(
        c.usd[is_feasible(c)].min(), rel=1e-5
    )


@settings(max_examples=8, deadline=None)
@given(
    st.sampled_from(sorted(JOBS)),
    st.floats(0.3, 200),
    st.floats(1.0, 50),
    st.sampled_from([0.5, 0.8, 0.9, 0.95]),
)
def test_a_longer_deadline_never_costs_more(
    catalog: Catalog, job: str, hours: float, factor: float, risk: float
) -> None:
    """What was in time before still is."""
    tight = cost(catalog, JOBS[job], deadline=f"{hours}h", risk=risk)
    loose = cost(catalog, JOBS[job], deadline=f"{hours * factor}h", risk=risk)
    assert loose <= tight
    assert cost(catalog, JOBS[job]) <= loose


@settings(max_examples=10, deadline=None)
@given(st.floats(0.4, 20), st.floats(1.0, 10))
def test_a_larger_budget_never_costs_more(catalog: Catalog, usd: float, factor: float) -> None:
    """Every plan within the smaller budget is within the larger one."""
    small = cost(catalog, LORA, budget=usd, deadline="2h")
    large = cost(catalog, LORA, budget=usd * factor, deadline="2h")
    assert large <= small


def test_more_quota_never_costs_more(catalog: Catalog) -> None:
    where = {"clouds": ["aws"], "purchase": ["on_demand"]}
    free = best(catalog, LORA, where=where)
    classes = ["aws/G and VT on-demand", "aws/P on-demand", "aws/Trn on-demand"]
    costs = [
        cost(catalog, LORA, where={**where, "quotas": dict.fromkeys(classes, limit)})
        for limit in (0, 4, 8, 48, 192, 1e6)
    ]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == free.cost_usd
    assert costs[0] > costs[-1], "the winner draws on one of these quotas"


def test_quotas_count_what_the_cloud_counts(catalog: Catalog) -> None:
    """vCPUs on AWS and Azure, accelerators or vCPUs by class on GCP, instances elsewhere."""
    c = candidates_of(catalog, LORA)
    for index in range(0, len(c), 7):
        row, nodes = int(c.row[index]), float(c.nodes[index])
        name = c.offers.text("quota_class", row)
        if name.endswith("instances"):
            each = 1.0
        elif name.endswith(("GPUs", "chips")):
            each = c.offers.number("accelerator_count", row) or np.nan
        else:
            each = c.offers.number("vcpus", row) or np.nan
        assert c.quota_use[index] == each * nodes


@settings(max_examples=10, deadline=None)
@given(
    st.sets(st.sampled_from(["aws", "gcp", "azure", "lambda", "runpod", "nebius"]), min_size=1),
    st.sets(st.sampled_from(["on_demand", "spot"]), min_size=1),
    st.sampled_from([1, 2, 4, 8]),
)
def test_fewer_filters_never_cost_more(
    catalog: Catalog, clouds: set[str], purchase: set[str], max_nodes: int
) -> None:
    """Each filter only takes offers away."""
    where: dict[str, Any] = {
        "clouds": sorted(clouds),
        "purchase": sorted(purchase),
        "max_nodes": max_nodes,
    }
    filtered = cost(catalog, LORA, where=where)
    for name in where:
        assert cost(catalog, LORA, where={k: v for k, v in where.items() if k != name}) <= filtered
    assert cost(catalog, LORA, where={**where, "max_nodes": max_nodes * 2}) <= filtered


def test_higher_confidence_never_costs_less(catalog: Catalog) -> None:
    costs = [cost(catalog, LORA, deadline="1h", risk=risk) for risk in (0.5, 0.7, 0.9, 0.99)]
    assert costs == sorted(costs)


@pytest.mark.parametrize("job", JOBS)
def test_forbidding_the_winner_yields_the_runner_up(catalog: Catalog, job: str) -> None:
    found = plan(catalog, JOBS[job])
    c, rows = found.candidates, found.feasible
    options = Options(
        c.usd[rows], c.usd_at_risk[rows], [""] * len(rows), c.quota_use[rows], np.arange(len(rows))
    )
    (winner,) = choose([options], {}, None).picks
    ranked = np.lexsort((np.arange(len(rows)), c.usd[rows]))
    assert winner == ranked[0]
    others = np.delete(np.arange(len(rows)), winner)
    without = Options(
        options.cost[others],
        options.cost_at_risk[others],
        [""] * len(others),
        options.quota_use[others],
        np.arange(len(others)),
    )
    (second,) = choose([without], {}, None).picks
    assert others[second] == ranked[1]


def test_forbidding_the_winners_machine_yields_the_next_machine(catalog: Catalog) -> None:
    """The same through the user's own filters."""
    found = plan(catalog, LORA)
    c, rows = found.candidates, found.feasible
    winner = found.recommendation.recommendation.instance_type
    names = [c.offers.text("instance_type", int(c.row[i])) for i in rows]
    others = np.array([name != winner for name in names])
    item = best(catalog, LORA, where={"instance_types": sorted(set(names) - {winner})})
    assert item.cost_usd == pytest.approx(c.usd[rows][others].min(), rel=1e-5)


def test_spot_without_interruptions_is_spot_price_times_time(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(low: Any, high: Any) -> Any:
        return np.zeros(len(low)), np.zeros(len(low), bool)

    monkeypatch.setattr(planner.candidates.priced, "interruptions_per_hour", never)
    c = candidates_of(catalog, LORA, where={"purchase": ["spot"]})
    fine = is_feasible(c)
    hours = c.work_hours + c.set_up_hours
    assert c.hours[fine] == pytest.approx(hours[fine], rel=1e-3)
    price = c.offers.numbers["usd_per_hour"][c.row]
    increment = np.nan_to_num(c.offers.numbers["billing_increment_s"][c.row], nan=1.0) / 3600
    minimum = np.nan_to_num(c.offers.numbers["minimum_s"][c.row]) / 3600
    floor = price * c.nodes * hours
    assert np.all(c.usd[fine] >= floor[fine] * (1 - 1e-9))
    most = price * c.nodes * np.maximum(hours * (1 + 1e-3) + increment, minimum)
    assert np.all(c.usd[fine] <= most[fine] * (1 + 1e-9))


@pytest.mark.parametrize("method", ["full", "lora"])
def test_70b_in_bf16_never_lands_on_one_80_gb_device(catalog: Catalog, method: str) -> None:
    """70.6 B weights in bf16 alone are 131 GiB."""
    c = candidates_of(
        catalog,
        {"kind": "finetune", "model": "llama-3.1-70b", "tokens": "10M"},
        method=method,
        precision="bf16",
    )
    memory = c.machines.memory[c.config] / 2**30
    alone = (c.machines.total[c.config] == 1) & ~c.machines.is_cpu[c.config]
    small = alone & (memory <= 81)
    assert small.any()
    assert not np.any(is_feasible(c) & small)
    assert np.any(is_feasible(c))


def test_405b_full_training_on_one_node_says_by_how_much_it_misses(catalog: Catalog) -> None:
    """405 B x 16 bytes of states over 8 devices are 755 GiB each, 80 GiB are there."""
    job = {"kind": "finetune", "model": "llama-3.1-405b", "method": "full", "tokens": "10M"}
    where = {"instance_types": ["p5.48xlarge"], "accelerators": ["H100-80GB"], "max_nodes": 1}
    with pytest.raises(Infeasible, match=r"does not fit: the closest misses [\d.]+ GiB") as found:
        plan(catalog, job, where=where)
    missing = re.search(r"misses ([\d.]+) GiB", str(found.value))
    assert missing
    assert 405.9e9 * 16 / 8 / 2**30 - 80 < float(missing[1]) < 900
    assert found.value.exit_code == 3


def test_no_device_is_given_work_it_cannot_do(catalog: Catalog) -> None:
    for job in JOBS.values():
        c = candidates_of(catalog, job, where={"price_confidence": "any"})
        for device in {device.name for device in c.machines.devices}:
            assert "training" in catalog.accelerators[device].can_run


def test_only_devices_that_cannot_train_is_infeasible(planner: Planner) -> None:
    flags = ["--model", "llama-3.1-8b", "--finetune", "lora", "--tokens", "5M"]
    result = planner("recommend", *flags, "--accelerator", "Inferentia2")
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith("infeasible: ")
    assert "device cannot train" in result.err


@pytest.mark.parametrize("job", JOBS)
def test_intervals_and_front_are_in_order(catalog: Catalog, job: str) -> None:
    found = plan(catalog, JOBS[job])
    c, rows = found.candidates, found.feasible
    assert np.all(c.hours_p10[rows] < c.hours[rows])
    assert np.all(c.hours[rows] < c.hours_p90[rows])
    assert np.all(c.usd_p10[rows] <= c.usd[rows])
    assert np.all(c.usd[rows] <= c.usd_p90[rows])
    throughput = c.throughput
    fine = np.isfinite(throughput.median)
    assert np.all(throughput.p10[fine] < throughput.median[fine])
    assert np.all(throughput.median[fine] < throughput.p90[fine])
    front = found.recommendation.pareto
    assert [point.hours for point in front] == sorted(point.hours for point in front)
    costs = [point.cost_usd for point in front]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] == found.recommendation.recommendation.cost_usd


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_of_plans_that_cost_the_same_the_one_that_ends_sooner(
    catalog: Catalog, job: dict[str, Any]
) -> None:
    """Prices are billed in steps, so that two machines often cost just what one does."""
    found = plan(catalog, job)
    c, rows = found.candidates, found.feasible
    same = rows[np.abs(c.usd[rows] - c.usd[rows].min()) < 1e-9]
    assert found.recommendation.recommendation.hours == pytest.approx(c.hours[same].min(), rel=1e-4)
