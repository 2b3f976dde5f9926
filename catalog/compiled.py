"""The compiled catalog: snapshot and refreshed slices as one indexed SQLite file.

The file is named after the content it was built from, so a changed snapshot, slice or schema
builds a new one. It is written beside its final name and renamed: two processes that start at
once both end with a whole file. A damaged one is built again.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from catalog.attributes import REINSTALL, SNAPSHOT, attributes, convert_row
from catalog.compiled_file import TEMPORARY, open_checked, pieces, prune, stamp
from catalog.errors import CatalogError
from catalog.refreshed import Slice, read_slice, slice_files
from catalog.seen import Seen

# Raise when the layout of the compiled file changes.
LAYOUT = 3
TABLES = (
    "sources",
    "accelerators",
    "accelerator_aliases",
    "cpu_families",
    "regions",
    "model_shapes",
    "offers",
    "purchase_options",
    "observations",
    "onprem_systems",
    "edge_devices",
    "egress",
    "electricity",
    "grid_carbon",
    "facility",
    "managed_platforms",
    "commitment_discounts",
    "spot_by_zone",
)
INDEXES = (
    "CREATE INDEX offers_place ON offers (cloud, region, instance_type)",
    "CREATE INDEX offers_accelerator ON offers (accelerator)",
    "CREATE INDEX options_offer ON purchase_options (cloud, region, instance_type, kind)",
    "CREATE INDEX observations_what ON observations (accelerator, model)",
    "CREATE INDEX aliases ON accelerator_aliases (alias)",
)
Rows = list[dict[str, Any]]
INTERRUPTION = ("interruption_per_month_low", "interruption_per_month_high", "interruption_source")


def _snapshot_files() -> list[Path]:
    return [SNAPSHOT / f"{table}.csv" for table in ("attributes", *TABLES)]


def content_key(slices: Iterable[Path]) -> str:
    """Digest of everything a compiled file depends on."""
    digest = hashlib.sha256(str(LAYOUT).encode())
    try:
        for path in [*_snapshot_files(), *slices]:
            digest.update(path.name.encode() + b"\0")
            for piece in pieces(path):
                digest.update(piece)
    except OSError as error:
        raise CatalogError(
            f"cannot be read ({error.strerror})", path=error.filename, remedy=REINSTALL
        ) from error
    return digest.hexdigest()[:20]


def compile_catalog(target: Path, slices: Iterable[Path]) -> None:
    """Build the SQLite file. Raises CatalogError for a bad source row or an unwritable target."""
    tables = {table: _read_csv(table) for table in TABLES}
    applied = [read_slice(path) for path in slices]
    for part in applied:
        _apply(part, tables)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=TEMPORARY, suffix=".tmp", dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise CatalogError(
            f"cannot be written ({error.strerror})",
            path=target,
            remedy="make the folder writable or set PLANNER_CACHE_DIR to one that is",
        ) from error
    try:
        _write(Path(temporary), tables, applied)
        stamp(Path(temporary))
        Path(temporary).replace(target)
    except (sqlite3.Error, OSError) as error:
        raise CatalogError(
            f"cannot be written ({error})",
            path=target,
            remedy="free space or set PLANNER_CACHE_DIR to another folder",
        ) from error
    finally:
        Path(temporary).unlink(missing_ok=True)
    prune(target)


def _read_csv(table: str) -> Rows:
    path = SNAPSHOT / f"{table}.csv"
    columns = list(attributes()[table].values())
    names = [column.name for column in columns]
    try:
        with path.open(newline="", encoding="utf-8") as lines:
            reader = csv.reader(lines)
            if next(reader, None) != names:
                raise CatalogError(
                    "header does not match attributes.csv", path=path, remedy=REINSTALL
                )
            rows: Rows = []
            for cells in reader:
                if len(cells) != len(names):
                    raise CatalogError(
                        f"has {len(cells)} cells, expected {len(names)}",
                        path=path,
                        field=f"line {reader.line_num}",
                        remedy=REINSTALL,
                    )
                try:
                    rows.append(
                        {c.name: c.convert(cell) for c, cell in zip(columns, cells, strict=True)}
                    )
                except ValueError:
                    bad = dict(zip(names, cells, strict=True))
                    convert_row(table, bad, path=path, where=f"line {reader.line_num}")
                    raise
            return rows
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CatalogError(f"cannot be read ({error})", path=path, remedy=REINSTALL) from error


def _apply(part: Slice, tables: dict[str, Rows]) -> None:
    """Put a slice in place of the rows it replaces: same cloud, region and purchase kind."""
    from catalog.joined import offer_key

    source = f"refreshed-{part.cloud}-{part.region}-{part.kind}"
    tables["sources"].append(
        {
            "source": source,
            "citation": part.source,
            "as_of": part.fetched_at.date().isoformat(),
            "as_of_precision": "day",
            "as_of_note": part.fetched_at.isoformat(),
        }
    )
    path = Path(part.file_name)
    known = {offer_key(row): row for row in tables["offers"]}
    for raw in part.offers:
        row = convert_row("offers", {**raw, "source": source}, path=path, where="offers")
        old = known.get(offer_key(row))
        if old is None:
            tables["offers"].append(row)
        else:  # a live fact replaces an old one, an unknown replaces nothing
            old.update({name: value for name, value in row.items() if value not in (None, "")})
    place = part.cloud, part.region, part.kind
    replaced: dict[tuple[Any, ...], dict[str, Any]] = {}
    options: Rows = []
    for row in tables["purchase_options"]:
        if (row["cloud"], row["region"], row["kind"]) == place:
            replaced[_option_key(row)] = row
        else:
            options.append(row)
    for raw in part.options:
        row = convert_row("purchase_options", {**raw, "source": source}, path=path, where="options")
        old = replaced.get(_option_key(row), {})
        if all(row[name] in (None, "") for name in INTERRUPTION):
            # Prices and interruptions have sources of their own; a new price voids no band.
            row.update({name: old[name] for name in INTERRUPTION if name in old})
        options.append(row)
    tables["purchase_options"] = options


def _option_key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["zone"], row["instance_type"], row["term_months"], row["payment"]


def _write(path: Path, tables: Mapping[str, Rows], slices: Iterable[Slice]) -> None:
    from catalog.joined import write_columns  # only who compiles pays for it

    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("PRAGMA synchronous = OFF")
        for table in TABLES:
            columns = attributes()[table].values()
            declared = ", ".join(f'"{column.name}" {column.sql_type}' for column in columns)
            connection.execute(f'CREATE TABLE "{table}" ({declared})')
            connection.executemany(
                f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(columns))})',
                [tuple(row.values()) for row in tables[table]],
            )
        for statement in INDEXES:
            connection.execute(statement)
        platform_options = write_columns(connection, tables)
        refreshed = [[p.cloud, p.region, p.kind, p.fetched_at.isoformat()] for p in slices]
        connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT)")
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [
                ("layout", str(LAYOUT)),
                ("offers", str(len(tables["offers"]))),
                ("options", str(len(tables["purchase_options"]))),
                ("platform_options", str(platform_options)),
                ("refreshed", json.dumps(refreshed)),
            ],
        )
        connection.commit()
    finally:
        connection.close()


def open_compiled(
    cache_dir: Path, refreshed_dir: Path
) -> tuple[sqlite3.Connection, Path, str | None]:
    """Open the compiled catalog, building it when it is missing or damaged.

    Returns the connection, its path and, when a damaged file was replaced, what was wrong.
    """
    slices = slice_files(refreshed_dir)
    sources = [*_snapshot_files(), *slices]
    seen = Seen(cache_dir, str(LAYOUT), sources)
    path = seen.compiled()
    if path is not None:
        try:
            return open_checked(path, LAYOUT, trusted=True), path, None
        except (sqlite3.Error, OSError):
            pass  # the full check below says what is wrong
    path = cache_dir / f"catalog-{content_key(slices)}.sqlite"
    damage: str | None = None
    if path.exists():
        try:
            connection = open_checked(path, LAYOUT)
        except (sqlite3.Error, OSError) as error:
            damage = str(error)
        else:
            seen.remember(path)
            return connection, path, None
    compile_catalog(path, slices)
    try:
        return open_checked(path, LAYOUT), path, damage
    except (sqlite3.Error, OSError) as error:
        raise CatalogError(
            f"unreadable right after it was written ({error})",
            path=path,
            remedy="check the disk or set PLANNER_CACHE_DIR to another folder",
        ) from error
