"""What a server sent with an ETag, kept so that an unchanged feed is not fetched again.

One file for each URL, mode 0600, named by a digest: no text of a feed becomes a path. A file that
cannot be read or does not match its digest counts as absent.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SCHEMA = "catalog.http/1"
# What a 304 may leave out: the ETag to ask with, and how old the body is.
KEPT_HEADERS = ("etag", "last-modified")
# Feeds that were not asked for this long are deleted.
KEPT_S = 30 * 86400.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A body with the headers it came with that still matter."""

    headers: Mapping[str, str]
    body: bytes


class HttpCache:
    """Bodies by URL in one folder. No method raises for a disk that fails: it is only a cache."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, url: str) -> Kept | None:
        try:
            head, _, body = self._path(url).read_bytes().partition(b"\n")
            facts = json.loads(head)
            whole = facts["schema"] == SCHEMA and facts["sha256"] == _digest(body)
            headers = {name: str(facts["headers"][name]) for name in KEPT_HEADERS
                       if name in facts["headers"]}  # fmt: skip
            return Kept(headers, body) if whole and "etag" in headers else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
        head = json.dumps({"schema": SCHEMA, "headers": kept, "sha256": _digest(body)}).encode()
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=self.folder)
            try:  # mkstemp makes files of mode 0600
                with os.fdopen(handle, "wb") as out:
                    out.write(head + b"\n" + body)
                Path(temporary).replace(self._path(url))
            finally:
                Path(temporary).unlink(missing_ok=True)
            self._prune()
        except OSError:
            return

    def _path(self, url: str) -> Path:
        return self.folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.http"

    def _prune(self) -> None:
        oldest = time.time() - KEPT_S
        for path in [*self.folder.glob("*.http"), *self.folder.glob(".*.tmp")]:
            if path.stat().st_mtime < oldest:
                path.unlink(missing_ok=True)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
