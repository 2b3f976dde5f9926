"""Result lines on disk from the moment they are seen until they are stored.

A planner that is killed between a result's arrival and its storing leaves it here, and so does
one whose store refuses it.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from catalog.observations import data_dir
from launchers.output import MARKER

# Where files live in memory on Linux: there is room when the disks are full.
MEMORY = "/dev/shm"


class Spool:
    """One file a run, ``runs/RUN_ID.log`` in the data folder, readable by its owner only."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = (folder or data_dir()) / "runs"

    def path(self, run_id: str) -> Path:
        """Where the output of a run goes; the folder exists afterwards. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._folder / f"{run_id}.log"

    def keep(self, run_id: str, line: str) -> None:
        """Keep the line if it is a result. A full disk is no reason to stop a run."""
        if MARKER not in line:
            return
        try:
            handle = os.open(self.path(run_id), os.O_WRONLY | os.O_CREAT | os.O_APPEND, mode=0o600)
            with os.fdopen(handle, "a", encoding="utf-8") as file:
                file.write(f"{line}\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            return

    def lines(self, run_id: str) -> list[str]:
        """What was kept of a run, oldest first."""
        try:
            text = (self._folder / f"{run_id}.log").read_text("utf-8", errors="replace")
        except OSError:
            return []
        return text.split("\n")

    def discard(self, run_id: str) -> None:
        """Once the result is stored, or there is none."""
        with contextlib.suppress(OSError):  # all is done by then; a file too much is no failure
            (self._folder / f"{run_id}.log").unlink(missing_ok=True)


def rescue(run_id: str, text: str) -> Path | None:
    """Put a result that could not be stored in a file of the temporary folder, else of the folder
    worked in, else of memory; None if none of them takes it."""
    for folder in (tempfile.gettempdir, Path.cwd, lambda: MEMORY):
        name = ""
        try:
            handle, name = tempfile.mkstemp(
                prefix=f"planner-{run_id}-", suffix=".json", dir=folder()
            )
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())  # some file systems say only then that they are full
        except OSError:
            if name:  # half of it helps nobody
                with contextlib.suppress(OSError):
                    Path(name).unlink()
        else:
            return Path(name)
    return None
