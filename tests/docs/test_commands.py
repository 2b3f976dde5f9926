"""Every command that a page shows runs as it stands, and the pages are linked up."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.planner.conftest import ROOT, Planner

# Their commands need a fake cloud or a torch model beside them: tests of their own run them.
ELSEWHERE = {"exports.md", "gate.md"}
BLOCK = re.compile(r"(?:<!-- (?P<mark>.*?) -->\n)?```sh\n(?P<lines>.*?)```", re.DOTALL)
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    if path.name not in ELSEWHERE
)


def commands(page: str) -> list[tuple[str, int]]:
    """Lines of the page's shell blocks and the exit code each ends with, in the page's order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = []
    for block in BLOCK.finditer(text):
        if (block["mark"] or "").startswith(("not run: ", "first-command", "test-command")):
            continue
        for line in block["lines"].splitlines():
            command, _, remark = line.partition("  # ")
            code = re.fullmatch(r"exit (\d)", remark)
            if command:
                found.append((command, int(code[1]) if code else 0))
    return found


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)])
def test_commands_run(
    page: str, planner: Planner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("examples", "catalog"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    for command, code in commands(page):
        words = shlex.split(command)
        assert words[0] == "planner", f"{page}: {command}: mark the block `<!-- not run: why -->`"
        target = words.pop() if len(words) > 2 and words[-2] == ">" else None
        words = words[1:-1] if target else words[1:]
        outcome = planner(*words)
        assert outcome.code == code, f"{command}: {outcome.code}, {outcome.err}"
        if target:
            Path(target).write_text(outcome.out, encoding="utf-8")


def test_blocks_that_are_not_run_say_why() -> None:
    for page in PAGES:
        for block in BLOCK.finditer((ROOT / page).read_text(encoding="utf-8")):
            mark = block["mark"] or ""
            if mark.startswith("not run"):
                assert re.fullmatch(r"not run: \w.{5,}", mark), f"{page}: {mark}"


def test_the_guide_names_files_that_are_there() -> None:
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    tops = ("catalog", "docs", "examples", "launchers", "planner", "tests")
    paths = [path for path in re.findall(r"`([\w/.-]+/[\w/.-]*)`", text) if "NAME" not in path]
    named = [path for path in paths if path.split("/")[0] in tops]
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_the_site_builds_with_every_link(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the site needs the extra docs")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-q", "-d", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 15
    for page in pages:  # nothing is fetched from elsewhere when a page is opened
        text = page.read_text(encoding="utf-8")
        fetched = re.findall(r'<(?:script|img|link)[^>]+(?:src|href)="(https?://[^"]+)"', text)
        assert not [url for url in fetched if "canonical" not in url], page.name
