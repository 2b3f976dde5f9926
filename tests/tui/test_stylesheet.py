"""Parts of widgets keep their styles as the library's style sheet would give them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.color import Color
from textual.containers import Vertical
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.geometry import Region
from textual.widget import Widget

from planner.actions.explore.plan import open_subject
from tests.tui.main_screen import opened
from tui.app import DEFAULT_WORKLOAD, PlannerApp
from tui.modes import MODES, Mode
from tui.stylesheet import Sheet

FEW = 8  # widgets, of some forty


class Dial(Widget):
    COMPONENT_CLASSES: ClassVar[set[str]] = {"dial--hand", "dial--ring"}
    refreshed = 0

    def refresh(self, *regions: Region, **how: Any) -> Dial:
        self.refreshed += 1
        return super().refresh(*regions, **how)


class Dials(App[None]):
    CSS = """
    Dial.-late > .dial--hand { color: red; text-style: bold; }
    Dial > .dial--ring { color: blue; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.stylesheet = Sheet(variables=self.get_css_variables())

    def compose(self) -> ComposeResult:
        yield Dial()


async def test_a_part_follows_the_rules_that_are_about_it_now() -> None:
    async with Dials().run_test() as pilot:
        dial = pilot.app.query_one(Dial)
        ring = dial._component_styles["dial--ring"]
        assert not dial.get_component_styles("dial--hand").base.get_rules()
        dial.add_class("-late")
        assert dial.get_component_styles("dial--hand").color.rgb == (255, 0, 0)
        dial.remove_class("-late")
        assert not dial.get_component_styles("dial--hand").base.get_rules()
        assert dial._component_styles["dial--ring"] is ring
        assert ring.color.rgb == (0, 0, 255)


async def test_a_widget_is_painted_again_only_where_a_part_has_changed() -> None:
    async with Dials().run_test() as pilot:
        dial, sheet = pilot.app.query_one(Dial), pilot.app.stylesheet
        dial.refreshed = 0
        sheet._process_component_classes(dial)
        assert dial.refreshed == 0
        dial.add_class("-late")
        dial.refreshed = 0
        dial.set_class(False, "-late", update=False)
        sheet._process_component_classes(dial)
        assert dial.refreshed == 1


class Counting(Dials):
    CSS = """
    .-high Vertical { color: red; text-style: bold; opacity: 50%; }
    .-high Dial { color: blue; background: green; width: 7; }
    """

    def compose(self) -> ComposeResult:
        with Vertical():
            yield from super().compose()


async def test_a_widget_is_refreshed_once_for_all_rules_that_change() -> None:
    async with Counting().run_test() as pilot:
        dial = pilot.app.query_one(Dial)
        for width in (7, 80):
            dial.refreshed, layouts = 0, dial._layout_updates
            pilot.app.screen.toggle_class("-high")
            assert dial.refreshed == 1
            assert dial._layout_updates == layouts + 1
            await pilot.pause()
            assert dial.size.width == width


async def test_what_is_within_is_painted_with_what_it_is_within() -> None:
    async with Counting().run_test() as pilot:
        within = pilot.app.query_one(Vertical)
        dial = pilot.app.query_one(Dial)
        dial.refreshed = 0
        sheet = pilot.app.stylesheet
        within.add_class("-late")
        sheet.update_nodes([within])
        assert dial.refreshed == 0  # nothing has changed
        within.styles.base.set_rule("color", Color(1, 2, 3))
        sheet.update_nodes([within])
        assert dial.refreshed == 1


async def test_parts_of_a_screen_are_styled_as_by_the_library() -> None:
    async with opened("catalog") as it:
        await it.settled()
        it.app.action_next_theme()
        await it.pilot.pause()
        sheet = it.app.stylesheet
        for widget in it.screen.walk_children(Widget):
            ours = {name: dict(s.base.get_rules()) for name, s in widget._component_styles.items()}
            Stylesheet._process_component_classes(sheet, widget)
            theirs = {
                name: dict(s.base.get_rules()) for name, s in widget._component_styles.items()
            }
            assert ours == theirs, widget


async def test_a_widget_gets_its_styles_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    styled: list[DOMNode] = []
    async with Counting().run_test() as pilot:
        apply = Stylesheet.apply

        def counted(self: Stylesheet, node: DOMNode, **how: Any) -> None:
            styled.append(node)
            apply(self, node, **how)

        monkeypatch.setattr(Stylesheet, "apply", counted)
        dial = Dial(classes="-made")
        dial.add_class("-late")
        assert not styled
        await pilot.app.mount(dial)
        assert styled.count(dial) == 1


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
async def test_a_screen_that_opens_is_styled_once(
    mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is composed has its styles: neither size nor first focus changes those of all."""
    again: list[int] = []
    update_nodes = Sheet.update_nodes

    def counted(self: Sheet, nodes: Iterable[DOMNode], animate: bool = False) -> None:
        found = list(nodes)
        again.append(len(found))
        update_nodes(self, found, animate)

    monkeypatch.setattr(Sheet, "update_nodes", counted)
    app = PlannerApp(open_subject(str(DEFAULT_WORKLOAD)))
    monkeypatch.setattr(app, "DEFAULT_MODE", mode.name)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.screen.focused is not None
        assert max(again) < FEW
