"""Following the plan against measuring at random and against measuring what is cheap."""

from __future__ import annotations

import numpy as np
import pytest

from tests.information.replay import (
    BUDGET_USD,
    Scenario,
    at_random,
    by_value,
    cheapest_first,
    follow,
    prices,
    rows,
    scenario,
)

SEEDS = 60


def paired_interval(per_seed: np.ndarray) -> tuple[float, float]:
    """95% bootstrap interval of a mean over seeds."""
    rng = np.random.default_rng(0)
    means = per_seed[rng.integers(0, len(per_seed), (4000, len(per_seed)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


@pytest.fixture(scope="module")
def scenarios() -> list[Scenario]:
    return [scenario(seed) for seed in range(SEEDS)]


@pytest.fixture(scope="module")
def planned(scenarios: list[Scenario]) -> np.ndarray:
    return np.array([follow(by_value, given, seed) for seed, given in enumerate(scenarios)])


def test_the_scenarios_are_real_ones(scenarios: list[Scenario]) -> None:
    assert len({row.network for row in rows()}) >= 30
    assert len({row.accelerator for row in rows()} & set(prices())) >= 20
    regrets = [given.regret_usd(given.belief) for given in scenarios]
    assert np.mean(regrets) > 10  # there is something to remove
    assert np.mean(np.array(regrets) == 0) > 0.2  # and often nothing


@pytest.mark.parametrize("rival", [at_random, cheapest_first])
def test_removes_more_regret_with_the_same_money(
    rival, scenarios: list[Scenario], planned: np.ndarray
) -> None:
    same = np.array(
        [
            follow(rival, given, seed, budget_usd=float(spent) + 1e-9)
            for seed, (given, spent) in enumerate(zip(scenarios, planned[:, 1], strict=True))
        ]
    )
    low, high = paired_interval(planned[:, 0] - same[:, 0])
    print(f"{rival.__name__}, same money: {low:.0f} to {high:.0f} USD more regret removed a seed")
    assert low > 0


@pytest.mark.parametrize("rival", [at_random, cheapest_first])
def test_removes_more_regret_per_dollar(
    rival, scenarios: list[Scenario], planned: np.ndarray
) -> None:
    """Where rivals go on until the budget is used, as someone without the ranking would."""
    whole = np.array([follow(rival, given, seed) for seed, given in enumerate(scenarios)])
    pick = np.random.default_rng(0).integers(0, SEEDS, (4000, SEEDS))

    def per_dollar(found: np.ndarray) -> np.ndarray:
        return found[pick, 0].sum(axis=1) / found[pick, 1].sum(axis=1)

    low, high = np.quantile(per_dollar(planned) - per_dollar(whole), [0.025, 0.975])
    print(f"{rival.__name__}: {low:.1f} to {high:.1f} USD more removed per dollar")
    assert low > 0
    assert planned[:, 1].max() <= BUDGET_USD
