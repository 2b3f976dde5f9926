"""When unused objects are collected: when no key waits for it."""

from __future__ import annotations

import gc
import sys
import time

NEVER = 1000
TURN_S = 0.25
# Without a key or click for this long: what was made lately is looked at, then everything.
CALM_S, VERY_CALM_S = 0.3, 1.5
# Collections of the youngest after which what was made lately is looked at: when calm, anyway, and
# while a question is open, which would count as old before it is gone.
CALM, BUSY, ASKED = 10, 60, 300
# Growth in blocks of memory, about 100 bytes each, after which what is old is looked at: when very
# calm, and anyway. Little at a time: what is found takes longer than what is looked through.
WORTH, AT_MOST = 30_000, 60_000


class Collector:
    """Python's own looks at everything old at once, a tenth of a second to two, and counts as old
    what was there at its last two looks: half of a dialog that is open for a few seconds. Here the
    middle generation has what was made in the last seconds, and what is old waits for a pause, or
    until it has grown so much that memory counts for more than a key.
    """

    def __init__(self) -> None:
        self._heard_at = time.monotonic()
        # Blocks that were left after everything was looked at, and those that came since.
        self._left, self._grown = sys.getallocatedblocks(), 0
        self._thresholds = gc.get_threshold()

    def start(self) -> None:
        self._thresholds = gc.get_threshold()
        gc.set_threshold(self._thresholds[0], NEVER, NEVER)

    def stop(self) -> None:
        gc.set_threshold(*self._thresholds)

    def heard(self) -> None:
        """A key or a click came."""
        self._heard_at = time.monotonic()

    def turn(self, *, is_asked: bool) -> None:
        """Once every ``TURN_S``. ``is_asked``: a question is open, which will be gone soon."""
        quiet_s = time.monotonic() - self._heard_at
        most = ASKED if is_asked else CALM if quiet_s > CALM_S else BUSY
        if self._grown > (WORTH if quiet_s > VERY_CALM_S else AT_MOST):
            gc.collect()
            self._left, self._grown = sys.getallocatedblocks(), 0
        elif gc.get_count()[1] >= most:
            gc.collect(1)
            # Not gc.get_objects: a tuple that a thread is making just then would raise.
            self._grown = sys.getallocatedblocks() - self._left

    def afresh(self) -> None:
        """Everything, also what was frozen: whole screens are gone that were among it."""
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._left, self._grown = sys.getallocatedblocks(), 0
