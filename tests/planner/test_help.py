"""What ``planner --help`` says, and what a shell completes."""

from __future__ import annotations

import pytest

from planner.cli.main import COMMANDS, GROUPS, SECTIONS, build
from tests.planner.conftest import Planner


def test_every_command_has_one_line_under_a_heading(planner: Planner) -> None:
    placed = [name for names in SECTIONS.values() for name in names]
    assert sorted(placed) == sorted([*COMMANDS, *GROUPS])
    lines = planner("--help").out.splitlines()
    for heading in SECTIONS:
        assert f"{heading}:" in lines
    for name, about in (COMMANDS | GROUPS).items():
        (line,) = [line for line in lines if line.split()[:1] == [name]]
        assert line.endswith(about), "cut off"
        assert len(line) <= 80


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("planner rec", ["recommend"]),
        ("planner recommend --deadl", ["--deadline"]),
        ("planner export plan.json --to v", ["vllm"]),
        ("planner hardware co", ["compare"]),
    ],
)
def test_a_shell_completes(
    words: str,
    wanted: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("_PLANNER_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    with pytest.raises(SystemExit):
        build()(args=[], prog_name="planner")
    assert capsys.readouterr().out.split() == wanted
