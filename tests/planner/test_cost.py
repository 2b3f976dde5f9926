"""Billing and spot, against figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.cost.billing import bill, set_up_hours
from planner.cost.spot import (
    CHECKPOINT_H,
    MIN_MTBF_PER_RESTART,
    RESTART_H,
    interruptions_per_hour,
    run_on_spot,
)


def usd(wall_h: float, price: float, nodes: float, increment_s: float, minimum_s: float) -> float:
    found = bill(*(np.array([v]) for v in (wall_h, price, nodes, increment_s, minimum_s)))
    return float(found.usd[0])


def test_billing_rounds_up_to_the_increment_and_not_below_the_minimum() -> None:
    assert usd(1.0, 2.0, 3.0, 1.0, 60.0) == pytest.approx(6.0)
    assert usd(1.01, 2.0, 1.0, 3600.0, math.nan) == pytest.approx(4.0)  # by the hour
    assert usd(2.0, 2.0, 1.0, 3600.0, math.nan) == pytest.approx(4.0)  # no hour too many
    assert usd(0.001, 3.6, 1.0, 1.0, 60.0) == pytest.approx(3.6 / 60)  # a minute at least
    assert usd(0.5, 2.0, 1.0, math.nan, math.nan) == pytest.approx(1.0)  # unknown: by the second


def test_set_up_is_longer_on_accelerators_and_with_more_to_load() -> None:
    machine, staging = set_up_hours(np.array([True, False]), 0.0)
    assert machine[0] < machine[1]
    assert staging == 0.0
    assert set_up_hours(np.array([False]), 1.8e12)[1] == pytest.approx(1.0)


def test_hazard_from_monthly_bands() -> None:
    hazard, assumed = interruptions_per_hour(
        np.array([0.0, 0.2, math.nan]), np.array([0.05, math.nan, math.nan])
    )
    # a 2.5 % chance within 730 h
    assert 1 - math.exp(-730 * hazard[0]) == pytest.approx(0.025)
    assert hazard[0] < hazard[1]
    assert list(assumed) == [False, False, True]


def test_without_interruptions_spot_takes_as_long_as_on_demand() -> None:
    """Spot with interruptions off is spot price x time."""
    work = np.array([0.01, 1.0, 50.0])
    run = run_on_spot(work, np.zeros(3), np.array([1.0, 8.0, 64.0]))
    # what remains is writing checkpoints, and rounding at a mean time to failure of 1e12 h
    assert run.hours == pytest.approx(work, rel=1e-4)
    assert run.interruptions == pytest.approx(0.0, abs=1e-6)


@settings(max_examples=200, deadline=None)
@given(st.floats(0.01, 2000), st.floats(1e-5, 1e-2), st.integers(1, 64))
def test_spot_is_never_faster_and_worse_with_more_machines(
    work: float, hazard: float, nodes: int
) -> None:
    run = run_on_spot(
        np.array([work, work]), np.array([hazard, hazard]), np.array([nodes, nodes + 1.0])
    )
    if math.isnan(run.hours[0]):
        assert 1 / (hazard * nodes) < MIN_MTBF_PER_RESTART * RESTART_H
        assert math.isnan(run.hours[1])
        return
    assert run.hours[0] >= work
    assert run.lost_hours[0] == pytest.approx(run.hours[0] - work)
    if not math.isnan(run.hours[1]):
        assert run.hours[1] >= run.hours[0] * (1 - 1e-9)


def test_spot_agrees_with_a_simulation() -> None:
    """Failures drawn at random against Daly's formula, for a job of many intervals."""
    hazard, work = 1 / 20.0, 100.0
    expected = float(run_on_spot(np.array([work]), np.array([hazard]), np.array([1.0])).hours[0])
    interval = math.sqrt(2 * CHECKPOINT_H / hazard) - CHECKPOINT_H
    rng = np.random.default_rng(1)
    totals = []
    for _ in range(400):
        clock = done = 0.0
        failure = rng.exponential(1 / hazard)
        while done < work:
            step = min(interval, work - done)
            if clock + step + CHECKPOINT_H <= failure:
                clock += step + CHECKPOINT_H
                done += step
            else:
                clock = failure + RESTART_H
                failure = clock + rng.exponential(1 / hazard)
        totals.append(clock)
    assert expected == pytest.approx(float(np.mean(totals)), rel=0.02)
