"""The script of docs/python.md does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from planner.cli.main import run as command

ROOT = Path(__file__).parents[2]


def test_a_plan_is_made_shown_and_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "docs" / "python.md").read_text()
    (script,) = re.findall(r"<!-- run: .*? -->\n```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    exec(compile(script, "docs/python.md", "exec"), {})
    assert capsys.readouterr().out.startswith("pass ")
    assert "What would change the cost" in (tmp_path / "plan.html").read_text()
    assert "train.py" in (tmp_path / "launch.sh").read_text()


def test_the_ten_lines_answer_the_serving_example(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandas", reason="the script ends with a data frame")
    text = (ROOT / "docs" / "python.md").read_text()
    (script,) = re.findall(r"<!-- run -->\n```python\n(.*?)```", text, re.DOTALL)
    assert len([line for line in script.splitlines() if line.strip()]) <= 10
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    prices = [float(price) for price in re.findall(r"\$([\d.]+)/h", done.stdout)]
    assert len(prices) == 4
    assert prices == sorted(prices), "more requests never cost less"
    assert command(["recommend", str(ROOT / "examples" / "serve-llama-70b.yaml")]) == 0
    assert f"${prices[1]:.2f}" in capsys.readouterr().out, "it asks for ten requests a second"
