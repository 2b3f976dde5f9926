"""Draw the terminal interface for the documentation: ``python docs/pictures.py``.

The pictures show the embedded catalog on the day they are drawn.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.tui.main_screen import opened  # noqa: E402

FOLDER = ROOT / "docs" / "images"
SIZE = (120, 40)
WORK = ROOT / "examples" / "finetune-llama-8b-lora.yaml"
PICTURES = ("explore", "capacity", "compare", "calibrate", "catalog")
# Rich has the font fetched from a server; a page of the documentation asks nobody.
FETCHED = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)


async def draw() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name in PICTURES:
        async with opened(name, WORK, SIZE) as screen:
            await screen.pilot.pause(1.0)
            drawn = screen.app.export_screenshot(title=f"planner tui: {name}", simplify=True)
        path = FOLDER / f"{name}.svg"
        path.write_text(FETCHED.sub("", drawn), encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        # Without the measurements and settings of whoever draws them.
        for variable in ("PLANNER_DATA_DIR", "PLANNER_CONFIG_DIR"):
            os.environ[variable] = folder
        os.environ.pop("NO_COLOR", None)
        asyncio.run(draw())
