"""SQLite files of what cannot be fetched again: own measurements and the run ledger.

A file is built beside its name and linked into place whole, so that one which exists but is
empty or has no such tables was damaged, and is never built over. Every append is one transaction
with a full sync: a kill at any moment leaves it whole with or without that row. Rows are only
added; triggers refuse changes. Each row carries a digest, because SQLite does not see a changed
byte inside a value.

The journal is SQLite's rollback journal, not WAL, on purpose. (1) A WAL file's newest rows live in
``FILE-wal``: whoever copies, links or restores FILE alone loses them, and nothing tells, while
here FILE is whole whenever no writer is at work. (2) WAL needs memory shared between processes,
which network file systems lack; home folders of Slurm clusters are on such. (3) Hard links and
WAL do not mix: the log is found by the name a file was opened under. What WAL is for,
readers beside a writer, is not needed: a transaction here takes milliseconds, and who finds
the file locked waits. It would save 27 of 35 ms an append (measured on overlayfs).
``synchronous = EXTRA`` also syncs the folder after the journal is unlinked.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from catalog.errors import CatalogError
from catalog.records import dataclass

# Two writers wait for each other's transaction, which takes milliseconds, at most this long.
BUSY_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class AppendOnlyFile:
    """One table of text columns in one file. All errors are CatalogError with path and remedy.

    ``application_id`` and ``layout`` are stored in the SQLite header, so that another program's
    file or a newer version's is told apart from damage.
    """

    path: Path
    table: str
    columns: tuple[str, ...]
    application_id: int
    layout: int

    def append(
        self,
        values: Sequence[str],
        *,
        provided: Callable[[list[tuple[str, ...]]], bool] | None = None,
    ) -> bool:
        """Add one row, durable when this returns; whether it was added.

        ``provided`` is asked with all rows while no other writer can add any, and decides: of
        two processes that want the same thing, one gets it.
        """
        if not self.path.exists():
            self._create()
        names = ", ".join((*self.columns, "sha256"))
        marks = ", ".join("?" * (len(self.columns) + 1))
        with self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            if provided is not None and not provided(self._read(connection)):
                connection.execute("ROLLBACK")
                return False
            connection.execute(
                f'INSERT INTO "{self.table}" ({names}) VALUES ({marks})',
                (*values, _digest(values)),
            )
            connection.execute("COMMIT")
        return True

    def rows(self) -> list[tuple[str, ...]]:
        """All rows in the order they were added; none when the file does not exist yet."""
        if not self.path.exists():
            return []
        with self._open() as connection:
            return self._read(connection)

    def _read(self, connection: sqlite3.Connection) -> list[tuple[str, ...]]:
        names = ", ".join((*self.columns, "sha256"))
        found = connection.execute(f'SELECT {names} FROM "{self.table}" ORDER BY number').fetchall()
        for number, row in enumerate(found, 1):
            if row[-1] != _digest(row[:-1]):
                raise self._damaged(f"row {number} does not match its digest")
        return [tuple(row[:-1]) for row in found]

    def _create(self) -> None:
        columns = ", ".join(f"{name} TEXT NOT NULL" for name in self.columns)
        refusals = "".join(
            f"CREATE TRIGGER {self.table}_{event} BEFORE {event} ON {self.table} "
            "BEGIN SELECT RAISE(ABORT, 'rows are only added'); END;"
            for event in ("UPDATE", "DELETE")
        )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self.path.parent)
            os.close(handle)
            temporary = Path(name)
            try:
                connection = sqlite3.connect(temporary, isolation_level=None)
                try:
                    connection.executescript(
                        f"PRAGMA application_id = {self.application_id};"
                        f"PRAGMA user_version = {self.layout};"
                        f"CREATE TABLE {self.table} (number INTEGER PRIMARY KEY AUTOINCREMENT, "
                        f"{columns}, sha256 TEXT NOT NULL);{refusals}"
                    )
                finally:
                    connection.close()
                # link, unlike rename, fails when another process was faster: its rows stay.
                self.path.hardlink_to(temporary)
                _sync_folder(self.path.parent)
            except FileExistsError:
                pass
            finally:
                temporary.unlink(missing_ok=True)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection: sqlite3.Connection | None = None
        try:
            # mode=rw: never create; a journal left by a killed writer must be rolled back.
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
            )
            connection.execute("PRAGMA synchronous = EXTRA")
            self._check(connection)
            yield connection
        except sqlite3.OperationalError as error:
            raise self._unusable(error) from error
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise self._damaged(str(error)) from error
        finally:
            if connection is not None:
                connection.close()

    def _check(self, connection: sqlite3.Connection) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        if application != self.application_id:
            raise self._damaged("is not a file of this planner, or was emptied")
        (layout,) = connection.execute("PRAGMA user_version").fetchone()
        if layout > self.layout:
            raise CatalogError(
                f"has layout {layout}, this version reads {self.layout}",
                path=self.path,
                remedy="upgrade ai-capacity-planner; the file was left as it is",
            )
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise self._damaged(" ".join(str(verdict).split()))

    def _damaged(self, problem: str) -> CatalogError:
        return CatalogError(
            f"is damaged ({problem})",
            path=self.path,
            remedy=(
                "restore it from a backup, or move it aside to start a new one (`sqlite3 FILE "
                ".recover` gets rows out of it); it was left as it is"
            ),
        )

    def _unusable(self, error: Exception) -> CatalogError:
        if "locked" in str(error):
            return CatalogError(
                f"is in use by another process ({error})",
                path=self.path,
                remedy="try again; if that goes on, end the process that `fuser FILE` names",
            )
        return CatalogError(
            f"cannot be used ({error})",
            path=self.path,
            remedy="free space, fix its permissions or set PLANNER_DATA_DIR to another folder",
        )


def _digest(values: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(values).encode()).hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make a new name in the folder survive a power cut, where the system can do that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
