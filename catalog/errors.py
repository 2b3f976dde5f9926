"""What can be wrong with the catalog.

CatalogError            the catalog's own files cannot be used
UnknownName(KeyError)   a name that no fact carries
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class CatalogError(Exception):
    """A catalog file is damaged, too new or cannot be written.

    ``path`` and ``field`` say where, ``remedy`` what to do about it.
    """

    def __init__(self, problem: str, *, path: Path | str, field: str = "", remedy: str) -> None:
        self.problem, self.path, self.field, self.remedy = problem, str(path), field, remedy
        where = f"{path}: {field}" if field else f"{path}"
        super().__init__(f"{where}: {problem}; {remedy}")


class UnknownName(KeyError):
    """No fact of this kind has this name; ``suggestions`` are the nearest known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name = kind, name
        self.suggestions = nearest(name, known)
        super().__init__(f"unknown {kind} {name!r}")

    def __str__(self) -> str:
        hint = f"; did you mean {', '.join(self.suggestions)}?" if self.suggestions else ""
        return f"unknown {self.kind} {self.name!r}{hint}"


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The known names that look most like ``name``, compared without case and punctuation."""
    folded: dict[str, list[str]] = {}
    for candidate in known:  # us-east-1 of AWS and us-east1 of Google fold alike
        folded.setdefault(fold(candidate), []).append(candidate)
    matches = difflib.get_close_matches(fold(name), folded, n=count, cutoff=0.6)
    return [candidate for match in matches for candidate in folded[match]][:count]


def fold(name: str) -> str:
    """Lower case without separators, so that ``llama-3.1-8b`` meets ``Llama-3.1-8B``."""
    return "".join(ch for ch in name.lower() if ch.isalnum())
