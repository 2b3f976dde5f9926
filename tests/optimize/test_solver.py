"""The solver's answers against plain enumeration, and its claims against nasty models."""

from __future__ import annotations

import itertools
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pulp
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from planner.errors import BadInput
from planner.optimize.solver import (
    LinearModel,
    ModelBuilder,
    Status,
    live,
    minimise,
    solve,
    write_lp,
)
from planner.optimize.solver.certify import dual_bound, violation
from planner.optimize.solver.external import from_pulp, to_pulp

SOLVERS = ("HiGHS", "CBC")


def knapsack(seed: int, count: int, rows: int, scale: float = 1.0) -> LinearModel:
    rng = np.random.default_rng(seed)
    build = ModelBuilder("knapsack")
    x = build.add_columns(
        "take", count, cost=-rng.integers(10, 100, count) * scale, upper=1, integer=True
    )
    size = rng.integers(1, 50, (rows, count))
    build.add_rows(
        "room", rows, [(np.arange(rows)[:, None], x[None, :], size)], upper=size.sum(1) * 0.4
    )
    return build.build()


def enumerated(model: LinearModel) -> float | None:
    """Least objective over all whole points in the box: the oracle."""
    ranges = [range(int(a), int(b) + 1) for a, b in zip(model.lower, model.upper, strict=True)]
    best = None
    for point in itertools.product(*ranges):
        values = np.array(point, float)
        activity = model.activity(values)
        if ((activity >= model.row_lower - 1e-9) & (activity <= model.row_upper + 1e-9)).all():
            cost = model.objective(values)
            best = cost if best is None else min(best, cost)
    return best


@st.composite
def small_models(draw: st.DrawFn) -> LinearModel:
    count, rows = draw(st.integers(1, 4)), draw(st.integers(0, 3))
    scale = draw(st.sampled_from([1e-6, 1.0, 1e6]))

    def numbers(size: int, low: int, high: int) -> np.ndarray:
        return np.array(draw(st.lists(st.integers(low, high), min_size=size, max_size=size)), float)

    build = ModelBuilder("small", offset=draw(st.integers(-3, 3)) * scale)
    x = build.add_columns(
        "x", count, cost=numbers(count, -9, 9) * scale, lower=-1, upper=2, integer=True
    )
    matrix = numbers(rows * count, -4, 4).reshape(rows, count)
    low = numbers(rows, -5, 4)
    build.add_rows(
        "r",
        rows,
        [(np.arange(rows)[:, None], x[None, :], matrix)],
        lower=low,
        upper=low + numbers(rows, 0, 6),
    )
    return build.build()


@settings(max_examples=60, deadline=None)
@given(small_models())
def test_whole_models_equal_enumeration(model: LinearModel) -> None:
    expected = enumerated(model)
    found = solve(model)
    if expected is None:
        assert found.status is Status.INFEASIBLE
        assert not found.has_point
        return
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(expected, rel=1e-6, abs=1e-13)
    assert found.bound is not None
    assert found.bound <= expected * (1 + np.sign(expected) * 1e-6) + 1e-13


@settings(max_examples=10, deadline=None)
@given(small_models())
def test_both_solvers_say_the_same(model: LinearModel) -> None:
    a, b = (solve(model, solver=name) for name in SOLVERS)
    assert (a.solver, b.solver) == SOLVERS
    assert a.status is b.status
    if a.objective is None:
        assert b.objective is None
    else:
        assert b.objective == pytest.approx(a.objective, rel=1e-6, abs=1e-13)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1.0, 1e6])
def test_cost_units_do_not_change_the_answer(solver: str, scale: float) -> None:
    """Absolute tolerances call anything optimal where all costs are tiny."""
    found = solve(knapsack(0, 40, 5, scale), solver=solver)
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(-1306 * scale, rel=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_unbounded_and_infeasible_are_told_apart(solver: str) -> None:
    build = ModelBuilder("endless")
    x = build.add_columns("x", 2, cost=[-1, 0])
    build.add_rows("r", 1, [(0, x, [1, -1])], upper=1)
    assert solve(build.build(), solver=solver).status is Status.UNBOUNDED
    build.add_rows("s", 2, [(0, x, 1), (1, x, 1)], lower=[-np.inf, 2], upper=[1, np.inf])
    assert solve(build.build(), solver=solver).status is Status.INFEASIBLE


@pytest.mark.parametrize("solver", SOLVERS)
def test_models_with_almost_nothing_in_them(solver: str) -> None:
    build = ModelBuilder("no rows", offset=2)
    build.add_columns("x", 3, cost=[1, 0, -1], upper=[5, 5, 5], integer=True)
    found = solve(build.build(), solver=solver)
    assert (found.status, found.objective) == (Status.OPTIMAL, -3)
    build = ModelBuilder("bounds that contradict")
    build.add_columns("x", 1, lower=2, upper=1)
    assert solve(build.build(), solver=solver).status is Status.INFEASIBLE
    build = ModelBuilder("no whole number")
    build.add_columns("x", 1, lower=1.2, upper=1.8, integer=True)
    assert solve(build.build(), solver=solver).status is Status.INFEASIBLE


def test_a_model_without_columns() -> None:
    build = ModelBuilder("nothing", offset=4)
    assert solve(build.build()).objective == 4
    build.add_rows("demand", 1, [], lower=1)
    assert solve(build.build()).status is Status.INFEASIBLE


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_models_that_are_not_numbers_are_refused(wrong: float) -> None:
    build = ModelBuilder("wrong")
    build.add_columns("x", 2, cost=[1, wrong])
    with pytest.raises(ValueError, match="cost"):
        build.build()


@pytest.mark.benchmark
def test_a_time_limit_gives_a_checked_point_and_an_honest_bound() -> None:
    model = knapsack(0, 300, 30)
    kept = live(model)
    for _ in range(3):  # the limit holds for each solve of a live model
        start = time.perf_counter()
        found = kept.solve(time_limit_s=0.7, gap=1e-9)
        assert time.perf_counter() - start < 2.5
        assert found.status is Status.FEASIBLE
        assert found.objective is not None
        assert found.bound is not None
        assert found.gap is not None
        assert found.bound < found.objective
        assert 0 < found.gap < 0.2
        assert violation(model, found.values) <= 1


def test_a_limit_of_no_time_is_not_an_answer() -> None:
    found = solve(knapsack(1, 3000, 300), time_limit_s=1e-6, gap=0.0)
    assert found.status in (Status.FEASIBLE, Status.FAILED)
    assert found.status is Status.FEASIBLE or found.message


@pytest.mark.parametrize("solver", SOLVERS)
def test_duals_price_the_rows(solver: str) -> None:
    """min 2x + 3y, x + y >= 10, x <= 6: one more unit of demand costs 3, of room saves 1."""
    build = ModelBuilder("lp")
    x = build.add_columns("x", 2, cost=[2, 3])
    demand = build.add_rows("demand", 1, [(0, x, 1)], lower=10)
    room = build.add_rows("room", 1, [(0, x[0], 1)], upper=6)
    found = solve(build.build(), solver=solver)
    assert found.status is Status.OPTIMAL
    assert found.objective == pytest.approx(24)
    assert found.bound == pytest.approx(24)
    assert found.row_duals[demand] == pytest.approx([3])
    assert found.row_duals[room] == pytest.approx([-1])
    assert found.reduced_costs == pytest.approx([0, 0], abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(small_models(), st.lists(st.integers(-5, 5), min_size=3, max_size=3))
def test_no_duals_prove_more_than_the_optimum(model: LinearModel, duals: list[int]) -> None:
    expected = enumerated(model)
    if expected is None:
        return
    at = np.clip(np.zeros(model.width), model.lower, model.upper)
    y = np.array(duals[: model.height], float) * float(np.abs(model.cost).max(initial=0.0))
    assert dual_bound(model, y, at, 0.0) <= expected + 1e-9 * max(1.0, abs(expected))


def test_a_wrong_claim_of_optimality_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that stops at its first point and calls it optimal, as CBC has done."""
    model = knapsack(0, 40, 5)

    def lie(engine: object, lp: pulp.LpProblem) -> int:
        for variable in lp.variables():
            variable.varValue = 0.0
        lp.assignStatus(pulp.LpStatusOptimal, pulp.LpSolutionOptimal)
        return int(lp.status)

    monkeypatch.setattr(pulp.PULP_CBC_CMD, "actualSolve", lie)
    found = solve(model, solver="CBC")
    assert found.status is Status.FEASIBLE
    assert found.bound == pytest.approx(-1306)
    assert found.objective == 0


def test_a_point_that_breaks_a_row_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def lie(engine: object, lp: pulp.LpProblem) -> int:
        for variable in lp.variables():
            variable.varValue = 1.0
        lp.assignStatus(pulp.LpStatusOptimal, pulp.LpSolutionOptimal)
        return int(lp.status)

    monkeypatch.setattr(pulp.PULP_CBC_CMD, "actualSolve", lie)
    found = solve(knapsack(0, 40, 5), solver="CBC")
    assert found.status is Status.FAILED
    assert "breaks a constraint" in found.message


def test_cbc_stands_in_when_highs_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulp.HiGHS, "available", lambda self: False)
    found = solve(knapsack(0, 40, 5))
    assert (found.solver, found.status) == ("CBC", Status.OPTIMAL)
    assert found.objective == pytest.approx(-1306)


def test_solvers_are_named_as_people_do() -> None:
    with pytest.raises(BadInput, match="did you mean"):
        solve(knapsack(0, 4, 1), solver="hihgs")
    absent = next(n for n in pulp.listSolvers() if n not in pulp.listSolvers(onlyAvailable=True))
    with pytest.raises(BadInput, match="not installed"):
        solve(knapsack(0, 4, 1), solver=absent.lower())


def test_a_pulp_problem_comes_back_solved() -> None:
    problem = pulp.LpProblem("profit", pulp.LpMaximize)
    x = pulp.LpVariable("x", 0, 4, cat=pulp.LpInteger)
    y = pulp.LpVariable("y", -2, None)
    problem += 3 * x - 2 * y + 7
    problem += x + y >= 1.5, "least"
    problem += x - 3 * y <= 5, "most"
    done = minimise(problem)
    assert done.status is Status.OPTIMAL
    # y >= max(-2, 1.5 - x, (x - 5) / 3) and x <= 4: the profit 3x - 2y + 7 grows with x.
    assert (x.value(), y.value()) == pytest.approx((4, -1 / 3))
    assert done.objective == pytest.approx(12 + 2 / 3 + 7)
    assert done.bound == pytest.approx(done.objective)


@settings(max_examples=30, deadline=None)
@given(small_models())
def test_arrays_to_pulp_and_back(model: LinearModel) -> None:
    problem, _, _ = to_pulp(model)
    again = from_pulp(problem)
    assume((np.diff(model.starts) > 0).all())  # PuLP has no rows without variables
    first, second = solve(model), solve(again)
    assert first.status is second.status
    if first.objective is not None:
        assert second.objective == pytest.approx(first.objective, rel=1e-9, abs=1e-15)


def test_lp_files_name_everything(tmp_path: Path) -> None:
    build = ModelBuilder("mix")
    x = build.add_columns("share", (2, 2), cost=1, labels=(("H100 80GB", "L4"), ("short", "long")))
    build.add_rows("serve", 2, [(np.arange(2)[None, :], x, 1)], lower=1, upper=1)
    write_lp(build.build(), tmp_path / "mix.lp")
    text = (tmp_path / "mix.lp").read_text()
    assert "share_H100_80GB_short + share_L4_short = 1" in text
    assert "serve_1:" in text
    with pytest.raises(BadInput, match="cannot be written"):
        write_lp(build.build(), tmp_path / "absent" / "mix.lp")


def test_nothing_but_the_answer_is_printed() -> None:
    code = (
        "from planner.optimize.solver import ModelBuilder, solve\n"
        "b = ModelBuilder('m'); b.add_columns('x', 2, cost=-1, upper=3, integer=True)\n"
        "print([solve(b.build(), solver=s).objective for s in ('HiGHS', 'CBC')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[-6.0, -6.0]", "")


def front_model(cap: float = np.inf) -> LinearModel:
    """200 periods, 12 ways to meet each one's demand, and one cap on carbon over all."""
    periods, kinds = 200, 12
    rng = np.random.default_rng(3)
    build = ModelBuilder("front")
    x = build.add_columns("use", (periods, kinds), cost=rng.uniform(1, 9, (periods, kinds)))
    build.add_rows("meet", periods, [(np.arange(periods)[:, None], x, 1)], lower=10)
    each = np.arange(periods * kinds).reshape(periods, kinds)
    build.add_rows("room", (periods, kinds), [(each, x, 1)], upper=6)
    build.add_rows("carbon", 1, [(0, x, rng.uniform(0, 5, (periods, kinds)))], upper=cap)
    return build.build()


@pytest.mark.benchmark
def test_a_front_on_a_live_model_beats_fresh_models() -> None:
    """30 points by changed sides, against a fresh PuLP model each: at least ten times faster."""
    model = front_model()
    row = model.height - 1
    most = float(model.activity(solve(model).values)[row])
    caps = np.linspace(most, most / 2, 30)

    start = time.perf_counter()
    kept = live(model)
    warm = []
    for cap in caps:
        kept.set_rows(row, lower=-np.inf, upper=cap)
        warm.append(kept.solve())
    warm_s = time.perf_counter() - start
    assert all(point.status is Status.OPTIMAL for point in warm)

    fresh_s = []
    for index in (0, 9, 19, 29):
        start = time.perf_counter()
        problem, _, _ = to_pulp(front_model(float(caps[index])))
        problem.solve(pulp.HiGHS(msg=False))
        fresh_s.append(time.perf_counter() - start)
        assert warm[index].objective == pytest.approx(pulp.value(problem.objective), rel=1e-6)
    ratio = statistics.median(fresh_s) * 30 / warm_s
    print({"warm_s": round(warm_s, 3), "fresh_s": round(statistics.median(fresh_s) * 30, 2)})
    assert ratio >= 10
