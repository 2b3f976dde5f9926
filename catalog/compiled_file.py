"""The compiled catalog as a file: checksum, opening, and which old ones go."""

from __future__ import annotations

import sqlite3
import time
import zlib
from pathlib import Path

# Where SQLite keeps the user version in its header; ours is a checksum of all other bytes.
CHECKSUM_BYTES = slice(60, 64)
# Compiled files kept: the newest, and some of other versions or refreshes that may come back.
KEPT_FILES = 3
TEMPORARY = ".catalog-build-"
ABANDONED_AFTER_S = 3600.0


def stamp(path: Path) -> None:
    """Store the checksum: SQLite's own checks do not see a changed byte inside a value."""
    data = bytearray(path.read_bytes())
    checksum = _checksum(data)
    with path.open("r+b") as file:
        file.seek(CHECKSUM_BYTES.start)
        file.write(checksum)


def open_checked(path: Path, layout: int) -> sqlite3.Connection:
    """Open read-only. Raises sqlite3.Error or OSError for a damaged file or another layout."""
    data = bytearray(path.read_bytes())
    stored = bytes(data[CHECKSUM_BYTES])
    if _checksum(data) != stored:
        raise sqlite3.DatabaseError("checksum does not match")
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        found = connection.execute("SELECT value FROM meta WHERE name = 'layout'").fetchone()
        if found is None or found[0] != str(layout):
            raise sqlite3.DatabaseError("layout of another version")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def prune(newest: Path) -> None:
    """Delete older compiled files and what killed builds left. A file in use stays readable."""
    try:
        others = [path for path in newest.parent.glob("catalog-*.sqlite") if path != newest]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        abandoned = [
            path
            for path in newest.parent.glob(f"{TEMPORARY}*.tmp")
            if path.stat().st_mtime < time.time() - ABANDONED_AFTER_S
        ]
        for path in [*others[KEPT_FILES - 1 :], *abandoned]:
            path.unlink(missing_ok=True)
    except OSError:
        pass  # another process prunes too, or Windows holds a file open: the next build retries


def _checksum(data: bytearray) -> bytes:
    """CRC-32 of all bytes but those that hold it, which are cleared in ``data``."""
    data[CHECKSUM_BYTES] = bytes(4)
    return zlib.crc32(data).to_bytes(4, "big")
