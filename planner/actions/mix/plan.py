"""The use case behind ``planner mix``: a profile in, a mix that was simulated out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.errors import BadInput, PlannerError
from planner.optimize.mix import MixLimits, MixProblem, MixSolution, solve_mix
from planner.optimize.mix.infeasible import reasons
from planner.optimize.mix.problem import instances_needed
from planner.optimize.mix.profile import MixProfile, parse_profile, read_profile
from planner.optimize.mix.program import mix_program
from planner.optimize.solver import TIME_LIMIT_S, Status, write_lp
from planner.results.mix import MixGroup, MixResult, MixSimulation
from planner.simulate.queues import Simulated, simulate

MOST_REQUESTS = 1e15  # as in the profile
# Figures of a profile that are repeated in the result, so that the result can be planned again.
MOST_SHOWN = 20_000
_ROUNDS = 16
_REQUESTS = 100_000
# A pool of one machine at 5% load hardly queues: below that, more machines do not help.
_LEAST_UTILISATION = 0.02


@dataclass(frozen=True)
class MixOptions:
    """How to solve and check; none of it is part of the question."""

    gap: float | None = None
    time_limit_s: float = TIME_LIMIT_S
    solver: str = "HiGHS"
    seed: int = 0
    simulate: bool = True
    write_lp: str | None = None


def mix_from(
    file: str,
    text: str | None = None,
    limits: Mapping[str, Any] | None = None,
    slo: Mapping[str, Any] | None = None,
    burstiness: float | None = None,
    options: MixOptions | None = None,
) -> MixResult:
    """From a profile file (or its ``text``) with flags laid over it. Raises BadInput."""
    return plan_mix(profile_from(file, text, limits, slo, burstiness), options)


def profile_from(
    file: str,
    text: str | None = None,
    limits: Mapping[str, Any] | None = None,
    slo: Mapping[str, Any] | None = None,
    burstiness: float | None = None,
) -> MixProfile:
    """A profile file (or its ``text``) with flags laid over it, checked. Raises BadInput."""
    profile, data, where = read_profile(file, text)
    given = {name: value for name, value in (limits or {}).items() if value not in (None, {}, [])}
    wanted = {name: value for name, value in (slo or {}).items() if value is not None}
    if given or wanted or burstiness is not None:
        changed = dict(data)
        changed["limits"] = {**(data.get("limits") or {}), **given}
        if wanted:
            changed["slo"] = {**(data.get("slo") or {}), **wanted}
        if burstiness is not None:
            changed["burstiness"] = burstiness
        profile = parse_profile(changed, f"{where} with flags")
    return profile


def varied(
    profile: MixProfile,
    *,
    requests_per_second: float | None = None,
    max_spot_share: float | None = None,
) -> MixProfile:
    """The profile with another rate or limit; None leaves what it says. Raises BadInput."""
    if requests_per_second is not None:
        if not 0 <= requests_per_second <= MOST_REQUESTS:
            raise BadInput(
                f"{requests_per_second:g} is no rate",
                where="--requests-per-second",
                remedy="say 40",
            )
        profile = profile.model_copy(update={"requests_per_second": requests_per_second})
    if max_spot_share is not None:
        limits = profile.limits.model_copy(update={"max_spot_share": max_spot_share})
        profile = profile.model_copy(update={"limits": limits})
    return profile


def looks_like_profile(file: str) -> bool:
    """Whether a file is meant as a profile; one that cannot be read is not."""
    try:
        with Path(file).open("rb") as stream:
            return b"input_len_buckets" in stream.read(1 << 22)
    except OSError:
        return False


def plan_mix(profile: MixProfile, options: MixOptions | None = None) -> MixResult:
    """The cheapest mix whose requests do not wait longer than the profile allows.

    An infeasible profile gives a result of that status, with reasons. Raises BadInput for a solver
    that is not there or an LP file that cannot be written, PlannerError when the solver fails.
    """
    start = time.perf_counter()
    options = options or MixOptions()
    problem, limits = profile.problem(), profile.mix_limits()
    if options.write_lp is not None:
        _write_program(problem, limits, options.write_lp)
    if options.gap is not None and not 0 <= options.gap < 1:
        raise BadInput(f"{options.gap:g} is no gap", where="--gap", remedy="use 0.001")
    solution = _solved(problem, limits, options)
    if solution.objective is None:
        return _nothing(profile, problem, limits, solution, [], start)
    simulated = simulated_queues(profile, problem, solution, options)
    tightened, met = 0, None
    if profile.slo is not None and simulated is not None:
        first, delay = solution, simulated.worst_s
        solution, simulated, tightened = _tightened(
            profile, problem, limits, options, solution, simulated
        )
        met = simulated.worst_s <= profile.slo.max_queue_delay_s
        if not met:
            why = [
                f"the cheapest mix without the delay limit costs ${first.objective:g}/h; its "
                f"p{profile.slo.percentile:g} queueing delay is {delay:.3g} s"
            ]
            return _nothing(profile, problem, limits, solution, why, start)
    return _result(profile, solution, simulated, options.seed, tightened, met, start)


def _solved(problem: MixProblem, limits: MixLimits, options: MixOptions) -> MixSolution:
    return solve_mix(
        problem,
        limits,
        gap=options.gap,
        time_limit_s=options.time_limit_s,
        solver=options.solver,
    )


def _write_program(problem: MixProblem, limits: MixLimits, file: str) -> None:
    busy = np.flatnonzero(problem.rate > 0)
    work = problem.take(np.arange(problem.offers), busy)
    if not len(busy) or not problem.offers:
        raise BadInput("there is no program to write", where=file, remedy="give offers and a rate")
    load = instances_needed(work, limits)
    model, _ = mix_program(work, limits, load, np.isfinite(load))
    write_lp(model, file)


def simulated_queues(
    profile: MixProfile, problem: MixProblem, solution: MixSolution, options: MixOptions
) -> Simulated | None:
    if not options.simulate or not solution.counts.any():
        return None
    return simulate(
        problem.rate,
        problem.throughput,
        solution.assignment,
        solution.counts,
        concurrency=np.array([offer.concurrency for offer in profile.offers], np.int64),
        burstiness=profile.burstiness,
        percentile=profile.slo.percentile if profile.slo else 95.0,
        requests=_REQUESTS,
        seed=options.seed,
    )


def _tightened(
    profile: MixProfile,
    problem: MixProblem,
    limits: MixLimits,
    options: MixOptions,
    solution: MixSolution,
    simulated: Simulated,
) -> tuple[MixSolution, Simulated, int]:
    """More head-room where requests wait too long, until none do; the last try if that fails.

    Waiting in a pool grows with 1 / (1 - utilisation): that sets the next step. Once a mix
    passes, head-room is given back half-way while it stays cheaper and within the limit.
    """
    assert profile.slo is not None
    most = profile.slo.max_queue_delay_s
    caps = np.full(problem.offers, float(np.max(limits.max_utilisation)))
    failing = caps.copy()
    rounds = 0
    while simulated.worst_s > most and rounds < _ROUNDS:
        failing = caps.copy()
        lowest = 1.0
        for offer, pool in simulated.pools.items():
            if pool.percentile_s > most:
                loaded = min(pool.utilisation, caps[offer], 0.995)
                further = float(np.clip(pool.percentile_s / most, 1.2, 3.0))
                caps[offer] = max(_LEAST_UTILISATION, 1 - further * (1 - loaded))
                lowest = min(lowest, caps[offer])
        if rounds >= _ROUNDS // 3:  # others keep taking the load over: hold all to account
            caps = np.minimum(caps, lowest)
        rounds += 1
        found = _solved(problem, replace(limits, max_utilisation=caps), options)
        if found.objective is None:
            return solution, simulated, rounds
        checked = simulated_queues(profile, problem, found, options)
        assert checked is not None
        solution, simulated = found, checked
    passing = caps
    for _ in range(3 if rounds and simulated.worst_s <= most else 0):
        middle: NDArray[np.float64] = (passing + failing) / 2
        found = _solved(problem, replace(limits, max_utilisation=middle), options)
        checked = simulated_queues(profile, problem, found, options) if found.objective else None
        rounds += 1
        if checked is None or checked.worst_s > most:
            failing = middle
            continue
        passing = middle
        if (found.objective or 0.0) <= (solution.objective or 0.0):
            solution, simulated = found, checked
    return solution, simulated, rounds


def _nothing(
    profile: MixProfile,
    problem: MixProblem,
    limits: MixLimits,
    solution: MixSolution,
    why: list[str],
    start: float,
) -> MixResult:
    """An infeasible result with its reasons. Raises PlannerError when that is not proven."""
    if solution.status is not Status.INFEASIBLE and not why:
        raise PlannerError(f"no mix found: {solution.message or solution.status}")
    if not why:
        why = reasons(problem, limits, profile.bucket_name, lambda o: profile.offers[o].name)
    else:
        why = [*why, "no number of instances that the limits allow keeps within it"]
    return MixResult(
        name=profile.name,
        status="infeasible",
        groups=[],
        cost_usd_per_hour=None,
        bound_usd_per_hour=None,
        gap=None,
        requests_per_second=float(problem.rate.sum()),
        cost_usd_per_million_requests=None,
        input_len_buckets=list(profile.input_len_buckets),
        output_len_buckets=list(profile.output_len_buckets),
        assignment={},
        simulation=None,
        solver=solution.solver,
        solve_seconds=round(time.perf_counter() - start, 4),
        reasons=why,
        profile=_shown(profile),
    )


def _shown(profile: MixProfile) -> dict[str, Any] | None:
    """The profile for whoever plans it again, unless it is large."""
    cells = len(profile.input_len_buckets) * len(profile.output_len_buckets) * len(profile.offers)
    if cells > MOST_SHOWN:
        return None
    return profile.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _result(
    profile: MixProfile,
    solution: MixSolution,
    simulated: Simulated | None,
    seed: int,
    tightened: int,
    met: bool | None,
    start: float,
) -> MixResult:
    rate = profile.rate
    shape = (len(profile.input_len_buckets), len(profile.output_len_buckets))
    groups, assignment = [], {}
    for index in np.flatnonzero(solution.counts).tolist():
        offer, count = profile.offers[index], int(solution.counts[index])
        pool = simulated.pools.get(index) if simulated else None
        groups.append(
            MixGroup(
                type=offer.name,
                count=count,
                usd_per_hour=offer.usd_per_hour,
                cost_usd_per_hour=float(f"{offer.usd_per_hour * count:.12g}"),
                utilisation=float(solution.utilisation[index]),
                requests_per_second=float(solution.assignment[index] @ rate),
                spot=offer.spot,
                accelerator=offer.accelerator,
                cloud=offer.cloud,
                region=offer.region,
                zone=offer.zone,
                queue_delay_s=pool.percentile_s if pool else None,
            )
        )
        assignment[offer.name] = solution.assignment[index].reshape(shape).tolist()
    cost = float(f"{solution.objective or 0.0:.12g}")  # sums of prices, without their noise
    requests = profile.requests_per_second
    budget = profile.limits.budget_usd_per_hour
    weights = float(np.sum(profile.request_distribution))
    notes = []
    if abs(weights - 1) > 1e-3 and weights > 0:
        notes.append(f"request_distribution adds up to {weights:g} and was scaled to 1")
    if tightened:
        notes.append(
            f"solved {tightened} more times for head-room; the bound is that of mixes with it"
        )
    if solution.message:
        notes.append(solution.message)
    return MixResult(
        name=profile.name,
        status="optimal" if solution.status is Status.OPTIMAL else "feasible",
        groups=sorted(groups, key=lambda group: -group.cost_usd_per_hour),
        cost_usd_per_hour=cost,
        bound_usd_per_hour=solution.bound,
        gap=solution.gap,
        over_budget=budget is not None and cost > budget * (1 + 1e-9),
        requests_per_second=requests,
        cost_usd_per_million_requests=cost / (requests * 3600) * 1e6 if requests else None,
        input_len_buckets=list(profile.input_len_buckets),
        output_len_buckets=list(profile.output_len_buckets),
        assignment=assignment,
        simulation=_simulation(profile, simulated, seed, tightened, met),
        solver=solution.solver,
        solve_seconds=round(time.perf_counter() - start, 4),
        notes=notes,
        profile=_shown(profile),
    )


def _simulation(
    profile: MixProfile, simulated: Simulated | None, seed: int, tightened: int, met: bool | None
) -> MixSimulation | None:
    if simulated is None:
        return None
    return MixSimulation(
        seed=seed,
        requests=simulated.requests,
        burstiness=profile.burstiness,
        percentile=simulated.percentile,
        queue_delay_s=simulated.percentile_s,
        worst_queue_delay_s=simulated.worst_s,
        max_queue_delay_s=profile.slo.max_queue_delay_s if profile.slo else None,
        met=met,
        tightened=tightened,
    )
