"""Prices that have another unit than they say, way of buying by way of buying."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.price_checks import (
    effective_usd_per_hour,
    option_faults,
    remark_on,
    unbelievable_premium,
    unbelievable_price,
)


def price(kind: str, usd: float, **changed: Any) -> dict[str, Any]:
    commitment = kind in ("reservation", "savings_plan", "resource_commitment")
    term = {"term_months": 12} if commitment else {}
    return {"kind": kind, "usd_per_hour": usd, **term, **changed}


@pytest.mark.parametrize(
    "row",
    [
        price("on_demand", 1.0),
        price("spot", 0.3, interruption_per_month_low=0.2),
        price("spot", 0.3, interruption_per_month_low=0.05, interruption_per_month_high=0.1),
        price("reservation", 0.6, upfront_usd=0),
        price("reservation", 0.0, upfront_usd=5000.0, payment="all upfront"),
        price("savings_plan", 0.0, upfront_usd=5000.0),
        price("capacity_block", 31.0, upfront_usd=248.0),
    ],
)
def test_prices_as_clouds_have_them_pass(row: dict[str, Any]) -> None:
    assert list(option_faults(row)) == []


@pytest.mark.parametrize(
    ("row", "check", "said"),
    [
        (price("on_demand", 0.0), "price", "not positive"),
        (price("capacity_block", 0.0, upfront_usd=9.0), "price", "not positive"),
        (price("reservation", 0.0), "price", "not positive"),
        (price("reservation", 0.0, upfront_usd=0.0), "price", "not positive"),
        (price("reservation", -1.0, upfront_usd=10.0), "price", "not positive"),
        (price("reservation", 1.0, upfront_usd=-1.0), "price", "no amount"),
        (price("reservation", 1.0, upfront_usd=float("nan")), "price", "no amount"),
        (price("on_demand", float("inf")), "price", "not a number"),
        (price("savings_plan", 1.0, term_months=None), "term", "without a term"),
        (price("spot", 1.0, term_months=12), "term", "12 months on spot"),
        (price("spot", 1.0, interruption_per_month_low=5), "interruption", "no band"),
        (
            price("spot", 1.0, interruption_per_month_low=0.2, interruption_per_month_high=0.1),
            "interruption",
            "no band",
        ),
    ],
)
def test_what_no_price_can_be(row: dict[str, Any], check: str, said: str) -> None:
    ((found, reason),) = option_faults(row)
    assert found == check
    assert said in reason


def test_an_upfront_payment_is_spread_over_the_term() -> None:
    row = price("reservation", 0.5, upfront_usd=8760.0)
    assert effective_usd_per_hour(row) == pytest.approx(1.5)
    assert effective_usd_per_hour(price("capacity_block", 31.0, upfront_usd=248.0)) == 31.0


@pytest.mark.parametrize(
    ("row", "believed"),
    [
        (price("reservation", 0.6), True),
        (price("reservation", 0.6 * 8760), False),  # Azure's whole-term price under '1 Hour'
        (price("reservation", 0.0, upfront_usd=0.6 * 8760), True),
        (price("resource_commitment", 0.01), False),  # one vCPU's share instead of the machine's
        (price("savings_plan", 0.4), True),
        (price("spot", 0.02), True),
        (price("spot", 1.2), True),
        (price("spot", 8.0), False),  # a pod of 8 GPUs against the price of one
        (price("capacity_block", 9.0), True),  # has no on-demand price to be seen from
    ],
)
def test_what_is_believed_against_one_usd_on_demand(row: dict[str, Any], believed: bool) -> None:
    assert (unbelievable_price(row, 1.0) is None) is believed
    assert unbelievable_price(row, None) is None


@pytest.mark.parametrize(("usd", "believed"), [(1.0, True), (1.4, True), (0.1, False), (8, False)])
def test_a_platforms_premium_is_believed_within_bounds(usd: float, believed: bool) -> None:
    assert (unbelievable_premium(usd, 1.0) is None) is believed
    assert unbelievable_premium(usd, None) is None


def test_above_on_demand_is_remarked_on() -> None:
    assert "above on demand" in (remark_on(price("spot", 1.1), 1.0) or "")
    assert "above on demand" in (remark_on(price("reservation", 1.1), 1.0) or "")
    assert remark_on(price("reservation", 1.0), 1.0) is None
    assert remark_on(price("on_demand", 1.1), 1.0) is None
