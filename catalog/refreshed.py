"""Refreshed slices: what was fetched from a cloud, one file per provider, region and kind.

A slice replaces the snapshot's rows of the same cloud, region, purchase kind and platform. Files
are written beside their final name and renamed, so that a kill leaves the old slice whole; each
carries a digest of its rows, so that damage is seen when it is read. Their names are made of
checked words only: nothing that a provider sent becomes a path.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from catalog.attributes import convert_row
from catalog.errors import CatalogError
from catalog.records import dataclass
from catalog.whole_file import safe_word, write_whole

SCHEMA = "catalog.slice/2"
# Written before platforms had slices: the provider was the cloud.
_OLD_SCHEMA = "catalog.slice/1"
# Holds the digest and, unless a source's citation is very long, all that precedes the rows.
_BEGINNING_BYTES = 2048
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Slice:
    """Offers and purchase options of one cloud and region, one purchase kind, at one time.

    ``provider`` is the live source they came through, ``platform`` empty for plain machines.
    ``offers`` and ``options`` have the columns of the snapshot tables ``offers`` and
    ``purchase_options`` without ``source``; ``source`` (the call or URL) stands for all of them.
    ``as_of`` (UTC) is when the figures were true: ``fetched_at`` unless the provider publishes an
    older time.
    """

    provider: str
    cloud: str
    region: str
    kind: str
    fetched_at: datetime
    source: str
    offers: tuple[Row, ...]
    options: tuple[Row, ...]
    platform: str = ""
    as_of: datetime | None = None

    @property
    def file_name(self) -> str:
        words = [self.provider, self.region, self.kind]
        if self.provider != self.cloud and not self.platform:  # a hosted catalog has several
            words.insert(1, self.cloud)
        return ".".join(map(safe_word, words)) + ".json"

    @property
    def true_at(self) -> datetime:
        return self.as_of or self.fetched_at


def write_slice(directory: Path, part: Slice) -> Path:
    """Publish one slice atomically; returns its path. Raises CatalogError when it cannot."""
    rows = {"offers": list(part.offers), "options": list(part.options)}
    document = {  # the rows last: a reader of the beginning has all else
        "schema": SCHEMA,
        "sha256": _digest(rows),
        "provider": part.provider,
        "cloud": part.cloud,
        "region": part.region,
        "kind": part.kind,
        "platform": part.platform,
        "fetched_at": part.fetched_at.isoformat(),
        "as_of": part.as_of.isoformat() if part.as_of else None,
        "source": part.source,
        **rows,
    }
    path = directory / part.file_name
    write_whole(path, json.dumps(document, separators=(",", ":")).encode())
    return path


def slice_files(directory: Path) -> list[Path]:
    """The published slices, in a fixed order; none when nothing was ever refreshed."""
    return sorted(directory.glob("*.json")) if directory.is_dir() else []


def slice_key(path: Path) -> bytes:
    """What tells a slice from others without reading its rows, whose digest is in the beginning.

    Hundreds of slices are looked at by every command. Raises OSError.
    """
    with path.open("rb") as file:
        beginning = file.read(_BEGINNING_BYTES)
        return beginning + str(file.seek(0, os.SEEK_END)).encode()


def read_slice(path: Path) -> Slice:
    """Read and check one slice. Raises CatalogError naming file, field and remedy."""
    remedy = "delete the file or run `planner catalog refresh`"
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CatalogError(f"not readable as JSON ({error})", path=path, remedy=remedy) from error
    if isinstance(document, dict) and document.get("schema") == _OLD_SCHEMA:
        document |= {"schema": SCHEMA, "provider": document.get("cloud", "")}
        document |= {"platform": "", "as_of": None}
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
            provider=str(document["provider"]),
            cloud=str(document["cloud"]),
            region=str(document["region"]),
            kind=str(document["kind"]),
            fetched_at=datetime.fromisoformat(document["fetched_at"]),
            source=str(document["source"]),
            offers=tuple(document["offers"]),
            options=tuple(document["options"]),
            platform=str(document["platform"]),
            as_of=datetime.fromisoformat(document["as_of"]) if document["as_of"] else None,
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
