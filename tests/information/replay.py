"""Policies of measuring, replayed on published runs that the predictions had never seen.

``left_out_predictions.csv`` has, of each network and precision with runs on five or more rentable
accelerators, the fastest run of each and log(measured / predicted), predicted by a model fitted
without any run of that accelerator (`planner accuracy --cv groups`, scheme ``accelerator``).

A scenario is one such network, some of its accelerators at their cheapest on-demand price, and an
amount of work. A policy rents machines to measure until its budget is used; the plan then takes
what looks cheapest, and pays what the published run says it really costs.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from planner.information.belief import Belief, believe
from planner.information.decision import Alternatives
from planner.information.ranking import Run, rank
from planner.performance.efficiency import Setup

Floats = NDArray[np.float64]
# What a calibration run holds a machine for: set-up, the program, idle time before it goes down.
HELD_HOURS = 0.5
BUDGET_USD = 20.0


@dataclass(frozen=True)
class Row:
    kind: str
    task: str
    model: str
    precision: str
    accelerator: str
    per_second: float
    log_ratio: float

    @property
    def network(self) -> tuple[str, str, str, str]:
        return self.kind, self.task, self.model, self.precision

    def setup(self) -> Setup:
        return Setup(self.kind, "GPU", self.accelerator, self.model, self.precision, "", 1.0, 1.0)


@dataclass(frozen=True)
class Scenario:
    """``shown`` is what each run would measure; ``truth`` the same for each alternative."""

    alternatives: Alternatives
    belief: Belief
    runs: list[Run]
    shown: Floats
    truth: Floats

    def regret_usd(self, belief: Belief) -> float:
        """What the choice under a belief really costs above the best choice."""
        true = self.alternatives.true_usd(self.truth)
        return float(true[int(self.alternatives.choose(belief))] - true.min())


@cache
def rows() -> list[Row]:
    with (Path(__file__).parent / "left_out_predictions.csv").open(encoding="utf-8") as file:
        return [
            Row(
                r["class"],
                r["task"],
                r["model"],
                r["precision"],
                r["accelerator"],
                float(r["measured_per_s_per_device"]),
                float(r["log_measured_over_predicted"]),
            )
            for r in csv.DictReader(file)
        ]


@cache
def prices() -> dict[str, float]:
    """Cheapest on-demand USD per accelerator-hour in the catalog."""
    offers = Catalog.open().offers
    count = offers.numbers["accelerator_count"]
    good = offers.is_in("kind", ["on_demand"]) & offers.is_in("platform", [""]) & (count >= 1)
    found: dict[str, float] = {}
    names = offers.texts("accelerator")
    for i in np.flatnonzero(good).tolist():
        usd = float(offers.numbers["usd_per_hour"][i] / count[i])
        found[names[i]] = min(usd, found.get(names[i], np.inf))
    return found


def scenario(seed: int) -> Scenario:
    """Drawn by the seed: network, 4 to 8 accelerators, and work for 100 to 5,000 USD."""
    rng = np.random.default_rng([seed, 2026])
    by_network: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows():
        if row.accelerator in prices():
            by_network[row.network].append(row)
    networks = sorted(name for name, found in by_network.items() if len(found) >= 5)
    network = networks[int(rng.integers(len(networks)))]
    found = by_network[network]
    size = int(rng.integers(4, min(8, len(found)) + 1))
    chosen = [found[i] for i in sorted(rng.choice(len(found), size, replace=False))]
    # Proxies: another network of the same class on the same accelerator.
    kind = network[0]
    proxies = [
        row
        for name in networks
        if name[0] == kind and name[2] != network[2]
        for row in by_network[name]
        if row.accelerator in {one.accelerator for one in chosen}
    ]
    measured = [*chosen, *proxies]
    # How far predictions of this class are off, by the networks that are not asked about.
    others = [row.log_ratio for row in rows() if row.kind == kind and row.model != network[2]]
    everything = [row.log_ratio for row in rows() if row.model != network[2]]
    sd = float(np.std(others if len(others) >= 10 else everything))
    belief = believe([row.setup() for row in measured], np.full(len(measured), sd))
    usd = np.array([prices()[row.accelerator] for row in measured])
    predicted = np.array([row.per_second * np.exp(-row.log_ratio) for row in chosen])
    per_unit = usd[: len(chosen)] / predicted
    work_usd = per_unit / per_unit.min() * float(np.exp(rng.uniform(np.log(100), np.log(5000))))
    nothing = np.zeros(len(chosen))
    alternatives = Alternatives(np.arange(len(chosen)), nothing, work_usd, nothing, nothing)
    return Scenario(
        alternatives,
        belief,
        [Run(i, float(usd[i] * HELD_HOURS)) for i in range(len(measured))],
        np.array([row.log_ratio for row in measured]),
        np.array([row.log_ratio for row in measured]),
    )


Policy = Callable[[Scenario, Belief, list[int], float, np.random.Generator], int | None]


def by_value(
    given: Scenario, belief: Belief, left: list[int], budget: float, rng: np.random.Generator
) -> int | None:
    """What `planner calibrate plan` ranks first."""
    runs = [given.runs[i] for i in left]
    found = rank(given.alternatives, belief, runs, budget_usd=budget, draws=1024, most=1)
    return left[found.chosen[0].run] if found.chosen else None


def at_random(
    given: Scenario, belief: Belief, left: list[int], budget: float, rng: np.random.Generator
) -> int | None:
    fits = [i for i in left if given.runs[i].usd <= budget]
    return fits[int(rng.integers(len(fits)))] if fits else None


def cheapest_first(
    given: Scenario, belief: Belief, left: list[int], budget: float, rng: np.random.Generator
) -> int | None:
    fits = [i for i in left if given.runs[i].usd <= budget]
    return min(fits, key=lambda i: (given.runs[i].usd, rng.random())) if fits else None


def follow(
    policy: Policy, given: Scenario, seed: int, budget_usd: float = BUDGET_USD
) -> tuple[float, float]:
    """USD of regret removed and USD spent by a policy that sees each result before the next run."""
    rng = np.random.default_rng([seed, 7])
    belief, left, budget = given.belief, list(range(len(given.runs))), budget_usd
    while (run := policy(given, belief, left, budget, rng)) is not None:
        budget -= given.runs[run].usd
        belief = belief.after(given.runs[run].setup, float(given.shown[run]))
        left.remove(run)
    removed = given.regret_usd(given.belief) - given.regret_usd(belief)
    return removed, budget_usd - budget
