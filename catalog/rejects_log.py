"""Log of what refreshes left out and why: JSON lines in the cache folder, rotated, mode 0600."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from catalog.errors import CatalogError

# A refresh of everything rejects some thousand rows, of about 150 bytes each.
FULL_AT_BYTES = 4 << 20
KEPT_FILES = 3
# What a provider sent may be long; the beginning tells it apart.
LONGEST_TEXT = 300


@dataclass(frozen=True, slots=True)
class LoggedReject:
    """One row that was left out, or (``what`` empty) one slice that was not published."""

    provider: str
    region: str
    kind: str
    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class RejectsLog:
    """Append-only, one JSON object a line, newest file without a number."""

    directory: Path

    @property
    def path(self) -> Path:
        return self.directory / "rejects.jsonl"

    def append(self, at: datetime, rejects: Iterable[LoggedReject]) -> int:
        """Add what one refresh left out; returns the number. Raises CatalogError."""
        lines = [_line(at, reject) for reject in rejects]
        if not lines:
            return 0
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._rotate()
            handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "a", encoding="utf-8") as out:
                out.writelines(lines)
        except OSError as error:
            raise CatalogError(
                f"cannot be written ({error.strerror})",
                path=self.path,
                remedy="free space or set PLANNER_CACHE_DIR to another folder",
            ) from error
        return len(lines)

    def read(self) -> Iterator[Mapping[str, str]]:
        """All logged rejects, oldest first; a line that a kill cut short is left out."""
        for path in (*reversed(self._older()), self.path):
            if path.exists():
                for line in path.read_text(encoding="utf-8").splitlines():
                    try:
                        found = json.loads(line)
                    except ValueError:
                        continue
                    yield found

    def _older(self) -> list[Path]:
        return [self.directory / f"rejects.{n}.jsonl" for n in range(1, KEPT_FILES)]

    def _rotate(self) -> None:
        if not self.path.exists() or self.path.stat().st_size < FULL_AT_BYTES:
            return
        files = [self.path, *self._older()]
        for newer, older in reversed(list(pairwise(files))):
            if newer.exists():
                newer.replace(older)


def _line(at: datetime, reject: LoggedReject) -> str:
    row = {
        "at": at.isoformat(timespec="seconds"),
        "provider": reject.provider,
        "region": reject.region,
        "kind": reject.kind,
        "what": reject.what[:LONGEST_TEXT],
        "reason": reject.reason[:LONGEST_TEXT],
    }
    return json.dumps(row, separators=(",", ":")) + "\n"
