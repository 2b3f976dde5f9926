"""Checks of a solver's answer that do not take its word: feasibility, and the dual bound."""

from __future__ import annotations

import numpy as np

from planner.optimize.solver.model import Flags, Floats, LinearModel, sums
from planner.optimize.solver.status import Solution, Status

# Tolerances of the solvers themselves (HiGHS: 1e-6 in integer programs), relative to each row.
FEASIBILITY = 1e-6
INTEGRALITY = 1e-5


def contradiction(model: LinearModel) -> str:
    """Why no point can exist by bounds alone, or nothing."""
    for names, lower, upper in (
        ("column_names", model.lower, model.upper),
        ("row_names", model.row_lower, model.row_upper),
    ):
        bad = np.flatnonzero(
            (lower > upper + FEASIBILITY * (1 + np.abs(np.where(np.isfinite(upper), upper, 0))))
            | (lower == np.inf)
            | (upper == -np.inf)
        )
        if len(bad):
            first = int(bad[0])
            name = getattr(model, names)[first]
            return f"{name} must be at least {lower[first]:g} and at most {upper[first]:g}"
    empty = np.diff(model.starts) == 0
    if ((model.row_lower > 0) | (model.row_upper < 0))[empty].any():
        return "a row must hold, but there is nothing to choose from"
    whole = np.flatnonzero(model.integer)
    holds_none = np.ceil(model.lower[whole] - INTEGRALITY) > np.floor(
        model.upper[whole] + INTEGRALITY
    )
    if holds_none.any():
        first = int(whole[np.argmax(holds_none)])
        return f"{model.column_names[first]} has no whole number in its range"
    return ""


def snapped(model: LinearModel, values: Floats) -> Floats:
    """Within bounds, and integers exact where they are within tolerance of one."""
    inside = np.clip(values, model.lower, model.upper)
    whole = np.round(inside)
    near = model.integer & (np.abs(inside - whole) <= INTEGRALITY * np.maximum(1, np.abs(whole)))
    return np.where(near, whole, inside)


def violation(model: LinearModel, values: Floats) -> float:
    """Largest violation of a bound, row or integrality, in units of its tolerance (1 is allowed).

    A row's tolerance is ``FEASIBILITY`` times the largest of 1, its bound and a thousandth of
    the sum of its terms' magnitudes, below which sums of doubles have no meaning.
    """
    if not np.isfinite(values).all():
        return np.inf
    size = sums(model.rows, np.abs(model.coefficients * values[model.columns]), model.height)
    worst = 0.0
    for low, high, at, scale in (
        (model.lower, model.upper, values, np.abs(values) * 1e-3),
        (model.row_lower, model.row_upper, model.activity(values), size * 1e-3),
    ):
        for side, excess in ((low, low - at), (high, at - high)):
            room = FEASIBILITY * np.maximum(1, np.maximum(_finite_size(side), scale))
            worst = max(worst, float(np.max(excess / room, initial=0.0)))
    off = np.abs(values - np.round(values))[model.integer] / (
        INTEGRALITY * np.maximum(1, np.abs(values[model.integer]))
    )
    return max(worst, float(np.max(off, initial=0.0)))


def dual_bound(model: LinearModel, row_duals: Floats, values: Floats, tolerance: float) -> float:
    """Lower bound on a continuous model that any row duals prove (weak duality); may be -inf.

        bound = offset + sum_i y_i side_i + sum_j d_j bound_j,   d = cost - A' y

    where side and bound are the lower ones for positive factors, the upper ones for negative. A
    factor within ``tolerance`` of 0 against an infinite side is taken at the present values.
    """
    reduced = reduced_costs(model, row_duals)
    total = model.offset
    for factor, low, high, at in (
        (row_duals, model.row_lower, model.row_upper, model.activity(values)),
        (reduced, model.lower, model.upper, values),
    ):
        side = np.where(factor > 0, low, high)
        endless = ~np.isfinite(side)
        if (np.abs(factor[endless]) > tolerance).any():
            return -np.inf
        total += float(factor @ np.where(endless, at, side))
    return total


def reduced_costs(model: LinearModel, row_duals: Floats) -> Floats:
    """cost - A' y, shape (n,)."""
    priced = model.coefficients * row_duals[model.rows]
    return model.cost - sums(model.columns, priced, model.width)


def verdict(
    model: LinearModel,
    solver: str,
    claimed: bool,
    values: Floats,
    bound: float | None,
    row_duals: Floats,
    gap: float,
    slack: float,
    seconds: float,
) -> Solution:
    """Optimal only where the claim and the bound agree; ``values`` are known to be feasible."""
    objective = model.objective(values)
    reduced = np.empty(0)
    if len(row_duals) == model.height and not model.integer.any():
        reduced = reduced_costs(model, row_duals)
    closed = bound is not None and objective - bound <= max(
        gap * abs(objective) * (1 + 1e-6), slack, 1e-12 * float(np.abs(model.cost) @ np.abs(values))
    )
    status = Status.OPTIMAL if closed else Status.FEASIBLE
    message = ""
    if bound is not None and bound > objective:  # by rounding only: the objective is attained
        bound = objective
    if status is Status.FEASIBLE:
        message = "the claim of optimality failed its check" if claimed else "stopped at a limit"
    return Solution(status, solver, objective, bound, values, row_duals, reduced, seconds, message)


def _finite_size(side: Floats) -> Floats:
    finite: Flags = np.isfinite(side)
    return np.where(finite, np.abs(side), 0.0)
