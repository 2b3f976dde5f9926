"""What `planner doctor` says of each live source and of the user's private files."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from catalog import Catalog, CatalogError
from catalog.sources import SOURCES, FetchFailed, Source, open_source
from planner.actions.catalog.refresh import asked_places
from planner.actions.doctor.installation import Check, Verdict

# Asked side by side; a source that has not answered by then is told as such.
ONLINE_S = 25.0


def source_checks(*, online: bool) -> list[Check]:
    """One line a source: ready or what is missing and how to get it; ``online`` asks each once."""
    try:
        catalog = Catalog.open()
    except CatalogError:
        return []  # told by the catalog's own check
    sources = {name: open_source(name) for name in SOURCES}
    refreshed = _refreshed(catalog)
    checks: dict[str, Check] = {}
    ready: dict[str, Source] = {}
    for name, source in sources.items():
        missing = source.missing()
        if missing is not None:
            found = f"cannot be asked: {missing.what} (needs {source.needs})"
            checks[name] = Check(f"source {name}", Verdict.NOTE, found, missing.remedy)
            continue
        ready[name] = source
        how = "asked only by --only" if source.opt_in else "asked by refresh"
        last = f"last refreshed {refreshed[name]:%Y-%m-%d}" if name in refreshed else "not yet"
        checks[name] = Check(f"source {name}", Verdict.OK, f"ready, {how}, {last} ({source.needs})")
    if online:
        checks |= _asked(ready, {name: asked_places(s, catalog) for name, s in ready.items()})
    return [checks[name] for name in sources]


def private_checks() -> Iterator[Check]:
    """Overlays, account quotas and price history, where there are some."""
    from catalog.history import PriceHistory
    from catalog.overlays import Overlays
    from catalog.quotas import quotas_dir, read_quotas

    history = PriceHistory()
    try:
        if overlays := Overlays().all():
            names = ", ".join(overlay.name for overlay in overlays)
            yield Check("overlays", Verdict.OK, f"{names} in {Overlays().directory}")
        if quotas := read_quotas(quotas_dir()):
            newest = quotas[-1].fetched_at
            count = sum(len(region.quotas) for region in quotas)
            text = f"{count} of {len(quotas)} regions, {newest:%Y-%m-%d}"
            yield Check("account quotas", Verdict.OK, text)
        if last := history.last_refresh():
            yield Check("price history", Verdict.OK, f"since {last:%Y-%m-%d} in {history.path}")
    except CatalogError as error:
        yield Check("private files", Verdict.FAIL, f"{error.path}: {error.problem}", error.remedy)


def _refreshed(catalog: Catalog) -> dict[str, datetime]:
    """When each source last brought a slice."""
    found: dict[str, datetime] = {}
    for provider, at in catalog.refreshed_by:
        when = datetime.fromisoformat(at)
        found[provider] = max(when, found.get(provider, when))
    return found


def _asked(sources: dict[str, Source], places: dict[str, list[str]]) -> dict[str, Check]:
    deadline = time.monotonic() + ONLINE_S
    found: dict[str, Check] = {}
    threads = [
        # Daemons: one that hangs must not hold up the end.
        threading.Thread(target=_ask, args=(source, places[name], deadline, found), daemon=True)
        for name, source in sources.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()) + 1.0)
    for name in sources:
        if name not in found:
            problem = f"no answer within {ONLINE_S:g} s"
            found[name] = Check(f"source {name}", Verdict.FAIL, problem, "check the network")
    return found


def _ask(source: Source, places: list[str], deadline: float, found: dict[str, Check]) -> None:
    name = f"source {source.name}"
    begun = time.monotonic()
    try:
        fetched = source.fetch(places[0], source.kinds[0], deadline)
    except FetchFailed as error:
        found[source.name] = Check(name, Verdict.FAIL, error.problem, error.remedy)
    except Exception as error:  # noqa: BLE001  (a bug of one source must not hide the others)
        problem = f"unexpected {type(error).__name__}"
        found[source.name] = Check(name, Verdict.FAIL, problem, "please report it")
    else:
        text = (
            f"answers: {len(fetched.options)} prices of {places[0]} in "
            f"{time.monotonic() - begun:.1f} s, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        )
        found[source.name] = Check(name, Verdict.OK, text)
