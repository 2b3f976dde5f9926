"""The run ledger: what was started, and what may still cost money.

A state ending in ``-ing`` is written before the change it names is tried, the others after it
was made. A planner that is killed at any point so leaves at least the intent behind, and the next
one can tell what to remove. Rows are only added.

A run belongs to the planner named in its latest claim; who starts it claims it. Another planner may
claim it only when that one is dead, and of two that try, one gets it.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from catalog.durable import AppendOnlyFile
from catalog.errors import CatalogError
from catalog.observations import data_dir
from launchers import processes
from launchers.base import Bill, RunTerms

# "APRl": another number than that of the observations, so that the files cannot be confused.
APPLICATION_ID = 0x4150526C
LAYOUT = 1
COLUMNS = ("run_id", "state", "at", "detail")


class RunState(StrEnum):
    """Where a run stands. FAILED and DONE are reached only after tear-down succeeded; KEPT is left
    running because the user asked for that, and costs money until it is stopped."""

    PLANNED = "planned"
    LAUNCHING = "launching"
    RUNNING = "running"
    KEPT = "kept"
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
    """One run as the ledger knows it. Times are UTC; ``terms`` is what was agreed before.

    ``resource`` is the rented thing (cluster name, empty when none); ``job`` the process or job
    number once known; ``request`` what SkyPilot calls the launch while it is under way;
    ``launched_at`` when it began to cost; ``bill`` what it cost, once ended; ``problem`` why it
    failed. ``is_stored`` says that its result is among the observations.
    """

    run_id: str
    benchmark: str
    target: str
    resource: str
    terms: RunTerms
    state: RunState
    started_at: datetime
    changed_at: datetime
    launched_at: datetime | None
    planner_host: str
    planner_pid: int
    planner_started: str
    job: str
    request: str
    is_stored: bool
    bill: Bill | None
    problem: str

    @property
    def may_cost_money(self) -> bool:
        """Whether something rented may still be there."""
        return bool(self.resource) and not (self.state.is_end or self.state is RunState.PLANNED)

    @property
    def is_kept(self) -> bool:
        """Left running because the user asked for that."""
        return self.state is RunState.KEPT

    @property
    def planner_is_alive(self) -> bool | None:
        """Whether the planner that has the run still lives; None when on another host."""
        if self.planner_host != socket.gethostname():
            return None
        return processes.started(self.planner_pid) == self.planner_started != ""

    @property
    def is_abandoned(self) -> bool:
        """Not ended nor kept on purpose, and the planner that drove it is gone."""
        if self.state.is_end or self.is_kept:
            return False
        return self.planner_is_alive is False

    @property
    def held_s(self) -> float:
        """Seconds since it began to cost; up to its end once it ended; 0 before."""
        if self.launched_at is None:
            return 0.0
        until = self.changed_at if self.state.is_end else datetime.now(UTC)
        return max(0.0, (until - self.launched_at).total_seconds())


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
        self, run_id: str, *, benchmark: str, target: str, resource: str, terms: RunTerms
    ) -> None:
        """Enter a run before anything of it exists."""
        self.record(
            run_id,
            RunState.PLANNED,
            benchmark=benchmark,
            target=target,
            resource=resource,
            **asdict(terms),
            **_this_planner(),
        )

    def record(self, run_id: str, state: RunState, **detail: object) -> None:
        """Add a state change, durable when this returns."""
        self._file.append((run_id, state.value, _now(), json.dumps(detail)))

    def claim(self, run_id: str, *, from_other_hosts: bool = False) -> RunRecord | None:
        """Make this planner the one that drives a run, in the state it is in.

        None when it has ended, is unknown, or another planner has it: one that lives on this
        host, or one on another host, of which nothing is known, unless ``from_other_hosts``.
        """
        record = self.run(run_id)
        if record is None:
            return None

        def is_free(rows: list[tuple[str, ...]]) -> bool:
            latest = next((one for one in self._merged(rows) if one.run_id == run_id), None)
            if latest is None or latest.state is not record.state or latest.state.is_end:
                return False
            if latest.is_kept:  # nobody drives it, its planner may live or not
                return True
            if latest.planner_is_alive is None:
                return from_other_hosts
            return not latest.planner_is_alive

        detail = json.dumps(_this_planner())
        row = (run_id, record.state.value, _now(), detail)
        return self.run(run_id) if self._file.append(row, provided=is_free) else None

    def runs(self) -> list[RunRecord]:
        """All runs, oldest first, each in its latest state."""
        return self._merged(self._file.rows())

    def run(self, run_id: str) -> RunRecord | None:
        return next((record for record in self.runs() if record.run_id == run_id), None)

    def _merged(self, rows: Iterable[tuple[str, ...]]) -> list[RunRecord]:
        merged: dict[str, dict[str, object]] = {}
        try:
            for run_id, state, moment, detail in rows:
                entry = merged.setdefault(run_id, {"started_at": moment})
                entry |= json.loads(detail) | {"state": state, "changed_at": moment}
                if state == RunState.LAUNCHING:
                    entry.setdefault("launched_at", moment)
                if state == RunState.COLLECTED:
                    entry["is_stored"] = True
            return [_record(run_id, entry) for run_id, entry in merged.items()]
        except (ValueError, TypeError, KeyError) as error:
            raise CatalogError(
                f"cannot be understood ({error})",
                path=self.path,
                remedy="upgrade ai-capacity-planner or move the file aside",
            ) from error


def _record(run_id: str, entry: Mapping[str, object]) -> RunRecord:
    launched = entry.get("launched_at")
    return RunRecord(
        run_id=run_id,
        benchmark=str(entry.get("benchmark", "")),
        target=str(entry.get("target", "")),
        resource=str(entry.get("resource", "")),
        terms=RunTerms(
            cost_usd=_number(entry, "cost_usd"),
            usd_per_hour=_number(entry, "usd_per_hour"),
            max_cost_usd=_number(entry, "max_cost_usd"),
            max_hours=_number(entry, "max_hours"),
            timeout_s=_number(entry, "timeout_s") or 0.0,
        ),
        state=RunState(str(entry["state"])),
        started_at=datetime.fromisoformat(str(entry["started_at"])),
        changed_at=datetime.fromisoformat(str(entry["changed_at"])),
        launched_at=datetime.fromisoformat(str(launched)) if launched else None,
        planner_host=str(entry.get("planner_host", "")),
        planner_pid=int(str(entry.get("planner_pid", 0))),
        planner_started=str(entry.get("planner_started", "")),
        job=str(entry.get("job", "")),
        request=str(entry.get("request", "")),
        is_stored=bool(entry.get("is_stored", False)),
        bill=_bill(entry),
        problem=str(entry.get("problem", "")),
    )


def _bill(entry: Mapping[str, object]) -> Bill | None:
    basis, held_s = entry.get("bill_basis"), _number(entry, "bill_held_s")
    if not isinstance(basis, str) or held_s is None:
        return None
    return Bill(_number(entry, "bill_usd"), held_s, basis)


def _number(entry: Mapping[str, object], name: str) -> float | None:
    value = entry.get(name)
    return float(value) if isinstance(value, (int, float)) else None


def _this_planner() -> dict[str, object]:
    return {
        "planner_host": socket.gethostname(),
        "planner_pid": os.getpid(),
        "planner_started": processes.started(os.getpid()),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat()
