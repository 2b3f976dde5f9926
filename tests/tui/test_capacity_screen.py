"""The Mix & capacity screen, driven as a person drives it; its figures are those of the CLI."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from textual.binding import Binding
from textual.widgets import ContentSwitcher, Input

from planner.actions.capacity import break_even
from planner.actions.capacity.plan import capacity_from
from planner.actions.capacity.question import changes_from
from planner.actions.capacity.view import CapacityView, MixView, stacked
from planner.actions.mix.plan import mix_from
from planner.optimize.capacity.program import Settings
from planner.results.capacity import CapacityResult, Served
from tests.planner.conftest import ROOT
from tests.tui.main_screen import ScreenDriver, opened
from tui.screens import base
from tui.screens.capacity import EXAMPLE, CapacityScreen
from tui.screens.help import HelpScreen
from tui.widgets.charts.stack import StackChart
from tui.widgets.tables.mix_matrix import MixGroups, MixMatrix
from tui.widgets.tables.plan_lines import PlanLines

SMALL = {
    "name": "small",
    "unit": "requests/s",
    "demand": [100.0] * 300 + [300.0] * 420,
    "offers": [
        {
            "name": "cloud",
            "throughput": 10,
            "on_demand_usd_per_hour": 3,
            "spot_usd_per_hour": 1.1,
            "reserved_1y": 1.8,
        },
        {
            "name": "own",
            "throughput": 20,
            "running_usd_per_hour": 0.2,
            "owned_count": 2,
            "purchase": {"capex_usd": 200000, "life_years": 4, "max_new": 20},
        },
    ],
    "limits": {"max_spot_share": 0.2},
}
PROFILE = ROOT / "examples" / "serving-mix-profile.json"
SERVICE = ROOT / "examples" / "infer-resnet-service.yaml"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "DEBOUNCE_S", 0.02)


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "small.json"
    path.write_text(json.dumps(SMALL))
    return path


def view(it: ScreenDriver) -> CapacityView:
    assert isinstance(it.screen.answer, CapacityView)
    return it.screen.answer


def plan(file: str, *flags: str) -> CapacityResult:
    """As ``planner capacity FILE FLAGS`` has it."""
    words = dict(zip(flags[::2], flags[1::2], strict=True))
    changes = changes_from(
        float(words["--demand-scale"]) if "--demand-scale" in words else None,
        float(words["--max-spot-share"]) if "--max-spot-share" in words else None,
        [v for k, v in zip(flags[::2], flags[1::2], strict=True) if k == "--count"],
    )
    return capacity_from(file, Settings(), changes=changes).result


def same(found: CapacityResult, expected: CapacityResult) -> bool:
    dropped = {"seconds", "solve_seconds"}
    return found.model_dump(exclude=dropped) == expected.model_dump(exclude=dropped)


async def open_spec(it: ScreenDriver, path: Path) -> None:
    await it.type_into("o", str(path))
    await it.keys("enter")


async def test_figures_are_those_of_the_command(spec: Path) -> None:
    async with opened("capacity") as it:
        # The workload ends: the example is shown, and said to be one.
        assert it.status.startswith("EXAMPLE year: your job ends")
        assert same(view(it).best.result, plan(EXAMPLE))
        await open_spec(it, spec)
        best = plan(str(spec))
        assert same(view(it).chosen.result, best) and view(it).chosen is view(it).best
        detail = it.text("plan-text")
        assert f"{best.cost_usd:,.0f}" in detail and "all on-prem: " in detail
        table = it.screen.query_one(PlanLines)
        assert {
            (str(table.get_row_at(n)[1]).strip(), str(table.get_row_at(n)[2]).strip())
            for n in range(table.row_count)
        } >= {("cloud", "reserved-1y"), ("own", "purchased")}
        # One more than is best, twice: what it costs more is said.
        row = table.chosen
        assert row is not None and row.decision is not None
        await it.keys("plus", "plus")
        flag = f"{row.offer}={row.option.replace('_', '-')}:{row.decision.best + 2}"
        mine = plan(str(spec), "--count", flag)
        assert view(it).chosen.result.cost_usd == pytest.approx(mine.cost_usd, rel=1e-9)
        assert view(it).more_usd == pytest.approx(mine.cost_usd - best.cost_usd, rel=1e-6)
        assert "more than the best plan" in it.status
        assert it.screen.query_one("#count", Input).value == str(row.decision.best + 2)
        # The number is typed; nothing is the best again.
        await it.type_into("n", "0")
        await it.settled()
        assert view(it).inputs.counts == ((row.offer, row.option, "0"),)
        await it.pilot.press("escape")
        await it.keys("x")
        assert view(it).inputs.counts == () and view(it).chosen is view(it).best
        await it.keys("minus")
        assert view(it).inputs.counts[0][2] == str(row.decision.best - 1)
        await it.keys("u")  # undone
        assert view(it).inputs.counts == ()
        await it.keys("plus", "r")
        assert view(it).inputs.counts == ()


@pytest.mark.nightly
async def test_demand_and_spot_share(spec: Path) -> None:
    async with opened("capacity", size=(80, 24)) as it:
        await open_spec(it, spec)
        await it.type_into("d", "2")
        await it.settled()
        await it.pilot.press("escape")
        await it.type_into("s", "0%")
        await it.settled()
        await it.pilot.press("escape")
        flags = ("--demand-scale", "2", "--max-spot-share", "0")
        assert same(view(it).chosen.result, plan(str(spec), *flags))
        await it.pilot.press("y")
        words = shlex.split(it.app.clipboard)
        assert words == ["planner", "capacity", str(spec), *flags]
        last = view(it)
        for key, text, words_ in (
            ("d", "many", "'many' is no factor"),
            ("s", "140%", "above 1"),
            ("n", "two", "'two' is not a whole number"),
            ("o", "none.yaml", "no such file"),
        ):
            await it.type_into(key, text)
            await it.pilot.press("enter")
            await it.until(lambda words=words_: words in it.status, text)  # type: ignore[misc]
            assert "NO PLAN" in it.status and "OLD below" in it.status
            assert it.screen.has_class("-old") and view(it).inputs == last.inputs
            await it.keys("u")
            await it.until(lambda: "NO PLAN" not in it.status, "the last good inputs")


@pytest.mark.nightly
async def test_infeasible_numbers_say_what_would_help(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    own = {**SMALL, "offers": [SMALL["offers"][1]], "limits": {}}  # type: ignore[index]
    path.write_text(json.dumps(own))
    async with opened("capacity") as it:
        await open_spec(it, path)
        await it.type_into("n", "3")
        await it.until(lambda: "NO PLAN" in it.status, "the problem")
        assert "count purchased of own of 13 alone would help (now 3)" in it.status


async def test_break_even_charts(spec: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(break_even, "DEMAND_POINTS", 3)
    async with opened("capacity") as it:
        await open_spec(it, spec)
        charts = it.screen.query_one("#charts", ContentSwitcher)
        assert charts.current == "stack"
        await it.keys("e")
        found = view(it).curve
        expected = break_even.break_even_from(str(spec), "utilisation")
        assert found is not None and charts.current == "curves"
        assert found.points == expected.points and found.flips == expected.flips
        assert "on-demand is cheaper below" in it.text("plan-text")
        await it.keys("b")
        found = view(it).curve
        assert found is not None and found.over == "demand"
        assert found.points == break_even.break_even_from(str(spec), "demand").points
        assert "■" in it.text("key") and "cloud" in it.text("key")
        await it.keys("a", "c", "plus", "left", "z", "z", "t", "p")
        assert charts.current == "stack" and view(it).curve is None
        await it.pilot.press("question_mark")
        assert isinstance(it.app.screen, HelpScreen)
        text = str(it.app.screen.query_one("#help Static").render())
        for binding in CapacityScreen.BINDINGS:
            assert isinstance(binding, Binding) and (binding.id or "").startswith("capacity.")
            assert binding.tooltip and binding.tooltip in text


@pytest.mark.nightly
async def test_the_stack_zooms_and_its_glyphs_tell_ways_apart(spec: Path) -> None:
    async with opened("capacity", size=(80, 24)) as it:
        await open_spec(it, spec)
        chart = it.screen.query_one(StackChart)
        assert chart.stack is not None
        whole = chart.stack
        drawn = {
            sign
            for y in range(chart.size.height)
            for seg in chart.render_line(y)
            for sign in seg.text
        }
        assert {"■", "R", "o", "×"} <= drawn
        assert "requests/s" in it.text("key") and "spot" in it.text("key")
        await it.keys("c", "plus", "plus", "right", "right")
        assert chart.stack.hours < whole.hours and chart.stack.first_hour > 0
        await it.keys("a")
        assert chart.stack.first_hour == 0 and chart.stack.hours == whole.hours


@pytest.mark.nightly
async def test_a_mix_profile_shows_what_goes_where(tmp_path: Path) -> None:
    # Without a limit on waiting the mix is solved once.
    profile = tmp_path / "profile.json"
    data = json.loads(PROFILE.read_text())
    profile.write_text(json.dumps({key: value for key, value in data.items() if key != "slo"}))
    expected = mix_from(str(profile))
    async with opened("capacity", size=(80, 24)) as it:
        await open_spec(it, profile)
        found = it.screen.answer
        assert isinstance(found, MixView)
        assert found.result.groups == expected.groups
        assert found.result.assignment == expected.assignment
        assert "no mix costs less" in it.status
        groups, matrix = it.screen.query_one(MixGroups), it.screen.query_one(MixMatrix)
        assert groups.row_count == len(expected.groups)
        sizes = len(expected.input_len_buckets) * len(expected.output_len_buckets)
        assert matrix.row_count == sizes
        assert it.app.focused is groups
        cells = [str(cell) for n in range(sizes) for cell in matrix.get_row_at(n)]
        assert any("%" in cell and "100%" not in cell for cell in cells)
        await it.type_into("d", "2")
        await it.settled()
        assert it.screen.answer.profile.requests_per_second == 80  # type: ignore[attr-defined]
        await it.pilot.press("escape", "plus", "b", "y", "c")  # no plan, so no decisions
        assert shlex.split(it.app.clipboard)[2:] == [str(profile), "--requests-per-second", "80"]
        assert it.app.focused is matrix
        await it.type_into("o", "")
        await it.keys("enter")
        assert view(it).source == "example" and it.app.focused is it.screen.query_one(PlanLines)


@pytest.mark.nightly
async def test_a_service_is_planned_for_a_year() -> None:
    async with opened("capacity", file=SERVICE) as it:
        assert it.status.startswith("a year of ")
        assert same(view(it).chosen.result, plan(str(SERVICE)))
        assert "assumed demand" in it.text("plan-text")
        await it.pilot.press("y")
        assert shlex.split(it.app.clipboard) == ["planner", "capacity", str(SERVICE)]


def test_bins_are_whole_weeks_and_keep_the_mean() -> None:
    hours = np.arange(8760.0)
    served = Served("u", 1.0, ("owned",), hours[None, :], hours)
    stack = stacked(served, 60)
    assert stack.hours == 168 and stack.amount.shape == (1, 53)
    assert stack.amount[0, 0] == pytest.approx(83.5) and stack.peak is not None
    assert stack.peak[0] == 167
    assert stacked(served, 150).hours == 168, "three days a column would show every other weekend"
    week = stacked(served, 60, first=168, periods=168)
    assert week.hours == 3 and week.first_hour == 168
    assert week.amount[0, 0] == pytest.approx(169)
    whole = (stack.amount[0, :-1].sum() * 168 + stack.amount[0, -1] * 24) / 8760
    assert whole == pytest.approx(hours.mean())
