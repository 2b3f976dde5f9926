"""Refresh: fetch, check and publish live prices, one slice per provider, region and kind.

Slices are fetched side by side by daemon threads, each provider's by its own, so that a provider
that hangs holds up no other; only the calling thread checks and publishes, one atomic file at a
time. So whatever ends a refresh (Ctrl-C, a kill, a dead region past the
deadline), every slice is either its last good one or a whole checked new one.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from catalog.errors import CatalogError
from catalog.history import PriceHistory
from catalog.integrity import Effect, Finding, LastGood, blocking_reason, check_slice
from catalog.quotas import RegionQuotas, quotas_dir, write_quotas
from catalog.records import dataclass
from catalog.refreshed import Slice, read_slice, slice_files, write_slice
from catalog.sources.base import QUOTAS, Fetched, FetchedQuotas, FetchFailed, Reject, Source
from catalog.store import Catalog

DEFAULT_DEADLINE_S = 300.0
# How long a wish to stop may wait.
POLL_S = 0.2
# Client libraries that tell of failures on stderr when nobody set logging up; the outcomes tell.
LIBRARIES = ("azure", "msal", "google", "botocore", "urllib3", "httpx", "httpcore", "grpc")
# Suffix of a slice file that could not be read; its name no longer ends like a slice's.
SET_ASIDE = ".damaged"

_NOWHERE = logging.NullHandler()


class Status(StrEnum):
    PUBLISHED = "published"
    KEPT = "kept last good"
    FAILED = "failed"  # and there is no earlier price to keep
    NOTHING = "nothing sold"  # the provider sells nothing so there, nor did it before


@dataclass(frozen=True, slots=True)
class Task:
    """One slice to fetch: ``kind`` is a purchase kind or QUOTAS, ``region`` a source's word."""

    provider: str
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
Answer = tuple[Task, Fetched | FetchedQuotas | Exception, float]


def refresh(
    tasks: Sequence[Task],
    sources: Mapping[str, Source],
    directory: Path,
    catalog: Catalog,
    *,
    accept_jumps: bool = False,
    deadline_s: float = DEFAULT_DEADLINE_S,
    set_aside: tuple[Path, ...] = (),
    private: Path | None = None,
    history: PriceHistory | None = None,
    progress: Progress | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Report:
    """Fetch, check and publish the slices ``tasks`` into ``directory``.

    Quotas go to ``private``, by default the user's private folder, changes of prices to
    ``history``, if given. ``catalog`` is what is published now; prices are compared with it.
    ``deadline_s`` seconds bound the whole refresh: a slice that has not come by then keeps its last
    good one, and so do those still awaited when ``is_stopped``, asked all the time, says so.
    ``progress`` is called in this thread after each slice. Raises CatalogError when the folder
    cannot be written.
    """
    tasks = list(dict.fromkeys(tasks))
    for name in LIBRARIES:
        logging.getLogger(name).addHandler(_NOWHERE)
    start = time.monotonic()
    deadline = start + deadline_s
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    is_over = threading.Event()
    for name, source in sources.items():
        todo: queue.SimpleQueue[Task] = queue.SimpleQueue()
        own = [task for task in tasks if task.provider == name]
        for task in own:
            todo.put(task)
        for _ in range(min(source.workers, len(own))):
            # Daemons: a thread stuck in a dead connection must not hold up the process's end.
            threading.Thread(
                target=_work, args=(todo, answers, source, deadline, is_over), daemon=True
            ).start()
    waiting = dict.fromkeys(tasks)
    place = _Place(directory, private or quotas_dir(), catalog, accept_jumps, history)
    outcomes: list[Outcome] = []

    def report(outcome: Outcome) -> None:
        outcomes.append(outcome)
        if progress is not None:
            progress(outcome)

    while waiting and not is_stopped():
        left_s = deadline - time.monotonic()
        try:
            task, answer, seconds = answers.get(timeout=min(max(0.0, left_s), POLL_S))
        except queue.Empty:
            if left_s <= 0:
                break
            continue
        del waiting[task]
        report(_settle(task, sources[task.provider], answer, seconds, place))
    is_over.set()  # nothing is asked for any more
    late = (
        FetchFailed("stopped before it answered", "refresh again")
        if is_stopped()
        else FetchFailed(
            f"no answer within {deadline_s:g} s",
            "try again, name fewer regions or raise --deadline",
        )
    )
    for task in waiting:
        seconds = time.monotonic() - start
        report(_settle(task, sources[task.provider], late, seconds, place))
    return Report(tuple(outcomes), set_aside, time.monotonic() - start)


def _work(
    todo: queue.SimpleQueue[Task],
    answers: queue.SimpleQueue[Answer],
    source: Source,
    deadline: float,
    is_over: threading.Event,
) -> None:
    while time.monotonic() < deadline and not is_over.is_set():
        try:
            task = todo.get_nowait()
        except queue.Empty:
            return
        start = time.monotonic()
        answer: Fetched | FetchedQuotas | Exception
        try:
            if task.kind == QUOTAS:
                answer = source.fetch_quotas(task.region, deadline)
            else:
                answer = source.fetch(task.region, task.kind, deadline)
        except Exception as error:  # noqa: BLE001  (handed to the caller's thread, which judges)
            answer = error
        answers.put((task, answer, time.monotonic() - start))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where slices go and what they are compared with."""

    directory: Path
    private: Path
    catalog: Catalog
    accept_jumps: bool
    history: PriceHistory | None


def _settle(
    task: Task,
    source: Source,
    answer: Fetched | FetchedQuotas | Exception,
    seconds: float,
    place: _Place,
) -> Outcome:
    """Check and publish one answer, or say why the last good slice stays."""
    cloud, region = source.place(task.region)
    if isinstance(answer, FetchedQuotas):
        return _settle_quotas(task, cloud, region, answer, seconds, place)
    last_good = LastGood(place.catalog, cloud, region, task.kind, source.platform)
    before = len(last_good.prices)
    unpublished = Status.KEPT if before else Status.FAILED
    if isinstance(answer, FetchFailed):
        return Outcome(
            task, unpublished, seconds, answer.problem, answer.remedy, last_good_rows=before
        )
    if isinstance(answer, Exception):  # a bug in the source costs its slice, not the others
        # The place, not the message: a message may repeat what the provider was sent.
        # Walked, not extracted: SkyPilot can leave `sys.tracebacklimit` at 0 in this process.
        where = task.provider
        for frame, line in traceback.walk_tb(answer.__traceback__):  # the innermost comes last
            where = f"{Path(frame.f_code.co_filename).name}:{line}"
        reason = f"unexpected {type(answer).__name__} at {where}"
        remedy = "please report it"
        return Outcome(task, unpublished, seconds, reason, remedy, last_good_rows=before)
    if not answer.options and not before:
        return Outcome(
            task,
            Status.NOTHING,
            seconds,
            fetched_at=answer.fetched_at,
            rejects=answer.rejects,
        )
    part = Slice(
        provider=task.provider,
        cloud=cloud,
        region=region,
        kind=task.kind,
        fetched_at=answer.fetched_at,
        source=answer.source,
        offers=answer.offers,
        options=answer.options,
        platform=source.platform,
        as_of=answer.as_of,
    )
    part, findings = check_slice(part, last_good, accept_jumps=place.accept_jumps)
    reason = blocking_reason(findings) or ""
    if not reason:
        # First, so that a kill in between loses no change: what is on record was told.
        findings += _remember(part, place.history)
        write_slice(place.directory, part)
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


def _remember(part: Slice, history: PriceHistory | None) -> list[Finding]:
    """Keep the changes; a history that cannot be written is told, and costs no new price."""
    if history is None:
        return []
    try:
        history.add(part)
    except CatalogError as error:
        return [Finding("price history", Effect.NOTE, part.file_name, str(error))]
    return []


def _settle_quotas(
    task: Task, cloud: str, region: str, answer: FetchedQuotas, seconds: float, place: _Place
) -> Outcome:
    found = RegionQuotas(
        task.provider, cloud, region, answer.fetched_at, answer.source, answer.quotas
    )
    if answer.quotas:
        write_quotas(place.private, found)
    return Outcome(
        task,
        Status.PUBLISHED if answer.quotas else Status.FAILED,
        seconds,
        "" if answer.quotas else "no quota in the answer",
        "" if answer.quotas else "compare with the provider's own page",
        rows=len(answer.quotas),
        fetched_at=answer.fetched_at,
        rejects=answer.rejects,
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
