"""Services: sized for a rate, paid by the hour, told by latency."""

from __future__ import annotations

import csv
import io
import json
import math
from datetime import date
from typing import Any, ClassVar

import numpy as np
import pytest

from catalog import Catalog
from planner.actions.planning import Prepared, prepare
from planner.actions.recommend.plan import Plan, recommend
from planner.errors import Infeasible
from planner.report.rows import to_csv, to_markdown
from planner.workload import Workload, parse
from tests.planner.conftest import Planner

TODAY = date(2026, 1, 1)
CHAT: dict[str, Any] = {
    "kind": "serving",
    "model": "llama-3.1-8b",
    "requests_per_second": 20,
    "ttft_p95": "1s",
    "tpot_p95": "60ms",
}
AWS: dict[str, Any] = {"clouds": ["aws"], "purchase": ["on_demand"]}
ONE: dict[str, Any] = {**AWS, "mix": "none"}


def workload(where: dict[str, Any] | None = None, **fields: Any) -> Workload:
    return parse({**CHAT, **fields, "where": where or AWS}, where="test")


def plan(catalog: Catalog, where: dict[str, Any] | None = None, **fields: Any) -> Plan:
    return recommend(workload(where, **fields), catalog, today=TODAY)


def prepared(catalog: Catalog, where: dict[str, Any] | None = None, **fields: Any) -> Prepared:
    return prepare(workload(where, **fields), catalog)


def test_enough_groups_for_the_rate_and_no_group_too_many(catalog: Catalog) -> None:
    c = prepared(catalog).candidates
    rows = np.flatnonzero(np.isfinite(c.count))
    carried = c.count[rows] * c.group_rate[rows]
    assert np.all(carried >= 20 * (1 - 1e-9))
    assert np.all((c.count[rows] - 1) * c.group_rate[rows] < 20)


def test_an_hour_costs_its_machines(catalog: Catalog) -> None:
    item = plan(catalog, ONE).recommendation.recommendation
    assert item.cost_usd_per_hour is not None
    assert item.cost_usd_per_hour == pytest.approx(item.price.usd_per_hour * item.nodes, rel=1e-5)
    assert item.cost_usd == pytest.approx(item.cost_usd_per_hour * 730, rel=1e-5)
    assert item.hours is None
    assert item.horizon_hours == 730
    lines = item.cost_breakdown.model_dump()
    assert sum(lines.values()) == pytest.approx(item.cost_usd, rel=2e-5)
    tokens = 20 * 256 * 3600
    assert item.usd_per_million_tokens == pytest.approx(
        item.cost_usd_per_hour / tokens * 1e6, rel=1e-4
    )


def test_latencies_asked_for_hold(catalog: Catalog) -> None:
    latency = plan(catalog).recommendation.recommendation.latency
    assert latency is not None
    assert latency.ttft_p95_s is not None and latency.ttft_p95_s <= 1.0
    assert latency.tpot_p95_s is not None and latency.tpot_p95_s <= 0.06
    assert latency.tpot_p50_s is not None and latency.tpot_p50_s <= latency.tpot_p95_s


@pytest.mark.parametrize(
    "change",
    [{"tpot_p95": "30ms"}, {"ttft_p95": "300ms"}, {"requests_per_second": 60}, {"risk": 0.97}],
)
def test_asking_for_more_never_costs_less(catalog: Catalog, change: dict[str, Any]) -> None:
    """A tighter latency, a higher rate, a surer promise."""
    usual = plan(catalog, ONE).recommendation.recommendation.cost_usd
    more = plan(catalog, ONE, **change).recommendation.recommendation.cost_usd
    assert more >= usual * (1 - 1e-9)


def test_spares_are_machines_on_top(catalog: Catalog) -> None:
    usual = prepared(catalog).candidates
    spare = prepared(catalog, spare_machines=2).candidates
    both = np.isfinite(usual.count) & np.isfinite(spare.count)
    single = usual.machines.nodes[usual.config] == 1
    assert np.all((spare.count - usual.count)[both & single] == 2)


def test_autoscaling_pays_the_mean(catalog: Catalog) -> None:
    scaled = {"mean_requests_per_second": 2, "min_machines": 1}
    usual = plan(catalog).recommendation.recommendation
    less = plan(catalog, autoscaling=scaled).recommendation.recommendation
    assert less.cost_usd < usual.cost_usd


def test_a_longer_cold_start_keeps_more_ready(catalog: Catalog) -> None:
    """What starts in an hour must run before the morning's ramp; what starts at once need not."""
    costs = []
    for start in ("1s", "20m", "1h"):
        scaled = {"mean_requests_per_second": 2, "cold_start": start}
        c = prepared(catalog, ONE, autoscaling=scaled).candidates
        costs.append(c.usd[np.isfinite(c.usd)])
    assert np.all(costs[0] <= costs[1]) and np.all(costs[1] <= costs[2])
    assert np.any(costs[0] < costs[2])


def test_mean_rate_is_planned_for_its_peak(catalog: Catalog) -> None:
    c = prepared(catalog, rate="mean", peak_to_mean=3).candidates
    assert c.amount.per_second == pytest.approx(60)
    assert c.amount.mean_per_second == pytest.approx(20)


def test_spot_machines_that_are_taken_back_count_for_less(catalog: Catalog) -> None:
    where = {"clouds": ["aws"], "purchase": ["spot"]}
    c = prepared(catalog, where).candidates
    calm = prepared(catalog, {**where, "spot_interruptions": False}).candidates
    rows = np.isfinite(c.group_rate)
    assert np.all(c.group_rate[rows] <= calm.group_rate[rows])
    assert np.any(c.group_rate[rows] < calm.group_rate[rows])


def test_a_mix_is_never_dearer_than_one_configuration(catalog: Catalog) -> None:
    for rate in (3, 17, 45):
        alone = plan(catalog, ONE, requests_per_second=rate).recommendation
        region = plan(catalog, AWS, requests_per_second=rate).recommendation
        anywhere = plan(catalog, {**AWS, "mix": "anywhere"}, requests_per_second=rate)
        costs = [
            found.mix.cost_usd if found.mix else found.recommendation.cost_usd
            for found in (alone, region, anywhere.recommendation)
        ]
        assert costs[1] <= costs[0] * (1 + 2e-5)
        assert costs[2] <= costs[1] * (1 + 2e-5)


def test_a_mix_stays_in_one_region_and_adds_up(catalog: Catalog) -> None:
    where = {"clouds": ["aws", "gcp"], "purchase": ["on_demand", "spot"]}
    found = next(
        answer
        for rate in range(5, 90, 7)
        if (answer := plan(catalog, where, requests_per_second=rate).recommendation).mix
    )
    assert found.mix is not None
    assert len({(g.cloud, g.region) for g in found.mix.groups}) == 1
    assert sum(g.cost_usd for g in found.mix.groups) == pytest.approx(found.mix.cost_usd, rel=1e-4)
    assert sum(g.share_of_work for g in found.mix.groups) == pytest.approx(1, abs=1e-4)
    assert found.mix.saved_usd > 0
    # what the whole makes per token is what its groups make, weighed by their share
    tokens = sum(g.share_of_work * (g.usd_per_million_tokens or 0) for g in found.mix.groups)
    rate = found.workload["requests_per_second"]
    whole = found.mix.cost_usd / (rate * 256 * 3600 * 730) * 1e6
    assert tokens == pytest.approx(whole, rel=1e-3)


def test_quota_caps_what_a_mix_draws(catalog: Catalog) -> None:
    quota = "aws/G and VT on-demand"
    c = plan(catalog, {**AWS, "quotas": {quota: 16}}).recommendation
    groups = c.mix.groups if c.mix else [c.recommendation]
    drawn = sum(g.vcpus or 0 for g in groups if g.instance_type.startswith(("g4", "g5", "g6")))
    assert drawn <= 16


def test_hosted_api_is_a_baseline(catalog: Catalog) -> None:
    price = {"usd_per_million_input_tokens": 0.1, "usd_per_million_output_tokens": 0.2}
    found = plan(catalog, hosted_api=price).recommendation
    assert found.baseline is not None
    hourly = 20 * 3600 * (1024 * 0.1 + 256 * 0.2) / 1e6
    assert found.baseline.cost_usd_per_hour == pytest.approx(hourly, rel=1e-5)
    whole = found.mix.cost_usd if found.mix else found.recommendation.cost_usd
    assert found.baseline.cheaper == (hourly * 730 < whole)
    assert any("hosted API" in line for line in found.explanation)


def test_impossible_latency_says_what_would_help(catalog: Catalog) -> None:
    with pytest.raises(Infeasible) as found:
        plan(catalog, ttft_p95="5ms")
    reasons = found.value.reasons
    assert any(r.startswith("ttft_p95 above 5 ms alone would help: from $") for r in reasons)


def test_two_that_only_help_together(catalog: Catalog) -> None:
    """Nobody gives the first token in 5 ms, nor the others in 10 us: both must give way."""
    with pytest.raises(Infeasible) as found:
        plan(catalog, ttft_p95="5ms", tpot_p95="0.01ms")
    reasons = found.value.reasons
    assert not any("alone would help" in reason for reason in reasons)
    pair = "ttft_p95 above 5 ms and tpot_p95 above 0.01 ms together would help"
    assert any(reason.startswith(pair) for reason in reasons)


def test_budget_is_over_the_horizon(catalog: Catalog) -> None:
    usual = plan(catalog, ONE).recommendation.recommendation
    tight = plan(catalog, ONE, budget=usual.cost_usd * 0.5).recommendation
    assert tight.status == "over_budget"
    enough = plan(catalog, ONE, budget=usual.cost_usd * 1.01).recommendation
    assert enough.status == "ok"


def test_front_is_cost_against_latency(catalog: Catalog) -> None:
    front = plan(catalog).recommendation.pareto
    latencies = [point.latency_s or math.inf for point in front]
    assert latencies == sorted(latencies)
    costs = [point.cost_usd_per_hour or 0 for point in front]
    assert costs == sorted(costs, reverse=True)


def test_all_forms_carry_the_same_figures(catalog: Catalog) -> None:
    found = plan(catalog).recommendation
    item = found.recommendation
    row = next(iter(csv.DictReader(io.StringIO(to_csv(found)))))
    assert row["hours"] == ""
    for name in ("cost_usd_per_hour", "usd_per_million_tokens", "horizon_hours"):
        assert float(row[name]) == getattr(item, name)
    assert item.latency is not None
    assert float(row["tpot_p95_s"]) == item.latency.tpot_p95_s
    assert str(item.cost_usd_per_hour) in to_markdown(found)


def test_command_line_answers_a_service(planner: Planner) -> None:
    text = json.dumps({**CHAT, "where": AWS})
    result = planner("recommend", "-", "--format", "json", stdin=text)
    assert result.code == 0
    document = json.loads(result.out)
    assert document["recommendation"]["cost_usd_per_hour"] > 0
    assert document["recommendation"]["hours"] is None
    table = planner("recommend", "-", stdin=text)
    assert "$/h" in table.out and "latency p95" in table.out


class TestBatches:
    BATCH: ClassVar[dict[str, Any]] = {
        "kind": "batch-inference",
        "model": "llama-3.1-8b",
        "samples": "5M",
        "input_length": 512,
        "output_length": 128,
    }

    def cost(self, catalog: Catalog, where: dict[str, Any], **fields: Any) -> float:
        asked = parse({**self.BATCH, **fields, "where": where}, where="test")
        found = recommend(asked, catalog, today=TODAY).recommendation
        return found.mix.cost_usd if found.mix else found.recommendation.cost_usd

    def test_a_longer_deadline_or_more_machines_never_cost_more(self, catalog: Catalog) -> None:
        deadlines = [self.cost(catalog, AWS, deadline=text) for text in ("8h", "1d", "4d")]
        assert deadlines == sorted(deadlines, reverse=True)
        machines = [
            self.cost(catalog, {**AWS, "max_nodes": most}, deadline="1d") for most in (8, 16, 64)
        ]
        assert machines == sorted(machines, reverse=True)

    def test_tight_quotas_are_met_by_splitting_the_work(self, catalog: Catalog) -> None:
        """With few vCPUs of each family the batch only ends in time on several families."""
        asked = parse(
            {
                **self.BATCH,
                "deadline": "12h",
                "where": {**AWS, "quotas": {"aws/G and VT on-demand": 48}, "mix": "anywhere"},
            },
            where="test",
        )
        found = recommend(asked, catalog, today=TODAY).recommendation
        groups = found.mix.groups if found.mix else [found.recommendation]
        drawn = sum(g.vcpus or 0 for g in groups if g.instance_type[:2] in ("g4", "g5", "g6", "gr"))
        assert drawn <= 48
        assert all(group.hours is None or group.hours <= 12 for group in groups)


def test_70b_in_bf16_is_never_served_on_one_80_gb_device(catalog: Catalog) -> None:
    """141 GB of weights do not fit 80."""
    asked = parse({**CHAT, "model": "llama-3.1-70b", "precision": "bf16"}, where="test")
    found = prepare(asked, catalog)
    c, rows = found.candidates, found.in_time
    devices = [c.machines.devices[i] for i in c.config[rows]]
    total = c.machines.total[c.config[rows]]
    single = [d.memory for d, n in zip(devices, total, strict=True) if n == 1]
    assert all((memory or 0) > 141e9 for memory in single)


class TestEdge:
    EDGE: ClassVar[dict[str, Any]] = {
        "kind": "edge",
        "model": "yolov8n",
        "frames_per_second": 30,
        "streams": 7,
    }

    def test_one_device_a_stream_unless_shared(self, catalog: Catalog) -> None:
        single = prepare(parse(self.EDGE, where="test"), catalog).candidates
        shared = parse({**self.EDGE, "streams_per_device": 4}, where="test")
        fewer = prepare(shared, catalog).candidates
        rows = np.isfinite(single.count)
        assert rows.any()
        assert np.all(single.count[rows] == 7)
        assert np.all(fewer.count[np.isfinite(fewer.count)] >= 2)

    def test_power_is_a_limit(self, catalog: Catalog) -> None:
        asked = parse({**self.EDGE, "power": "16W"}, where="test")
        found = prepare(asked, catalog).candidates.offers.vocabularies["instance_type"]
        for name in found:
            if name in catalog.edge_devices:
                assert (catalog.edge_devices[name].power_w_busy or math.inf) <= 16

    def test_an_hour_is_price_over_life_and_energy(self, catalog: Catalog) -> None:
        asked = parse({**self.EDGE, "usd_per_kwh": 0.2}, where="test")
        item = recommend(asked, catalog, today=TODAY).recommendation.recommendation
        device = catalog.edge_device(item.instance_type)
        hourly = (device.unit_price_usd or 0) / (3 * 8760) + (device.power_w_busy or 0) / 1e3 * 0.2
        assert item.price.usd_per_hour == pytest.approx(hourly, rel=1e-5)
        assert item.cost_usd_per_hour == pytest.approx(7 * hourly, rel=1e-5)

    def test_too_slow_is_said(self, catalog: Catalog) -> None:
        asked = parse({**self.EDGE, "frames_per_second": 30000}, where="test")
        with pytest.raises(Infeasible) as found:
            recommend(asked, catalog, today=TODAY)
        assert any("too slow for one stream of 30000" in reason for reason in found.value.reasons)
