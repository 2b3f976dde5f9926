"""The compiled catalog as a file: checksum, opening, and which old ones go."""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

# Where SQLite keeps the user version in its header; ours is a checksum of all other bytes.
CHECKSUM_BYTES = slice(60, 64)
# Compiled files kept: the newest, and some of other versions or refreshes that may come back.
KEPT_FILES = 3
# Read at a time, to stay in the processor's cache.
PIECE_BYTES = 1 << 18
TEMPORARY = ".catalog-build-"
ABANDONED_AFTER_S = 3600.0


def stamp(path: Path) -> None:
    """Store the checksum: SQLite's own checks do not see a changed byte inside a value."""
    checksum, _ = _checksum(path)
    with path.open("r+b") as file:
        file.seek(CHECKSUM_BYTES.start)
        file.write(checksum)


def open_checked(path: Path, layout: int, *, trusted: bool = False) -> sqlite3.Connection:
    """Open read-only. Raises sqlite3.Error or OSError for a damaged file or another layout.

    The checksum of a ``trusted`` file was found right before, and nobody wrote to it since.
    """
    if not trusted:
        checksum, stored = _checksum(path)
        if checksum != stored:
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


def pieces(path: Path) -> Iterator[memoryview]:
    """The file's bytes in pieces that share one buffer: fresh memory costs more than reading.

    A piece is valid until the next one is asked for. Raises OSError.
    """
    buffer = memoryview(bytearray(PIECE_BYTES))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            yield buffer[:count]


def _checksum(path: Path) -> tuple[bytes, bytes]:
    """CRC-32 of all bytes but those that hold it, taken as zeros; and what these hold."""
    checksum, stored = 0, b""
    for number, piece in enumerate(pieces(path)):
        if number == 0:
            stored = bytes(piece[CHECKSUM_BYTES])
            piece[CHECKSUM_BYTES] = bytes(len(stored))
        checksum = zlib.crc32(piece, checksum)
    return checksum.to_bytes(4, "big"), stored
