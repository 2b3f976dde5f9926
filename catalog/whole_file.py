"""Small files that are replaced whole, and names for them that no feed can choose."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path

from catalog.errors import CatalogError

# Lower case only: on some file systems names that differ in case are one file.
_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def safe_word(text: str) -> str:
    """A part of a file name for ``text``: itself where that is harmless, else a digest of it.

    Different texts have different words, and none holds a dot or a separator.
    """
    if _PLAIN.fullmatch(text):
        return text
    return "_" + hashlib.sha256(text.encode()).hexdigest()[:24]


def write_whole(path: Path, content: bytes) -> None:
    """Put a file (mode 0600) in place of the old one, durable when this returns.

    A kill at any moment leaves the old file or the new one. Raises CatalogError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(content)
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
