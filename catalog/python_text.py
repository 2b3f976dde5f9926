"""Python text read as data, by one thread at a time.

CPython 3.11 counts how deep it is in one place for all threads: where two read at once, one of them
gets a SystemError (gh-106905).
"""

from __future__ import annotations

import ast
import threading

_ONE = threading.Lock()


def literal(text: str) -> object:
    """The value that a literal stands for. Raises what ``ast.literal_eval`` does."""
    with _ONE:
        return ast.literal_eval(text)


def statements(text: str) -> ast.Module:
    """A module's statements. Raises SyntaxError."""
    with _ONE:
        return ast.parse(text)
