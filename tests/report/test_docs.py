"""Every command that the pages about reports and hardware name is run as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.planner.conftest import ROOT, Planner

PAGES = ("reports.md", "hardware.md")


def commands(page: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES)
def test_commands_run_in_order(
    page: str, planner: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    found = commands(page)
    assert len(found) >= 6
    for command in found:
        line, _, out = command.partition(" > ")
        words = shlex.split(line)
        assert words[0] == "planner"
        done = planner(*words[1:])
        assert done.code == 0, (command, done.err)
        if out:
            (tmp_path / out).write_text(done.out, encoding="utf-8")
        if "-o" in words:
            assert (tmp_path / words[words.index("-o") + 1]).stat().st_size > 1000
        else:
            assert done.out
