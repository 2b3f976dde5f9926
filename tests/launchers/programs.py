"""A benchmark that is over in a blink, in place of one that needs torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.launchers.conftest import RESULT

SOURCE = """
import json, os, sys, time
if "--check-only" in sys.argv:
    sys.exit(0)
wanted = os.environ.get("PLANNER_SAMPLES")
print("warming up", flush=True)
for second in range({steps}):
    if wanted:
        print("@@PLANNER_SAMPLE " + json.dumps({{"second": second, "cpu_percent": 50.0 + second}}),
              flush=True)
    time.sleep({pause_s})
    print(f"step {{second + 1}}/{steps}", flush=True)
print("@@PLANNER_RESULT " + {result!r}, flush=True)
"""


def quick(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *, steps: int = 3, pause_s: float = 0.01
) -> dict[str, Any]:
    """Every benchmark is this program now; returns its result, measured on this machine's CPU."""
    hardware = {"cpu_model_name": "a CPU", "logical_cpus": 2}
    result = RESULT | {"device": "cpu", "hardware": hardware}
    program = folder / "planner_quick_0.py"
    program.write_text(SOURCE.format(steps=steps, pause_s=pause_s, result=json.dumps(result)))
    monkeypatch.setattr("launchers.benchmarks.bundle.executable", lambda _: program)
    return result
