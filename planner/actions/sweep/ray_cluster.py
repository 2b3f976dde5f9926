"""A Ray cluster joined, or a local one started, within a bounded time.

``ray.init`` has no limit of its own. Told to find the cluster around, it believes the address that
the last ``ray start`` wrote down; where that cluster is gone, it waits for minutes and then asks
the process to end. So the address is knocked at first, and all the rest has a limit.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from planner.errors import BadInput, PlannerError

# A cluster that listens answers at once; a local one starts in 5 s on two idle cores.
KNOCK_S = 5.0
START_S = 90.0

_REMEDY = "start one with `ray start --head`, or say --address local"


@contextmanager
def joined(ray: Any, address: str, workers: int | None) -> Iterator[None]:
    """Connected to Ray at ``address``: ``auto``, ``local``, ``host:port``, ``ray://``.

    Raises BadInput where no cluster answers, PlannerError where a local one does not start.
    """
    options: dict[str, Any] = {"address": address}
    if address == "local":
        options |= {"num_cpus": workers, "include_dashboard": False}
    else:
        options["address"] = _answering(address)
    start = _Start(ray, options)
    if start.failure is not None:
        words = " ".join(str(start.failure).split())[:120] or type(start.failure).__name__
        if address == "local":
            raise PlannerError(f"a local Ray did not start ({words}); use --engine local")
        raise _nothing_there(address, words)
    try:
        if address == "local":
            _see_a_worker(ray)
        yield
    finally:
        ray.shutdown()
        start.over.set()


class _Start:
    """``ray.init`` on a thread of its own, which cannot keep this one longer than the limit.

    The thread lives until ``over`` is set: Linux kills the processes of a local Ray when the thread
    that started them ends, and not only with the whole process (``PR_SET_PDEATHSIG``).
    """

    def __init__(self, ray: Any, options: dict[str, Any]) -> None:
        self.failure: BaseException | None = None
        self.over, self._there = threading.Event(), threading.Event()
        thread = threading.Thread(target=self._init, args=(ray, options), daemon=True)
        thread.start()
        if not self._there.wait(START_S):
            self.failure = TimeoutError(f"no answer within {START_S:g} s")

    def _init(self, ray: Any, options: dict[str, Any]) -> None:
        try:
            ray.init(log_to_driver=False, logging_level="ERROR", **options)
        # Whatever it is, it is told; Ray raises SystemExit where the other side is silent.
        except BaseException as error:  # noqa: BLE001
            self.failure = error
            self._there.set()
            return
        self._there.set()
        self.over.wait()


def _see_a_worker(ray: Any) -> None:
    """One trivial task: a Ray that is up but starts no worker would keep every row waiting."""
    try:
        ray.get(ray.remote(num_cpus=1)(_here).remote(), timeout=START_S)
    except ray.exceptions.GetTimeoutError:
        raise PlannerError(
            f"a local Ray started, but none of its workers did within {START_S:g} s; use --engine "
            "local"
        ) from None


def _here() -> bool:
    return True


def _answering(address: str) -> str:
    """The address that Ray would take, if something listens there. Raises BadInput."""
    found = address
    if address == "auto":
        try:
            from ray._private.services import get_ray_address_from_environment as around

            found = around("auto", None)
        except ConnectionError as error:
            words = str(error).split(".")[0]
            raise _nothing_there(address, words) from None
        except (ImportError, AttributeError, TypeError):
            return address  # another Ray finds it another way; its init has a limit all the same
    host, colon, port = found.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdigit():
        return found  # Ray knows more kinds of address than this
    try:
        socket.create_connection((host.strip("[]"), int(port)), KNOCK_S).close()
    except OSError:
        told = "" if found == address else ", the address that the last `ray start` left behind"
        raise _nothing_there(address, f"nothing answers at {found}{told}") from None
    return found


def _nothing_there(address: str, words: str) -> BadInput:
    return BadInput(f"no Ray cluster there ({words})", where=f"--address {address}", remedy=_REMEDY)
