"""Progress on stderr: one line that is written over, or a few where it is no terminal."""

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


@contextmanager
def counted(what: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A callback for how many are done and how many there are: a line written over on terminals,
    ten lines in all elsewhere.
    """
    live = sys.stderr.isatty() and not quiet

    def show(done: int, total: int) -> None:
        if live:
            sys.stderr.write(f"\r{done} of {total} {what}\x1b[K")
            sys.stderr.flush()
        elif not quiet and (done * 10 // total) > ((done - 1) * 10 // total):
            sys.stderr.write(f"{done} of {total} {what}\n")
            sys.stderr.flush()

    try:
        yield show
    finally:
        if live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
