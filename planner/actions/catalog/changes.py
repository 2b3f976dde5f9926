"""What moved in the catalog, and one machine's prices over time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from enum import StrEnum

from catalog import Catalog, OfferTable
from catalog.errors import UnknownName
from catalog.history import Point, PriceHistory, SeriesKey
from catalog.price_checks import effective_usd_per_hour
from planner.actions.catalog.listing import PLAIN, Offer
from planner.errors import BadInput

SNAPSHOT = "snapshot"
LAST = "last"
# Less is rounding.
SAME = 1e-6


class Change(StrEnum):
    MOVED = "moved"
    NEW = "new"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Move:
    """One way to buy one machine whose price changed, began or ended.

    Prices are USD/h with an upfront payment spread over the term; ``change`` is new over old
    minus one.
    """

    what: Change
    cloud: str
    region: str
    zone: str
    platform: str
    instance_type: str
    kind: str
    term_months: int
    payment: str
    old_usd_per_hour: float | None
    new_usd_per_hour: float | None
    change: float | None


@dataclass(frozen=True, slots=True)
class Moves:
    """Largest moves first, then what is new, then what is gone."""

    since: str
    moves: tuple[Move, ...]
    compared: int

    @property
    def sentence(self) -> str:
        """``since 2026-11-01 00:00 UTC: 3 moved, 1 new, 0 gone of 40 prices``."""
        count = Counter(move.what for move in self.moves)
        words = ", ".join(f"{count[what]:,} {what}" for what in Change)
        return f"since {self.since}: {words} of {self.compared:,} prices"


@dataclass(frozen=True, slots=True)
class Series:
    """One price over time, oldest first; the first point may be of the embedded snapshot."""

    key: SeriesKey
    points: tuple[Point, ...]


def catalog_diff(since: str = SNAPSHOT) -> Moves:
    """What moved since the embedded snapshot, since before the last refresh, or since a day.

    Raises BadInput for a ``since`` that is none of these.
    """
    embedded = prices(Catalog.open_embedded().offers)
    if since == SNAPSHOT:
        now = prices(Catalog.open().offers)
        return Moves("the embedded snapshot", _moves(embedded, now), len(embedded.keys() | now))
    history = PriceHistory()
    at = _time(since, history)
    if at is None:
        raise BadInput("no refresh is on record", where="--since", remedy="say snapshot")
    old: dict[SeriesKey, float] = {}
    new: dict[SeriesKey, float] = {}
    changed = history.changed_since(at)
    for key, points in changed.items():
        before = [usd for then, usd in points if then < at]
        was = before[-1] if before else embedded.get(key)
        if was is not None:
            old[key] = was
        if points[-1][1] is not None:
            new[key] = points[-1][1]
    return Moves(f"{at:%Y-%m-%d %H:%M} UTC", _moves(old, new), len(changed))


def price_history(
    name: str, *, clouds: Sequence[str] = (), regions: Sequence[str] = (), kinds: Sequence[str] = ()
) -> list[Series]:
    """A machine's prices over time, most points first.

    The embedded snapshot's price begins a series where its date is known. Raises UnknownName for
    a name that no offer ever had, BadInput for filters that leave nothing.
    """
    embedded = Catalog.open_embedded()
    found = {key: list(points) for key, points in PriceHistory().series(name).items()}
    for key, (usd, day) in _dated_prices(embedded, name).items():
        points = found.setdefault(key, [])
        if not points or day < points[0][0]:
            points.insert(0, (day, usd))
    if not found:
        known = set(Catalog.open().offers.vocabularies["instance_type"])
        if name in known:
            return []
        raise UnknownName("machine", name, known)
    wanted = kinds and [kind.lower().replace("-", "_") for kind in kinds]
    series = [
        Series(key, tuple(points))
        for key, points in found.items()
        if (not clouds or key.cloud in clouds)
        and (not regions or key.region in regions)
        and (not wanted or key.kind in wanted)
    ]
    if not series:
        raise BadInput(
            f"no price of {name} passes these filters",
            where="--cloud --region --kind",
            remedy="leave one out",
        )
    return sorted(series, key=lambda one: (-len(one.points), one.key))


def offer_history(offer: Offer) -> Series | None:
    """The price over time of one way to buy one machine; None where no date of it is known.

    Raises CatalogError for a damaged history.
    """
    platform = "" if offer.platform == PLAIN else offer.platform
    key = SeriesKey(
        offer.cloud,
        offer.region,
        platform,
        offer.kind,
        offer.zone,
        offer.instance_type,
        offer.term_months or 0,
        offer.payment,
    )
    found = price_history(offer.instance_type)
    return next((series for series in found if series.key == key), None)


def prices(table: OfferTable) -> dict[SeriesKey, float]:
    """The effective price of each way to buy; of equal ways the cheapest."""
    texts = {
        name: table.texts(name)
        for name in ("cloud", "region", "platform", "kind", "zone", "instance_type", "payment")
    }
    numbers = {
        name: table.numbers[name].tolist()
        for name in ("term_months", "upfront_usd", "usd_per_hour")
    }
    found: dict[SeriesKey, float] = {}
    for row in range(len(table)):
        words = {name: column[row] for name, column in texts.items()}
        term = numbers["term_months"][row]
        upfront = numbers["upfront_usd"][row]
        known = {
            "usd_per_hour": numbers["usd_per_hour"][row],
            "term_months": 0 if term != term else int(term),
            "upfront_usd": None if upfront != upfront else upfront,
        }
        key = SeriesKey.of({**words, **known}, words["platform"])
        usd = effective_usd_per_hour(known)
        found[key] = min(usd, found.get(key, math.inf))
    return found


def _dated_prices(catalog: Catalog, name: str) -> Mapping[SeriesKey, tuple[float, datetime]]:
    table = catalog.offers
    mine = table.take(table.is_in("instance_type", [name]))
    days = {
        SeriesKey.of(
            {
                column: mine.text(column, row)
                for column in ("cloud", "region", "kind", "zone", "instance_type", "payment")
            }
            | {"term_months": mine.number("term_months", row)},
            mine.text("platform", row),
        ): catalog.sources[mine.text("price_source", row)].as_of
        for row in range(len(mine))
    }
    found = prices(mine)
    return {
        key: (found[key], datetime.combine(day, time(), UTC))
        for key, day in days.items()
        if day is not None
    }


def _time(since: str, history: PriceHistory) -> datetime | None:
    if since == LAST:
        return history.last_refresh()
    try:
        found = datetime.fromisoformat(since)
    except ValueError:
        raise BadInput(
            f"{since!r} is no time", where="--since", remedy="say snapshot, last or 2026-11-01"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _moves(old: Mapping[SeriesKey, float], new: Mapping[SeriesKey, float]) -> tuple[Move, ...]:
    moved, began, ended = [], [], []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        if was is None:
            began.append(_move(Change.NEW, key, None, now))
        elif now is None:
            ended.append(_move(Change.GONE, key, was, None))
        elif abs(now / was - 1) > SAME if was else now != was:
            moved.append(_move(Change.MOVED, key, was, now))
    moved.sort(key=lambda move: -abs(math.log1p(move.change)) if move.change else 0.0)
    return (*moved, *began, *ended)


def _move(what: Change, key: SeriesKey, was: float | None, now: float | None) -> Move:
    return Move(
        what,
        key.cloud,
        key.region,
        key.zone,
        key.platform,
        key.instance_type,
        key.kind,
        key.term_months,
        key.payment,
        was,
        now,
        now / was - 1 if was and now is not None else None,
    )
