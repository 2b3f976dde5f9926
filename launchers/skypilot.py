"""Runs a benchmark on a machine that SkyPilot rents, and gives it back whatever happens.

What bounds the cost: the user's consent to an estimate, SkyPilot's ``max_hourly_cost``, a guard
that this program asks all the time, and, should this program be killed, time limits on the
machine itself and a cluster that goes down when idle.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from launchers.background import TookTooLong
from launchers.base import BenchmarkRun, Bill, CostEstimate, OnLine, RunResult
from launchers.cost_cap import Limits, check_cap, limits, max_hourly_usd
from launchers.errors import (
    BenchmarkFailed,
    BenchmarkUnusable,
    LaunchError,
    LaunchRefused,
    LimitReached,
    TearDownFailed,
)
from launchers.output import find_result
from launchers.sky_client import (
    COLOURS,
    OWN_PREFIX,
    PROVISION_TIMEOUT_S,
    SkyClient,
    hourly_usd,
)
from launchers.sky_task import build_task
from launchers.stages import RUN_MARKER
from launchers.targets import SkyTarget

TEAR_DOWN_TIMEOUT_S = 600.0
SUBMIT_TIMEOUT_S = 60.0
TEAR_DOWN_ATTEMPTS = 3
LOG_ATTEMPTS = 2
RETRY_WAIT_S = 5.0
LOG_END_S = 5.0  # a log ends soon after its machine
# What a program says of its machine or arguments; Slurm's own words begin otherwise.
COMPLAINT = re.compile(r"(?:\([^)]*\) )?error: (.*)")


class SkyPilotLauncher:
    """One run on one cluster named after it.

    ``estimate`` was made from the catalog's prices and is what the user confirms. ``python`` is
    the node's interpreter; without one, the node gets torch in a virtual environment if need be.
    ``guard`` is called all the time and raises LaunchError to end the run; ``on_rate`` gets the
    price per hour of what SkyPilot took.
    """

    log_attempts = LOG_ATTEMPTS

    def __init__(
        self,
        target: SkyTarget,
        run_id: str,
        estimate: CostEstimate,
        *,
        max_cost_usd: float | None = None,
        max_hours: float | None = None,
        python: str = "",
        guard: Callable[[], None] = lambda: None,
        on_rate: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._target, self._estimate, self._max_cost_usd = target, estimate, max_cost_usd
        self._max_hours = max_hours
        self._python, self._on_rate = python, on_rate
        self.target = target.text
        self.resource = f"{OWN_PREFIX}{run_id}"
        self._client = SkyClient(guard)
        self._run: BenchmarkRun | None = None
        self._folder: Path | None = None
        self._request: Any = None  # the launch request while it is under way
        self._submitted: threading.Event | None = None  # whether that request is made
        self._is_answered = False  # whether SkyPilot said what it calls that request
        self._job: int | None = None
        self._log_end = ""
        self._log_read = threading.Event()  # nobody reads a log any more
        self._log_read.set()
        self._is_over = False  # whether the job ended, not only its log
        self._may_exist = self._is_adopted = False
        self._started_s = time.monotonic()
        self._launched_at_s = 0.0

    def estimate_cost(self, run: BenchmarkRun) -> CostEstimate:
        """The estimate handed over. Raises CostCapExceeded."""
        del run  # the estimate was made for it
        check_cap(self._target, self._estimate, self._max_cost_usd)
        return self._estimate

    def launch(
        self,
        run: BenchmarkRun,
        on_line: OnLine,
        *,
        confirmed: bool,
        on_request: Callable[[str], None] = lambda _: None,
    ) -> str:
        """Provision the cluster and submit the job; returns the job's number."""
        check_cap(self._target, self._estimate, self._max_cost_usd)
        if not confirmed:
            raise LaunchRefused(
                "costs money and was not confirmed", where=self.target, remedy="confirm it"
            )
        self._begin(run, on_line)
        self._launched_at_s = time.time() - 60  # SkyPilot's server may run on another clock
        sky = self._client.module()
        bounds = limits(run.timeout_s, self._max_hours)
        hourly = max_hourly_usd(self._target, self._estimate, self._max_cost_usd)
        try:
            task = self._client.call(
                lambda: self._task(sky, run, bounds, hourly), PROVISION_TIMEOUT_S
            )
        except LaunchError:
            raise
        except Exception as error:  # SkyPilot has no common base of what a bad request raises
            raise LaunchRefused(
                f"SkyPilot refused the request ({self._client.said(error)})",
                where=self.target,
                remedy="nothing was started; change what is asked for after --on",
            ) from error
        self._may_exist = True
        submitted = self._submitted = threading.Event()

        def submit() -> Any:
            try:
                self._request = sky.launch(
                    task, cluster_name=self.resource, **self._ends_by_itself(bounds)
                )
                self._is_answered = True
            finally:
                submitted.set()
            return self._request

        try:
            request = self._client.call(submit, PROVISION_TIMEOUT_S)
            on_request(str(request))
            self._job, handle = self._client.call(
                lambda: sky.stream_and_get(request, output_stream=self._client.output),
                PROVISION_TIMEOUT_S,
            )
        except LaunchError:
            raise
        except Exception as error:  # as above: quota, capacity, credentials, network ...
            raise BenchmarkFailed(
                f"no machine was had ({self._client.said(error)})",
                where=self.target,
                remedy="try another region or accelerator, or `sky check` for credentials",
            ) from error
        self._request = None
        if self._target.is_billed:
            self._check_rate(hourly_usd(handle), hourly)
        return str(self._job)

    def _upload_folder(self, run: BenchmarkRun) -> Path:
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="planner-run-"))
            shutil.copy(run.program, self._folder)
        except OSError as error:
            raise LaunchRefused(
                f"the program cannot be put into a folder to upload ({error.strerror})",
                where=self.target,
                remedy="nothing was started; free space in the temporary folder",
            ) from error
        return self._folder

    def _check_rate(self, rate: float | None, agreed_per_node: float | None) -> None:
        """SkyPilot keeps to the highest price only while it chooses: a machine type that the user
        named is taken at any. Raises LimitReached."""
        if rate is None:
            return
        self._on_rate(rate)
        if agreed_per_node is None or rate <= agreed_per_node * self._target.nodes * 1.001:
            return
        raise LimitReached(
            f"the machine costs {rate:.4g} USD/h, at most "
            f"{agreed_per_node * self._target.nodes:.4g} USD/h was agreed to",
            where=self.target,
            remedy="given back; run `planner catalog refresh`, or allow it by a higher --max-cost "
            "(also where you pay less than the list price)",
        )

    def rejoin(self, run: BenchmarkRun, job: str, request: str, on_line: OnLine) -> None:
        """Find the job of a planner that died. Raises BenchmarkFailed when there is none."""
        self._begin(run, on_line)
        if job.isdecimal():
            self._job = int(job)
            return
        self._request = request or None
        self._job = self._client.find_job(self.resource, request, self.target)
        self._request = None

    def stream(self, on_line: OnLine) -> None:
        """Follow the job's log to its end; once more from its start when the connection broke."""
        run = self._running()
        client, client_lines = self._client, self._client.lines
        client.on_line = on_line
        sky = client.module()
        limit_s = limits(run.timeout_s, self._max_hours).setup_s + run.timeout_s

        def follow() -> Any:
            try:
                return sky.tail_logs(
                    self.resource, self._job, follow=True, output_stream=client.output
                )
            finally:
                client.output.finish()
                self._log_read.set()

        for attempt in range(1, self.log_attempts + 1):
            client_lines.clear()
            self._log_read.clear()
            try:
                code = client.call(follow, limit_s)
            except TookTooLong as error:
                if self._has_result():
                    return
                raise BenchmarkFailed(
                    f"the job {error}", where=self.target, remedy="allow more time"
                ) from error
            except LaunchError:  # of the guard: what was measured by then was paid for
                if not self._has_result():
                    raise
            except Exception as error:  # noqa: BLE001  # a lost node ends it in many ways
                self._log_end = client.said(error)
                if attempt < self.log_attempts and not self._has_result():
                    time.sleep(RETRY_WAIT_S)
                    continue
            else:
                self._is_over = True
                self._log_end = "" if code == 0 else f"exit status {code}"
            return

    def collect(self) -> RunResult:
        """The result in the log. A job that failed after printing one still measured it."""
        lines = self._client.lines
        try:
            document, text = find_result(lines, self.target)
        except BenchmarkFailed as failure:
            if not self._log_end:
                raise
            plain = [COLOURS.sub("", line) for line in lines]
            complaints = [found[1] for line in plain if (found := COMPLAINT.match(line))]
            said = self._client.shown(complaints[-1] if complaints else self._log_end)
            kind, remedy = BenchmarkFailed, "a spot machine may have been taken away"
            if complaints:
                kind, remedy = BenchmarkUnusable, "change that"
            elif self._is_over and not any(RUN_MARKER in line for line in lines):
                said = f"its node could not be set up, {said}"
                remedy = "name a Python there that has torch with --python"
            raise kind(
                f"{failure.problem}: {said}",
                where=self.target,
                remedy=f"{remedy}; see the output above",
            ) from failure
        return RunResult(document, text, time.monotonic() - self._started_s)

    def tear_down(self) -> None:
        """Cancel a launch under way, then take the cluster down, until SkyPilot says it is gone."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        if not self._may_exist:
            return
        problem = ""
        for attempt in range(1, TEAR_DOWN_ATTEMPTS + 1):
            try:
                self._take_down()
            except KeyboardInterrupt:  # by a user who was told and insists (launchers.interrupts)
                problem = "abandoned by Ctrl-C"
                break
            except Exception as error:  # noqa: BLE001  # try again: the machine costs money
                problem = self._client.said(error)
                if attempt < TEAR_DOWN_ATTEMPTS:
                    time.sleep(RETRY_WAIT_S)
            else:
                self._may_exist = False
                self._hear_out()
                return
        raise TearDownFailed(
            f"cluster {self.resource} may still run and cost money ({problem})",
            where=self.target,
            remedy=f"run `planner calibrate stop --all`, or `sky down {self.resource}` and look at "
            "the cloud's console",
        )

    def _hear_out(self) -> None:
        """The log of a job that was interrupted is still being read: a result that it brings while
        the machine goes was paid for."""
        if self._log_read.is_set() or self._has_result():
            return
        with suppress(KeyboardInterrupt, TookTooLong):  # all is given back already
            self._client.call(lambda: self._log_read.wait(LOG_END_S), LOG_END_S + 1, guarded=False)

    def bill(self) -> Bill | None:
        """SkyPilot's own account, where it has one."""
        if not self._target.is_billed:
            return None
        return self._client.bill(self.resource, self._launched_at_s)

    def adopt(self, run: BenchmarkRun, job: str) -> None:
        """The cluster of an earlier planner: tear_down takes it down, whatever its state, and
        cancels its launch if that is still under way."""
        del run, job
        self._may_exist = self._is_adopted = True

    def _task(self, sky: Any, run: BenchmarkRun, bounds: Limits, hourly: float | None) -> Any:
        """The ``sky.Task`` to launch, within its bounds. Raises what SkyPilot raises."""
        folder = self._upload_folder(run)
        return build_task(
            sky,
            run,
            self._target,
            name=self.resource,
            workdir=folder,
            python=self._python,
            max_hourly_usd=hourly,
            bounds=bounds,
        )

    def _ends_by_itself(self, bounds: Limits) -> dict[str, Any]:
        """What SkyPilot does about a cluster without a job, whatever becomes of this program."""
        return {"idle_minutes_to_autostop": bounds.idle_minutes, "down": True}

    def _take_down(self) -> None:
        client = self._client
        sky = client.module()
        # A launch under way, even one just being sent, may else make the cluster after this.
        if self._submitted is not None and not self._submitted.wait(SUBMIT_TIMEOUT_S):
            raise TookTooLong(f"the launch request was not sent within {SUBMIT_TIMEOUT_S:g} s")
        is_unknown = self._submitted is not None and not self._is_answered  # the answer got lost
        if self._request is None and (self._is_adopted or is_unknown):
            self._request = client.launch_request(self.resource, active_only=True) or None
        uncancelled: Exception | None = None
        if self._request is not None:
            try:
                client.call(
                    lambda: sky.get(sky.api_cancel(self._request)),
                    TEAR_DOWN_TIMEOUT_S,
                    guarded=False,
                )
                self._request = None
            except Exception as error:  # noqa: BLE001  # the cluster must go down all the same
                uncancelled = error
        try:
            client.call(
                lambda: sky.get(sky.down(self.resource)), TEAR_DOWN_TIMEOUT_S, guarded=False
            )
        except sky.exceptions.ClusterDoesNotExist:
            if uncancelled is not None:  # it may still come into being
                raise uncancelled from None

    def _begin(self, run: BenchmarkRun, on_line: OnLine) -> None:
        self._run, self._started_s = run, time.monotonic()
        self._client.on_line = on_line
        self._client.secrets = tuple(run.secrets.values())

    def _has_result(self) -> bool:
        try:
            find_result(self._client.lines, self.target)
        except BenchmarkFailed:
            return False
        return True

    def _running(self) -> BenchmarkRun:
        if self._run is None:
            raise BenchmarkFailed("was never launched", where=self.target)
        return self._run
