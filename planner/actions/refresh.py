"""Refresh the catalog from the clouds: what CLI and TUI call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from catalog import Catalog
from catalog.errors import UnknownName
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
from catalog.sources import PROVIDERS, Source, open_source
from catalog.store import cache_dir
from planner.errors import BadInput

__all__ = ["DEFAULT_DEADLINE_S", "Outcome", "Refreshed", "Report", "Status", "refresh_catalog"]


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A refresh's report. ``skipped`` holds a line for each cloud that could not be asked."""

    report: Report
    skipped: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every slice that was asked for has been published."""
        return not self.skipped and all(
            outcome.status is Status.PUBLISHED for outcome in self.report.outcomes
        )


def refresh_catalog(
    *,
    only: Sequence[str] = (),
    regions: Sequence[str] = (),
    kinds: Sequence[str] = (),
    accept_jumps: bool = False,
    deadline_s: float = DEFAULT_DEADLINE_S,
    say: Callable[[str], None] | None = None,
    progress: Callable[[Outcome], None] | None = None,
) -> Refreshed:
    """Fetch, check and publish live prices; what fails keeps its last good rows.

    Without ``only`` all clouds with a live source are asked, without ``regions`` the regions
    the catalog knows, without ``kinds`` all a source can fetch. ``progress`` is called after
    each slice, in this thread. Raises BadInput for a wrong name, and when no cloud can be asked;
    CatalogError when the cache folder cannot be written.
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
    tasks = [
        Task(cloud, region, kind)
        for cloud, source in sources.items()
        for region in _regions(source, regions, catalog)
        for kind in _kinds(source, kinds)
    ]
    if say:
        say(f"asking {', '.join(sources)} for {len(tasks)} slices, at most {deadline_s:g} s")
    report = refresh(
        tasks,
        sources,
        directory,
        catalog,
        accept_jumps=accept_jumps,
        deadline_s=deadline_s,
        set_aside=moved,
        progress=progress,
    )
    if report.with_status(Status.PUBLISHED):
        Catalog.open()  # compiled now, so that the next command need not wait for it
    return Refreshed(report, tuple(skipped))


def _usable_sources(only: Sequence[str]) -> tuple[dict[str, Source], list[str]]:
    usable: dict[str, Source] = {}
    skipped: list[str] = []
    for cloud in dict.fromkeys(only or PROVIDERS):
        try:
            source = open_source(cloud)
        except UnknownName as error:
            known = ", ".join(PROVIDERS)
            raise BadInput(str(error), where="--only", remedy=f"live sources: {known}") from None
        missing = source.missing()
        if missing is None:
            usable[cloud] = source
        else:
            skipped.append(f"{cloud}: {missing.what}; {missing.remedy}")
    return usable, skipped


def _regions(source: Source, regions: Sequence[str], catalog: Catalog) -> list[str]:
    for region in regions:
        # Region names become file names and host names.
        if not region or not region.replace("-", "").isalnum() or not region.isascii():
            raise BadInput(f"{region!r} is no region", where="--regions", remedy="say us-east-1")
    if regions:
        return list(dict.fromkeys(regions))
    known = catalog.rows("offers", "cloud = ? GROUP BY region ORDER BY region", source.cloud)
    return source.regions([row["region"] for row in known])


def _kinds(source: Source, kinds: Sequence[str]) -> list[str]:
    for kind in kinds:
        if kind not in source.kinds:
            raise BadInput(
                f"{source.cloud} has no live source of {kind!r}",
                where="--kinds",
                remedy=f"known: {', '.join(source.kinds)}",
            )
    return list(dict.fromkeys(kinds or source.kinds))
