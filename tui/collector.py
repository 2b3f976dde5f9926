"""When unused objects are collected: when no key waits for it."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable

NEVER = 1000
# How often it is asked whether something is due. Keys that come one after the other leave 140,000
# objects in a quarter of a second at times, and to look at those takes 0.14 s.
ASK_S = 0.05
# Without a key or click for this long: what was made lately is looked at, then everything.
CALM_S, VERY_CALM_S = 0.3, 1.5
# A look at everything takes a third of a second once the SDKs of clouds are in memory: the longer
# it took last, by this much, the longer nobody must have been about.
PATIENCE = 60
# New objects after which the youngest are looked at. Python's 700 would cost the same, but a thread
# gives way to the screen at such looks (``tui.precedence``), and with six at work each has a sixth.
YOUNG = 100
# Looks at the youngest after which what was made lately is looked at: when calm, anyway, and while
# a question is open, which would count as old before it is gone.
CALM, BUSY, ASKED = 70, 140, 280
# Growth in blocks of memory, about 100 bytes each, after which what is older is looked at: all when
# very calm, and what came since the last look anyway. Little at a time: what is found takes longer
# than what is looked through.
WORTH, AT_MOST = 30_000, 10_000


class Collector:
    """Python's own looks at everything old at once, a tenth of a second to two, and counts as old
    what was there at its last two looks: half of a dialog that is open for a few seconds. Here the
    middle generation has what was made in the last seconds, and older things are looked at once:
    what is left then is frozen until there is a pause, in which everything is looked at.
    """

    def __init__(self) -> None:
        self._heard_at = time.monotonic()
        # Blocks after everything was looked at; after what came since was, or the fewest since; and
        # what came then.
        self._all = self._left = sys.getallocatedblocks()
        self._grown = 0
        self._took_s = 0.0  # the last look at everything
        self._thresholds = gc.get_threshold()

    def start(self) -> None:
        self._thresholds = gc.get_threshold()
        gc.set_threshold(YOUNG, NEVER, NEVER)
        gc.freeze()

    def stop(self) -> None:
        gc.set_threshold(*self._thresholds)
        gc.unfreeze()

    def heard(self) -> None:
        """A key or a click came."""
        self._heard_at = time.monotonic()

    def due(self, *, is_asked: bool) -> Callable[[], None] | None:
        """What is to be done now, asked every ``ASK_S``. ``is_asked``: a question is open, which
        will be gone soon."""
        quiet_s = time.monotonic() - self._heard_at
        most = ASKED if is_asked else CALM if quiet_s > CALM_S else BUSY
        very_calm_s = max(VERY_CALM_S, PATIENCE * self._took_s)
        if quiet_s > very_calm_s and self._left + self._grown - self._all > WORTH:
            return self.afresh
        if self._grown > AT_MOST:
            return self._older
        return self._lately if gc.get_count()[1] >= most else None

    def _lately(self) -> None:
        """What was made lately."""
        gc.collect(1)
        # Not gc.get_objects: a tuple that a thread is making just then would raise.
        blocks = sys.getallocatedblocks()
        self._left = min(self._left, blocks)
        self._grown = blocks - self._left

    def _older(self) -> None:
        """What came since the last look."""
        gc.collect()
        gc.freeze()
        self._left, self._grown = sys.getallocatedblocks(), 0

    def afresh(self) -> None:
        """Everything, also what was frozen."""
        began = time.perf_counter()
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        self._took_s = time.perf_counter() - began
        self._all = self._left = sys.getallocatedblocks()
        self._grown = 0
