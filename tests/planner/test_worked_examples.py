"""The worked examples of the docs are what the commands print today."""

from __future__ import annotations

import subprocess
import sys

from tests.planner.conftest import ROOT


def test_every_output_is_that_of_its_command() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check", "docs/examples.md"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    page = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
    assert page.count("$ planner compare") == 4
    assert "model size: " in page and "<!-- run" not in page
