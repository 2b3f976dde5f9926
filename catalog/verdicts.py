"""What the user said about own measurements: taken back, or kept although they look wrong.

Measurements are never changed or deleted; the last verdict on one decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from catalog.durable import AppendOnlyFile
from catalog.errors import CatalogError
from catalog.observations import data_dir

# "APVd": another number than that of the other files.
APPLICATION_ID = 0x41505664
LAYOUT = 1
COLUMNS = ("observation", "verdict", "at")


class Verdict(StrEnum):
    """UNDONE: never use it. KEPT: use it whatever the checks say. OPEN: as the checks say."""

    UNDONE = "undone"
    KEPT = "kept"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict in force on one observation. ``at`` is UTC."""

    observation: str
    verdict: Verdict
    at: datetime


class Verdicts:
    """The verdicts of one data folder. Raises CatalogError when the file is damaged."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = AppendOnlyFile(
            (folder or data_dir()) / "verdicts.sqlite",
            "verdicts",
            COLUMNS,
            APPLICATION_ID,
            LAYOUT,
        )

    def say(self, observation: str, verdict: Verdict) -> None:
        """Add a verdict, durable when this returns."""
        self._file.append((observation, verdict.value, datetime.now(UTC).isoformat()))

    def all(self) -> dict[str, Judged]:
        """The last verdict on each observation that has one."""
        found: dict[str, Judged] = {}
        try:
            for name, word, moment in self._file.rows():
                found[name] = Judged(name, Verdict(word), datetime.fromisoformat(moment))
        except ValueError as error:
            raise CatalogError(
                f"cannot be understood ({error})",
                path=self._file.path,
                remedy="upgrade ai-capacity-planner or move the file aside",
            ) from error
        return found
