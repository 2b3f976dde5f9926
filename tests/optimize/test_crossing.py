"""Crossings of known curves: where they are, how sure, and none where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.optimize.crossing import Z80, Gap, crossings

GRID = np.geomspace(0.1, 1000.0, 25).tolist()
slopes = st.floats(0.1, 3.0)


@settings(max_examples=200, deadline=None)
@given(at=st.floats(0.3, 300.0), slope=slopes, sd=st.floats(0.0, 0.5), rises=st.booleans())
def test_a_line_crosses_where_it_is_zero(at: float, slope: float, sd: float, rises: bool) -> None:
    """On a logarithmic axis: g = slope log(x / at), the band ends at slope log(x / at) = +-z sd."""
    sign = 1.0 if rises else -1.0
    found = crossings(lambda x: Gap(sign * slope * math.log(x / at), sd), GRID, 1e-4)
    assert len(found) == 1
    (flip,) = found
    assert flip.at == pytest.approx(at, rel=2e-4)
    assert (flip.below, flip.above) == (("a", "b") if rises else ("b", "a"))
    assert flip.both_run
    reach = math.exp(Z80 * sd / slope)
    for end, expected in ((flip.low, at / reach), (flip.high, at * reach)):
        if GRID[0] * 1.001 < expected < GRID[-1] * 0.999:
            assert end == pytest.approx(expected, rel=5e-4)
        elif not GRID[0] < expected < GRID[-1]:
            assert end is None


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(st.floats(-1, 1).filter(lambda g: abs(g) > 1e-6), min_size=25, max_size=25))
def test_every_flip_between_neighbours_is_found_and_flips(steps: list[float]) -> None:
    def gap(x: float) -> Gap:
        return Gap(steps[max(i for i, start in enumerate(GRID) if start <= x)], 0.1)

    found = crossings(gap, GRID, 1e-6)
    signs = [step > 0 for step in steps]
    expected = [x for x, one, two in zip(GRID[1:], signs, signs[1:], strict=False) if one != two]
    assert [flip.at for flip in found] == pytest.approx(expected, rel=1e-5)
    for flip in found:
        assert gap(flip.at * (1 - 2e-6)).cheaper == flip.below
        assert gap(flip.at).cheaper == flip.above
        assert flip.low is None or flip.low <= flip.at
        assert flip.high is None or flip.high >= flip.at


def test_none_where_one_side_is_always_cheaper() -> None:
    assert crossings(lambda x: Gap(-0.01, 5.0), GRID) == []


def test_a_side_that_stops_running_is_a_flip_of_another_cause() -> None:
    def gap(x: float) -> Gap:
        return Gap(-1.0, 0.1) if x < 7 else Gap(math.inf)

    (flip,) = crossings(gap, GRID, 1e-4)
    assert flip.at == pytest.approx(7, rel=1e-3)
    assert not flip.both_run
    assert (flip.low, flip.high) == pytest.approx((flip.at, flip.at), rel=1e-3)


def test_where_neither_runs_there_is_no_answer() -> None:
    def gap(x: float) -> Gap:
        return Gap(math.nan) if x > 50 else Gap(math.log(x / 5), 0.2)

    (flip,) = crossings(gap, GRID, 1e-4)
    assert flip.at == pytest.approx(5, rel=1e-3)
    assert crossings(lambda x: Gap(math.nan), GRID) == []


def test_plans_that_come_to_the_same_are_equal() -> None:
    (flip,) = crossings(lambda x: Gap(-max(0.0, math.log(x / 20)), 0.0), GRID, 1e-4)
    assert (flip.below, flip.above) == ("equal", "a")
    assert flip.at == pytest.approx(20, rel=1e-3)
    assert Gap(0.0, 0.4).probability is None


def test_probability_is_that_of_a_normal() -> None:
    assert Gap(-Z80 * 0.3, 0.3).probability == pytest.approx(0.9)
    assert Gap(1e-6, 0.3).probability == pytest.approx(0.5, abs=1e-4)
    assert Gap(-math.inf).probability == 1.0
