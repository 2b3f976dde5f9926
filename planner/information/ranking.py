"""Which runs to make next: by expected regret removed per dollar, one after the other.

A run is worth what the decision it may change would cost otherwise (the expected value of sample
information; Raiffa and Schlaifer, 1961). Beliefs are normal, so that what any set of runs would
show can be drawn once and every next run valued on the same draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.information.belief import Belief
from planner.information.decision import Alternatives
from planner.performance.efficiency import MEASUREMENT_SD

Floats = NDArray[np.float64]
DRAWS = 4096


@dataclass(frozen=True)
class Run:
    """A measurement that could be made: of which set-up in the belief, and its price in USD."""

    setup: int
    usd: float


@dataclass(frozen=True)
class Worth:
    """What a run saves once: USD without late ends, and probability of one. ``run`` and ``changes``
    as in ``Ranked``.
    """

    run: int
    usd: float
    late: float
    changes: float

    def ranked(self, late_usd: float, repeats: float) -> Ranked:
        return Ranked(self.run, max(self.usd + late_usd * self.late, 0.0) * repeats, self.changes)


@dataclass(frozen=True)
class Ranked:
    """A run's ``value_usd``: the expected cost it saves after those ranked before it.

    ``run`` is its index. ``changes`` is the probability that it changes the choice.
    """

    run: int
    value_usd: float
    changes: float


@dataclass(frozen=True)
class Ranking:
    """``chosen`` in the order to make them; ``declined`` are not worth their price, or do not fit
    into the budget, by what each would be worth after the chosen ones.

    ``expected_usd`` is the cost of the choice as it is believed now, ``perfect_usd`` what knowing
    every speed exactly would save: no set of runs is worth more.
    """

    chosen: tuple[Ranked, ...]
    declined: tuple[Ranked, ...]
    expected_usd: float
    perfect_usd: float


def rank(
    alternatives: Alternatives,
    belief: Belief,
    runs: Sequence[Run],
    *,
    budget_usd: float,
    repeats: float = 1.0,
    draws: int = DRAWS,
    seed: int = 0,
    most: int | None = None,
    known: dict[tuple[int, ...], list[Worth]] | None = None,
) -> Ranking:
    """Greedy: always the run that saves most per dollar, as long as it saves more than its price.

    The workload will be run ``repeats`` times by the choice made now. Free runs that save anything
    come first; ``most`` ends the list early. Deterministic for a seed.

    ``known`` is filled with what runs are worth after those chosen; given again for the same
    question under another budget, number of repeats or price of a late end, it spares valuing them
    anew.
    """
    known = {} if known is None else known
    truth = belief.draws(draws, seed)
    noise = np.random.default_rng([seed, 1]).standard_normal((draws, len(runs))) * MEASUREMENT_SD
    now = int(alternatives.choose(belief))
    expected = float(alternatives.expected_usd(belief)[now])
    state = Belief(np.broadcast_to(belief.mean, truth.shape), belief.covariance)
    left, chosen = budget_usd, list[Ranked]()
    waiting = list(range(len(runs)))
    valued: list[Ranked] = []
    while waiting and (most is None or len(chosen) < most):
        after = tuple(one.run for one in chosen)
        if after not in known:
            known[after] = _valued(alternatives, state, runs, waiting, truth, noise)
        valued = [one.ranked(alternatives.late_usd, repeats) for one in known[after]]
        good = [
            one
            for one in valued
            if one.value_usd > runs[one.run].usd and runs[one.run].usd <= left + 1e-9
        ]
        if not good:
            break
        best = max(good, key=lambda one: (_per_dollar(one, runs), one.value_usd, -one.run))
        chosen.append(best)
        left -= runs[best.run].usd
        setup = runs[best.run].setup
        state = state.after(setup, truth[:, setup] + noise[:, best.run])
        waiting.remove(best.run)
        valued = [one for one in valued if one.run != best.run]
    declined = sorted(valued, key=lambda one: (-_per_dollar(one, runs), one.run))
    true_usd = alternatives.true_usd(truth)
    perfect = float((true_usd[:, now] - true_usd.min(axis=1)).mean()) * repeats
    return Ranking(tuple(chosen), tuple(declined), expected, perfect)


def _valued(
    alternatives: Alternatives,
    state: Belief,
    runs: Sequence[Run],
    waiting: Sequence[int],
    truth: Floats,
    noise: Floats,
) -> list[Worth]:
    before = np.broadcast_to(alternatives.choose(state), len(truth))
    found = []
    for index in waiting:
        setup = runs[index].setup
        after = state.after(setup, truth[:, setup] + noise[:, index])
        # Choosing within a deadline at a stated risk can cost more than it saves.
        pick, usd, late = alternatives.choose_again(after, before)
        changes = float(alternatives.differ(pick, before).mean())
        found.append(Worth(index, float(usd.mean()), float(late.mean()), changes))
    return found


def _per_dollar(one: Ranked, runs: Sequence[Run]) -> float:
    usd = runs[one.run].usd
    return one.value_usd / usd if usd > 0 else np.inf
