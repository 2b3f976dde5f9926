"""Which compiled file belongs to the source files as they are: known without reading them.

The digest of the sources and the checksum of the compiled file are worked out once, and kept with
size, times and number of every file they were taken of. Where all of these are as they were, so is
the content: any write moves a file's change time, which programs cannot set. Only a file that
changed while the clock stood still could deceive; what is younger than that is not remembered.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

# Clocks of file systems are coarse (2 s on FAT): younger files may change unseen.
SETTLED_AFTER_S = 3.0
# What is kept is a few kB.
_MOST_BYTES = 1 << 20


class Seen:
    """What is remembered in ``folder`` about ``sources``, read by a program of this ``layout``."""

    def __init__(self, folder: Path, layout: str, sources: Sequence[Path]) -> None:
        place = zlib.crc32(os.fsencode(sources[0].parent)) if sources else 0
        self._path = folder / f"seen-{place:08x}.json"
        self._layout = layout
        self._sources = sources

    def compiled(self) -> Path | None:
        """The compiled file whose content was checked, where nothing was written since."""
        try:
            with self._path.open("rb") as file:
                kept = json.loads(file.read(_MOST_BYTES))
            path = self._path.parent / Path(kept["compiled"]).name
            return path if kept == self._facts(path) else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def remember(self, compiled: Path) -> None:
        """Keep that ``compiled`` was checked now; where that fails, the next run checks again."""
        temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
        try:
            facts = self._facts(compiled)
            youngest = max(max(times) for _, _, *times, _ in facts["files"]) / 1e9
            if youngest > time.time() - SETTLED_AFTER_S:
                return
            with temporary.open("w", encoding="utf-8") as file:
                json.dump(facts, file)
            temporary.replace(self._path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()

    def _facts(self, compiled: Path) -> dict[str, Any]:
        files = []
        for path in (*self._sources, compiled):
            found = path.stat()
            times = found.st_mtime_ns, found.st_ctime_ns
            files.append([str(path), found.st_size, *times, found.st_ino])
        return {"layout": self._layout, "compiled": compiled.name, "files": files}
