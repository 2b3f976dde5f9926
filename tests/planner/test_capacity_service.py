"""A year of a service as a capacity spec, and the curve of a comparison."""

from __future__ import annotations

import math
from typing import Any

import pytest

from catalog import Catalog
from planner.actions.capacity.service import question_of_service
from planner.actions.planning import prepare
from planner.actions.session import Session
from planner.errors import BadInput
from planner.optimize.capacity.spec import OfferSpec, Weekly
from planner.workload import Workload, parse

SERVICE: dict[str, Any] = {
    "kind": "vision-inference",
    "model": "resnet50",
    "requests_per_second": 5000,
    "latency_p95": "50ms",
    "where": {"clouds": ["aws"], "purchase": ["on_demand"]},
}


def work(**place: Any) -> Workload:
    return parse({**SERVICE, "where": {**SERVICE["where"], **place}}, where="service.yaml")


def rented(offers: tuple[OfferSpec, ...]) -> list[OfferSpec]:
    return [offer for offer in offers if offer.on_demand_usd_per_hour is not None]


def test_offers_have_the_speed_and_prices_that_recommend_has(catalog: Catalog) -> None:
    spec = question_of_service(work(), catalog).spec
    assert isinstance(spec.demand, Weekly) and spec.demand.peak == 5000
    prepared = prepare(work(), catalog)
    c = prepared.candidates
    assert rented(spec.offers)
    for offer in rented(spec.offers):
        machine, cloud, region = offer.name.rsplit(" ", 2)
        rows = prepared.feasible[
            c.offers.is_in("instance_type", [machine])[c.row[prepared.feasible]]
            & c.offers.is_in("region", [region])[c.row[prepared.feasible]]
        ]
        assert cloud == "aws" and len(rows)
        assert any(math.isclose(offer.throughput, c.group_rate[row]) for row in rows)  # type: ignore[arg-type]
        prices = {c.offers.number("usd_per_hour", int(c.row[row])) for row in rows}
        assert offer.on_demand_usd_per_hour in prices
    # On demand only, as the workload says; commitments are of the same machines.
    assert all(offer.spot_usd_per_hour is None for offer in spec.offers)
    assert any(offer.reserved_1y for offer in spec.offers)
    assert any(offer.purchase for offer in spec.offers)


def test_spot_where_the_workload_allows_it(catalog: Catalog) -> None:
    spec = question_of_service(work(purchase=["on_demand", "spot"]), catalog).spec
    assert any(offer.spot_usd_per_hour for offer in spec.offers)


def test_own_machines_are_those_of_the_workload(catalog: Catalog) -> None:
    lab = {"name": "lab", "system": "DGX H100", "machines": 3, "usd_per_kwh": 0.1}
    spec = question_of_service(work(on_prem=[lab]), catalog).spec
    own = [offer for offer in spec.offers if offer.owned_count]
    assert [(offer.name, offer.owned_count) for offer in own] == [("own lab", 3)]
    assert own[0].running_usd_per_hour > 0 and not any(o.purchase for o in spec.offers)


def test_what_is_assumed_is_said(catalog: Catalog) -> None:
    notes = " ".join(question_of_service(work(), catalog).notes)
    for words in ("assumed demand: 5000 a second", "0.1 USD/kWh", "prices of the catalog"):
        assert words in notes


@pytest.mark.parametrize("kind", ["edge", "finetune"])
def test_work_without_a_demand_over_time_is_refused(kind: str, catalog: Catalog) -> None:
    data: dict[str, Any] = {
        "edge": {"kind": "edge", "model": "yolov8n", "frames_per_second": 30},
        "finetune": {"kind": "finetune", "model": "llama-3.1-8b", "tokens": "50M"},
    }[kind]
    with pytest.raises(BadInput, match="capacity is planned for demand over time"):
        question_of_service(parse(data, where="w.yaml"), catalog)


def test_the_curve_of_a_comparison_goes_through_what_is_so_now(catalog: Catalog) -> None:
    found = Session(catalog).compare(work(), "T4", "L4", axes=["price-a"])
    axis = found.axes[0]
    assert [point.at for point in axis.curve] == sorted(point.at for point in axis.curve)
    now = next(point for point in axis.curve if point.at == axis.now)
    assert (now.a_usd, now.b_usd) == pytest.approx((found.a.cost_usd, found.b.cost_usd), rel=1e-5)
    assert now.ratio_p10 is not None and now.ratio_p90 is not None
    assert now.ratio_p10 <= (found.cost_ratio or 0) * (1 + 1e-5) <= now.ratio_p90 * (1 + 2e-5)
    assert {point.b_usd for point in axis.curve} == {now.b_usd}
    assert not Session(catalog).compare(work(), "T4", "L4", axes=None).axes
