"""Where the rows of a sweep are computed: here, on processes of this machine, or on Ray."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from types import ModuleType
from typing import Any

from catalog import Catalog
from planner.actions.sweep.file import Combination
from planner.actions.sweep.row import Runner, Setup
from planner.errors import BadInput, PlannerError

Rows = list[dict[str, Any]]
Done = Callable[[int], None]  # told how many rows are there

_ENDED = "a worker ended unexpectedly (killed for memory?); use fewer --workers"


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_here(
    setup: Setup, combinations: Sequence[Combination], catalog: Catalog, done: Done
) -> Rows:
    """One after the other in this process."""
    runner = Runner(setup, catalog)
    rows = []
    for combination in combinations:
        rows.append(runner.row(combination))
        done(len(rows))
    return rows


def run_local(setup: Setup, combinations: Sequence[Combination], workers: int, done: Done) -> Rows:
    """On ``workers`` processes, rows in the order of ``combinations``.

    On Ctrl-C what is running ends, what waits is dropped, and KeyboardInterrupt goes on. Raises
    PlannerError when a worker dies.
    """
    pool = ProcessPoolExecutor(
        max_workers=min(workers, len(combinations)),
        mp_context=get_context("spawn"),
        initializer=_begin,
        initargs=(setup,),
    )
    try:
        with _starting_workers():
            futures = [pool.submit(_row, combination) for combination in combinations]
        for count, _ in enumerate(as_completed(futures), start=1):
            done(count)
        return [future.result() for future in futures]
    except BrokenProcessPool:
        raise PlannerError(_ENDED) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def run_ray(
    setup: Setup, combinations: Sequence[Combination], address: str, workers: int | None, done: Done
) -> Rows:
    """On the Ray cluster at ``address`` (``auto``: the one around; ``local``: a new one here).

    The planner must be installed on its machines, with the same catalog. ``workers`` limits a
    local one, and how many rows are asked for at once. Raises BadInput without Ray or cluster,
    PlannerError when a local one does not start.
    """
    try:
        import ray
    except ImportError:
        raise BadInput(
            "Ray is not installed",
            where="--engine ray",
            remedy="pip install 'ai-capacity-planner[ray]', or use --engine local",
        ) from None
    from planner.actions.sweep.ray_cluster import joined

    with joined(ray, address, workers):
        try:
            return _on_ray(ray, setup, combinations, done)
        except ray.exceptions.RayTaskError as error:
            cause = error.as_instanceof_cause()
            if isinstance(cause, PlannerError):
                raise PlannerError(str(cause).splitlines()[-1]) from None
            raise
        except ray.exceptions.RayError:
            raise PlannerError(_ENDED) from None


def _on_ray(ray: Any, setup: Setup, combinations: Sequence[Combination], done: Done) -> Rows:
    shared = ray.put(setup)
    row = ray.remote(num_cpus=1, max_retries=1)(_row_of)
    references = [row.remote(shared, combination) for combination in combinations]
    waiting, count = list(references), 0
    while waiting:
        ready, waiting = ray.wait(waiting, num_returns=1)
        count += len(ready)
        done(count)
    found: Rows = ray.get(references)
    return found


_runner: Runner | None = None  # of this worker process


def _begin(setup: Setup) -> None:
    global _runner
    _runner = Runner(setup)


def _row(combination: Combination) -> dict[str, Any]:
    assert _runner is not None
    return _runner.row(combination)


def _row_of(setup: Setup, combination: Combination) -> dict[str, Any]:
    """On Ray a process serves one job after the other: its runner is of the first setup it met."""
    if _runner is None or _runner.setup != setup:
        _begin(setup)
    return _row(combination)


@contextmanager
def _starting_workers() -> Iterator[None]:
    """Processes started meanwhile ignore Ctrl-C (the parent ends them) and do not run the main
    program again, which they have no use for and which may not expect it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if in_main_thread else None
    try:
        yield
    finally:
        if in_main_thread:
            signal.signal(signal.SIGINT, before)
        sys.modules["__main__"] = main
