"""A file with several workloads: which one is open, and the others without a restart."""

from __future__ import annotations

from pathlib import Path

from textual.widgets import Input, OptionList

from tests.tui.main_screen import ScreenDriver, opened
from tui.app import BETWEEN, PlannerApp
from tui.modes import MODES
from tui.screens.closing import Palette

SEVERAL = """
budget: 500
where: {clouds: [aws], max_nodes: 1}
workloads:
  - {kind: finetune, name: small, model: llama-3.1-8b, method: lora, tokens: 50M}
  - {kind: finetune, name: large, model: llama-3.1-8b, method: lora, tokens: 500M, deadline: 30h}
  - {kind: vision-training, name: pictures, model: resnet50, samples: 1M}
"""


async def choose(it: ScreenDriver, text: str, name: str) -> None:
    """Through the list, as a person does."""
    app, before = it.app, it.app.screen
    await it.pilot.press("W")
    await it.until(lambda: isinstance(app.screen, Palette), "the list")
    palette = app.screen
    palette.query_one(Input).value = text
    found = palette.query_one(OptionList)
    await it.until(lambda: found.option_count == 1, "the search")
    await it.pilot.press("enter")
    await it.until(lambda: app.current_mode != BETWEEN and app.screen is not before, "the change")
    assert app.subject.workload.name == name
    await it.settled()


async def test_the_others_of_a_file_are_shown_and_opened(tmp_path: Path) -> None:
    file = tmp_path / "several.yaml"
    file.write_text(SEVERAL)
    async with opened("explore", file, (80, 24)) as it:
        assert it.text("title").startswith("W 1/3 small: finetune")
        names = {command.title for command in it.app.get_system_commands(it.screen)}
        assert "Workload" in names
        first = it.screen.answer
        await it.pilot.press("5")
        await it.settled()
        catalog = it.screen
        await it.keys("1", "m")
        assert it.app.marked
        await choose(it, "lar", "large")
        assert it.app.current_mode == "explore" and not it.app.marked
        assert it.text("title").startswith("W 2/3 large: finetune")
        assert "without the budget that they share" in it.status
        plan = it.screen.answer
        assert plan.workload.deadline == 30 and plan.workload.tokens == 10 * first.workload.tokens
        assert it.screen.query_one("#deadline", Input).value == "30h"
        # What is not about the workload stays as it is, but for the name.
        await it.pilot.press("5")
        await it.settled()
        assert it.screen is catalog and it.text("title").startswith("W 2/3 large")
        # From another screen, to another kind of work.
        await it.pilot.press("3")
        await it.settled()
        await choose(it, "pict", "pictures")
        assert it.app.current_mode == "compare"
        assert it.screen.answer.comparison.workload["kind"] == "vision-training"
        assert set(it.app._modes) == {mode.name for mode in MODES}
        file.write_text(SEVERAL.replace("name: small", "name: tiny"))
        it.app.to_workload("small")
        await it.pilot.pause()
        assert it.app.subject.workload.name == "pictures"
        assert any("has no workload 'small'" in one.message for one in it.app._notifications)


async def test_a_single_workload_has_no_others() -> None:
    async with opened("catalog") as it:
        app: PlannerApp = it.app
        assert "W " not in it.text("title")
        assert app.check_action("other_workload", ()) is False
