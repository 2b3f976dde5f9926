"""The attribute table: every snapshot column's type, unit and meaning, in one place.

It drives the conversion of CSV cells, the checks on refreshed rows and the documentation.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from catalog.errors import CatalogError
from catalog.records import dataclass

SNAPSHOT = Path(__file__).parent / "snapshot"
REINSTALL = "reinstall ai-capacity-planner"


@dataclass(frozen=True, slots=True)
class Attribute:
    table: str
    name: str
    type: str  # text, number, integer or boolean
    unit: str
    required: bool
    description: str

    @property
    def sql_type(self) -> str:
        return {"number": "REAL", "integer": "INTEGER", "boolean": "INTEGER"}.get(self.type, "TEXT")

    def convert(self, cell: object) -> str | float | int | None:
        """The cell as its type; empty is None. Raises ValueError with what would be right."""
        text = "" if cell is None else str(cell).strip()
        if not text:
            if self.required and self.type != "text":
                raise ValueError(f"is empty, expected a {self.type}")
            return None if self.type != "text" else ""
        if self.type == "text":
            return text
        if self.type == "boolean":
            if text.lower() not in ("true", "false"):
                raise ValueError(f"{text!r} is not true or false")
            return int(text.lower() == "true")
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a {self.type}") from None
        if not math.isfinite(value):
            raise ValueError(f"{text!r} is not finite")
        if self.type == "integer":
            if value != int(value):
                raise ValueError(f"{text!r} is not a whole number")
            return int(value)
        return value


@cache
def attributes() -> Mapping[str, Mapping[str, Attribute]]:
    """Attributes by table and name, in column order."""
    path = SNAPSHOT / "attributes.csv"
    tables: dict[str, dict[str, Attribute]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                tables.setdefault(row["table"], {})[row["attribute"]] = Attribute(
                    row["table"],
                    row["attribute"],
                    row["type"],
                    row["unit"],
                    row["required"] == "yes",
                    row["description"],
                )
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise CatalogError(f"unreadable ({error})", path=path, remedy=REINSTALL) from error
    return tables


def convert_row(
    table: str, row: Mapping[str, object], *, path: Path, where: str, remedy: str = REINSTALL
) -> dict[str, str | float | int | None]:
    """One row as typed values in column order. Raises CatalogError naming file and column."""
    columns = attributes()[table]
    unknown = [name for name in row if name not in columns]
    if unknown:
        raise CatalogError(
            f"unknown column {unknown[0]!r}", path=path, field=f"{where}", remedy=remedy
        )
    converted: dict[str, str | float | int | None] = {}
    for name, attribute in columns.items():
        try:
            converted[name] = attribute.convert(row.get(name))
        except ValueError as error:
            raise CatalogError(
                str(error), path=path, field=f"{where}, column {name}", remedy=remedy
            ) from error
    return converted
