"""The value of information, against closed forms and common sense."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from planner.information.belief import Belief, believe
from planner.information.decision import Alternatives, normal_tail
from planner.information.ranking import Run, rank
from planner.performance.efficiency import MEASUREMENT_SD, Expected, Measured, Setup, posterior


def setup(accelerator: str, model: str = "m", batch: float = 1.0) -> Setup:
    return Setup("language-training", "GPU", accelerator, model, "bf16", "pytorch", batch, 1.0)


def ways(*usd: float, **more: object) -> Alternatives:
    count = len(usd)
    nothing = np.zeros(count)
    return Alternatives(np.arange(count), nothing, np.array(usd), nothing, np.ones(count), **more)


def independent(*sd: float) -> Belief:
    return Belief(np.zeros(len(sd)), np.diag(np.square(sd)))


def test_one_run_moves_neighbours_as_the_estimator_does() -> None:
    setups = [setup("A"), setup("A", "other"), setup("B"), setup("B", batch=8.0)]
    sd = np.array([0.3, 0.4, 0.35, 0.3])
    measured = [Measured(setup("A"), 0.25, log_sd=0.3), Measured(setup("B"), -0.1, log_sd=0.35)]
    belief = believe(setups, sd, measured)
    expected = posterior(setups, measured, Expected(np.zeros(4), sd, sd, [""] * 4))
    np.testing.assert_allclose(np.exp(belief.mean), expected.ratio, rtol=1e-9)
    # The estimator never claims to be surer than a run repeats.
    np.testing.assert_allclose(
        np.maximum(np.sqrt(belief.variance), MEASUREMENT_SD), expected.log_sd, rtol=1e-9
    )


def test_draws_have_the_belief_s_moments() -> None:
    belief = believe([setup("A"), setup("A", "other"), setup("B")], np.array([0.3, 0.4, 0.2]))
    draws = belief.draws(200_000, seed=1)
    np.testing.assert_allclose(draws.mean(axis=0), belief.mean, atol=2e-3)
    np.testing.assert_allclose(np.cov(draws.T), belief.covariance, atol=3e-3)


def test_value_of_one_run_is_the_integral_over_what_it_may_show() -> None:
    """Two ways, one of them known: E[min] by quadrature, with no code in common."""
    known, guess, sd = 100.0, 104.0, 0.3
    belief = independent(1e-9, sd)
    found = rank(ways(known, guess), belief, [Run(1, 1.0)], budget_usd=5, draws=100_000)
    gain = sd**2 / (sd**2 + MEASUREMENT_SD**2)
    left = sd**2 * (1 - gain)
    levels = (np.arange(40_000) + 0.5) / 40_000
    z = np.array([NormalDist().inv_cdf(level) for level in levels])
    shift = gain * np.sqrt(sd**2 + MEASUREMENT_SD**2) * z
    after = guess * np.exp(-shift + left / 2)
    value = known - np.minimum(known, after).mean()
    assert found.chosen[0].value_usd == pytest.approx(value, rel=0.02)
    assert found.chosen[0].changes == pytest.approx(float((after < known).mean()), abs=0.01)


def test_nothing_is_worth_more_than_knowing_everything() -> None:
    belief = believe([setup(name) for name in "ABCD"], np.full(4, 0.4))
    runs = [Run(i, 0.01) for i in range(4)]
    found = rank(ways(100, 105, 110, 120), belief, runs, budget_usd=10)
    total = sum(one.value_usd for one in found.chosen)
    assert 0.8 * found.perfect_usd < total <= found.perfect_usd * 1.01
    assert len(found.chosen) == 4


def test_what_cannot_win_is_not_worth_a_run() -> None:
    belief = independent(0.1, 0.1, 0.1)
    runs = [Run(i, 0.5) for i in range(3)]
    found = rank(ways(100, 101, 500), belief, runs, budget_usd=10)
    assert {one.run for one in found.chosen} <= {0, 1}
    dear = next(one for one in found.declined if one.run == 2)
    assert dear.value_usd == 0
    assert dear.changes == 0


def test_a_run_dearer_than_what_it_saves_is_declined() -> None:
    belief = independent(0.2, 0.2)
    cheap = rank(ways(10, 11), belief, [Run(0, 0.1), Run(1, 0.1)], budget_usd=100)
    dear = rank(ways(10, 11), belief, [Run(0, 5.0), Run(1, 5.0)], budget_usd=100)
    often = rank(ways(10, 11), belief, [Run(0, 5.0), Run(1, 5.0)], budget_usd=100, repeats=100)
    assert cheap.chosen
    assert not dear.chosen
    assert len(dear.declined) == 2
    assert often.chosen


def test_the_budget_holds_and_free_runs_come_first() -> None:
    belief = believe([setup(name) for name in "ABC"], np.full(3, 0.4))
    runs = [Run(0, 3.0), Run(1, 3.0), Run(2, 0.0)]
    found = rank(ways(1000, 1010, 1020), belief, runs, budget_usd=4)
    assert found.chosen[0].run == 2
    assert sum(runs[one.run].usd for one in found.chosen) <= 4
    assert rank(ways(1000, 1010, 1020), belief, runs, budget_usd=0).chosen[0].run == 2


def test_a_deadline_makes_speed_worth_knowing() -> None:
    """The cheap way may be late: only what tells whether it is has any value."""
    alternatives = Alternatives(
        np.arange(2),
        np.zeros(2),
        np.array([100.0, 150.0]),
        np.zeros(2),
        np.array([9.0, 2.0]),
        deadline_hours=10.0,
        risk=0.9,
        late_usd=100.0,
    )
    belief = independent(0.3, 0.05)
    assert int(alternatives.choose(belief)) == 1  # late with probability 0.36
    found = rank(alternatives, belief, [Run(0, 1.0), Run(1, 1.0)], budget_usd=10)
    assert [one.run for one in found.chosen] == [0]
    assert found.chosen[0].value_usd > 10


def test_same_seed_same_answer() -> None:
    belief = believe([setup(name) for name in "ABC"], np.full(3, 0.4))
    runs = [Run(i, 1.0) for i in range(3)]
    asked = [rank(ways(90, 100, 110), belief, runs, budget_usd=9, seed=3) for _ in range(2)]
    assert asked[0] == asked[1]


@pytest.mark.parametrize("z", [-40.0, -5.0, -1.0, 0.0, 0.5, 3.0, 40.0])
def test_normal_tail(z: float) -> None:
    assert float(normal_tail(np.array(z))) == pytest.approx(1 - NormalDist().cdf(z), abs=1e-7)
