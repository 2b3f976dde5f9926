"""Sessions as files: whole or not at all, opened as they were left, refused when they are none."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from planner.actions.explore.plan import open_subject
from planner.actions.saved_screens import SavedOption, SavedScreens, last, load, save
from planner.cli.main import run
from planner.errors import BadInput
from tests.tui.conftest import Start
from tests.tui.test_workloads import SEVERAL
from tui.app import DEFAULT_WORKLOAD, PlannerApp
from tui.screens.path import PathScreen
from tui.widgets.tables.options import Options


def example() -> SavedScreens:
    subject = open_subject(str(DEFAULT_WORKLOAD), shipped=True)
    return SavedScreens(file=None, workload=dict(subject.data))


async def test_a_session_opens_as_it_was_left(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    async with start() as it:
        await it.pilot.press("down", "m", "p")
        marked = it.app.marked[0]
        endless = marked.item.model_copy(update={"cost_usd_at_risk": math.inf})
        unplaced = dataclasses.replace(marked, x=math.nan)
        without_bound = dataclasses.replace(marked, item=endless)  # no number in JSON
        (kept,) = SavedOption.each([without_bound, unplaced])
        assert kept.x is None and kept.item == marked.item
        await it.type_into("b", "40")
        await it.planned(lambda view: view.inputs.budget == "40")
        await it.pilot.press("escape", "l", "ctrl+s")
        assert isinstance(it.app.screen, PathScreen)
        field = it.app.screen.query_one("#path", Input)
        assert field.value.endswith("finetune-llama-8b-lora.json")
        field.value = str(tmp_path / "no" / "such" / "folder.json")
        await it.pilot.press("enter")
        await it.app.workers.wait_for_complete()
        assert "cannot be written" in says(it.app)
        field.value = str(file)
        await it.pilot.press("enter")
        await it.app.workers.wait_for_complete()
        await it.pilot.pause()
        assert not isinstance(it.app.screen, PathScreen)
        theme = it.app.theme
    saved = load(file)
    app = PlannerApp(saved.subject(str(file)), saved=saved)
    async with app.run_test(size=(80, 24)) as pilot:
        for _ in range(500):
            if getattr(app.screen, "answer", None) is not None:
                break
            await pilot.pause(0.02)
        screen = app.screen
        assert screen.answer.inputs.budget == "40" and screen.query_one("#budget").value == "40"  # type: ignore[attr-defined]
        assert app.theme == theme != "textual-dark"
        assert [option.identity for option in app.marked] == [marked.identity]
        assert app.marked[0].role != "gone"  # the new plan has it
        pinned = screen.query_one(Options).pinned
        assert [option.identity for option in pinned] == [marked.identity]


def says(app: PlannerApp) -> str:
    return str(app.screen.query_one("#path-says", Static).render())


async def test_what_is_open_is_kept_without_asking(start: Start) -> None:
    async with start() as it:
        await it.type_into("d", "7h")
        await it.planned(lambda view: view.inputs.deadline == "7h")

        def kept() -> bool:
            return last().exists() and load(last()).inputs["explore"]["deadline"] == "7h"

        await it.until(kept, "the file")
        await it.pilot.press("escape", "ctrl+o")
        assert it.app.screen.query_one("#path", Input).value == str(last())
        await it.pilot.press("enter")
        await it.pilot.pause()
        assert it.app.return_value == str(last())


async def test_a_file_that_exists_is_replaced_by_a_second_enter(
    start: Start, tmp_path: Path
) -> None:
    file = tmp_path / "there.json"
    file.write_text("mine")
    async with start() as it:
        await it.pilot.press("ctrl+s")
        it.app.screen.query_one("#path", Input).value = str(file)
        await it.pilot.press("enter")
        await it.app.workers.wait_for_complete()
        assert "enter again replaces it" in says(it.app) and file.read_text() == "mine"
        await it.pilot.press("enter")
        await it.app.workers.wait_for_complete()
        await it.pilot.pause()
        assert load(file).screen == "explore"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no session"),
        ("{", "is no session"),
        ('{"schema": "planner.tui/2", "file": null, "workload": {}}', "schema"),
        ('{"schema": "planner.tui/1", "file": null, "workload": {}, "more": 1}', "more"),
        ('{"schema": "planner.tui/1", "file": null, "workload": {"kind": "edge"}}', "model"),
        ('{"schema": "planner.recommendation/1"}', "schema"),
        ("\x00\x01", "is no session"),
    ],
)
def test_a_file_that_is_none_is_refused(
    tmp_path: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(BadInput, match=words) as error:
        load(file).subject(str(file))
    assert str(file) in str(error.value) and "\n" not in str(error.value)


def test_a_session_holds_its_workload(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tui", "work.yaml", "--resume"]) == 2
    assert "exclude each other" in capsys.readouterr().err


def test_a_killed_writer_leaves_the_old_file_whole(tmp_path: Path) -> None:
    file = tmp_path / "session.json"
    save(example(), file, force=False)
    script = (
        "import sys; from pathlib import Path\n"
        "from planner.actions.saved_screens import load, save\n"
        "path = Path(sys.argv[1]); saved = load(path); print('on', flush=True)\n"
        "for number in range(10**9):\n"
        "    saved.inputs = {'explore': {'deadline': f'{number}h' * 500}}\n"
        "    save(saved, path, force=True)\n"
    )
    for wait_s in (0.01, 0.05, 0.1):
        writer = subprocess.Popen(
            [sys.executable, "-c", script, str(file)], stdout=subprocess.PIPE, env=os.environ
        )
        assert writer.stdout is not None and writer.stdout.readline()
        time.sleep(wait_s)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        assert load(file).workload == example().workload
        json.loads(file.read_text())


def test_commands_name_a_file_only_while_it_says_the_same(tmp_path: Path) -> None:
    work = tmp_path / "work.yaml"
    work.write_text(DEFAULT_WORKLOAD.read_text())
    subject = open_subject(str(work))
    saved = SavedScreens(file=subject.file, workload=dict(subject.data))
    assert saved.subject("x").file == str(work)
    work.write_text(DEFAULT_WORKLOAD.read_text().replace("24h", "12h"))
    assert saved.subject("x").file is None and saved.subject("x").workload.deadline == 24
    work.unlink()
    assert saved.subject("x").file is None


def test_one_of_several_knows_the_others_while_their_file_has_it(tmp_path: Path) -> None:
    file = tmp_path / "several.yaml"
    file.write_text(SEVERAL)
    subject = open_subject(str(file), name="large")
    session = tmp_path / "saved.json"
    save(PlannerApp(subject).state(), session, force=False)
    again = load(session).subject("x")
    assert again == subject and again.names == ("small", "large", "pictures")
    for now in (SEVERAL.replace("500M", "600M"), SEVERAL.replace("large", "huge"), "kind: x"):
        file.write_text(now)
        alone = load(session).subject("x")
        assert alone.workload == subject.workload and not alone.names and alone.file is None


async def test_inputs_of_another_kind_of_screen_are_left_out(start: Start, tmp_path: Path) -> None:
    saved = example()
    saved.inputs = {"explore": {"deadline": 5}}
    app = PlannerApp(saved.subject("x"), saved=saved)
    async with app.run_test() as pilot:
        for _ in range(500):
            if getattr(app.screen, "answer", None) is not None:
                break
            await pilot.pause(0.02)
        assert dataclasses.asdict(app.inputs)["deadline"] == "24h"
