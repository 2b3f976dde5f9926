"""Search, order, pins and marks of the table; the chart beside it; undo."""

from __future__ import annotations

import json

import yaml
from textual.widgets import Static

from planner.actions.explore.plan import View, money, to_json
from tests.tui.conftest import Driver, Start
from tui.widgets.bars import cells_for, fill_bar
from tui.widgets.charts.chart import Chart
from tui.widgets.inputs.search import Search
from tui.widgets.tables.options import Options
from tui.widgets.tables.order import Order


def table(it: Driver) -> Options:
    return it.screen.query_one(Options)


def column(it: Driver, place: int) -> list[str]:
    rows = (table(it).get_row_at(row) for row in range(table(it).row_count))
    return [str(row[place]).strip() for row in rows]


async def search(it: Driver, text: str) -> None:
    await it.pilot.press("slash")
    field = it.screen.query_one("#search-text")
    assert it.app.focused is field
    field.value = text  # type: ignore[attr-defined]
    await it.pilot.pause()


async def test_a_search_looks_through_all_options(start: Start) -> None:
    async with start((80, 24)) as it:
        search_line = it.screen.query_one(Search)
        assert not search_line.display
        await search(it, "aws H100 on-demand")
        found = it.view.search("aws h100 on-demand")
        assert found.matching > len(found.options) > 10
        assert table(it).row_count == len(found.options)
        costs = [option.y for option in found.options]
        assert costs == sorted(costs)
        for option in found.options:
            assert (option.item.cloud, option.item.purchase) == ("aws", "on_demand")
            assert "H100" in option.item.accelerator
        said = str(it.screen.query_one("#search-found", Static).render())
        assert f"{found.matching:,} found" in said and "60 cheapest" in said
        assert found.options[0].headline in it.detail
        await it.pilot.press("enter")
        assert it.app.focused is table(it) and search_line.display
        await it.pilot.press("escape")
        await it.pilot.pause()
        assert not search_line.display and table(it).row_count == len(it.view.options)


async def test_a_search_lives_through_another_plan_and_may_find_nothing(start: Start) -> None:
    async with start() as it:
        await search(it, "b200")
        await it.pilot.press("enter", "s")
        await it.planned(lambda view: view.inputs.purchase == ("on_demand",))
        assert {option.item.purchase for option in it.view.search("b200").options} == {"on_demand"}
        assert table(it).row_count == len(it.view.search("b200").options)
        await search(it, "no such machine")
        assert table(it).row_count == 0
        await it.pilot.press("enter", "m", "p", "comma", "full_stop", "x", "y")  # nothing breaks
        assert "0 found" in str(it.screen.query_one("#search-found", Static).render())


async def test_sorting_by_key_and_by_title(start: Start) -> None:
    async with start() as it:
        ranked = column(it, 2)
        await it.pilot.press("x")
        clouds = column(it, 1)
        assert clouds == sorted(clouds) and column(it, 2) != ranked
        assert str(table(it).ordered_columns[1].label).strip().endswith("▲")
        hours = [option.x for option in sorted(it.view.options, key=lambda option: option.x)]
        table(it).sort_by(lambda _: Order(6))
        assert [option.x for option in table(it)._rows()] == hours
        await it.pilot.click(Options, offset=(3, 0))  # the title #: as ranked
        assert column(it, 2) == ranked
        title = table(it).ordered_columns
        at = sum(each.get_render_width(table(it)) for each in title[:5]) + 1
        await it.pilot.click(Options, offset=(at, 0))
        await it.pilot.click(Options, offset=(at, 0))
        costs = [option.y for option in table(it)._rows()]
        assert costs == sorted(costs, reverse=True)


async def test_pinned_rows_stay_on_top_with_new_figures(start: Start) -> None:
    async with start() as it:
        await it.pilot.press("down", "down", "p")
        pinned = it.view.options[2]
        assert table(it)._rows()[0] == pinned and column(it, 0)[0].startswith("^")
        assert table(it).chosen == pinned  # the cursor went along
        await it.type_into("n", "2")
        await it.planned(lambda view: view.inputs.max_nodes == "2")
        again = table(it)._rows()[0]
        assert again.identity == pinned.identity and again.role != "gone"
        assert again == it.view.again(pinned)
        await it.pilot.press("escape")
        await it.type_into("w", "aws")
        assert pinned.item.cloud != "aws"
        await it.planned(lambda view: view.inputs.clouds == "aws")
        gone = table(it)._rows()[0]
        assert gone.role == "gone" and gone.item == again.item
        await it.pilot.press("escape", "home")
        assert "Not an option any more" in it.detail
        await it.pilot.press("p")
        assert all(option.item.cloud == "aws" for option in table(it)._rows())


async def test_marked_options_are_there_for_other_screens(start: Start) -> None:
    async with start() as it:
        await it.pilot.press("m", "down", "m")
        assert it.app.marked == [it.view.options[0], it.view.options[1]]
        assert column(it, 0)[:2] == ["*=>", "*1"]
        assert it.screen.query_one(Chart)._marked == it.app.marked
        await it.pilot.press("m")
        assert it.app.marked == [it.view.options[0]]
        await it.type_into("n", "1")
        await it.planned(lambda view: view.inputs.max_nodes == "1")
        assert it.app.marked == [it.view.again(it.app.marked[0])]


async def test_steps_along_the_front(start: Start) -> None:
    async with start() as it:
        front = it.view.front
        faster = front.index[front.x < it.view.options[0].x][-1]
        await it.pilot.press("comma")
        assert table(it).chosen is not None and table(it).chosen.index == faster
        await it.pilot.press("comma", "full_stop")
        assert table(it).chosen.index == faster
        ends = [it.view.along_front(faster, step) for step in (-1000, 1000)]
        assert [end and end.index for end in ends] == [front.index[0], front.index[-1]]


async def test_hovering_tells_the_point_and_leaving_brings_the_legend_back(start: Start) -> None:
    async with start() as it:
        chart, key = it.screen.query_one(Chart), it.screen.query_one("#key", Static)
        legend = str(key.render())
        place = next(
            (column, 6) for column in range(10, 60) if chart.index_near(column, 6, 1.0) is not None
        )
        option = it.view.option_at(chart.index_near(*place, 1.5))  # type: ignore[arg-type]
        await it.pilot.hover("#plot", offset=place)
        await it.until(lambda: str(key.render()) != legend, "the point's words")
        assert option.item.devices in str(key.render())
        assert option.item.instance_type in str(key.render())
        await it.pilot.hover("#title")
        await it.until(lambda: str(key.render()) == legend, "the legend")


async def test_clouds_regions_and_risk(start: Start) -> None:
    async with start((80, 24)) as it:
        places = it.screen.query_one("#places")
        assert not places.display  # little room, and nothing limits
        await it.type_into("w", "aws, gcp")
        assert places.display
        await it.planned(lambda view: view.inputs.clouds == "aws, gcp")
        assert {option.item.cloud for option in it.view.options} <= {"aws", "gcp"}
        await it.pilot.press("tab")
        assert it.app.focused is it.screen.query_one("#regions")
        await it.pilot.press("tab")
        it.screen.query_one("#risk").value = "99%"  # type: ignore[attr-defined]
        await it.planned(lambda view: view.workload.risk == 0.99)
        await it.pilot.press("escape")
        assert places.display
        await it.type_into("w", "awz")
        await it.until(lambda: "did you mean aws?" in it.status, "the error")
        assert it.screen.query_one("#clouds").has_class("wrong")


async def test_undo_and_redo(start: Start) -> None:
    async with start() as it:
        first = it.view.inputs
        await it.pilot.press("u")  # nothing to undo: nothing happens
        await it.pilot.press("s")
        await it.planned(lambda view: view.inputs.purchase == ("on_demand",))
        await it.type_into("d", "2h")
        await it.planned(lambda view: view.inputs.deadline == "2h")
        second = it.view.inputs
        await it.type_into("d", "soon")
        await it.until(lambda: "NO PLAN" in it.status, "the error")
        await it.pilot.press("escape", "u")  # back to the last that had a plan
        await it.until(lambda: "NO PLAN" not in it.status, "the plan")
        assert it.view.inputs == second
        assert it.screen.query_one("#deadline").value == "2h"  # type: ignore[attr-defined]
        await it.pilot.press("u", "u")
        await it.planned(lambda view: view.inputs == first)
        assert it.screen.query_one("#spot").value is True  # type: ignore[attr-defined]
        await it.pilot.press("U", "U")
        await it.planned(lambda view: view.inputs == second)


async def test_what_is_copied(start: Start) -> None:
    async with start() as it:
        await it.pilot.press("j")
        found = json.loads(it.app.clipboard)
        assert found["schema"] == "planner.recommendation/1"
        assert it.app.clipboard == to_json(it.view.recommendation)
        unknown = next(n for n, o in enumerate(it.view.options) if o.item.cloud == "crusoe")
        table(it).move_cursor(row=unknown)
        await it.pilot.press("k")
        assert it.app.clipboard == to_json(it.view.recommendation)
        assert any("does not know the cloud" in note.message for note in it.app._notifications)
        place = next(n for n, o in enumerate(it.view.options) if o.item.cloud == "aws")
        table(it).move_cursor(row=place)
        await it.pilot.press("k")
        task = yaml.safe_load(it.app.clipboard)
        assert task["resources"]["infra"].startswith("aws/")
        await it.pilot.press("y")
        assert it.app.clipboard.startswith("planner recommend - <<'WORKLOAD'")


async def test_breakdowns_are_those_of_the_plan(start: Start) -> None:
    async with start() as it:
        item = it.view.recommendation.recommendation
        for name, usd in item.cost_breakdown:
            if usd >= 0.01:
                assert money(usd) in it.detail, name
        assert "compute" in it.detail and "set-up" in it.detail and "█" in it.detail


def test_bars_use_all_their_cells() -> None:
    assert cells_for([1, 1, 1], 10) in ([4, 3, 3], [3, 4, 3], [3, 3, 4])
    assert cells_for([98, 1, 1], 10) == [10, 0, 0]
    assert fill_bar(0.5, 4) == "██··" and fill_bar(7, 4) == "████"


async def test_options_that_miss_a_limit_come_last_in_a_search(start: Start) -> None:
    async with start() as it:
        await it.type_into("d", "20m")
        await it.planned(lambda view: view.inputs.deadline == "20m")
        view: View = it.view
        found = view.search("verda", most=10_000)
        missed = ["misses the deadline" in option.item.why_not for option in found.options]
        assert 0 < sum(missed) < len(missed) == found.matching
        assert missed == sorted(missed) and missed.count(False) == found.meeting
