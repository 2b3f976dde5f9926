"""When unused objects are collected: when no key waits for it."""

from __future__ import annotations

import gc
import time

NEVER = 1000
TURN_S = 0.25
# Without a key or click for this long: what was made lately is looked at, then everything.
CALM_S, VERY_CALM_S = 0.3, 1.5
# Collections of the youngest after which what was made lately is looked at: when calm, and anyway.
CALM, BUSY = 10, 60
# Growth of what is old, in objects, after which it is looked at when nobody is there; and the share
# by which it may grow at all.
WORTH, AT_MOST, GROWTH = 20_000, 100_000, 0.75


class Collector:
    """Python's own looks at everything old at once, a tenth of a second to two, and counts as old
    what was there at its last two looks: half of a dialog that is open for a few seconds. Here the
    middle generation has what was made in the last seconds, and what is old waits for a pause, or
    until it has grown so much that memory counts for more than a key.
    """

    def __init__(self) -> None:
        self._heard_at = time.monotonic()
        # Objects that were left after everything was looked at, and those that came since.
        self._old = self._grown = 0
        self._thresholds = gc.get_threshold()

    def start(self) -> None:
        self._thresholds = gc.get_threshold()
        gc.set_threshold(self._thresholds[0], NEVER, NEVER)

    def stop(self) -> None:
        gc.set_threshold(*self._thresholds)

    def heard(self) -> None:
        """A key or a click came."""
        self._heard_at = time.monotonic()

    def turn(self) -> None:
        """Once every ``TURN_S``."""
        quiet_s = time.monotonic() - self._heard_at
        if gc.get_count()[1] >= (CALM if quiet_s > CALM_S else BUSY):
            gc.collect(1)
            self._grown = len(gc.get_objects(generation=2)) - self._old
        most = max(AT_MOST, GROWTH * self._old)
        if self._grown > (WORTH if quiet_s > VERY_CALM_S else most):
            gc.collect()
            self._old, self._grown = len(gc.get_objects(generation=2)), 0

    def afresh(self) -> None:
        """Everything, also what was frozen: whole screens are gone that were among it."""
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._old = self._grown = 0
