"""Overlays: prices and sites of the user's own, laid over the catalog by name.

They are private: JSON files (mode 0600) in the data folder, never part of the catalog's files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.errors import CatalogError, UnknownName
from catalog.observations import data_dir
from catalog.whole_file import write_whole

SCHEMA = "catalog.overlay/1"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Discount:
    """A share off the catalog's prices of what matches; globs, ``*`` by default.

    ``kinds`` empty means on demand only: a negotiated discount seldom covers spot.
    """

    discount: float
    cloud: str = "*"
    platform: str = ""
    region: str = "*"
    instance_type: str = "*"
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A price of the user's own, USD/h of the whole machine.

    The hardware columns are needed only for a machine that the catalog does not have.
    """

    cloud: str
    region: str
    instance_type: str
    usd_per_hour: float
    kind: str = "on_demand"
    zone: str = ""
    platform: str = ""
    term_months: int | None = None
    payment: str = ""
    upfront_usd: float | None = None
    vcpus: float | None = None
    memory_gib: float | None = None
    accelerator: str = ""
    accelerator_count: float | None = None


@dataclass(frozen=True, slots=True)
class Overlay:
    """What one import brought. ``origin`` says what it was made of, in words."""

    name: str
    form: str
    origin: str
    imported_at: datetime
    discounts: tuple[Discount, ...] = ()
    rates: tuple[Rate, ...] = ()
    sites: tuple[Mapping[str, Any], ...] = ()


def private_dir() -> Path:
    return data_dir() / "private"


class Overlays:
    """The user's overlays. All errors are CatalogError with path and remedy."""

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or private_dir() / "overlays"

    def all(self) -> list[Overlay]:
        """Oldest import first: a later one goes over an earlier one."""
        if not self.directory.is_dir():
            return []
        found = [_read(path) for path in self.directory.glob("*.json")]
        return sorted(found, key=lambda overlay: (overlay.imported_at, overlay.name))

    def save(self, overlay: Overlay) -> Path:
        """Keep one, in place of the one of that name."""
        if not NAME.fullmatch(overlay.name):
            raise ValueError(f"{overlay.name!r} is no overlay name")
        document = asdict(overlay)
        document |= {"schema": SCHEMA, "imported_at": overlay.imported_at.isoformat()}
        path = self.directory / f"{overlay.name}.json"
        write_whole(path, json.dumps(document, separators=(",", ":")).encode())
        return path

    def remove(self, name: str) -> None:
        """Raises UnknownName."""
        known = [path.stem for path in self.directory.glob("*.json")]
        if name not in known:
            raise UnknownName("overlay", name, known)
        (self.directory / f"{name}.json").unlink()

    def digest(self) -> str:
        """What tells these overlays from others."""
        found = hashlib.sha256()
        for path in sorted(self.directory.glob("*.json")):
            found.update(path.name.encode() + b"\0" + path.read_bytes())
        return found.hexdigest()[:8]


def _read(path: Path) -> Overlay:
    try:
        document = json.loads(path.read_bytes())
        if document.pop("schema") != SCHEMA:
            raise ValueError("written by another version")
        document["imported_at"] = datetime.fromisoformat(document["imported_at"])
        document["discounts"] = tuple(
            Discount(**{**row, "kinds": tuple(row["kinds"])}) for row in document["discounts"]
        )
        document["rates"] = tuple(Rate(**row) for row in document["rates"])
        document["sites"] = tuple(document["sites"])
        return Overlay(**document)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise CatalogError(
            f"overlay cannot be read ({error})",
            path=path,
            remedy="import it again, or delete the file",
        ) from error
