"""The mix: which offers, how many of each, and which requests each of them serves.

``solve_mix(MixProblem.of(prices, throughput, rates), MixLimits(...))`` is the whole interface for
other programs; it takes milliseconds for a hundred offers and a few buckets.
"""

from planner.optimize.mix.problem import MixLimits, MixProblem, MixSolution, Spread
from planner.optimize.mix.solve import default_gap, solve_mix

__all__ = ["MixLimits", "MixProblem", "MixSolution", "Spread", "default_gap", "solve_mix"]
