"""The run ledger: what was started, and what may still cost money.

A state ending in ``-ing`` is written before the change it names is tried, the others after it
was made. A planner that is killed at any point so leaves at least the intent behind, and the next
one can tell what to remove. Rows are only added.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from catalog.durable import AppendOnlyFile
from catalog.errors import CatalogError
from catalog.observations import data_dir

# "APRl": another number than that of the observations, so that the files cannot be confused.
APPLICATION_ID = 0x4150526C
LAYOUT = 1
COLUMNS = ("run_id", "state", "at", "detail")


class RunState(StrEnum):
    """Where a run stands. FAILED and DONE are reached only after tear-down succeeded."""

    PLANNED = "planned"
    LAUNCHING = "launching"
    RUNNING = "running"
    COLLECTING = "collecting"
    COLLECTED = "collected"
    TEARING_DOWN = "tearing_down"
    TEAR_DOWN_FAILED = "tear_down_failed"
    DONE = "done"
    FAILED = "failed"

    @property
    def is_end(self) -> bool:
        return self in (RunState.DONE, RunState.FAILED)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as the ledger knows it. Times are UTC; ``cost_usd`` is the estimate.

    ``resource`` is the rented thing (cluster name, empty when none); ``job`` the process id or
    job number once known; ``problem`` why it failed.
    """

    run_id: str
    benchmark: str
    target: str
    resource: str
    cost_usd: float | None
    state: RunState
    started_at: datetime
    changed_at: datetime
    planner_host: str
    planner_pid: int
    planner_started: str
    job: str
    problem: str

    @property
    def may_cost_money(self) -> bool:
        """Whether something rented may still be there."""
        return bool(self.resource) and not (self.state.is_end or self.state is RunState.PLANNED)

    @property
    def planner_is_alive(self) -> bool | None:
        """Whether the planner that made the run still lives; None when on another host."""
        if self.planner_host != socket.gethostname():
            return None
        return _process_started(self.planner_pid) == self.planner_started != ""

    @property
    def is_abandoned(self) -> bool:
        """Not ended, and the planner that drove it is gone."""
        return not self.state.is_end and self.planner_is_alive is False


class RunLedger:
    """The ledger of one data folder. Raises CatalogError when its file is damaged."""

    def __init__(self, folder: Path | None = None) -> None:
        self._file = AppendOnlyFile(
            (folder or data_dir()) / "runs.sqlite", "runs", COLUMNS, APPLICATION_ID, LAYOUT
        )

    @property
    def path(self) -> Path:
        return self._file.path

    def plan(
        self, run_id: str, *, benchmark: str, target: str, resource: str, cost_usd: float | None
    ) -> None:
        """Enter a run before anything of it exists."""
        self.record(
            run_id,
            RunState.PLANNED,
            benchmark=benchmark,
            target=target,
            resource=resource,
            cost_usd=cost_usd,
            planner_host=socket.gethostname(),
            planner_pid=os.getpid(),
            planner_started=_process_started(os.getpid()),
        )

    def record(self, run_id: str, state: RunState, **detail: object) -> None:
        """Add a state change, durable when this returns."""
        moment = datetime.now(UTC).isoformat()
        self._file.append((run_id, state.value, moment, json.dumps(detail)))

    def runs(self) -> list[RunRecord]:
        """All runs, oldest first, each in its latest state."""
        merged: dict[str, dict[str, object]] = {}
        try:
            for run_id, state, moment, detail in self._file.rows():
                entry = merged.setdefault(run_id, {"started_at": moment})
                entry |= json.loads(detail) | {"state": state, "changed_at": moment}
            return [_record(run_id, entry) for run_id, entry in merged.items()]
        except (ValueError, TypeError) as error:
            raise CatalogError(
                f"cannot be understood ({error})",
                path=self.path,
                remedy="upgrade ai-capacity-planner or move the file aside",
            ) from error

    def run(self, run_id: str) -> RunRecord | None:
        return next((record for record in self.runs() if record.run_id == run_id), None)


def _record(run_id: str, entry: Mapping[str, object]) -> RunRecord:
    cost = entry.get("cost_usd")
    return RunRecord(
        run_id=run_id,
        benchmark=str(entry.get("benchmark", "")),
        target=str(entry.get("target", "")),
        resource=str(entry.get("resource", "")),
        cost_usd=float(cost) if isinstance(cost, (int, float)) else None,
        state=RunState(str(entry["state"])),
        started_at=datetime.fromisoformat(str(entry["started_at"])),
        changed_at=datetime.fromisoformat(str(entry["changed_at"])),
        planner_host=str(entry.get("planner_host", "")),
        planner_pid=int(str(entry.get("planner_pid", 0))),
        planner_started=str(entry.get("planner_started", "")),
        job=str(entry.get("job", "")),
        problem=str(entry.get("problem", "")),
    )


def _process_started(pid: int) -> str:
    """What tells this process from a later one of the same number; empty when it is gone."""
    try:
        # The command in brackets may hold spaces; the start time is the 20th field after it.
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        pass
    if Path("/proc/self/stat").exists():
        return ""
    try:  # no /proc (macOS): only the number is known
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "unknown"
