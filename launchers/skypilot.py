"""Runs a benchmark on a machine that SkyPilot rents, and gives it back whatever happens.

Three things bound the cost: the user's consent to an estimate, SkyPilot's ``max_hourly_cost``,
and a cluster that goes down by itself when idle, should this program be killed. SkyPilot is
imported only here and only when needed; its calls go through the module (``sky.launch``), so that
tests can stand in for the cloud.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from launchers.background import LineStream, TookTooLong, call, others_captured
from launchers.base import BenchmarkRun, CostEstimate, OnLine, RunResult
from launchers.cost_cap import IDLE_MINUTES, SETUP_TIMEOUT_S, check_cap, max_hourly_usd
from launchers.errors import (
    BenchmarkFailed,
    BenchmarkUnusable,
    LaunchRefused,
    TearDownFailed,
)
from launchers.output import find_result, redact
from launchers.sky_task import build_task
from launchers.targets import SkyTarget

PROVISION_TIMEOUT_S = 1800.0
TEAR_DOWN_TIMEOUT_S = 600.0
SUBMIT_TIMEOUT_S = 60.0
TEAR_DOWN_ATTEMPTS = 3
LOG_ATTEMPTS = 2
T = TypeVar("T")


class SkyPilotLauncher:
    """One run on one cluster named after it.

    ``estimate`` was made from the catalog's prices and is what the user confirms. ``python`` is
    the node's interpreter; without one, the node gets torch in a virtual environment if need be.
    """

    def __init__(
        self,
        target: SkyTarget,
        run_id: str,
        estimate: CostEstimate,
        *,
        max_cost_usd: float | None = None,
        python: str = "",
        retry_wait_s: float = 5.0,
    ) -> None:
        self._target, self._estimate, self._max_cost_usd = target, estimate, max_cost_usd
        self._python, self._retry_wait_s = python, retry_wait_s
        self.target = target.text
        self.resource = f"planner-{run_id}"
        self._output = LineStream()
        self._lines: list[str] = []
        self._on_line: OnLine = lambda _: None
        self._run: BenchmarkRun | None = None
        self._folder: Path | None = None
        self._request: Any = None  # the launch request while it is under way
        self._submitted: threading.Event | None = None  # whether that request is made
        self._job: int | None = None
        self._log_end = ""
        self._may_exist = False
        self._started_s = 0.0

    def estimate_cost(self, run: BenchmarkRun) -> CostEstimate:
        """The estimate handed over. Raises CostCapExceeded."""
        del run  # the estimate was made for it
        check_cap(self._target, self._estimate, self._max_cost_usd)
        return self._estimate

    def launch(self, run: BenchmarkRun, on_line: OnLine, *, confirmed: bool) -> str:
        """Provision the cluster and submit the job; returns ``cluster/job``."""
        check_cap(self._target, self._estimate, self._max_cost_usd)
        if not confirmed:
            raise LaunchRefused(
                "costs money and was not confirmed", where=self.target, remedy="confirm it"
            )
        self._run, self._on_line, self._started_s = run, on_line, time.monotonic()
        # While captured, because SkyPilot's logger keeps the stdout it meets when imported.
        sky = self._call(_import_sky, PROVISION_TIMEOUT_S)
        folder = self._folder = Path(tempfile.mkdtemp(prefix="planner-run-"))
        shutil.copy(run.program, folder)
        try:
            task = self._call(
                lambda: build_task(
                    sky,
                    run,
                    self._target,
                    name=self.resource,
                    workdir=folder,
                    python=self._python,
                    max_hourly_usd=max_hourly_usd(self._target, self._estimate, self._max_cost_usd),
                ),
                PROVISION_TIMEOUT_S,
            )
        except Exception as error:  # SkyPilot has no common base of what a bad request raises
            raise LaunchRefused(
                f"SkyPilot refused the request ({self._said(error)})", where=self.target
            ) from error
        self._may_exist = True
        submitted = self._submitted = threading.Event()

        def submit() -> Any:
            try:
                self._request = sky.launch(
                    task,
                    cluster_name=self.resource,
                    idle_minutes_to_autostop=IDLE_MINUTES,
                    down=True,
                )
            finally:
                submitted.set()
            return sky.stream_and_get(self._request, output_stream=self._output)

        try:
            self._job, _handle = self._call(submit, PROVISION_TIMEOUT_S)
        except Exception as error:  # as above: quota, capacity, credentials, network ...
            raise BenchmarkFailed(
                f"no machine was had ({self._said(error)})",
                where=self.target,
                remedy="try another region or accelerator, or `sky check` for credentials",
            ) from error
        self._request = None
        return f"{self.resource}/{self._job}"

    def stream(self, on_line: OnLine) -> None:
        """Follow the job's log to its end; once more from its start when the connection broke."""
        run = self._running()
        sky = _import_sky()
        self._on_line = on_line

        def follow() -> Any:
            try:
                return sky.tail_logs(
                    self.resource, self._job, follow=True, output_stream=self._output
                )
            finally:
                self._output.finish()

        for attempt in range(1, LOG_ATTEMPTS + 1):
            self._lines.clear()
            try:
                code = self._call(follow, SETUP_TIMEOUT_S + run.timeout_s)
            except TookTooLong as error:
                raise BenchmarkFailed(
                    f"the job {error}", where=self.target, remedy="allow more time"
                ) from error
            except Exception as error:  # noqa: BLE001  # a lost node ends it in many ways
                self._log_end = self._said(error)
                if attempt < LOG_ATTEMPTS and not self._has_result():
                    time.sleep(self._retry_wait_s)
                    continue
            else:
                self._log_end = "" if code == 0 else f"exit status {code}"
            return

    def collect(self) -> RunResult:
        """The result in the log. A job that failed after printing one still measured it."""
        try:
            document, text = find_result(self._lines, self.target)
        except BenchmarkFailed as failure:
            if not self._log_end:
                raise
            complaints = [line for line in self._lines if "error: " in line]
            said = complaints[-1].split("error: ", 1)[1] if complaints else self._log_end
            kind = BenchmarkUnusable if complaints else BenchmarkFailed
            raise kind(
                f"{failure.problem}: {self._shown(said)}",
                where=self.target,
                remedy="a spot machine may have been taken away; see the output above",
            ) from failure
        return RunResult(document, text, time.monotonic() - self._started_s)

    def tear_down(self) -> None:
        """Cancel a launch under way, then take the cluster down, until SkyPilot says it is gone.

        The first Ctrl-C meanwhile is kept until that is done; the second gives up.
        """
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        if not self._may_exist:
            return
        interrupted, problem = 0, ""
        for attempt in range(1, TEAR_DOWN_ATTEMPTS + 1):
            try:
                self._take_down()
            except KeyboardInterrupt:
                interrupted, problem = interrupted + 1, "interrupted"
                self._on_line("giving the machine back first; Ctrl-C once more abandons it")
                if interrupted > 1:
                    break
            except Exception as error:  # noqa: BLE001  # try again: the machine costs money
                problem = self._said(error)
                if attempt < TEAR_DOWN_ATTEMPTS:
                    time.sleep(self._retry_wait_s)
            else:
                self._may_exist = False
                if interrupted:
                    raise KeyboardInterrupt
                return
        raise TearDownFailed(
            f"cluster {self.resource} may still run and cost money ({problem})",
            where=self.target,
            remedy=f"run `sky down {self.resource}` and check the cloud's console",
        )

    def adopt(self) -> SkyPilotLauncher:
        """This launcher for a cluster that an earlier planner left behind: only tear it down."""
        self._may_exist = True
        return self

    def _take_down(self) -> None:
        sky = _import_sky()
        # A launch under way, even one just being sent, may else make the cluster after this.
        if self._submitted is not None and not self._submitted.wait(SUBMIT_TIMEOUT_S):
            raise TookTooLong(f"the launch request was not sent within {SUBMIT_TIMEOUT_S:g} s")
        uncancelled: Exception | None = None
        if self._request is not None:
            try:
                self._call(lambda: sky.get(sky.api_cancel(self._request)), TEAR_DOWN_TIMEOUT_S)
                self._request = None
            except Exception as error:  # noqa: BLE001  # the cluster must go down all the same
                uncancelled = error
        try:
            self._call(lambda: sky.get(sky.down(self.resource)), TEAR_DOWN_TIMEOUT_S)
        except sky.exceptions.ClusterDoesNotExist:
            if uncancelled is not None:  # it may still come into being
                raise uncancelled from None

    def _call(self, function: Callable[[], T], timeout_s: float) -> T:
        with others_captured(self._output):  # SkyPilot prints its progress
            return call(function, timeout_s, lambda: self._output.drain(self._take_line))

    def _take_line(self, line: str) -> None:
        self._lines.append(line)
        self._on_line(self._shown(line))

    def _has_result(self) -> bool:
        try:
            find_result(self._lines, self.target)
        except BenchmarkFailed:
            return False
        return True

    def _shown(self, text: str) -> str:
        return redact(text, self._run.secrets.values() if self._run else ())

    def _said(self, error: BaseException) -> str:
        """An error in one line without secrets."""
        lines = self._shown(str(error)).strip().splitlines() or [type(error).__name__]
        return lines[0].strip()[:300]

    def _running(self) -> BenchmarkRun:
        if self._run is None:
            raise BenchmarkFailed("was never launched", where=self.target)
        return self._run


def _import_sky() -> Any:
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
