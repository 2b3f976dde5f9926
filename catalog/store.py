"""The catalog as its readers see it: typed look-ups over the compiled file."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from catalog.accelerators import Accelerator
from catalog.compiled import open_compiled
from catalog.errors import UnknownName, fold
from catalog.model_shapes import ModelShape
from catalog.offers import NUMBER_COLUMNS, TEXT_COLUMNS, OfferTable
from catalog.records import dataclass

if TYPE_CHECKING:  # loaded by those who ask: each of their types costs a cold start 0.5 ms
    from catalog.regions import Electricity, GridCarbon, Region
    from catalog.sites import EdgeDevice, Egress, FacilityItem, OnPremSystem

Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a figure comes from and when it was true (``as_of`` is None when unknown)."""

    key: str
    citation: str
    as_of: date | None
    as_of_precision: str
    as_of_note: str


def cache_dir() -> Path:
    """Folder of derived files: ``PLANNER_CACHE_DIR`` or the platform's cache folder."""
    override = os.environ.get("PLANNER_CACHE_DIR")
    if override:
        return Path(override)
    from platformdirs import user_cache_path

    return user_cache_path("ai-capacity-planner")


class Catalog:
    """Facts about hardware, prices, models and measurements. Read-only; safe to share."""

    def __init__(self, connection: sqlite3.Connection, path: Path, damage: str | None) -> None:
        self._connection = connection
        self.path = path
        # Account quotas by the quota class they limit; only a layered catalog has some.
        self.account_limits: Mapping[str, float] = {}
        # What was wrong with the previous compiled file, if it had to be replaced.
        self.repaired_damage = damage

    @classmethod
    def open(cls, directory: Path | None = None) -> Catalog:
        """Open the embedded snapshot with what was refreshed on top.

        ``directory`` replaces the user's cache folder. Raises CatalogError for files that cannot
        be used.
        """
        root = directory or cache_dir()
        connection, path, damage = open_compiled(root, root / "refreshed")
        connection.row_factory = sqlite3.Row
        return cls(connection, path, damage)

    @classmethod
    def open_embedded(cls) -> Catalog:
        """Open the embedded snapshot alone, as it was before any refresh."""
        root = cache_dir()
        connection, path, damage = open_compiled(root, root / "never-refreshed")
        connection.row_factory = sqlite3.Row
        return cls(connection, path, damage)

    @property
    def content_id(self) -> str:
        """Digest of the facts: equal ids answer equally."""
        return self.path.stem.removeprefix("catalog-")

    def rows(self, table: str, where: str = "1", *values: object) -> list[dict[str, Any]]:
        """Rows of one table of ``snapshot/attributes.csv``; ``where`` is an SQL condition."""
        found = self._connection.execute(f'SELECT * FROM "{table}" WHERE {where}', values)
        return [dict(row) for row in found]

    @cached_property
    def meta(self) -> Mapping[str, str]:
        return {row[0]: row[1] for row in self._connection.execute("SELECT name, value FROM meta")}

    @property
    def offer_count(self) -> int:
        return int(self.meta["offers"])

    @property
    def refreshed(self) -> list[tuple[str, str, str, str]]:
        """Refreshed slices: cloud, region, kind, time fetched (ISO 8601, UTC)."""
        return [tuple(part[:4]) for part in json.loads(self.meta["refreshed"])]

    @property
    def refreshed_by(self) -> list[tuple[str, str]]:
        """Source and time fetched (ISO 8601, UTC) of each refreshed slice."""
        return [(part[4], part[3]) for part in json.loads(self.meta["refreshed"])]

    @cached_property
    def accelerators(self) -> Mapping[str, Accelerator]:
        return {row["name"]: Accelerator.from_row(row) for row in self.rows("accelerators")}

    @cached_property
    def _accelerator_names(self) -> Mapping[str, str]:
        names = {fold(name): name for name in self.accelerators}
        for row in self.rows("accelerator_aliases"):
            if row["accelerator"]:
                names.setdefault(fold(row["alias"]), row["accelerator"])
        return names

    def accelerator(self, name: str) -> Accelerator:
        """By name or alias, without regard to case and punctuation. Raises UnknownName."""
        canonical = self._accelerator_names.get(fold(name))
        if canonical is None:
            raise UnknownName("accelerator", name, self.accelerators)
        return self.accelerators[canonical]

    @cached_property
    def model_shapes(self) -> Mapping[str, ModelShape]:
        return {row["name"]: ModelShape.from_row(row) for row in self.rows("model_shapes")}

    def model_shape(self, name: str) -> ModelShape:
        """By name, without regard to case and punctuation. Raises UnknownName."""
        return _named("model", name, self.model_shapes)

    @cached_property
    def regions(self) -> Mapping[tuple[str, str], Region]:
        """By cloud and region; a region that is missing here is of unknown residency."""
        from catalog.regions import Region

        return {(r["cloud"], r["region"]): Region(**r) for r in self.rows("regions")}

    @property
    def residencies(self) -> list[str]:
        """What ``regions_in`` can be asked: groups of jurisdictions, then countries."""
        from catalog.regions import RESIDENCIES

        countries = {region.country.lower() for region in self.regions.values()}
        return [*RESIDENCIES, *sorted(countries - set(RESIDENCIES))]

    def regions_in(self, residency: str) -> set[tuple[str, str]]:
        """Regions, as (cloud, region), in which data stays in ``residency``.

        ``residency`` is one of ``residencies``, without regard to case. Offers of region ``all``
        are in none: where they run is unknown. Raises UnknownName.
        """
        name = residency.strip().lower()
        if name not in self.residencies:
            raise UnknownName("residency", residency, self.residencies)
        return {key for key, region in self.regions.items() if region.is_in(name)}

    @cached_property
    def onprem_systems(self) -> Mapping[str, OnPremSystem]:
        from catalog.sites import OnPremSystem

        return {r["system"]: OnPremSystem.from_row(r) for r in self.rows("onprem_systems")}

    def onprem_system(self, name: str) -> OnPremSystem:
        """By name, without regard to case and punctuation. Raises UnknownName."""
        return _named("on-prem system", name, self.onprem_systems)

    @cached_property
    def edge_devices(self) -> Mapping[str, EdgeDevice]:
        from catalog.sites import EdgeDevice

        return {row["name"]: EdgeDevice.from_row(row) for row in self.rows("edge_devices")}

    def edge_device(self, name: str) -> EdgeDevice:
        """By name, without regard to case and punctuation. Raises UnknownName."""
        return _named("edge device", name, self.edge_devices)

    @cached_property
    def _egress(self) -> Mapping[str, Egress]:
        from catalog.sites import Egress

        return {row["cloud"]: Egress.from_row(row) for row in self.rows("egress")}

    def egress(self, cloud: str) -> Egress:
        """Traffic and storage prices of a cloud. Raises UnknownName."""
        if cloud not in self._egress:
            raise UnknownName("cloud", cloud, self._egress)
        return self._egress[cloud]

    @cached_property
    def electricity_areas(self) -> Mapping[str, Electricity]:
        from catalog.regions import Electricity, hinted_regions

        return {
            r["region"]: Electricity(
                r["region"],
                r["usd_per_kwh"],
                r["usd_per_kwh_low"],
                r["usd_per_kwh_high"],
                hinted_regions(r["cloud_regions_hint"]),
                r["basis"],
                r["confidence"],
                r["source"],
            )
            for r in self.rows("electricity")
        }

    def electricity(self, region: str, cloud: str = "") -> Electricity | None:
        """By area (``US-Ohio``, ``Germany``), or by cloud region when ``cloud`` is given.

        None where the area of a cloud region is unknown. Raises UnknownName for an unknown area.
        """
        if cloud:
            places = self.electricity_areas.values()
            return next((area for area in places if (cloud, region) in area.clouds), None)
        return _named("electricity area", region, self.electricity_areas)

    @cached_property
    def _grid_carbon(self) -> Mapping[tuple[str, str], GridCarbon]:
        from catalog.regions import GridCarbon

        return {
            (r["cloud"], r["region"]): GridCarbon(
                r["cloud"],
                r["region"],
                r["location"],
                r["grid_gco2_per_kwh"],
                r["carbon_free_energy_fraction"],
                r["method"],
                r["source"],
            )
            for r in self.rows("grid_carbon")
        }

    def grid_carbon(self, cloud: str, region: str) -> GridCarbon | None:
        """Carbon of a cloud region's grid; None where unknown."""
        return self._grid_carbon.get((cloud, region))

    @cached_property
    def facility(self) -> Mapping[str, FacilityItem]:
        """PUEs and colocation prices, by item."""
        from catalog.sites import FacilityItem

        return {row["item"]: FacilityItem(**row) for row in self.rows("facility")}

    @cached_property
    def unidentified(self) -> Mapping[str, int]:
        """Accelerator names of the measurements without a spec or alias, with their rows."""
        found = self._connection.execute(
            "SELECT o.accelerator, count(*) FROM observations o"
            " LEFT JOIN accelerator_aliases a ON a.alias = o.accelerator"
            " LEFT JOIN accelerators s ON s.name = o.accelerator"
            " WHERE s.name IS NULL AND coalesce(a.accelerator, '') = ''"
            " GROUP BY o.accelerator ORDER BY count(*) DESC, o.accelerator"
        )
        return {name: int(count) for name, count in found}

    @cached_property
    def sources(self) -> Mapping[str, Source]:
        return {
            row["source"]: Source(
                row["source"],
                row["citation"],
                date.fromisoformat(row["as_of"]) if row["as_of"] else None,
                row["as_of_precision"],
                row["as_of_note"],
            )
            for row in self.rows("sources")
        }

    @cached_property
    def offers(self) -> OfferTable:
        """Every way to buy every offer, as columns: plain machines, then managed platforms."""
        found = _OPEN.get(self.path)
        if found is None:
            found = _OPEN[self.path] = _offers(self._connection)
        return found


# Megabytes each, and not to be written to: those who have the same file open share them.
_OPEN: WeakValueDictionary[Path, OfferTable] = WeakValueDictionary()


def _offers(connection: sqlite3.Connection) -> OfferTable:
    stored = {
        name: (words, data)
        for name, words, data in connection.execute("SELECT name, words, data FROM columns")
    }
    return OfferTable(
        {name: np.frombuffer(stored[name][1], np.int32) for name in TEXT_COLUMNS},
        {name: json.loads(stored[name][0]) for name in TEXT_COLUMNS},
        {name: np.frombuffer(stored[name][1], np.float64) for name in NUMBER_COLUMNS},
    )


def _named(kind: str, name: str, facts: Mapping[str, Fact]) -> Fact:
    by_fold = {fold(known): known for known in facts}
    if fold(name) not in by_fold:
        raise UnknownName(kind, name, facts)
    return facts[by_fold[fold(name)]]
