"""The catalog with the user's private layers over it: own prices, account quotas."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from catalog.layer_names import ACCOUNT_QUOTA
from catalog.offers import NUMBER_COLUMNS, TEXT_COLUMNS, OfferTable
from catalog.overlays import Discount, Overlay, Overlays, Rate
from catalog.quotas import quotas_by_place, quotas_dir
from catalog.store import Catalog, Source

Mask = NDArray[np.bool_]
# Cloud, region and quota class.
Place = tuple[str, str, str]
HARDWARE = ("vcpus", "memory_gib", "accelerator", "accelerator_count")


class LayeredCatalog(Catalog):
    """A catalog whose offers and sources have overlays applied; the files below stay as they are.

    ``unplaced`` are own rates of machines that the catalog does not have and whose hardware was
    not given.
    """

    def __init__(self, base: Catalog, overlays: Sequence[Overlay], digest: str) -> None:
        super().__init__(base._connection, base.path, base.repaired_damage)
        self.overlays, self._base, self._digest = tuple(overlays), base, digest
        self.unplaced: list[Rate] = []

    @property
    def content_id(self) -> str:
        return "-".join(filter(None, (self._base.content_id, self._digest)))

    @cached_property
    def _applied(self) -> tuple[OfferTable, dict[str, Source]]:
        """Offers with the overlays over them, and the overlays' own sources."""
        table, added = self._base.offers, dict[str, Source]()
        for overlay in self.overlays:
            if overlay.discounts:
                table = self._discounted(table, overlay, added)
            if overlay.rates:
                table = self._rated(table, overlay, added)
        return table, added

    @cached_property
    def offers(self) -> OfferTable:
        return self._applied[0]

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        return {**self._base.sources, **self._applied[1]}

    def _discounted(
        self, table: OfferTable, overlay: Overlay, added: dict[str, Source]
    ) -> OfferTable:
        usd = table.numbers["usd_per_hour"].copy()
        upfront = table.numbers["upfront_usd"].copy()
        codes = table.codes["price_source"].copy()
        words = list(table.vocabularies["price_source"])
        off = np.zeros(len(table), np.int32)
        for number, discount in enumerate(overlay.discounts, start=1):
            hit = _matching(table, discount) & (off == 0)  # of two discounts the first counts
            usd[hit] *= 1 - discount.discount
            upfront[hit] *= 1 - discount.discount
            off[hit] = number
        for code, number in sorted({*zip(codes.tolist(), off.tolist(), strict=True)}):
            if number:
                key = f"overlay:{overlay.name}:{number}:{words[code]}"
                base = self._base.sources.get(words[code])
                added[key] = _source(
                    key,
                    f"{overlay.discounts[number - 1].discount:.4g} off by overlay {overlay.name}, "
                    f"of: {base.citation if base else words[code]}",
                    base,
                    overlay.imported_at,
                )
                codes[(table.codes["price_source"] == code) & (off == number)] = len(words)
                words.append(key)
        return OfferTable(
            {**table.codes, "price_source": codes},
            {**table.vocabularies, "price_source": words},
            {**table.numbers, "usd_per_hour": usd, "upfront_usd": upfront},
        )

    def _rated(self, table: OfferTable, overlay: Overlay, sources: dict[str, Source]) -> OfferTable:
        key = f"overlay:{overlay.name}:rates"
        sources[key] = _source(
            key, f"overlay {overlay.name}: {overlay.origin}", None, overlay.imported_at
        )
        names = {rate.instance_type for rate in overlay.rates}
        near = np.flatnonzero(table.is_in("instance_type", sorted(names)))
        mine = table.take(near)
        texts = {name: mine.texts(name) for name in TEXT_COLUMNS}
        by_machine: dict[tuple[str, str], list[int]] = {}
        for row in range(len(near)):
            machine = texts["cloud"][row], texts["instance_type"][row]
            by_machine.setdefault(machine, []).append(row)
        gone = np.zeros(len(table), bool)
        added: list[dict[str, object]] = []
        for rate in overlay.rates:
            rows = by_machine.get((rate.cloud, rate.instance_type), [])
            rows = [row for row in rows if texts["platform"][row] == rate.platform]
            here = [row for row in rows if texts["region"][row] == rate.region]
            same = [row for row in here if _is_same_way(rate, texts, mine, row)]
            gone[near[same]] = True
            like = next(iter(same or here or rows), None)
            if like is None and rate.vcpus is None:
                self.unplaced.append(rate)
                continue
            added.append(self._row(rate, key, mine, like))
        return table.take(~gone).with_rows(added)

    def _row(self, rate: Rate, key: str, mine: OfferTable, like: int | None) -> dict[str, object]:
        row: dict[str, object] = {"hosts": 1.0, "offer_source": key}
        if like is not None:
            row = {name: mine.text(name, like) for name in TEXT_COLUMNS}
            row |= {name: mine.number(name, like) for name in NUMBER_COLUMNS}
            if row["region"] != rate.region:
                row["residency"] = self._residency.get((rate.cloud, rate.region), "")
        else:
            words = [str(getattr(rate, name)) for name in HARDWARE]
            row |= {name: getattr(rate, name) for name in HARDWARE}
            row["hardware"] = "|".join([rate.accelerator, "", *words[:2], words[3]])
            row["residency"] = self._residency.get((rate.cloud, rate.region), "")
        row |= {
            name: getattr(rate, name)
            for name in ("cloud", "region", "zone", "platform", "instance_type", "kind", "payment",
                         "term_months", "upfront_usd", "usd_per_hour")
        }  # fmt: skip
        if like is not None and row["kind"] != mine.text("kind", like):
            row |= {"quota_class": "", "obtainability": ""}
            row |= {"interruption_per_month_low": None, "interruption_per_month_high": None}
        return row | {"price_source": key, "confidence": "stated"}

    @cached_property
    def _residency(self) -> Mapping[tuple[str, str], str]:
        return {key: region.jurisdiction for key, region in self.regions.items()}


def layered(base: Catalog) -> Catalog:
    """The catalog with the user's overlays; the catalog itself when there are none."""
    overlays = Overlays()
    found = overlays.all()
    return LayeredCatalog(base, found, overlays.digest()) if found else base


def with_quotas(catalog: Catalog, quotas: Mapping[Place, float]) -> Catalog:
    """The same with an account's quotas, which limit each region by itself."""
    offers, limits = limited(catalog.offers, quotas)
    if not limits:
        return catalog
    base = catalog._base if isinstance(catalog, LayeredCatalog) else catalog
    overlays = catalog.overlays if isinstance(catalog, LayeredCatalog) else ()
    told = hashlib.sha256(repr(sorted(limits.items())).encode()).hexdigest()[:8]
    own = catalog._digest if isinstance(catalog, LayeredCatalog) else ""
    found = LayeredCatalog(base, overlays, "-".join(filter(None, (own, f"quotas{told}"))))
    found.__dict__["offers"], found.account_limits = offers, limits
    found.__dict__["sources"] = catalog.sources
    return found


def account_quotas() -> Mapping[Place, float]:
    """What is left of each fetched quota, by cloud, region and quota class."""
    return {
        place: max(0.0, quota.limit - (quota.used or 0.0))
        for place, (quota, _) in quotas_by_place(quotas_dir()).items()
    }


def limited(
    table: OfferTable, quotas: Mapping[Place, float]
) -> tuple[OfferTable, dict[str, float]]:
    """Offers whose quota class names its region where that region's quota is known; the limits.

    The region goes in front: how a class ends says what it counts.
    """
    words = list(table.vocabularies["quota_class"])
    index = {word: code for code, word in enumerate(words)}
    clouds, regions = (
        {word: code for code, word in enumerate(table.vocabularies[name])}
        for name in ("cloud", "region")
    )
    codes = table.codes["quota_class"].copy()
    limits: dict[str, float] = {}
    for (cloud, region, name), left in quotas.items():
        if cloud not in clouds or region not in regions or name not in index:
            continue
        hit = (table.codes["cloud"] == clouds[cloud]) & (table.codes["region"] == regions[region])
        hit &= table.codes["quota_class"] == index[name]
        if hit.any():
            word = f"{region}{ACCOUNT_QUOTA}{name}"
            codes[hit] = len(words)
            words.append(word)
            limits[word] = left
    changed = OfferTable(
        {**table.codes, "quota_class": codes},
        {**table.vocabularies, "quota_class": words},
        table.numbers,
    )
    return changed, limits


def _matching(table: OfferTable, discount: Discount) -> Mask:
    kinds = discount.kinds or ("on_demand",)
    mask = table.is_in("kind", kinds) & table.is_in("platform", [discount.platform])
    for column in ("cloud", "region", "instance_type"):
        pattern = getattr(discount, column)
        if pattern != "*":
            words = [w for w in table.vocabularies[column] if fnmatchcase(w, pattern)]
            mask &= table.is_in(column, words)
    # An own rate is what is paid already.
    paid = [w for w in table.vocabularies["price_source"] if w.startswith("overlay:")]
    return mask & ~table.is_in("price_source", paid)


def _is_same_way(
    rate: Rate, texts: Mapping[str, Sequence[str]], mine: OfferTable, row: int
) -> bool:
    words = ("kind", "zone", "payment")
    if any(texts[name][row] != getattr(rate, name) for name in words):
        return False
    return (mine.number("term_months", row) or 0) == (rate.term_months or 0)


def _source(key: str, citation: str, base: Source | None, at: datetime) -> Source:
    if base is not None:  # a discount is as old as the price it is off of
        return replace(base, key=key, citation=citation)
    return Source(key, citation, at.astimezone(UTC).date(), "day", at.isoformat())
