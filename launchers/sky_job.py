"""Runs a user's own job or service on machines that SkyPilot rents, as benchmarks are run.

The same guards hold: consent, ``max_hourly_cost``, a guard asked all the time, time limits on the
machine itself and a cluster that goes down when idle. A service that is to stay up has none of the
last three; that is asked for by name.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Mapping
from typing import Any

from launchers.base import BenchmarkRun, RunResult
from launchers.cost_cap import Limits
from launchers.errors import BenchmarkFailed
from launchers.sky_client import RUN_LABEL
from launchers.skypilot import SkyPilotLauncher
from launchers.stages import RUN_MARKER

# What the ledger calls such runs, where it names the benchmark of others.
JOB = "launch"


class SkyJobLauncher(SkyPilotLauncher):
    """One job on one cluster named after it. ``config`` is a SkyPilot task as a mapping; what is
    needed to end the job of a planner that died is not in it. ``stays_up`` launches without any
    end."""

    # Days long: a connection that breaks is no reason to give up.
    log_attempts = 20

    def __init__(
        self,
        *arguments: Any,
        config: Mapping[str, Any] | None = None,
        stays_up: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._config, self._stays_up = config or {}, stays_up

    def _task(self, sky: Any, run: BenchmarkRun, bounds: Limits, hourly: float | None) -> Any:
        within = None if self._stays_up else bounds
        config = bounded(self._config, run.run_id, within, hourly)
        # Not in the mapping: SkyPilot keeps the text of that.
        secrets = list(run.secrets.items()) or None
        return sky.Task.from_yaml_config(config, secrets_overrides=secrets)

    def _ends_by_itself(self, bounds: Limits) -> dict[str, Any]:
        return {} if self._stays_up else super()._ends_by_itself(bounds)

    def _has_result(self) -> bool:
        return False  # it prints none: how it ended is what is known

    def collect(self) -> RunResult:
        """How long it took. Raises BenchmarkFailed when the job did."""
        if self._log_end:
            raise BenchmarkFailed(
                f"the job ended with {self._log_end}",
                where=self.target,
                remedy="see its output above; a spot machine may have been taken away",
            )
        return RunResult({}, "", time.monotonic() - self._started_s)


def bounded(
    config: Mapping[str, Any], run_id: str, bounds: Limits | None, max_hourly_usd: float | None
) -> dict[str, Any]:
    """A task that ends by itself within its bounds, is labelled and costs no more an hour.

    ``bounds`` None leaves out the ends.
    """
    found = dict(config)
    resources = dict(found.get("resources", {}))
    resources["labels"] = {**resources.get("labels", {}), RUN_LABEL: run_id}
    if max_hourly_usd is not None:
        resources["max_hourly_cost"] = round(max_hourly_usd, 4)
    found["resources"] = resources
    run = str(found.get("run", ""))
    if bounds is not None:
        run = _limited(run, bounds.program_s)
        if found.get("setup"):
            found["setup"] = _limited(str(found["setup"]), bounds.setup_s)
    found["run"] = f"echo '{RUN_MARKER}'\n{run}"
    return found


def _limited(lines: str, limit_s: float) -> str:
    return f"timeout -k 10 {limit_s:.0f} bash -c {shlex.quote(lines)}"
