"""Prices over time: every change that a refresh saw, in the user's data folder.

Nothing can fetch old prices again, so that the file is durable: each slice's changes are one
transaction with a full sync, rows are only added, and a kill leaves the file whole. A price is
stored when it differs from the one before; a machine that is no longer sold has a row without a
price.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog.errors import CatalogError
from catalog.observations import data_dir
from catalog.price_checks import effective_usd_per_hour
from catalog.refreshed import Slice

APPLICATION_ID = 0x41504869  # "APHi"
LAYOUT = 1
BUSY_TIMEOUT_S = 30.0
_WORDS = ("cloud", "region", "platform", "kind", "zone", "instance_type", "term_months", "payment")
_SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {LAYOUT};
CREATE TABLE IF NOT EXISTS series (id INTEGER PRIMARY KEY,
  {", ".join(f"{word} TEXT NOT NULL" for word in _WORDS)}, UNIQUE ({", ".join(_WORDS)}));
CREATE INDEX IF NOT EXISTS series_name ON series (instance_type);
CREATE TABLE IF NOT EXISTS prices (series INTEGER NOT NULL, at INTEGER NOT NULL, usd REAL,
  PRIMARY KEY (series, at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refreshes (at INTEGER PRIMARY KEY);
CREATE TRIGGER IF NOT EXISTS prices_stay BEFORE UPDATE ON prices
  BEGIN SELECT RAISE(ABORT, 'prices are only added'); END;
CREATE TRIGGER IF NOT EXISTS prices_kept BEFORE DELETE ON prices
  BEGIN SELECT RAISE(ABORT, 'prices are only added'); END;
"""


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """One way to buy one machine. ``term_months`` is 0 without a term."""

    cloud: str
    region: str
    platform: str
    kind: str
    zone: str
    instance_type: str
    term_months: int
    payment: str

    @classmethod
    def of(cls, row: Mapping[str, Any], platform: str = "") -> SeriesKey:
        return cls(
            row["cloud"],
            row["region"],
            platform,
            row["kind"],
            row.get("zone") or "",
            row["instance_type"],
            int(row.get("term_months") or 0),
            row.get("payment") or "",
        )


# A time (UTC) and the price from then on, USD/h with an upfront payment spread over the term;
# None when it was no longer sold.
Point = tuple[datetime, float | None]


class PriceHistory:
    """All errors are CatalogError with path and remedy. Nothing is created before the first add."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or data_dir() / "price_history.sqlite"

    def begin(self, at: datetime) -> None:
        """Note that a refresh began, after all that is known: times are whole seconds."""
        with self._open(write=True) as connection:
            connection.execute(
                "INSERT INTO refreshes SELECT max(?, coalesce(max(at), 0) + 1) FROM"
                " (SELECT at FROM refreshes UNION ALL SELECT at FROM prices)",
                (_epoch(at),),
            )

    def add(self, part: Slice) -> int:
        """Keep what a checked slice changes; returns the number of changes."""
        now = {
            SeriesKey.of(row, part.platform): effective_usd_per_hour(row) for row in part.options
        }
        place = part.cloud, part.region, part.platform, part.kind
        with self._open(write=True) as connection:
            known = {
                SeriesKey(*place, zone, name, int(term), payment): (number, usd)
                for zone, name, term, payment, number, usd in connection.execute(
                    "SELECT zone, instance_type, term_months, payment, id, (SELECT usd FROM prices"
                    " WHERE series = id ORDER BY at DESC LIMIT 1) FROM series"
                    " WHERE cloud = ? AND region = ? AND platform = ? AND kind = ?",
                    place,
                )
            }
            (begun,) = connection.execute("SELECT coalesce(max(at), 0) FROM refreshes").fetchone()
            at = max(_epoch(part.fetched_at), begun)
            rows: list[tuple[int, int, float | None]] = []
            for key, usd in now.items():
                number, before = known.get(key, (None, None))
                if number is None:
                    number = _new_series(connection, key)
                elif before == usd:
                    continue
                rows.append((number, at, usd))
            rows += [
                (number, at, None)
                for key, (number, before) in known.items()
                if before is not None and key not in now
            ]
            connection.executemany("INSERT OR IGNORE INTO prices VALUES (?, ?, ?)", rows)
        return len(rows)

    def series(self, instance_type: str) -> dict[SeriesKey, list[Point]]:
        """Everything known of one machine, each series oldest first."""
        return self._series("instance_type = ?", instance_type)

    def changed_since(self, at: datetime) -> dict[SeriesKey, list[Point]]:
        """Series with a change at or after ``at``, with all their points."""
        recent = "id IN (SELECT series FROM prices WHERE at >= ?)"
        return self._series(recent, _epoch(at))

    def last_refresh(self) -> datetime | None:
        """When the last refresh began; None when there was none."""
        if not self.path.exists():
            return None
        with self._open() as connection:
            (at,) = connection.execute("SELECT max(at) FROM refreshes").fetchone()
        return None if at is None else datetime.fromtimestamp(at, UTC)

    def _series(self, where: str, *values: object) -> dict[SeriesKey, list[Point]]:
        if not self.path.exists():
            return {}
        found: dict[SeriesKey, list[Point]] = {}
        with self._open() as connection:
            for *words, at, usd in connection.execute(
                f"SELECT {', '.join(_WORDS)}, at, usd FROM series JOIN prices ON series = id"
                f" WHERE {where} ORDER BY series, at",
                values,
            ):
                cloud, region, platform, kind, zone, name, term, payment = words
                key = SeriesKey(cloud, region, platform, kind, zone, name, int(term), payment)
                found.setdefault(key, []).append((datetime.fromtimestamp(at, UTC), usd))
        return found

    @contextmanager
    def _open(self, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        connection: sqlite3.Connection | None = None
        try:
            if write:
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            mode = "rwc" if write else "rw"  # a killed writer's journal is rolled back by readers
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={mode}",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
            )
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            (layout,) = connection.execute("PRAGMA user_version").fetchone()
            if application not in (0, APPLICATION_ID) or layout > LAYOUT:
                raise sqlite3.DatabaseError("of another program or a newer version")
            if write:
                connection.execute("PRAGMA synchronous = EXTRA")
                connection.execute("BEGIN IMMEDIATE")
                if application == 0:
                    for statement in _statements():
                        connection.execute(statement)
                    self.path.chmod(0o600)
            yield connection
            if write:
                connection.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise CatalogError(
                f"price history cannot be used ({error})",
                path=self.path,
                remedy="restore it from a backup, or move it aside to start a new one",
            ) from error
        finally:
            if connection is not None:
                connection.close()


def _statements() -> Iterable[str]:
    """One by one, so that all are part of the transaction: ``executescript`` would end it."""
    statement = ""
    for line in _SCHEMA.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _new_series(connection: sqlite3.Connection, key: SeriesKey) -> int:
    words = (
        key.cloud, key.region, key.platform, key.kind, key.zone, key.instance_type,
        str(key.term_months), key.payment,
    )  # fmt: skip
    cursor = connection.execute(
        f"INSERT INTO series ({', '.join(_WORDS)}) VALUES ({', '.join('?' * len(words))})", words
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _epoch(at: datetime) -> int:
    return int(at.timestamp())
