"""Refresh: fetch, check and publish live prices, one slice per cloud, region and kind.

Slices are fetched side by side by daemon threads; only the calling thread checks and publishes,
one atomic file at a time. So whatever ends a refresh (Ctrl-C, a kill, a dead region past the
deadline), every slice is either its last good one or a whole checked new one.
"""

from __future__ import annotations

import queue
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from catalog.errors import CatalogError
from catalog.integrity import Finding, LastGood, blocking_reason, check_slice
from catalog.records import dataclass
from catalog.refreshed import Slice, read_slice, slice_files, write_slice
from catalog.sources.base import Fetched, FetchFailed, Reject, Source
from catalog.store import Catalog

WORKERS = 8
DEFAULT_DEADLINE_S = 300.0
# Suffix of a slice file that could not be read; its name no longer ends like a slice's.
SET_ASIDE = ".damaged"


class Status(StrEnum):
    PUBLISHED = "published"
    KEPT = "kept last good"
    FAILED = "failed"  # and there is no earlier price to keep


@dataclass(frozen=True, slots=True)
class Task:
    cloud: str
    region: str
    kind: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one slice. ``reason`` and ``remedy`` are empty when it was published.

    ``last_good_rows`` counts the prices that were published before.
    """

    task: Task
    status: Status
    seconds: float
    reason: str = ""
    remedy: str = ""
    rows: int = 0
    last_good_rows: int = 0
    fetched_at: datetime | None = None
    rejects: tuple[Reject, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All outcomes, in the order they came in, and the damaged slice files set aside before."""

    outcomes: tuple[Outcome, ...]
    set_aside: tuple[Path, ...]
    seconds: float

    def with_status(self, status: Status) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.status is status]


Progress = Callable[[Outcome], None]
Answer = tuple[Task, Fetched | Exception, float]


def refresh(
    tasks: Sequence[Task],
    sources: Mapping[str, Source],
    directory: Path,
    catalog: Catalog,
    *,
    accept_jumps: bool = False,
    deadline_s: float = DEFAULT_DEADLINE_S,
    set_aside: tuple[Path, ...] = (),
    progress: Progress | None = None,
) -> Report:
    """Fetch, check and publish the slices ``tasks`` into ``directory``.

    ``catalog`` is what is published now; prices are compared with it. ``deadline_s`` seconds
    bound the whole refresh: a slice that has not come by then keeps its last good one.
    ``progress`` is called in this thread after each slice. Raises CatalogError when the folder
    cannot be written.
    """
    start = time.monotonic()
    deadline = start + deadline_s
    todo: queue.SimpleQueue[Task] = queue.SimpleQueue()
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    for task in tasks:
        todo.put(task)
    for _ in range(min(WORKERS, len(tasks))):
        # Daemons: a thread stuck in a dead connection must not hold up the end of the process.
        threading.Thread(target=_work, args=(todo, answers, sources, deadline), daemon=True).start()
    waiting = dict.fromkeys(tasks)
    outcomes: list[Outcome] = []

    def report(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if progress is not None:
            progress(outcome)

    while waiting:
        try:
            task, answer, seconds = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        del waiting[task]
        report(_settle(task, answer, seconds, directory, catalog, accept_jumps))
    late = FetchFailed(
        f"no answer within {deadline_s:g} s", "try again, name fewer regions or raise --deadline"
    )
    for task in waiting:
        report(_settle(task, late, time.monotonic() - start, directory, catalog, accept_jumps))
    return Report(tuple(outcomes), set_aside, time.monotonic() - start)


def _work(
    todo: queue.SimpleQueue[Task],
    answers: queue.SimpleQueue[Answer],
    sources: Mapping[str, Source],
    deadline: float,
) -> None:
    while time.monotonic() < deadline:
        try:
            task = todo.get_nowait()
        except queue.Empty:
            return
        start = time.monotonic()
        answer: Fetched | Exception
        try:
            answer = sources[task.cloud].fetch(task.region, task.kind, deadline)
        except Exception as error:  # noqa: BLE001  (handed to the caller's thread, which judges)
            answer = error
        answers.put((task, answer, time.monotonic() - start))


def _settle(
    task: Task,
    answer: Fetched | Exception,
    seconds: float,
    directory: Path,
    catalog: Catalog,
    accept_jumps: bool,
) -> Outcome:
    """Check and publish one answer, or say why the last good slice stays."""
    last_good = LastGood(catalog, task.cloud, task.region, task.kind)
    before = len(last_good.prices)
    unpublished = Status.KEPT if before else Status.FAILED
    if isinstance(answer, FetchFailed):
        return Outcome(
            task, unpublished, seconds, answer.problem, answer.remedy, last_good_rows=before
        )
    if isinstance(answer, Exception):  # a bug in the source costs its slice, not the others
        # The place, not the message: a message may repeat what the provider was sent.
        place = traceback.extract_tb(answer.__traceback__)[-1:]
        where = f"{Path(place[0].filename).name}:{place[0].lineno}" if place else task.cloud
        reason = f"unexpected {type(answer).__name__} at {where}"
        remedy = "please report it"
        return Outcome(task, unpublished, seconds, reason, remedy, last_good_rows=before)
    part = Slice(
        task.cloud,
        task.region,
        task.kind,
        answer.fetched_at,
        answer.source,
        answer.offers,
        answer.options,
    )
    part, findings = check_slice(part, last_good, accept_jumps=accept_jumps)
    reason = blocking_reason(findings) or ""
    if not reason:
        write_slice(directory, part)
    return Outcome(
        task,
        unpublished if reason else Status.PUBLISHED,
        seconds,
        reason,
        "compare with the provider's own page" if reason else "",
        rows=len(part.options),
        last_good_rows=before,
        fetched_at=answer.fetched_at,
        rejects=answer.rejects,
        findings=tuple(findings),
    )


def set_aside_damaged(directory: Path) -> tuple[Path, ...]:
    """Rename slice files that cannot be read, so that the catalog opens without them.

    Returns their new paths. Raises CatalogError when a file cannot be renamed.
    """
    moved = []
    for path in slice_files(directory):
        try:
            read_slice(path)
        except CatalogError:
            target = path.with_name(path.name + SET_ASIDE)
            try:
                moved.append(path.replace(target))
            except OSError as error:
                raise CatalogError(
                    f"is damaged and cannot be renamed ({error.strerror})",
                    path=path,
                    remedy="delete the file",
                ) from error
    return tuple(moved)
