"""Every command of docs/exports.md and docs/gate.md is run, in the order of the page."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.fakes.sky_module import FakeSky
from tests.planner.conftest import ROOT, Planner


def commands(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.+?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


@pytest.mark.parametrize("page", ["exports.md", "gate.md"])
def test_commands_do_what_the_page_says(
    page: str, planner: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_TOKEN", "secret")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    cloud = FakeSky(tmp_path / "cloud", "@@PLANNER_STAGE run\n").install(monkeypatch)
    for command in commands(page):
        words = shlex.split(command)
        assert words[0] == "planner", command
        words, _, target = (
            (words[1:-2], ">", words[-1]) if words[-2] == ">" else (words[1:], "", "")
        )
        outcome = planner(*words)
        assert outcome.code == 0, f"{command}: {outcome.err}"
        if target:
            (tmp_path / target).write_text(outcome.out)
        elif "-o" in words:
            assert (tmp_path / words[words.index("-o") + 1]).stat().st_size
        else:
            assert outcome.out or words[0] == "calibrate", command
    assert not cloud.standing, "the page ends what it starts"


def test_exit_codes_of_the_page_are_the_commands() -> None:
    from planner.cli.gate import CODES

    text = (ROOT / "docs" / "gate.md").read_text(encoding="utf-8")
    said = {int(code) for code in re.findall(r"^\| (\d) \|", text, re.MULTILINE)}
    assert said == {*CODES.values(), 2}
