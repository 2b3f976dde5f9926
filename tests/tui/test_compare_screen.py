"""The Compare screen, driven as a person drives it; its figures are those of the CLI."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.widgets import Input

from planner.actions.compare.view import CompareView, sides_of
from planner.actions.explore.plan import open_subject
from planner.actions.session import Session, workload_from
from planner.amounts import money
from planner.report.side_by_side import Side, rows
from planner.results.comparison import Comparison
from tests.tui.main_screen import ScreenDriver, opened
from tui.app import DEFAULT_WORKLOAD
from tui.screens import base
from tui.screens.compare import CompareScreen
from tui.screens.help import HelpScreen
from tui.widgets.charts.curves import Curves
from tui.widgets.tables.side_table import SideTable

JOB = """
kind: vision-training
name: cnn
model: resnet50
samples: 1.28M
epochs: 10
deadline: 20h
where: {purchase: [on_demand]}
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "DEBOUNCE_S", 0.02)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(JOB)
    return path


def view(it: ScreenDriver) -> CompareView:
    assert isinstance(it.screen.answer, CompareView)
    return it.screen.answer


def compared(session: Session, file: Path, a: str, b: str, axis: str) -> Comparison:
    workload, where = workload_from(str(file), None, {}, {})
    return session.compare(workload, a, b, axes=[axis], where=where)


def same(found: Comparison, expected: Comparison) -> bool:
    return found.model_dump(exclude={"seconds"}) == expected.model_dump(exclude={"seconds"})


def shown(it: ScreenDriver) -> str:
    table = it.screen.query_one(SideTable)
    cells = (str(cell) for n in range(table.row_count) for cell in table.get_row_at(n))
    return " ".join(cell.replace("\n", "") for cell in cells)


async def test_figures_are_those_of_the_command(session: Session, job: Path) -> None:
    async with opened("compare", file=job) as it:
        # Images have no model size: the price is varied first.
        assert view(it).inputs.axis == "price_a"
        await it.type_into("a", "H100-80GB")
        await it.keys("tab")
        field = it.app.focused
        assert isinstance(field, Input) and field.id == "b"
        field.value = "L4"
        await it.pilot.pause()
        await it.keys("escape")
        await it.until(lambda: view(it).inputs.b == "L4", "both sides")
        await it.keys("d")
        expected = compared(session, job, "H100-80GB", "L4", "deadline")
        assert same(view(it).comparison, expected)
        assert expected.headline in it.status
        assert expected.axes[0].sentence in it.text("sentence")
        text = shown(it)
        assert expected.a.plan is not None and expected.b.plan is not None
        for plan in (expected.a.plan, expected.b.plan):
            assert money(plan.cost_usd) in text and plan.instance_type in text
            assert money(plan.cost_breakdown.work_usd) in text and plan.throughput.basis in text
            assert f"{plan.memory_need_gib:.1f} of" in text
        assert "◂" in text
        chart = it.screen.query_one(Curves)
        assert [line.name for line in chart._lines] == ["a", "b"]
        curve = expected.axes[0].curve
        assert chart._lines[0].x.tolist() == [point.at for point in curve]
        await it.pilot.press("y")
        words = shlex.split(it.app.clipboard)
        assert words == [
            "planner", "compare", "--a", "H100-80GB", "--b", "L4", "--axis", "deadline", str(job),
        ]  # fmt: skip
        # An axis that says nothing here says why.
        await it.keys("m")
        assert "model size: not searched" in it.text("sentence")
        await it.keys("u")
        assert view(it).inputs.axis == "deadline" and view(it).axis == expected.axes[0]


@pytest.mark.nightly
async def test_every_axis_has_a_key(job: Path) -> None:
    async with opened("compare", file=job, size=(80, 24)) as it:
        for key, axis in (
            ("s", "sequence_length"), ("o", "price_b"), ("w", "utilisation"), ("p", "price_a"),
        ):  # fmt: skip
            await it.keys(key)
            assert view(it).inputs.axis == axis
            assert (view(it).axis is None) == bool(view(it).not_searched)
        await it.keys("v")
        assert view(it).inputs.axis == "price_b"
        await it.keys("f", "c", "plus", "z", "z", "t")
        assert it.app.focused is it.screen.query_one(SideTable)


@pytest.mark.nightly
async def test_a_bad_side_is_marked_and_undone(job: Path) -> None:
    async with opened("compare", file=job) as it:
        await it.type_into("b", "H1000")
        await it.until(lambda: "NO PLAN" in it.status, "the problem")
        assert "did you mean" in it.status and "OLD below: plan for gpu against tpu" in it.status
        assert it.screen.query_one("#b").has_class("wrong")
        assert not it.screen.query_one("#a").has_class("wrong")
        await it.pilot.press("escape")
        await it.keys("u")
        assert it.screen.query_one("#b", Input).value == "tpu" and "NO PLAN" not in it.status
        await it.type_into("a", "tpu")
        await it.until(lambda: "leave the same machines" in it.status, "the problem")
        assert it.screen.query_one("#a").has_class("wrong")


async def test_marked_options_stand_side_by_side(session: Session, job: Path) -> None:
    async with opened("explore", file=job) as it:
        options = it.screen.answer.options[:3]
        await it.pilot.press("m", "down", "m", "down", "m", "3")
        await it.until(lambda: isinstance(it.app.screen, CompareScreen), "the screen")
        await it.settled()
        assert [option.item for option in it.app.marked] == [option.item for option in options]
        text = shown(it)
        for option in options:
            assert money(option.item.cost_usd) in text and option.item.instance_type in text
        sides = sides_of([option.item for option in options])
        assert sides is not None and view(it).inputs.a == sides[0]
        assert "Options marked on Explore" in it.status
        # Sides typed take their place; k comes back to them.
        await it.type_into("a", "L4")
        await it.until(lambda: view(it).inputs.a == "L4", "the side")
        await it.keys("escape")
        assert "Options marked" not in it.status
        await it.keys("k")
        assert view(it).inputs.a == sides[0] and "Options marked" in it.status


async def test_nothing_marked_is_said(job: Path) -> None:
    async with opened("compare", file=job) as it:
        before = view(it).inputs
        await it.pilot.press("k")
        await it.pilot.pause()
        assert view(it).inputs == before and not it.app.marked
        await it.pilot.press("question_mark")
        assert isinstance(it.app.screen, HelpScreen)
        text = str(it.app.screen.query_one("#help Static").render())
        for binding in CompareScreen.BINDINGS:
            assert isinstance(binding, Binding) and (binding.id or "").startswith("compare.")
            assert binding.tooltip and binding.tooltip in text
        await it.pilot.press("escape")
        # On a low screen the chart takes the room of the figures while it has the focus.
        await it.pilot.resize_terminal(80, 24)
        chart, figures = it.screen.query_one(Curves), it.screen.query_one(SideTable)
        low = chart.size.height
        assert low >= 8 and "larger" in it.text("key")
        await it.pilot.press("c")
        await it.pilot.pause()
        assert chart.size.height >= low + 4 and figures.size.height >= 3
        await it.pilot.press("t")
        await it.pilot.pause()
        assert chart.size.height == low


def test_rows_mark_the_better_figure(session: Session) -> None:
    subject = open_subject(str(DEFAULT_WORKLOAD))
    found = session.recommend(subject.workload, top=5).recommendation
    items = [found.recommendation, found.alternatives[-1]]
    table = {
        (row.title, at): row for at, row in enumerate(rows([Side.of_item(i.id, i) for i in items]))
    }
    totals = [row for (title, _), row in table.items() if title == "in total"]
    assert totals[0].cells == tuple(money(item.cost_usd) for item in items)
    assert totals[0].best == 0
    alone = rows([Side.of_item("x", items[0]), Side("y", None, why_not=("too small",))])
    assert alone[-1].cells == ("-", "too small")
    assert all(len(row.cells) == 2 for row in alone)


def test_sides_tell_options_apart(session: Session) -> None:
    subject = open_subject(str(DEFAULT_WORKLOAD))
    item = session.recommend(subject.workload).recommendation.recommendation
    other = item.model_copy(update={"region": "elsewhere"})
    assert sides_of([item, other]) == (f"region={item.region}", "region=elsewhere")
    spot = item.model_copy(update={"purchase": "on_demand"})
    assert sides_of([item, spot]) == (item.purchase, "on-demand")
    assert sides_of([item, item.model_copy(update={"nodes": 7})]) is None
