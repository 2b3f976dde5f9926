"""What a run may cost at most, what is shown of it meanwhile, and what holds without a planner."""

from __future__ import annotations

import pytest

from launchers.base import RunTerms
from launchers.cost_cap import IDLE_MINUTES, SETUP_TIMEOUT_S, held_hours, limits
from launchers.errors import LaunchRefused, LimitReached
from launchers.spending import Spending
from launchers.stages import Stage, Stages


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("terms", "stops_at_s", "told"),
    [
        (RunTerms(usd_per_hour=3.6, max_cost_usd=3.6), 3300.0, "--max-cost"),
        (RunTerms(usd_per_hour=3.6, max_cost_usd=0.36), 324.0, "--max-cost"),
        (RunTerms(usd_per_hour=3.6, max_hours=2.0), 6900.0, "--max-hours"),
        (RunTerms(max_hours=0.1), 324.0, "--max-hours"),
    ],
)
def test_it_is_stopped_before_the_limit(terms: RunTerms, stops_at_s: float, told: str) -> None:
    clock = Clock()
    spending = Spending(terms, clock=clock)
    spending.check()
    spending.start()
    clock.now += stops_at_s - 0.1
    spending.check()
    clock.now += 0.2
    with pytest.raises(LimitReached, match=told):
        spending.check()
    if terms.max_cost_usd is not None:  # what giving it back costs still fits
        assert spending.usd is not None
        assert spending.usd < terms.max_cost_usd


def test_without_a_price_only_hours_stop_it() -> None:
    clock = Clock()
    spending = Spending(RunTerms(max_cost_usd=0.01), clock=clock)
    spending.start()
    clock.now += 1e6
    spending.check()
    assert spending.usd is None


def test_a_run_taken_over_has_cost_since_it_was_launched() -> None:
    spending = Spending(RunTerms(usd_per_hour=2.0), clock=Clock())
    spending.start(1800.0)
    assert spending.usd == 1.0
    spending.start(0.0)
    assert spending.usd == 1.0


@pytest.mark.parametrize("max_hours", [0.05, 0.1, 0.25, 0.5, 1.0, 24.0])
def test_what_holds_on_the_machine_adds_up_to_the_hours(max_hours: float) -> None:
    bounds = limits(3600.0, max_hours)
    assert bounds.hours <= max_hours + 1e-9
    assert 1 <= bounds.idle_minutes <= IDLE_MINUTES
    assert bounds.setup_s <= SETUP_TIMEOUT_S
    assert 30 <= bounds.program_s <= 3600
    assert held_hours(3600.0, max_hours) == bounds.hours


def test_hours_too_few_to_measure_anything_are_refused() -> None:
    with pytest.raises(LaunchRefused, match="--max-hours"):
        limits(3600.0, 0.02)


def test_stages_are_said_once_with_time_and_money() -> None:
    clock, said = Clock(), list[str]()
    spending = Spending(RunTerms(usd_per_hour=3.6), clock=clock)
    stages = Stages(said.append, spending)
    stages.enter(Stage.CONFIRM)
    spending.start()
    clock.now += 65
    stages.enter(Stage.RUN, "cnn")
    stages.enter(Stage.RUN)
    clock.now += 30
    stages.tick()
    clock.now += 3600
    stages.tick()
    assert said == [
        "[0:00, 0.00 USD so far] confirm",
        "[1:05, 0.07 USD so far] run: cnn",
        "[1:01:35, 3.69 USD so far] run: still at it",
    ]
