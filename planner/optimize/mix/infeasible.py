"""Why there is no mix: which bucket nobody serves, which limit is short, and by how much."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from planner.optimize.mix.problem import MixLimits, MixProblem, instances_needed
from planner.optimize.mix.program import mix_program
from planner.optimize.solver import Solution, solve

_FAMILIES = ("quota", "max_nodes", "max_count", "max_types", "spot", "spread")
_SHOWN = 5


def reasons(
    problem: MixProblem,
    limits: MixLimits,
    bucket_name: Callable[[int], str],
    offer_name: Callable[[int], str],
    *,
    time_limit_s: float = 10.0,
) -> list[str]:
    """One line a cause, in the order of how little would have to change.

    Each limit is relaxed alone, as little as makes the problem feasible; where none helps alone,
    all of them are relaxed together, and what then still cannot be served is said.
    """
    busy = np.flatnonzero(problem.rate > 0)
    if not problem.offers:
        return ["there are no offers"]
    unserved = [b for b in busy.tolist() if not (problem.throughput[:, b] > 0).any()]
    if unserved:
        lines = [
            f"no offer serves the bucket {bucket_name(b)} ({problem.rate[b]:g} requests/s)"
            for b in unserved[:_SHOWN]
        ]
        more = len(unserved) - _SHOWN
        return lines + ([f"and {more} more buckets"] if more > 0 else [])
    work = problem.take(np.arange(problem.offers), busy)
    generous = MixProblem(**{**work.__dict__, "max_count": np.maximum(work.max_count, 1.0)})
    load = instances_needed(generous, limits)

    def relaxed(*families: str) -> tuple[Solution, list[str]]:
        unlimited = "max_count" in families
        base = generous if unlimited else work
        needed = load if unlimited else instances_needed(work, limits)
        if unlimited:
            base = MixProblem(**{**base.__dict__, "max_count": work.max_count})
        model, program = mix_program(
            base, limits, needed, np.isfinite(needed), elastic=frozenset(families)
        )
        found = solve(model, time_limit_s=time_limit_s, gap=1e-4)
        lines = []
        for name, columns in program.slack.items():
            short = found.values[columns] if found.has_point else np.zeros(len(columns))
            short = np.where(short > 1e-6, short, 0.0)
            lines += _in_words(
                name, short, work, limits, offer_name, lambda b: bucket_name(int(busy[b]))
            )
        return found, lines

    alone = []
    for family in _FAMILIES:
        found, lines = relaxed(family)
        if found.has_point and lines:
            alone.append(" and ".join(lines) + (" alone would help" if len(lines) == 1 else ""))
    if alone:
        return alone
    found, lines = relaxed(*_FAMILIES)
    if found.has_point and lines:
        return ["no single change helps; together these would:", *lines]
    return relaxed(*_FAMILIES, "demand")[1] or ["the limits contradict each other"]


def _in_words(
    name: str,
    short: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    problem: MixProblem,
    limits: MixLimits,
    offer_name: Callable[[int], str],
    bucket_name: Callable[[int], str],
) -> list[str]:
    at = np.flatnonzero(short).tolist()
    if name == "quota":
        classes = sorted(set(limits.quotas) & set(problem.quota_class))
        return [
            f"quota {classes[i]} is short by {short[i]:g}: "
            f"{limits.quotas[classes[i]] + short[i]:g} in place of {limits.quotas[classes[i]]:g}"
            for i in at
        ]
    if name == "max_count":
        limited = np.flatnonzero(np.isfinite(problem.max_count))
        return [
            f"max_count of {offer_name(int(limited[i]))} is short by {np.ceil(short[i] - 1e-6):g}"
            for i in at
        ]
    if name == "demand":
        return [f"{short[i]:g} requests/s of bucket {bucket_name(i)} cannot be served" for i in at]
    if name == "max_nodes" and limits.max_nodes is not None:
        return [f"max_nodes of {limits.max_nodes + np.ceil(short[i] - 1e-6):g}" for i in at]
    if name == "max_types" and limits.max_types is not None:
        return [f"max_types of {limits.max_types + np.ceil(short[i] - 1e-6):g}" for i in at]
    if name == "max_spot_share" and limits.max_spot_share is not None:
        return [f"max_spot_share of {limits.max_spot_share + short[i]:.4g}" for i in at]
    spread = {f"max_share_per_{s.over}": s.max_share for s in limits.spread}
    if name in spread:
        return [f"{name.replace('_', ' ')} of {spread[name] + short[i]:.4g}" for i in at]
    return [f"{name.replace('_', ' ')} lower by {np.ceil(short[i] - 1e-6):g}" for i in at]
