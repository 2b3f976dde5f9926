"""The Explore screen, driven as a person drives it."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.widgets import Checkbox, Input, Static

import tui.screens.explore as screen_module
from planner.actions.explore.plan import Inputs, Problem, Subject, View, explore, hours, money
from planner.actions.session import Session, workload_from
from tests.tui.conftest import Start, measured_lora
from tui.app import DEFAULT_WORKLOAD
from tui.screens import base
from tui.screens.explore import legend
from tui.screens.help import HelpScreen
from tui.widgets.charts.chart import ARROWS, MOST_MOVES, WAS, Chart
from tui.widgets.detail import Detail
from tui.widgets.tables.options import Options, cells
from tui.widgets.ways import GAP


async def test_figures_are_those_of_the_session(start: Start, session: Session) -> None:
    workload, _ = workload_from(str(DEFAULT_WORKLOAD), None, {}, {})
    expected = session.recommend(workload, top=25).recommendation
    async with start() as it:
        found = it.view.recommendation
        assert found.model_copy(update={"seconds": 0}) == expected.model_copy(update={"seconds": 0})
        items = [o.item for o in it.view.options if o.role in ("recommended", "alternative")]
        assert items == [expected.recommendation, *expected.alternatives]
        table = it.screen.query_one(Options)
        shown = [str(cell).strip() for cell in table.get_row_at(0)]
        assert shown == cells(it.view.options[0])
        assert expected.headline in it.detail
        assert all(line in it.detail for line in expected.explanation)
        assert str(found.recommendation.price.age_days) in it.detail
        # The example runs on one device; how tokens are read is in no model, thus no zero.
        assert "next to none: communication, launches, bubble, restarts" in it.detail
        assert "not estimated: input" in it.detail and "input  " not in it.detail
        assert it.screen.query_one(Detail).scroll_offset.y == 0


async def test_chart_and_detail_follow_the_table(start: Start) -> None:
    async with start() as it:
        table = it.screen.query_one(Options)
        await it.pilot.press("end")
        assert table.cursor_row == len(it.view.options) - 1
        await it.pilot.press("home", "down", "down", "down")
        option = it.view.options[3]
        assert it.screen.query_one(Options).chosen == option
        assert it.screen.query_one(Chart)._chosen == option
        assert option.headline in it.detail
        assert f"Why not: {option.item.why_not}" in it.detail
        # A run of the user's own moves it: the chart shows from where.
        chart, was = it.screen.query_one(Chart), it.view
        signs = {one.marker for one in chart._datasets if hasattr(one, "marker")}
        assert WAS not in signs and "Before" not in it.detail
        measured_lora()
        it.app.catalog_changed()
        it.screen.on_screen_resume()
        await it.planned(lambda view: view is not was)
        assert it.view.change is not None
        signs = {one.marker for one in chart._datasets if hasattr(one, "marker")}
        assert WAS in signs and signs & set(ARROWS.values())
        # More moves than the chart draws are counted beside it.
        moves = it.view.change.moves
        assert len(moves) > MOST_MOVES
        said = str(it.screen.query_one("#key", Static).render()).replace(GAP, " ")
        assert f"{MOST_MOVES} furthest of {len(moves)} moved" in said
        few = replace(it.view, change=replace(it.view.change, moves=moves[:MOST_MOVES]))
        assert legend(few).replace(GAP, " ").endswith(f"{WAS}→[/] moved")
        now = it.view.again(option)
        moved = it.view.change.of(now)
        assert moved is not None
        assert (moved.x, moved.y) == pytest.approx((option.x, option.y), rel=1e-5)
        it.screen.query_one(Options).choose(now)
        await it.pilot.pause()
        assert f"Before: {money(option.y)}, {hours(option.x)}, " in it.detail
        first = it.view.change.best_before
        best = "best stays" if it.view.change.best_stays else f"best was {first.item.id}"
        assert f" of {len(it.view.options)}, {best}" in it.status and "your run moved" in it.status
        # Other inputs are no before and after.
        await it.type_into("d", "20h")
        await it.planned(lambda view: view.inputs.deadline == "20h")
        assert it.view.change is None and "Before" not in it.detail


async def test_a_click_on_a_point_selects_its_row(start: Start) -> None:
    async with start() as it:
        chart, table = it.screen.query_one(Chart), it.screen.query_one(Options)
        listed = {option.index for option in it.view.options}
        place = None
        for column in range(10, 60):  # a point that is not in the table yet
            index = chart.index_near(column, 6)
            if index is not None and index not in listed:
                place = (column, 6)
                break
        assert place is not None
        rows = table.row_count
        await it.pilot.click("#plot", offset=place)
        await it.until(lambda: table.row_count == rows + 1, "the row")
        assert table.chosen is not None
        assert (table.chosen.role, table.chosen.index) == ("picked", index)
        assert table.chosen.headline in it.detail
        # A point of the table selects its own row.
        best = it.view.options[0]
        at = chart.get_pixel_from_coordinate(math.log10(best.x), math.log10(best.y))
        await it.pilot.click("#plot", offset=at)
        await it.until(lambda: table.cursor_row == 0, "the cursor on the best")


async def test_dragging_pans_and_selects_nothing(start: Start) -> None:
    async with start() as it:
        chart = it.screen.query_one(Chart)
        await it.pilot.mouse_down("#plot", offset=(20, 6))
        await it.pilot.hover("#plot", offset=(26, 6))
        await it.pilot.mouse_up("#plot", offset=(26, 6))
        await it.pilot.pause()
        assert it.screen.query_one(Options).cursor_row == 0
        assert chart._moved_by_user


async def test_typing_a_deadline_plans_anew(start: Start, session: Session) -> None:
    workload, _ = workload_from(str(DEFAULT_WORKLOAD), None, {"deadline": "1h"}, {})
    expected = session.recommend(workload).recommendation
    async with start() as it:
        before = it.view.recommendation.recommendation
        await it.pilot.press("d", "1", "h")  # what was there is selected, so it goes
        await it.planned(lambda view: view.inputs.deadline == "1h")
        found = it.view.recommendation.recommendation
        assert found == expected.recommendation != before
        assert it.screen.query_one(Options).cursor_row == 0
        assert it.view.recommendation.headline in it.detail
        await it.pilot.press("escape")
        assert it.app.focused is it.screen.query_one(Options)


async def test_no_deadline_and_fewer_machines(start: Start) -> None:
    async with start() as it:
        await it.type_into("d", "")
        await it.pilot.press("escape")
        await it.type_into("n", "2")
        await it.planned(lambda view: view.inputs.max_nodes == "2")
        assert it.view.workload.deadline is None
        assert max(option.item.nodes for option in it.view.options) == 2


async def test_a_bad_value_keeps_the_old_plan(start: Start) -> None:
    async with start() as it:
        for key, text, field, remedy, good in (
            ("d", "5", "deadline", "24h", "12h"),
            ("b", "cheap", "budget", "500", "90"),
            ("n", "many", "max_nodes", "16", "4"),
        ):
            last = it.view
            await it.type_into(key, text)
            await it.until(lambda: "NO PLAN" in it.status, "the error")
            assert repr(text) in it.status and remedy in it.status
            assert f"OLD below: plan for deadline {last.inputs.deadline}" in it.status
            assert it.screen.has_class("-old")
            assert it.screen.query_one(f"#{field}").has_class("wrong")
            assert it.view is last
            assert it.screen.query_one(Options).row_count == len(last.options)
            await it.pilot.press("escape")
            await it.type_into(key, good)
            await it.planned(lambda view, last=last: view is not last)  # type: ignore[misc]
            assert "NO PLAN" not in it.status
            assert not it.screen.query_one(f"#{field}").has_class("wrong")
            await it.pilot.press("escape")


async def test_infeasible_says_what_would_help(start: Start) -> None:
    async with start() as it:
        await it.type_into("d", "1m")
        await it.until(lambda: "NO PLAN" in it.status, "the error")
        assert "nothing finishes within" in it.status
        assert "alone would help" in it.status
        assert it.screen.has_class("-old")


async def test_no_plan_from_the_start(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "hasty.yaml"
    path.write_text(DEFAULT_WORKLOAD.read_text().replace("24h", "1m"))
    async with start(file=path) as it:
        assert "NO PLAN" in it.status and "OLD" not in it.status
        assert not it.screen.has_class("-old")
        await it.pilot.press("y", "down", "f", "a", "escape")  # nothing to act on, nothing breaks
        await it.type_into("d", "5h")
        await it.until(lambda: it.screen.answer is not None, "the first plan")
        await it.pilot.pause()
        assert it.view.recommendation.headline in it.detail


async def test_over_budget_shows_the_plan_and_says_so(start: Start) -> None:
    async with start() as it:
        await it.type_into("b", "0.01")
        await it.planned(lambda view: view.inputs.budget == "0.01")
        assert it.view.recommendation.status == "over_budget"
        assert "OVER BUDGET" in it.status and "raise the budget" in it.status


async def test_ways_to_pay(start: Start) -> None:
    async with start() as it:
        assert it.view.recommendation.recommendation.purchase == "spot"
        await it.pilot.press("s")
        await it.planned(lambda view: view.inputs.purchase == ("on_demand",))
        assert {option.item.purchase for option in it.view.options} == {"on_demand"}
        await it.pilot.press("o")
        await it.until(lambda: "no way to pay" in it.status, "the error")
        assert it.screen.query_one("#spot").has_class("wrong")
        await it.pilot.press("s")
        await it.planned(lambda view: view.inputs.purchase == ("spot",))
        assert it.screen.query_one("#spot", Checkbox).BUTTON_INNER == "X"
        assert it.screen.query_one("#on_demand", Checkbox).BUTTON_INNER == " "


async def test_of_a_burst_of_typing_the_first_and_the_last_are_planned(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[str] = []

    def counted(session: Session, subject: Subject, inputs: Inputs, _: object) -> View | Problem:
        planned.append(inputs.deadline)
        return explore(session, subject, inputs)

    async with start() as it:
        monkeypatch.setattr(screen_module, "explore", counted)
        monkeypatch.setattr(base, "DEBOUNCE_S", 0.5)
        await it.pilot.press("d", "1", "2", "h")
        await it.planned(lambda view: view.inputs.deadline == "12h")
        assert planned == ["1", "12h"]


async def test_the_last_input_wins_and_keys_are_never_blocked(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned: list[str] = []
    goes_on = threading.Event()

    def slow(session: Session, subject: Subject, inputs: Inputs, _: object) -> View | Problem:
        planned.append(inputs.deadline)
        assert goes_on.wait(20)
        return explore(session, subject, inputs)

    async with start() as it:
        monkeypatch.setattr(screen_module, "explore", slow)
        await it.type_into("d", "2")
        await it.until(lambda: planned == ["2"], "the first of two plans")
        await it.pilot.press("backspace", "3", "h")
        field = it.app.focused
        assert isinstance(field, Input) and field.value == "3h" and planned == ["2"]
        goes_on.set()
        await it.planned(lambda view: view.inputs.deadline == "3h")
        assert planned == ["2", "3h"]


async def test_an_unexpected_failure_is_a_line_not_a_crash(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> View:
        raise ZeroDivisionError("a bug")

    async with start() as it:
        monkeypatch.setattr(screen_module, "explore", broken)
        await it.type_into("d", "2h")
        await it.until(lambda: "ZeroDivisionError" in it.status, "the error")
        assert it.screen.has_class("-old")


async def test_sight_is_kept_once_chosen(start: Start) -> None:
    async with start() as it:
        chart = it.screen.query_one(Chart)
        first = (chart._x_min, chart._x_max)
        await it.pilot.press("a")
        assert chart._x_max > first[1]
        await it.pilot.press("f")
        front = it.view.front.x
        assert 10**chart._x_min < front.min() and front.max() < 10**chart._x_max
        await it.pilot.press("c", "plus", "left", "up", "minus", "right", "down", "plus")
        zoomed = (chart._x_min, chart._x_max)
        assert zoomed != first
        await it.pilot.press("s")
        await it.planned(lambda view: view.inputs.purchase == ("on_demand",))
        assert (chart._x_min, chart._x_max) == zoomed


async def test_help_palette_themes_and_panes(start: Start) -> None:
    async with start() as it:
        await it.pilot.press("question_mark")
        assert isinstance(it.app.screen, HelpScreen)
        text = str(it.app.screen.query_one("#help Static").render())
        for binding in screen_module.ExploreScreen.BINDINGS:
            assert isinstance(binding, Binding)
            ends = binding.action != "latency"  # the work of the example has no latency
            assert (binding.tooltip in text) == ends
        await it.pilot.press("escape")
        dark = it.app.current_theme.dark
        await it.pilot.press("l")
        assert it.app.current_theme.dark is not dark
        await it.pilot.press("z")
        assert it.screen.maximized is it.screen.query_one(Options)
        await it.pilot.press("z")
        assert it.screen.maximized is None
        names = {command.title for command in it.app.get_system_commands(it.screen)}
        assert {"Fit front", "Copy", "Deadline", "Quit"} <= names
        await it.pilot.press("q")
        assert it.app.return_code == 0


async def test_what_decides_is_seen_without_scrolling_on_a_low_screen(start: Start) -> None:
    async with start(size=(80, 24)) as it:
        detail = it.screen.query_one(Detail)
        for step in range(4):
            option = it.screen.query_one(Options).chosen
            assert option is not None and detail.scroll_offset.y == 0
            item, height, width = option.item, detail.size.height, detail.size.width
            lines = it.detail.splitlines()
            shown = "\n".join(lines[:height])
            above = " ".join(lines[: next(n for n, line in enumerate(lines) if "Cost" in line)])
            assert len(above.split(" Cost ")[0]) <= 3 * width
            assert item.instance_type in above and item.region in above and item.devices in above
            assert f"{money(item.cost_usd)}" in shown and hours(item.hours or 0) in shown
            assert f"({money(item.cost_usd_p10)} - {money(item.cost_usd_p90)})" in shown
            assert hours(item.hours_p90 or 0) in shown and item.throughput.basis in shown
            assert f"Memory {item.memory_need_gib:.0f} of {item.memory_gib:.0f} GiB" in shown
            assert sum(line.startswith("█") for line in lines[:height]) == 2
            why = "Recommended: Cheapest" if step == 0 else f"Why not: {item.why_not}"[:20]
            assert why in shown, shown
            await it.pilot.press("down")
            await it.pilot.pause()
        await it.pilot.press("v")
        await it.pilot.pause()
        assert detail.size.width <= 80 and detail.size.height > 20
        assert it.detail.startswith("Alternative") and "Why not" in it.detail
        await it.pilot.press("v")
        await it.pilot.pause()
        assert it.screen.maximized is None and it.app.focused is it.screen.query_one(Options)


async def test_a_chart_without_room_can_be_moved(start: Start) -> None:
    async with start(size=(1, 1)) as it:
        chart = it.screen.query_one(Chart)
        chart.action_pan_down()
        chart.action_zoom_in()
        await it.pilot.resize_terminal(100, 30)
        await it.pilot.pause()
        assert chart._scale_rectangle.area > 0
