"""What can go wrong with a launch.

LaunchError                    base
├── LaunchRefused              nothing was started: unconfirmed, over the cost cap, bad target
│   └── CostCapExceeded        the estimate is above the cap, or unknown where a cap is set
├── LimitReached               stopped at --max-cost or --max-hours
│   └── HoursReached           at --max-hours: of a service the end that was asked for
├── Stopped                    the user ended it while it was under way
├── BenchmarkFailed            it ran and gave no usable result
│   └── BenchmarkUnusable      it says that the machine or an argument does not suit it
├── ResultNotStored            measured, but the store refused it; it is in a file, or was said
├── LedgerNotWritten           all is given back, which the ledger could not be told
└── TearDownFailed             something may still run and cost money
"""

from __future__ import annotations


class LaunchError(Exception):
    """``where`` names target or run, ``problem`` what happened, ``remedy`` what to do."""

    def __init__(self, problem: str, *, where: str = "", remedy: str = "") -> None:
        self.problem, self.where, self.remedy = problem, where, remedy
        text = f"{where}: {problem}" if where else problem
        super().__init__(f"{text}; {remedy}" if remedy else text)


class LaunchRefused(LaunchError):
    pass


class CostCapExceeded(LaunchRefused):
    pass


class LimitReached(LaunchError):
    pass


class HoursReached(LimitReached):
    pass


class Stopped(LaunchError):
    pass


class BenchmarkFailed(LaunchError):
    pass


class BenchmarkUnusable(BenchmarkFailed):
    pass


class ResultNotStored(LaunchError):
    pass


class LedgerNotWritten(LaunchError):
    pass


class TearDownFailed(LaunchError):
    pass
