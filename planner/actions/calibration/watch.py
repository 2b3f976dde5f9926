"""A run as another thread follows it: a screen, while the run has a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from launchers.spending import Spending
    from launchers.stages import Stages

# A sample comes each second; the latest ten minutes are enough to look at.
MOST_SAMPLES = 600


class Watch:
    """Where a run stands, and the way to end it. Nothing here blocks; all may be read at any time.

    ``samples`` are what the machine does, oldest first, as benchmarks tell (``second``,
    ``cpu_percent``, ``memory_used_gib``, ``gpu_percent``, ``gpu_watts`` ...).
    """

    def __init__(self) -> None:
        self.run_id = ""
        self._stop = threading.Event()
        self._samples: list[Mapping[str, float]] = []
        self._stages: Stages | None = None
        self._spending: Spending | None = None

    @property
    def stage(self) -> str:
        """A word of ``launchers.stages.Stage``; empty before the first."""
        stage = None if self._stages is None else self._stages.stage
        return "" if stage is None else stage.value

    @property
    def seconds(self) -> float:
        """Held so far, from when it may begin to cost."""
        return 0.0 if self._spending is None else self._spending.seconds

    @property
    def usd(self) -> float | None:
        """Spent so far, rate times time held; None where no price is known."""
        return None if self._spending is None else self._spending.usd

    @property
    def usd_per_hour(self) -> float | None:
        """The rate: the estimate's, then that of the machine taken; None where none is known."""
        return None if self._spending is None else self._spending.usd_per_hour

    @property
    def samples(self) -> list[Mapping[str, float]]:
        return list(self._samples)

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """End the run soon: what it measured by then is stored, all it holds is given back."""
        self._stop.set()

    def begins(self, run_id: str, stages: Stages, spending: Spending) -> None:
        """Told by whoever makes the run."""
        self.run_id, self._stages, self._spending = run_id, stages, spending

    def sample(self, found: Mapping[str, float]) -> None:
        """Told of each sample."""
        self._samples.append(found)
        del self._samples[:-MOST_SAMPLES]

    def check(self) -> None:
        """Called all the time while the run is under way. Raises Stopped when it shall end."""
        if self._stop.is_set():
            from launchers.errors import Stopped

            raise Stopped(
                "stopped by the user", where=self.run_id, remedy="run it again for a result"
            )
