"""Work that takes minutes, in a thread of its own, as a screen follows it."""

from __future__ import annotations

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable

from planner.actions.problems import Problem, expected, problem_of


class Live(ABC):
    """One piece of work. ``ended`` is called in the thread when it is over, one way or another.

    The thread dies with the process: what it does must survive that.
    """

    def __init__(self, ended: Callable[[], object] = lambda: None) -> None:
        self.problem: Problem | None = None
        self.is_over = False
        self._ended = ended
        self._stop = threading.Event()

    @abstractmethod
    def work(self) -> None:
        """In the thread. Errors of the planner and the catalog become ``problem``."""

    def start(self) -> None:
        threading.Thread(target=self._run, name=type(self).__name__, daemon=True).start()

    def stop(self) -> None:
        """End it soon."""
        self._stop.set()

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    def _run(self) -> None:
        try:
            self.work()
        except Exception as error:  # a thread that dies silently would leave the screen waiting
            if expected(error):
                self.problem = problem_of(error)
            elif os.environ.get("PLANNER_DEBUG"):
                raise
            else:
                self.problem = Problem("", f"unexpected {type(error).__name__}: {error}")
        finally:
            self.is_over = True
            self._ended()
