"""The catalog as its readers see it: typed look-ups over the compiled file."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from catalog.accelerators import Accelerator
from catalog.compiled import open_compiled
from catalog.errors import UnknownName, fold
from catalog.model_shapes import ModelShape
from catalog.offers import NUMBER_COLUMNS, TEXT_COLUMNS, OfferTable


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
        return [tuple(part) for part in json.loads(self.meta["refreshed"])]

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
        by_fold = {fold(known): known for known in self.model_shapes}
        if fold(name) not in by_fold:
            raise UnknownName("model", name, self.model_shapes)
        return self.model_shapes[by_fold[fold(name)]]

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
        """Every way to buy every offer, as columns."""
        stored = {
            name: (words, data)
            for name, words, data in self._connection.execute(
                "SELECT name, words, data FROM columns"
            )
        }
        return OfferTable(
            {name: np.frombuffer(stored[name][1], np.int32) for name in TEXT_COLUMNS},
            {name: json.loads(stored[name][0]) for name in TEXT_COLUMNS},
            {name: np.frombuffer(stored[name][1], np.float64) for name in NUMBER_COLUMNS},
        )
