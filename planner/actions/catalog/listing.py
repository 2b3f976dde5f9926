"""Questions to the catalog as typed rows: what is offered, and what its checks say."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog, CatalogError, OfferTable
from catalog.accelerators import AcceleratorKind
from catalog.errors import UnknownName, nearest
from catalog.facts_integrity import check_facts
from catalog.integrity import Finding, check_catalog
from catalog.layer_names import layer_of
from catalog.offers import PurchaseKind
from catalog.records import dataclass
from planner.actions.catalog.words import word_mask
from planner.errors import BadInput
from planner.report.age import is_old

__all__ = ["CPU", "Filters", "Finding", "Listing", "Offer", "check", "list_offers"]

# Selects offers without an accelerator, as in `where.accelerators` of a workload.
CPU = "cpu"
# Any of them, whatever its kind.
ACCELERATOR = "accelerator"
# The plain machine's name as a platform, as in `where.platforms` of a workload.
PLAIN = "vm"
EVERY = "all"

# Columns of the offers that a listing has as they are.
TEXTS = (
    "cloud", "region", "zone", "residency", "platform", "instance_type", "accelerator", "kind",
    "payment", "confidence",
)  # fmt: skip
NUMBERS = (
    "accelerator_count", "vcpus", "memory_gib", "network_gbps", "term_months", "usd_per_hour",
    "upfront_usd", "interruption_per_month_low", "interruption_per_month_high",
)  # fmt: skip

# A price that nobody has seen for longer is listed after the others, as are doubted ones: what is
# cheapest is rarely still so.
STALE_DAYS = 365

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What to list; an offer must pass every filter given, an empty one lets all pass.

    Platforms are ``vm`` for plain machines, ``all``, or a managed platform; only plain machines
    are listed unless said otherwise. ``min_memory_gib`` bounds the memory of one accelerator, or
    for the host of CPU-only machines. ``has_accelerator`` False lists CPU-only machines;
    ``device_kinds`` (``AcceleratorKind``) those whose accelerator is of one of these. Each of
    ``words`` is part of a name that an offer has (``catalog_words.WORD_COLUMNS``).
    """

    clouds: Sequence[str] = ()
    regions: Sequence[str] = ()
    residencies: Sequence[str] = ()
    accelerators: Sequence[str] = ()
    kinds: Sequence[str] = ()
    platforms: Sequence[str] = (PLAIN,)
    max_usd_per_hour: float | None = None
    min_memory_gib: float | None = None
    has_accelerator: bool | None = None
    device_kinds: Sequence[AcceleratorKind] = ()
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """One way to buy one machine, with where its price is from.

    ``usd_per_hour`` is for the whole machine; ``as_of`` is None where the source is undated, and
    ``age_days`` counts from it to today (UTC). ``platform`` is ``vm`` for a plain machine.
    """

    cloud: str
    region: str
    zone: str
    residency: str
    platform: str
    instance_type: str
    accelerator: str
    accelerator_count: float | None
    vcpus: float | None
    memory_gib: float | None
    network_gbps: float | None
    kind: str
    term_months: int | None
    payment: str
    usd_per_hour: float
    upfront_usd: float | None
    interruption_per_month_low: float | None
    interruption_per_month_high: float | None
    confidence: str
    as_of: date | None
    as_of_precision: str
    age_days: int | None
    source: str
    citation: str
    layer: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The first offers that match, and how many there are in all.

    Cheapest first; after them, cheapest first as well, those whose price is doubted or was last
    seen over ``STALE_DAYS`` ago.
    """

    offers: tuple[Offer, ...]
    matching: int
    catalog_id: str
    filters: Filters = field(default_factory=Filters)

    @property
    def youngest_days(self) -> int | None:
        """Age of the newest price among ``offers``; None where no date is known."""
        return min((o.age_days for o in self.offers if o.age_days is not None), default=None)

    @property
    def is_old(self) -> bool:
        """Whether even the newest price is one that live prices will have left."""
        return self.youngest_days is not None and is_old(self.youngest_days)

    @property
    def is_doubted(self) -> bool:
        """Whether there is none but prices to be taken with care: those that are listed last."""
        return all(
            offer.confidence == "low" or offer.age_days is None or offer.age_days > STALE_DAYS
            for offer in self.offers
        )


def list_offers(
    catalog: Catalog, filters: Filters, *, limit: int = 0, today: date | None = None
) -> Listing:
    """Offers that pass the filters, in the order of a ``Listing``; ``limit`` 0 means all.

    Raises BadInput for a name no offer carries and for filters that no offer passes together.
    """
    table = catalog.offers
    masks = _masks(catalog, filters)
    chosen = np.ones(len(table), bool)
    for mask in masks.values():
        chosen &= mask
    rows = np.flatnonzero(chosen)
    if not len(rows):
        raise _nothing(masks, {"--platform"} if filters.platforms == Filters().platforms else ())
    day = today or datetime.now(UTC).date()
    prices = table.numbers["usd_per_hour"]
    rows = rows[np.lexsort((prices[rows], _stale(catalog, day)[rows]))]
    shown = rows[:limit] if limit else rows
    offers = tuple(_offers(catalog, shown, day))
    return Listing(offers, len(rows), catalog.content_id, filters)


def _stale(catalog: Catalog, today: date) -> Mask:
    """Offers whose price is doubted, or was last seen too long ago, or nobody knows when."""
    table = catalog.offers
    old = []
    for key in table.vocabularies["price_source"]:
        source = catalog.sources.get(key)
        days = None if source is None else age_days(source.as_of, today)
        old.append(days is None or days > STALE_DAYS)
    mask: Mask = np.array(old, bool)[table.codes["price_source"]]
    return mask | table.is_in("confidence", ["low"])


def _masks(catalog: Catalog, filters: Filters) -> Mapping[str, Mask]:
    """What each filter given lets pass, by its flag."""
    table = catalog.offers
    masks: dict[str, Mask] = {}
    for flag, column, wanted in (
        ("--cloud", "cloud", filters.clouds),
        ("--region", "region", filters.regions),
    ):
        for name in wanted:
            words = table.vocabularies[column]
            if name not in words:
                raise _unknown(f"no offer has {column} {name!r}", flag, name, words)
        if wanted:
            masks[flag] = table.is_in(column, wanted)
    if filters.residencies:
        masks["--residency"] = _in_residencies(catalog, filters.residencies)
    if filters.accelerators:
        names = [known for name in filters.accelerators for known in _accelerators(catalog, name)]
        masks["--accelerator"] = table.is_in("accelerator", names) | table.is_in(
            "cpu", [name for name in names if name]
        )
    if filters.has_accelerator is not None:
        flag = repr(ACCELERATOR) if filters.has_accelerator else "--cpu"
        masks[flag] = table.is_in("accelerator", [""]) ^ filters.has_accelerator
    if filters.device_kinds:
        devices = catalog.accelerators.values()
        named = [device.name for device in devices if device.kind in filters.device_kinds]
        flag = " ".join(repr(kind.lower()) for kind in filters.device_kinds)
        masks[flag] = table.is_in("accelerator", named)
    for word in filters.words:
        masks[repr(word)] = word_mask(table, word)
    if filters.kinds:
        masks["--kind"] = table.is_in("kind", [_kind(kind) for kind in filters.kinds])
    platforms = [_platform(table, name) for name in filters.platforms]
    if platforms and EVERY not in platforms:
        names = ["" if name == PLAIN else name for name in platforms]
        masks["--platform"] = table.is_in("platform", names)
    if filters.max_usd_per_hour is not None:
        _positive(filters.max_usd_per_hour, "--max-price", "price", "USD per hour")
        masks["--max-price"] = table.numbers["usd_per_hour"] <= filters.max_usd_per_hour
    if filters.min_memory_gib is not None:
        _positive(filters.min_memory_gib, "--min-memory", "amount of memory", "GiB")
        masks["--min-memory"] = _memory_gib(catalog) >= filters.min_memory_gib
    return masks


def _in_residencies(catalog: Catalog, residencies: Sequence[str]) -> Mask:
    """Offers whose region is known to be in one of them."""
    table = catalog.offers
    places: set[tuple[str, str]] = set()
    for name in residencies:
        try:
            places |= catalog.regions_in(name)
        except UnknownName:
            problem = f"unknown residency {name!r}"
            raise _unknown(problem, "--residency", name, catalog.residencies) from None
    clouds, regions = table.vocabularies["cloud"], table.vocabularies["region"]
    accepted = np.array([[(c, r) in places for r in regions] for c in clouds], bool)
    mask: Mask = accepted[table.codes["cloud"], table.codes["region"]]
    return mask


def _memory_gib(catalog: Catalog) -> NDArray[np.float64]:
    """Memory of one accelerator, or of the host of a CPU-only machine; NaN where unknown."""
    table = catalog.offers
    devices = [catalog.accelerators.get(name) for name in table.vocabularies["accelerator"]]
    known = [device.memory_gib if device else None for device in devices]
    each = np.array([np.nan if gib is None else gib for gib in known], np.float64)
    has_accelerator = ~table.is_in("accelerator", [""])
    return np.where(has_accelerator, each[table.codes["accelerator"]], table.numbers["memory_gib"])


def _nothing(masks: Mapping[str, Mask], assumed: Collection[str]) -> BadInput:
    """No offer passes all filters: name those that alone let some pass when left out."""
    helping = []
    for flag in masks:
        others = [mask for name, mask in masks.items() if name != flag]
        passing = int(np.logical_and.reduce(others).sum()) if others else len(masks[flag])
        if passing:
            helping.append(f"{flag} ({passing:,} offers)")
    flags = " ".join(flag for flag in masks if flag not in assumed)
    remedy = f"leave out {' or '.join(helping)}" if helping else "leave several filters out"
    return BadInput("no offer passes these filters together", where=flags, remedy=remedy)


def _unknown(problem: str, flag: str, name: str, known: Sequence[str]) -> BadInput:
    close = nearest(name, known)
    shown = sorted(word for word in known if word)
    remedy = f"did you mean {', '.join(close)}?" if close else f"known: {_some(shown)}"
    return BadInput(problem, where=flag, remedy=remedy)


def _some(names: Sequence[str], most: int = 16) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def _positive(value: float, flag: str, what: str, unit: str) -> None:
    if not (value > 0 and np.isfinite(value)):
        raise BadInput(f"{value:g} is no {what}", where=flag, remedy=unit)


def check(catalog: Catalog) -> list[Finding]:
    """What the integrity checks say about the published catalog."""
    return [*check_catalog(catalog), *check_facts(catalog)]


def age_days(as_of: date | None, today: date) -> int | None:
    """Whole days since a source's date; never negative."""
    return None if as_of is None else max(0, (today - as_of).days)


def _accelerators(catalog: Catalog, name: str) -> list[str]:
    """One by name or alias, else all that begin with it: ``h100`` is every kind of H100."""
    if name.lower() == CPU:
        return [""]
    try:
        return [catalog.accelerator(name).name]
    except UnknownName as error:
        beginning = name.lower() + "-"
        family = [known for known in catalog.accelerators if known.lower().startswith(beginning)]
        if family:
            return family
        remedy = "" if error.suggestions else "see planner catalog list"
        raise BadInput(str(error), where="--accelerator", remedy=remedy) from None


def _kind(name: str) -> str:
    folded = name.lower().replace("-", "_")
    if folded not in set(PurchaseKind):
        known = ", ".join(PurchaseKind)
        raise BadInput(f"unknown kind {name!r}", where="--kind", remedy=f"known: {known}")
    return folded


def _platform(table: OfferTable, name: str) -> str:
    known = [PLAIN, EVERY, *filter(None, table.vocabularies["platform"])]
    if name.lower() not in known:
        raise _unknown(f"unknown platform {name!r}", "--platform", name, known)
    return name.lower()


def _offers(catalog: Catalog, rows: NDArray[np.intp], today: date) -> Iterator[Offer]:
    """The offers of these rows; whole columns at once, as a listing may have tens of thousands."""
    table = catalog.offers.take(rows)
    texts = {name: table.texts(name) for name in TEXTS}
    numbers = {
        name: [None if value != value else value for value in table.numbers[name].tolist()]
        for name in NUMBERS
    }
    sources = [catalog.sources.get(key) for key in table.texts("price_source")]
    ages = {key: age_days(source.as_of, today) for key, source in catalog.sources.items()}
    for row, source in enumerate(sources):
        cells: dict[str, Any] = {name: column[row] for name, column in texts.items()}
        cells |= {name: column[row] for name, column in numbers.items()}
        if cells["usd_per_hour"] is None or source is None:
            raise CatalogError(
                "a price without value or source",
                path=catalog.path,
                field=cells["instance_type"],
                remedy="run `planner catalog check`",
            )
        term = cells.pop("term_months")
        cells["platform"] = cells["platform"] or PLAIN
        yield Offer(
            **cells,
            term_months=None if term is None else int(term),
            as_of=source.as_of,
            as_of_precision=source.as_of_precision,
            age_days=ages[source.key],
            source=source.key,
            citation=source.citation,
            layer=layer_of(source.key),
        )
