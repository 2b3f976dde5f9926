"""Progress of cross-validations on stderr: one line that is written over, or one a scheme."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[str, int, int], None]


@contextmanager
def left_out() -> Iterator[Progress]:
    """A callback for scheme, folds done and folds in all."""
    live = sys.stderr.isatty()

    def show(scheme: str, done: int, total: int) -> None:
        if live:
            sys.stderr.write(f"\rleaving out {scheme}s: {done} of {total}\x1b[K")
            sys.stderr.flush()
        elif done == total:
            sys.stderr.write(f"left out {total} {scheme} groups\n")

    try:
        yield show
    finally:
        if live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
