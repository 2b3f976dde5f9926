"""A text file written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from planner.errors import BadInput

REMEDY = "name another file, or say --force"


def write_text(path: Path, text: str, *, force: bool) -> None:
    """Write ``path`` so that it is there whole or not at all, also when killed meanwhile.

    Raises BadInput when it exists and ``force`` is false, or cannot be written.
    """
    if path.is_dir():
        raise BadInput("is a directory", where=str(path), remedy="name a file in it")
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(prefix=".planner-", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        if force:
            Path(temporary).replace(path)
        else:
            # a link, unlike a rename, never takes the place of a file that came meanwhile
            Path(path).hardlink_to(temporary)
    except FileExistsError:
        raise BadInput("exists already", where=str(path), remedy=REMEDY) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(
            f"cannot be written ({reason})", where=str(path), remedy="name a file that can"
        ) from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def write_all(texts: Mapping[Path, str], *, force: bool) -> None:
    """Write several files, each whole or not at all; none where one of them exists already and
    ``force`` is false. Raises BadInput.
    """
    for path in texts:
        if path.exists() and not path.is_dir() and not force:
            raise BadInput("exists already", where=str(path), remedy=REMEDY)
    for path, text in texts.items():
        write_text(path, text, force=force)
