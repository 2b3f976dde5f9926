"""The script of docs/python.md does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from planner.cli.main import run as command

ROOT = Path(__file__).parents[2]


def test_the_ten_lines_answer_the_serving_example(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas", reason="the script ends with a data frame")
    text = (ROOT / "docs" / "python.md").read_text()
    (script,) = re.findall(r"<!-- run -->\n```python\n(.*?)```", text, re.DOTALL)
    assert len([line for line in script.splitlines() if line.strip()]) <= 11
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    prices = [float(price) for price in re.findall(r"\$([\d.]+)/h", done.stdout)]
    assert len(prices) == 4
    assert prices == sorted(prices), "more requests never cost less"
    assert command(["recommend", str(ROOT / "examples" / "serve-llama-70b.yaml")]) == 0
    assert f"${prices[1]:.2f}" in capsys.readouterr().out, "it asks for ten requests a second"
