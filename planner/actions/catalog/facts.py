"""All facts about one name, each with source and date.

A name is an accelerator, an instance type, a model, an on-prem system, an edge device or a region.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from catalog import Catalog
from catalog.attributes import attributes
from catalog.errors import UnknownName, fold
from catalog.records import dataclass
from planner.actions.catalog.listing import age_days

# Columns that say which thing a row is about or are shown as its source.
NOT_FACTS = {"source", "cloud", "region", "zone", "instance_type", "kind", "network_source"}
# Columns whose figures have a source of their own, by how they begin.
OWN_SOURCES = {
    "interruption_": "interruption_source",
    "network_gbps": "network_source",
    "rdma_gbps": "network_source",
    "peak_fp64_": "peak_fp64_source",
    "power_w_": "power_source",
}
_HINT = ("cloud_regions_hint",)
# What is told of a price on a managed platform.
PLATFORM_FACTS = {"usd_per_hour": "USD/h", "quota_class": "", "obtainability": "", "confidence": ""}


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure with its unit and the source it was read from.

    ``about`` tells facts of one section apart (a region, a purchase kind); it may be empty.
    """

    about: str
    name: str
    value: str | float | int
    unit: str
    source: str
    citation: str
    as_of: date | None
    as_of_precision: str
    age_days: int | None


@dataclass(frozen=True, slots=True)
class Section:
    """Facts about one thing.

    ``kind`` is accelerator, instance type, model, on-prem system, edge device or region.
    """

    kind: str
    name: str
    facts: tuple[Fact, ...]


class _Reader:
    def __init__(self, catalog: Catalog, today: date) -> None:
        self.catalog, self.today = catalog, today

    def facts(
        self, table: str, row: Mapping[str, Any], about: str, skip: Iterable[str] = ()
    ) -> list[Fact]:
        """The known cells of one row. A source column of its own overrides the row's source."""
        left_out = NOT_FACTS | set(skip)
        found = []
        for name, attribute in attributes()[table].items():
            value = row.get(name)
            if name in left_out or value in (None, "") or name.endswith("_source"):
                continue
            key = row["source"]
            for beginning, column in OWN_SOURCES.items():
                if name.startswith(beginning):
                    key = row.get(column) or key
            found.append(self.fact(about, name, value, attribute.unit, key))
        return found

    def fact(self, about: str, name: str, value: Any, unit: str, key: str) -> Fact:
        source = self.catalog.sources.get(key)
        as_of = source.as_of if source else None
        citation = source.citation if source else ""
        precision = source.as_of_precision if source else "unknown"
        age = age_days(as_of, self.today)
        return Fact(about, name, value, unit, key, citation, as_of, precision, age)


def show(catalog: Catalog, name: str, *, today: date | None = None) -> list[Section]:
    """Sections for everything of that name. Raises UnknownName with the nearest names."""
    reader = _Reader(catalog, today or datetime.now(UTC).date())
    sections = [
        *_accelerator(reader, name),
        *_instance_types(reader, name),
        *_model(reader, name),
        *_hardware(reader, name),
        *_regions(reader, name),
    ]
    if not sections:
        known = {*catalog.accelerators, *catalog.model_shapes, *catalog.onprem_systems}
        known |= {*catalog.edge_devices, *(region for _, region in catalog.regions)}
        known |= set(catalog.offers.vocabularies["instance_type"])
        raise UnknownName("accelerator, machine, device, model or region", name, known)
    return sections


def _accelerator(reader: _Reader, name: str) -> list[Section]:
    try:
        canonical = reader.catalog.accelerator(name).name
    except UnknownName:
        return []
    (row,) = reader.catalog.rows("accelerators", "name = ?", canonical)
    facts = reader.facts("accelerators", row, "", skip=("name",))
    cheapest = reader.catalog.rows(
        "purchase_options",
        "rowid IN (SELECT p.rowid FROM purchase_options p JOIN offers o USING"
        " (cloud, region, zone, instance_type) WHERE o.accelerator = ?)"
        " ORDER BY usd_per_hour",
        canonical,
    )
    seen: set[tuple[str, str]] = set()
    for option in cheapest:
        key = option["cloud"], option["kind"]
        if key not in seen:
            seen.add(key)
            about = f"cheapest machine, {_place(option)}"
            facts += reader.facts("purchase_options", option, about, skip=OPTION_DETAILS)
    return [Section("accelerator", canonical, tuple(facts))]


# Details of a purchase left to `planner catalog show INSTANCE_TYPE`.
OPTION_DETAILS = (
    "quota_class", "billing_increment_s", "minimum_s", "confidence", "obtainability",
    "interruption_per_month_low", "interruption_per_month_high",
)  # fmt: skip


def _instance_types(reader: _Reader, name: str) -> list[Section]:
    known = reader.catalog.offers.vocabularies["instance_type"]
    canonical = [word for word in known if word == name]
    canonical = canonical or [word for word in known if fold(word) == fold(name)]
    sections = []
    for word in canonical:
        facts: list[Fact] = []
        for offer in reader.catalog.rows("offers", "instance_type = ?", word):
            facts += reader.facts("offers", offer, f"{offer['cloud']} {offer['region']}")
            options = reader.catalog.rows(
                "purchase_options",
                "cloud = ? AND region = ? AND zone = ? AND instance_type = ?",
                *(offer[column] for column in ("cloud", "region", "zone", "instance_type")),
            )
            for option in options:
                about = f"{option['cloud']} {option['region']} {option['kind']}"
                facts += reader.facts("purchase_options", option, about)
        facts += _platform_facts(reader, word)
        sections.append(Section("instance type", word, tuple(facts)))
    return sections


def _platform_facts(reader: _Reader, instance_type: str) -> list[Fact]:
    """Prices of managed platforms; they are derived, so that no table but the offers' has them."""
    table = reader.catalog.offers
    mask = table.is_in("instance_type", [instance_type]) & ~table.is_in("platform", [""])
    facts = []
    for row in np.flatnonzero(mask).tolist():
        words = (table.text(name, row) for name in ("platform", "region", "kind"))
        about, key = " ".join(words), table.text("price_source", row)
        for name, unit in PLATFORM_FACTS.items():
            is_text = name in table.vocabularies
            value = table.text(name, row) if is_text else table.number(name, row)
            if value not in (None, ""):
                facts.append(reader.fact(about, name, value, unit, key))
    return facts


def _place(option: Mapping[str, Any]) -> str:
    return f"{option['cloud']} {option['region']} {option['instance_type']} {option['kind']}"


def _model(reader: _Reader, name: str) -> list[Section]:
    try:
        canonical = reader.catalog.model_shape(name).name
    except UnknownName:
        return []
    (row,) = reader.catalog.rows("model_shapes", "name = ?", canonical)
    # Here ``kind`` is a fact: transformer, vision, ...
    facts = [reader.fact("", "kind", row["kind"], "", row["source"])]
    facts += reader.facts("model_shapes", row, "", skip=("name",))
    return [Section("model", canonical, tuple(facts))]


def _hardware(reader: _Reader, name: str) -> list[Section]:
    """Machines and devices that can be bought."""
    sections = []
    for kind, table, column in (
        ("on-prem system", "onprem_systems", "system"),
        ("edge device", "edge_devices", "name"),
    ):
        for row in reader.catalog.rows(table):
            if fold(row[column]) == fold(name):
                facts = reader.facts(table, row, "", skip=(column,))
                sections.append(Section(kind, row[column], tuple(facts)))
    return sections


def _regions(reader: _Reader, name: str) -> list[Section]:
    """Regions of that name, of every cloud that has one; ``aws us-east-1`` asks for one of them."""
    catalog = reader.catalog
    sections = []
    for (cloud, region), place in catalog.regions.items():
        if name not in (region, f"{cloud} {region}", f"{cloud}/{region}"):
            continue
        (row,) = catalog.rows("regions", "cloud = ? AND region = ?", cloud, region)
        facts = reader.facts("regions", row, "")
        for carbon in catalog.rows("grid_carbon", "cloud = ? AND region = ?", cloud, region):
            facts += reader.facts("grid_carbon", carbon, "grid", skip=("location",))
        if area := catalog.electricity(region, cloud):
            (row,) = catalog.rows("electricity", "region = ?", area.area)
            facts += reader.facts("electricity", row, f"electricity in {area.area}", skip=_HINT)
        sections.append(Section("region", f"{place.cloud} {place.region}", tuple(facts)))
    return sections
