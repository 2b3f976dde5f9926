"""Somebody who is told how a run goes, and who may go away: a terminal that is lost, a pipe that is
closed. Neither the measurement nor the machine may depend on it."""

from __future__ import annotations

from launchers.base import OnLine


class Onlooker:
    """Hands lines on until they cannot be written any more; then keeps silent.

    Errors other than those of writing are the caller's own and are raised.
    """

    def __init__(self, on_line: OnLine) -> None:
        self._on_line: OnLine | None = on_line

    def __call__(self, line: str) -> None:
        if self._on_line is None:
            return
        try:
            self._on_line(line)
        except RuntimeError as error:  # a signal came while a line was being written
            if "reentrant" not in str(error):
                raise
        except (OSError, ValueError):  # closed pipe, lost terminal; closed file
            self._on_line = None
