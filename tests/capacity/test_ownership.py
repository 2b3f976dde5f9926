"""Ownership: annuity against the sum of discounted payments, power against hand-worked figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.cost.ownership import Machine, Power, annuity_usd_per_year, break_even_utilisation


def test_defaults_are_capex_over_life() -> None:
    assert annuity_usd_per_year(300_000, 5) == 60_000


@given(st.floats(1, 1e7), st.integers(1, 30), st.floats(1e-9, 0.5), st.floats(0, 1))
def test_annuity_pays_back_exactly(capex: float, life: int, rate: float, kept: float) -> None:
    """Payments discounted to today sum to what was spent: the definition, summed one by one."""
    yearly = annuity_usd_per_year(capex, life, rate, capex * kept)
    today = sum(yearly / (1 + rate) ** year for year in range(1, life + 1))
    assert today == pytest.approx(capex - capex * kept, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "bad",
    [(100, 0), (100, -1), (100, 5, -0.1), (100, 5, 0.1, 200), (100, 5, 0.1, -1), (-5, 5)],
)
def test_nonsense_is_refused(bad: tuple[float, ...]) -> None:
    with pytest.raises(ValueError):
        annuity_usd_per_year(*bad)


def test_power_counts_pue_and_the_idle_draw_once() -> None:
    power = Power(busy_kw=10, idle_kw=2, pue=1.5, usd_per_kwh=0.1)
    assert power.idle_usd_per_hour == pytest.approx(0.3)
    assert power.running_usd_per_hour == pytest.approx(1.2)
    hours_on = power.idle_usd_per_hour * 100 + power.running_usd_per_hour * 40
    assert hours_on == pytest.approx(power.energy_kwh(40, 60) * 0.1)


@pytest.mark.parametrize(
    "bad", [{"busy_kw": 1, "idle_kw": 2}, {"busy_kw": 1, "pue": 0.9}, {"busy_kw": -1}]
)
def test_impossible_power_is_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Power(**bad)


def test_break_even_is_where_both_cost_the_same() -> None:
    machine = Machine(300_000, 5, 0.08, 30_000, Power(10, 2, 1.3, 0.12), yearly_usd=12_000)
    share = break_even_utilisation(machine, 25.0)
    assert share is not None and 0 < share < 1
    assert machine.shared_usd_per_busy_hour(share) == pytest.approx(25.0)
    assert break_even_utilisation(machine, machine.running_usd_per_hour) is None
    assert break_even_utilisation(machine, 3.0) is None


def test_one_job_pays_for_the_whole_machine() -> None:
    machine = Machine(1000, 5, power=Power(2, 0, 1.0, 0.5))
    assert machine.single_job_usd(10) == 1000 + 10
