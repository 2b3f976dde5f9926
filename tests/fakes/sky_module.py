"""A SkyPilot that exists in a folder, so that a planner may be killed and another finds the same.

Stands in for the module ``sky``. As the real server does, it goes on with a launch whose client
died, unless the launch is cancelled. Every call is written to ``calls``; what it is to do wrong is
in its attributes, which processes forked later share.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


class ClusterDoesNotExist(Exception):
    pass


class ApiServerConnectionError(RuntimeError):
    pass


class _Tasks:
    """SkyPilot's ``Task``; ``configs`` are those made of a mapping, with the secrets beside it."""

    def __init__(self) -> None:
        self.configs: list[tuple[dict[str, Any], dict[str, str]]] = []

    def __call__(self, **options: Any) -> Any:
        return SimpleNamespace(set_resources=lambda _: None, **options)

    def from_yaml_config(
        self, config: dict[str, Any], *, secrets_overrides: list[tuple[str, str]] | None = None
    ) -> Any:
        self.configs.append((config, dict(secrets_overrides or [])))
        return SimpleNamespace(config=config)


class FakeSky(ModuleType):
    """``faults`` maps a verb to exceptions that it raises, one a call; ``hangs`` names verbs that
    never return; each call takes ``delay_s``, a launch ``provision_s``.

    ``fails_launches`` are answered and come to nothing. A job prints its log line by line;
    after ``lines_before_end`` of them ``end_of_node`` is done to it. ``seconds_a_second`` lets its
    clock run faster than the real one.
    """

    def __init__(self, folder: Path, log: str) -> None:
        super().__init__("sky")
        self.folder, self.log = folder, log
        self.faults: dict[str, list[BaseException]] = {}
        self.hangs: set[str] = set()
        self.delay_s = self.provision_s = 0.0
        self.fails_launches = self.loses_answers = False
        self.lines_before_end: int | None = None
        self.end_of_node: Callable[[str], int] = self.hang
        self.exit_code = 0
        self.options: list[dict[str, Any]] = []  # of each launch
        self.usd_per_hour = 0.8
        self.seconds_a_second, self.least_billed_s = 1.0, 0.0
        self.exceptions = SimpleNamespace(
            ClusterDoesNotExist=ClusterDoesNotExist,
            ApiServerConnectionError=ApiServerConnectionError,
        )
        self.StatusRefreshMode = SimpleNamespace(AUTO="AUTO")
        self.Task = _Tasks()
        for name in ("clusters", "requests", "fates", "ended", "delivered"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> FakeSky:
        monkeypatch.setitem(sys.modules, "sky", self)
        return self

    def recover(self) -> None:
        """What went wrong goes right from now on; machines that are gone stay so."""
        self.faults, self.hangs, self.lines_before_end = {}, set(), None
        self.fails_launches = self.loses_answers = False

    @property
    def standing(self) -> set[str]:
        self._settle()
        return {path.name for path in (self.folder / "clusters").iterdir()}

    @property
    def server_runs(self) -> bool:
        """Whether the API server runs: verbs other than those about it start it."""
        return (self.folder / "server").exists()

    @property
    def usd_billed(self) -> float:
        return sum(row["total_cost"] for row in self._ended())

    def delivered(self, cluster: str) -> bool:
        """Whether a job's whole log reached a client."""
        return (self.folder / "delivered" / cluster).exists()

    def is_pending(self) -> bool:
        """Whether a launch may still make a cluster."""
        return any(not self._fate(path.name) for path in (self.folder / "requests").iterdir())

    def calls(self, verb: str) -> list[str]:
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.split(" ", 1)[1] for line in lines if line.split(" ", 1)[0] == verb]

    def hang(self, cluster: str) -> int:
        threading.Event().wait()
        return 1

    def preempt(self, cluster: str) -> int:
        """The machine is taken away while its log is read."""
        self._end(cluster)
        return 1

    def lose(self, cluster: str) -> int:
        """The machine does not answer any more, and costs on."""
        raise ConnectionError(f"{cluster} does not answer")

    def _called(self, verb: str, detail: str = "") -> None:
        with (self.folder / "calls").open("a") as file:
            file.write(f"{verb} {detail}\n")
        if not verb.startswith("api_"):
            (self.folder / "server").touch()
        time.sleep(self.delay_s)
        if self.faults.get(verb):
            raise self.faults[verb].pop(0)
        if verb in self.hangs:
            self.hang(verb)

    def Resources(self, **options: Any) -> Any:  # noqa: N802
        return SimpleNamespace(**options)

    def launch(self, task: Any, *, cluster_name: str, **options: Any) -> str:
        self.options.append(options)
        self._called("launch", cluster_name)
        request = f"launch-{cluster_name}"
        now = time.time()
        ready = None if self.fails_launches else now + self.provision_s
        (self.folder / "requests" / request).write_text(json.dumps([cluster_name, now, ready]))
        self._settle()
        if self.loses_answers:
            raise ConnectionError("connection reset by peer")
        return request

    def stream_and_get(self, request: str, *, output_stream: Any) -> Any:
        self._called("stream_and_get", request)
        output_stream.write("provisioning\n")
        return self._value(request)

    def get(self, request: Any) -> Any:
        return self._value(request) if isinstance(request, str) else request

    def _value(self, request: str) -> Any:
        if not request.startswith("launch-"):
            return None
        self._called("get-launch", request)
        name, _, ready = json.loads((self.folder / "requests" / request).read_text())
        while ready is not None and time.time() < ready and not self._fate(request):
            time.sleep(0.01)
        if ready is None:
            self._decide(request, "failed")
            raise RuntimeError("Failed to provision all possible launchable resources.")
        if name not in self.standing:
            raise RuntimeError("the launch failed")
        rate = self.usd_per_hour
        taken = SimpleNamespace(get_cost=lambda seconds: rate * seconds / 3600)
        return 7, SimpleNamespace(launched_resources=taken, launched_nodes=1)

    def api_status(self, *, all_status: bool, cluster_name: str | None = None) -> list[Any]:
        self._called("api_status", cluster_name or "")
        found = []
        for path in (self.folder / "requests").iterdir():
            name, created, _ = json.loads(path.read_text())
            if cluster_name in (None, name) and (all_status or not self._fate(path.name)):
                made = {"cluster_name": name, "name": "sky.launch", "created_at": created}
                found.append(SimpleNamespace(request_id=path.name, **made))
                if all_status:  # what was asked about it since
                    asked = {**made, "name": "sky.queue", "created_at": created + 1}
                    found.append(SimpleNamespace(request_id="asked", **asked))
        return found

    def api_info(self) -> Any:
        """Asked first, because api_status warns on stderr in a thread that heard of no version."""
        self._called("api_info")
        if not self.server_runs:
            raise ConnectionError("connection refused")
        return SimpleNamespace(status="healthy", api_version="62", version="0.14.1")

    def api_stop(self) -> None:
        self._called("api_stop")
        (self.folder / "server").unlink(missing_ok=True)

    def api_cancel(self, request: str) -> str:
        self._called("api_cancel", request)
        self._settle()
        self._decide(request, "cancelled")
        return "cancelled"

    def queue(self, cluster: str) -> list[Any]:
        self._called("queue", cluster)
        self._must_stand(cluster)
        return [{"job_id": 7, "status": "RUNNING"}]

    def tail_logs(self, cluster: str, job: int, *, follow: bool, output_stream: Any) -> int:
        self._called("tail_logs", cluster)
        self._must_stand(cluster)
        for number, line in enumerate(self.log.splitlines(keepends=True)):
            if number == self.lines_before_end:
                return self.end_of_node(cluster)
            time.sleep(self.delay_s)
            self._must_stand(cluster)  # no log comes from a machine that was given back
            output_stream.write(line)
        (self.folder / "delivered" / cluster).touch()
        if self.lines_before_end is not None:
            return self.end_of_node(cluster)
        return self.exit_code

    def down(self, cluster: str) -> str:
        self._called("down", cluster)
        self._must_stand(cluster)
        self._end(cluster)
        return "down"

    def status(self, *, refresh: str) -> list[dict[str, Any]]:
        self._called("status")
        return [
            {
                "name": name,
                "status": "UP",
                "cloud": "AWS",
                "region": "us-east-1",
                "launched_at": 1,
                "labels": {},
            }
            for name in sorted(self.standing)
        ]

    def cost_report(self, *, days: int) -> list[dict[str, Any]]:
        self._called("cost_report")
        return self._ended()

    def _must_stand(self, cluster: str) -> None:
        if cluster not in self.standing:
            raise ClusterDoesNotExist(f"\x1b[33mCluster '{cluster}' does not exist.\x1b[0m")

    def _settle(self) -> None:
        """Make the clusters whose time has come."""
        for path in (self.folder / "requests").iterdir():
            name, _, ready = json.loads(path.read_text())
            if ready is None or time.time() < ready or not self._decide(path.name, "made"):
                continue
            (self.folder / "clusters" / name).write_text(str(ready))

    def _decide(self, request: str, fate: str) -> bool:
        """A launch has one fate, whoever comes first."""
        try:
            with (self.folder / "fates" / request).open("x") as file:
                file.write(fate)
        except FileExistsError:
            return False
        return True

    def _fate(self, request: str) -> bool:
        return (self.folder / "fates" / request).exists()

    def _end(self, cluster: str) -> None:
        path = self.folder / "clusters" / cluster
        with contextlib.suppress(FileNotFoundError):  # two took it down at once
            began = float(path.read_text())
            held_s = (time.time() - began) * self.seconds_a_second
            duration = max(held_s, self.least_billed_s)
            row = {"name": cluster, "launched_at": began, "duration": duration}
            row["total_cost"] = self.usd_per_hour * duration / 3600
            (self.folder / "ended" / cluster).write_text(json.dumps(row))
            path.unlink()

    def _ended(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in (self.folder / "ended").iterdir()]
