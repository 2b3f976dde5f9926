"""Refresh the catalog from the clouds: what CLI and TUI call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from catalog import Catalog, CatalogError
from catalog.errors import UnknownName, nearest
from catalog.history import PriceHistory
from catalog.records import dataclass
from catalog.refresh import (
    DEFAULT_DEADLINE_S,
    Outcome,
    Report,
    Status,
    Task,
    refresh,
    set_aside_damaged,
)
from catalog.rejects_log import LoggedReject, RejectsLog
from catalog.sources import QUOTAS, SOURCES, Source, open_source
from catalog.store import cache_dir
from planner.errors import BadInput

__all__ = [
    "DEFAULT_DEADLINE_S",
    "Outcome",
    "Refreshed",
    "Report",
    "Status",
    "left_out",
    "refresh_catalog",
    "why",
    "words_of",
]

# Region names become parts of host names.
_REGION = re.compile(r"(?:[a-z0-9-]{1,32}/)?[A-Za-z0-9][A-Za-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A refresh's report. ``skipped`` holds a line for each source that could not be asked.

    ``logged`` rows that were left out, and slices that were not published, are in
    ``rejects_log`` with their reasons.
    """

    report: Report
    skipped: tuple[str, ...]
    rejects_log: Path
    logged: int

    @property
    def published(self) -> int:
        """Slices that were published."""
        return len(self.report.with_status(Status.PUBLISHED))

    @property
    def complete(self) -> bool:
        """Whether every slice that was asked for, and has something, has been published."""
        good = (Status.PUBLISHED, Status.NOTHING)
        return not self.skipped and all(o.status in good for o in self.report.outcomes)


def refresh_catalog(
    *,
    only: Sequence[str] = (),
    regions: Sequence[str] = (),
    kinds: Sequence[str] = (),
    accept_jumps: bool = False,
    deadline_s: float = DEFAULT_DEADLINE_S,
    say: Callable[[str], None] | None = None,
    started: Callable[[int], None] | None = None,
    progress: Callable[[Outcome], None] | None = None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Refreshed:
    """Fetch, check and publish live prices; what fails keeps its last good rows.

    Without ``only`` all live sources but the opt-in ones are asked, without ``regions`` the
    regions the catalog knows, without ``kinds`` all a source can fetch, quotas included.
    ``started`` is told the number of slices, ``progress`` each one's outcome, in this thread; when
    ``is_stopped`` says so, what has not answered keeps its last good rows.
    Raises BadInput for a wrong name, and when no source can be asked; CatalogError when the cache
    folder cannot be written.
    """
    if deadline_s <= 0:
        raise BadInput(f"{deadline_s:g} s is no time", where="--deadline", remedy="say 300")
    sources, skipped = _usable_sources(only)
    if not sources:
        raise BadInput(skipped[0], where="refresh")
    directory = cache_dir() / "refreshed"
    moved = set_aside_damaged(directory)
    for path in moved:
        if say:
            say(f"note: a slice was damaged and is set aside as {path}")
    catalog = Catalog.open()
    tasks = _tasks(sources, regions, kinds, catalog)
    if say:
        say(f"asking {', '.join(sources)} for {len(tasks)} slices, at most {deadline_s:g} s")
    if started:
        started(len(tasks))
    history = PriceHistory()
    try:
        history.begin(datetime.now(UTC))
    except CatalogError as error:
        if say:
            say(f"note: {error}")
    report = refresh(
        tasks,
        sources,
        directory,
        catalog,
        accept_jumps=accept_jumps,
        deadline_s=deadline_s,
        set_aside=moved,
        history=history,
        progress=progress,
        is_stopped=is_stopped,
    )
    if report.with_status(Status.PUBLISHED):
        Catalog.open()  # compiled now, so that the next command need not wait for it
    log = RejectsLog(cache_dir())
    logged = log.append(datetime.now(UTC), _rejects(report))
    return Refreshed(report, tuple(skipped), log.path, logged)


def _rejects(report: Report) -> Iterator[LoggedReject]:
    for outcome in report.outcomes:
        task = outcome.task
        place = task.provider, task.region, task.kind
        for what, reason in left_out(outcome):
            yield LoggedReject(*place, what, reason)
        if outcome.reason:
            yield LoggedReject(*place, "", f"{outcome.status}: {outcome.reason}")


def left_out(outcome: Outcome) -> list[tuple[str, str]]:
    """What did not become a published row, and why: the source's rejects and the checks'."""
    rejected = [(reject.what, reject.reason) for reject in outcome.rejects]
    return rejected + [(f.where, f.reason) for f in outcome.findings if f.effect == "row"]


def words_of(text: str) -> list[str]:
    """The words of a comma-separated text."""
    return [part.strip() for part in text.split(",") if part.strip()]


def why(outcome: Outcome) -> str:
    """Why a slice was not published, and what would help; empty when it was.

    Parts of it may be a provider's words: no escape of theirs gets to a terminal.
    """
    text = f"{outcome.reason}; {outcome.remedy}" if outcome.reason else ""
    return "".join(ch if ch.isprintable() else " " for ch in text)


def _usable_sources(only: Sequence[str]) -> tuple[dict[str, Source], list[str]]:
    usable: dict[str, Source] = {}
    skipped: list[str] = []
    for name in dict.fromkeys(only or SOURCES):
        try:
            source = open_source(name)
        except UnknownName as error:
            known = ", ".join(SOURCES)
            raise BadInput(str(error), where="--only", remedy=f"live sources: {known}") from None
        if source.opt_in and not only:
            continue
        missing = source.missing()
        if missing is None:
            usable[name] = source
        else:
            skipped.append(f"{name}: {missing.what}; {missing.remedy}")
    return usable, skipped


def _tasks(
    sources: Mapping[str, Source],
    regions: Sequence[str],
    kinds: Sequence[str],
    catalog: Catalog,
) -> list[Task]:
    """Slices to ask for. Raises BadInput for a region or kind that no source can be asked for."""
    places = _places(sources, regions, catalog)
    offered = {name: _offered(source) for name, source in sources.items()}
    for kind in kinds:
        if not any(kind in known for known in offered.values()):
            known_kinds = dict.fromkeys(kind for known in offered.values() for kind in known)
            raise BadInput(
                f"{' and '.join(sources)} has no live source of {kind!r}",
                where="--kinds",
                remedy=f"known: {', '.join(known_kinds)}",
            )
    return [
        Task(name, region, kind)
        for name in sources
        for region in places[name]
        for kind in offered[name]
        if not kinds or kind in kinds
    ]


def _offered(source: Source) -> tuple[str, ...]:
    return (*source.kinds, QUOTAS) if source.has_quotas else source.kinds


def _places(
    sources: Mapping[str, Source], regions: Sequence[str], catalog: Catalog
) -> dict[str, list[str]]:
    """Regions to ask each source for. A region that no source knows goes to the only one asked."""
    known = {name: _known_regions(source, catalog) for name, source in sources.items()}
    if not regions:
        return {name: sources[name].regions(known[name]) for name in sources}
    places: dict[str, list[str]] = {name: [] for name in sources}
    for region in dict.fromkeys(regions):
        if not _REGION.fullmatch(region):
            raise BadInput(f"{region!r} is no region", where="--regions", remedy="say us-east-1")
        asked = False
        for name, source in sources.items():
            words = {*known[name], *source.regions(known[name])}
            found = sorted(word for word in words if region in (word, word.partition("/")[2]))
            places[name] += found
            asked = asked or bool(found)
        if not asked and len(sources) == 1:
            places[next(iter(sources))].append(region)  # perhaps a new one
        elif not asked:
            every = sorted({word for words in known.values() for word in words})
            close = nearest(region, every)
            raise BadInput(
                f"none of {', '.join(sources)} is known to have region {region!r}",
                where="--regions",
                remedy=f"did you mean {', '.join(close)}?" if close else "name its cloud in --only",
            )
    # `us-east-1` and `aws/us-east-1` may be one place of a hosted catalog.
    return {name: list(dict.fromkeys(found)) for name, found in places.items()}


def _known_regions(source: Source, catalog: Catalog) -> list[str]:
    if not source.cloud:
        rows = catalog.rows("offers", "1 GROUP BY cloud, region ORDER BY cloud, region")
        return [f"{r['cloud']}/{r['region']}" for r in rows if r["cloud"] in source.clouds]
    known = catalog.rows("offers", "cloud = ? GROUP BY region ORDER BY region", source.cloud)
    return [row["region"] for row in known]


def asked_places(source: Source, catalog: Catalog) -> list[str]:
    """Regions that a source is asked for when the user names none."""
    return source.regions(_known_regions(source, catalog)) or ["all"]
