"""SkyPilot's calls, made so that they can time out, be stopped and be followed.

SkyPilot is imported only here and only when needed; its calls go through the module
(``sky.launch``), so that tests can stand in for the cloud.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from launchers import sky_server
from launchers.background import LineStream, call, others_captured
from launchers.base import Bill, OnLine
from launchers.errors import BenchmarkFailed, LaunchError, LaunchRefused
from launchers.output import redact

CALL_TIMEOUT_S = 600.0
PROVISION_TIMEOUT_S = 1800.0
BILL_TIMEOUT_S = 60.0
# A cluster that a launch request has made, but which has no job yet, gets one soon or never.
JOB_WAIT_S = 120.0
OWN_PREFIX = "planner-"
RUN_LABEL = "planner-run"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that SkyPilot knows. ``state`` is its word for it (INIT, UP, STOPPED)."""

    name: str
    state: str
    where: str
    launched_at_s: float | None
    run_label: str


class SkyClient:
    """Calls for one cluster. ``on_line`` gets all that SkyPilot and the job print, in the caller's
    thread and without ``secrets``; ``guard`` is called all the time and may raise LaunchError."""

    def __init__(self, guard: Callable[[], None] = lambda: None) -> None:
        self.output = LineStream()
        self.lines: list[str] = []
        self.on_line: OnLine = lambda _: None
        self.guard = guard
        self.secrets: tuple[str, ...] = ()

    def call(self, function: Callable[[], T], timeout_s: float, *, guarded: bool = True) -> T:
        """The function's value. Raises TookTooLong, what it raises, and what the guard raises."""

        def meanwhile() -> None:
            self.output.drain(self._take_line)
            if guarded:
                self.guard()

        with others_captured(self.output):  # SkyPilot prints its progress
            try:
                return call(function, timeout_s, meanwhile)
            except BaseException:  # Ctrl-C too: a result may be among the lines not yet looked at
                self.output.drain(self._take_line)
                raise

    def module(self, timeout_s: float = PROVISION_TIMEOUT_S) -> Any:
        # While captured, because SkyPilot's logger keeps the stdout it meets when imported.
        return self.call(import_sky, timeout_s, guarded=False)

    def shown(self, text: str) -> str:
        return redact(text, self.secrets)

    def said(self, error: BaseException) -> str:
        """An error in one line without secrets and colours."""
        text = COLOURS.sub("", self.shown(str(error)))
        lines = text.strip().splitlines() or [type(error).__name__]
        return lines[0].strip()[:300]

    def find_job(self, cluster: str, request: str, where: str) -> int:
        """The job that a launch by another process made or is making; ``request`` is empty where
        that process died before it could write it down. Raises BenchmarkFailed."""
        sky = self.module()
        try:
            request = request or self.launch_request(cluster)
            if request:
                job, _handle = self.call(lambda: sky.get(request), PROVISION_TIMEOUT_S)
                if job is not None:
                    return int(job)
            return self._queued_job(sky, cluster)
        except LaunchError:
            raise
        except Exception as error:  # SkyPilot has no common base of what goes wrong
            raise BenchmarkFailed(
                f"its launch came to nothing ({self.said(error)})",
                where=where,
                remedy="run the benchmark again; what is left is taken down now",
            ) from error

    def launch_request(self, cluster: str, *, active_only: bool = False) -> str:
        """The latest launch of a cluster that was sent, by a process that may have died before it
        could write that down; empty for none. Raises what SkyPilot raises."""
        sky = self.module()

        def requests() -> Any:
            # A thread learns the server's version from its first answer; without it, api_status
            # warns. It starts no server and knows no request when none runs.
            with suppress(Exception):
                sky.api_info()
            return sky.api_status(all_status=not active_only, cluster_name=cluster)

        found = self.call(requests, CALL_TIMEOUT_S, guarded=False)
        ours = [one for one in found if one.cluster_name == cluster and "launch" in one.name]
        ours.sort(key=lambda one: float(one.created_at))
        return str(ours[-1].request_id) if ours else ""

    def _queued_job(self, sky: Any, cluster: str) -> int:
        """Raises what SkyPilot raises when there is no such cluster, BenchmarkFailed for no job."""
        end_s = time.monotonic() + JOB_WAIT_S
        while True:
            jobs = self.call(lambda: sky.get(sky.queue(cluster)), CALL_TIMEOUT_S)
            if jobs:
                return max(int(_field(job, "job_id")) for job in jobs)
            if time.monotonic() > end_s:
                raise BenchmarkFailed(
                    "its cluster was never given the program",
                    where=cluster,
                    remedy="run the benchmark again; what is left is taken down now",
                )
            time.sleep(min(5.0, JOB_WAIT_S / 10))
            self.guard()

    def bill(self, cluster: str, not_before_s: float) -> Bill | None:
        """SkyPilot's own account, None where it has none or no price (it then says 0)."""
        try:
            sky = self.module()
            rows = self.call(
                lambda: sky.get(sky.cost_report(days=30)), BILL_TIMEOUT_S, guarded=False
            )
            rows = [row for row in rows if _field(row, "name") == cluster]
            rows = [row for row in rows if float(_field(row, "launched_at") or 0) >= not_before_s]
            usd = sum(float(_field(row, "total_cost") or 0) for row in rows)
            held_s = sum(float(_field(row, "duration") or 0) for row in rows)
        except Exception:  # noqa: BLE001  # the machine is given back; its price is a courtesy
            return None
        return Bill(usd, held_s, "SkyPilot's cost report") if usd > 0 else None

    def clusters(self) -> list[Cluster]:
        """All that SkyPilot says exist, asked of the clouds. Leaves no server running that did not
        run before. Raises LaunchError."""
        sky = self.module()

        def ask() -> Any:
            if not sky_server.runs(sky) and not sky_server.may_know_clusters():
                return []
            with sky_server.left_as_found(sky):
                return sky.get(sky.status(refresh=sky.StatusRefreshMode.AUTO))

        try:
            found = self.call(ask, CALL_TIMEOUT_S)
        except Exception as error:
            raise LaunchError(
                f"SkyPilot does not say what exists ({self.said(error)})",
                where="skypilot",
                remedy="run `sky check` and `sky status`, and look at the cloud's console",
            ) from error
        return [_cluster(row) for row in found]

    def _take_line(self, line: str) -> None:
        self.lines.append(line)
        self.on_line(self.shown(line))


def is_ours(cluster: Cluster) -> bool:
    """By label, or by name where the cloud has no labels."""
    return bool(cluster.run_label) or cluster.name.startswith(OWN_PREFIX)


def import_sky() -> Any:
    """Raises LaunchRefused."""
    # No usage report leaves this machine unless the user asks SkyPilot for it.
    os.environ.setdefault("SKYPILOT_DISABLE_USAGE_COLLECTION", "1")
    try:
        import sky
    except ImportError as error:
        raise LaunchRefused(
            f"SkyPilot cannot be imported ({error})",
            where="skypilot",
            remedy="pip install 'ai-capacity-planner[sky]' and the cloud's own extra",
        ) from error
    return sky


def hourly_usd(handle: Any) -> float | None:
    """What SkyPilot says the machines it took cost per hour, all nodes; None where unknown."""
    try:
        rate = float(handle.launched_resources.get_cost(3600)) * int(handle.launched_nodes)
    except Exception:  # noqa: BLE001  # the catalog's rate stands then
        return None
    return rate if rate > 0 else None


def _cluster(row: Any) -> Cluster:
    place = "/".join(str(_field(row, name)) for name in ("cloud", "region") if _field(row, name))
    launched = _field(row, "launched_at")
    labels = _field(row, "labels") or {}
    state = _field(row, "status")
    return Cluster(
        name=str(_field(row, "name")),
        state=str(getattr(state, "value", state)),
        where=place or "unknown",
        launched_at_s=float(launched) if launched else None,
        run_label=str(labels.get(RUN_LABEL, "")),
    )


def _field(row: Any, name: str) -> Any:
    """SkyPilot answers with models or with dicts, by version and verb."""
    return row.get(name) if hasattr(row, "get") else getattr(row, name, None)
