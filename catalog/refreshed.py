"""Refreshed slices: what was fetched from a cloud, one file per provider, region and kind.

A slice replaces the snapshot's rows of the same cloud, region and purchase kind. Files are
written beside their final name and renamed, so that a kill leaves the old slice whole; each
carries a digest of its rows, so that damage is seen when it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.attributes import convert_row
from catalog.errors import CatalogError
from catalog.records import dataclass

SCHEMA = "catalog.slice/1"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slice:
    """Offers and purchase options of one cloud and region, one purchase kind, at one time.

    ``offers`` and ``options`` have the columns of the snapshot tables ``offers`` and
    ``purchase_options`` without ``source``; ``source`` (the call or URL) and ``fetched_at`` (UTC)
    stand for all of them.
    """

    cloud: str
    region: str
    kind: str
    fetched_at: datetime
    source: str
    offers: tuple[Row, ...]
    options: tuple[Row, ...]

    @property
    def file_name(self) -> str:
        return f"{self.cloud}.{self.region}.{self.kind}.json"


def write_slice(directory: Path, part: Slice) -> Path:
    """Publish one slice atomically; returns its path. Raises CatalogError when it cannot."""
    rows = {"offers": list(part.offers), "options": list(part.options)}
    document = {
        "schema": SCHEMA,
        "cloud": part.cloud,
        "region": part.region,
        "kind": part.kind,
        "fetched_at": part.fetched_at.isoformat(),
        "source": part.source,
        "sha256": _digest(rows),
        **rows,
    }
    path = directory / part.file_name
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=directory)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as out:
                json.dump(document, out, separators=(",", ":"))
                out.flush()
                os.fsync(out.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CatalogError(
            f"cannot be written ({error.strerror})",
            path=path,
            remedy="free space or fix permissions",
        ) from error
    return path


def slice_files(directory: Path) -> list[Path]:
    """The published slices, in a fixed order; none when nothing was ever refreshed."""
    return sorted(directory.glob("*.json")) if directory.is_dir() else []


def read_slice(path: Path) -> Slice:
    """Read and check one slice. Raises CatalogError naming file, field and remedy."""
    remedy = "delete the file or run `planner catalog refresh`"
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CatalogError(f"not readable as JSON ({error})", path=path, remedy=remedy) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else type(document).__name__
        raise CatalogError(
            f"is {found!r}, this version reads {SCHEMA!r}", path=path, field="schema", remedy=remedy
        )
    try:
        rows = {"offers": document["offers"], "options": document["options"]}
        if document["sha256"] != _digest(rows):
            raise CatalogError(
                "rows do not match their digest", path=path, field="sha256", remedy=remedy
            )
        part = Slice(
            cloud=str(document["cloud"]),
            region=str(document["region"]),
            kind=str(document["kind"]),
            fetched_at=datetime.fromisoformat(document["fetched_at"]),
            source=str(document["source"]),
            offers=tuple(document["offers"]),
            options=tuple(document["options"]),
        )
    except KeyError as error:
        raise CatalogError(
            "is missing", path=path, field=str(error.args[0]), remedy=remedy
        ) from None
    except (TypeError, ValueError) as error:
        raise CatalogError(str(error), path=path, remedy=remedy) from error
    check_rows(part, path, remedy)
    return part


def check_rows(part: Slice, path: Path, remedy: str) -> None:
    """Type-check all rows of a slice against the attribute table."""
    for table, rows in (("offers", part.offers), ("purchase_options", part.options)):
        for number, row in enumerate(rows):
            where = f"{table} row {number}"
            convert_row(table, {**row, "source": "slice"}, path=path, where=where, remedy=remedy)


def _digest(rows: Mapping[str, Iterable[Row]]) -> str:
    text = json.dumps(rows, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
