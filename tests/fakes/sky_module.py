"""A SkyPilot that exists in a folder, so that a planner may be killed and another finds the same.

Stands in for the module ``sky``. As the real server does, it goes on with a launch whose client
died, unless the launch is cancelled. Every call is noted in ``calls``; what it is to do wrong is
in its attributes, which processes forked later share.

A real cloud does not live on the planner's disk. What this one knows it keeps in the text of
symbolic links: they are made at once or not at all, whenever a process is killed, and a disk that
is full by ``RLIMIT_FSIZE`` takes them still.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


class ClusterDoesNotExist(Exception):
    pass


class ApiServerConnectionError(RuntimeError):
    pass


class _Notes:
    """Texts by name, in a folder. Each is written once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.name for path in self.folder.iterdir()))

    def __contains__(self, name: str) -> bool:
        return os.path.lexists(self.folder / name)

    def __getitem__(self, name: str) -> str:
        """Raises FileNotFoundError."""
        return str((self.folder / name).readlink())

    def add(self, name: str, text: str = "yes") -> bool:
        """Whether there was none of that name; what is there stays."""
        try:
            (self.folder / name).symlink_to(text)
        except FileExistsError:
            return False
        return True

    def remove(self, name: str) -> None:
        (self.folder / name).unlink(missing_ok=True)


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
        self._server = _Notes(folder / "server")
        self._clusters, self._requests, self._fates, self._ended, self._delivered, self._calls = (
            _Notes(folder / name)
            for name in ("clusters", "requests", "fates", "ended", "delivered", "calls")
        )
        self._numbers = itertools.count()

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
        return set(self._clusters)

    def stand(self, cluster: str) -> None:
        """A cluster that nobody launched here."""
        self._clusters.add(cluster, "1")

    def vanish(self) -> None:
        """No cluster is there any more, and nobody was told."""
        for cluster in self._clusters:
            self._clusters.remove(cluster)

    @property
    def server_runs(self) -> bool:
        """Whether the API server runs: verbs other than those about it start it."""
        return "runs" in self._server

    def start_server(self) -> None:
        self._server.add("runs")

    @property
    def usd_billed(self) -> float:
        return sum(row["total_cost"] for row in self._bills())

    def delivered(self, cluster: str) -> bool:
        """Whether a job's whole log reached a client."""
        return cluster in self._delivered

    def is_pending(self) -> bool:
        """Whether a launch may still make a cluster."""
        return any(request not in self._fates for request in self._requests)

    def calls(self, verb: str) -> list[str]:
        """What it was called with, in order."""
        called = [self._calls[number].split(" ", 1) for number in self._calls]
        return [detail for name, detail in called if name == verb]

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
        number = f"{time.time_ns():020}-{os.getpid()}-{next(self._numbers)}"
        self._calls.add(number, f"{verb} {detail}")
        if not verb.startswith("api_"):
            self.start_server()
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
        self._requests.add(request, json.dumps([cluster_name, now, ready]))
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
        name, _, ready = json.loads(self._requests[request])
        while ready is not None and time.time() < ready and request not in self._fates:
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
        for request in self._requests:
            name, created, _ = json.loads(self._requests[request])
            if cluster_name in (None, name) and (all_status or request not in self._fates):
                made = {"cluster_name": name, "name": "sky.launch", "created_at": created}
                found.append(SimpleNamespace(request_id=request, **made))
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
        self._server.remove("runs")

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
        self._delivered.add(cluster)
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
        return self._bills()

    def _must_stand(self, cluster: str) -> None:
        if cluster not in self.standing:
            raise ClusterDoesNotExist(f"\x1b[33mCluster '{cluster}' does not exist.\x1b[0m")

    def _settle(self) -> None:
        """Make the clusters whose time has come."""
        for request in self._requests:
            name, _, ready = json.loads(self._requests[request])
            if ready is not None and time.time() >= ready and self._decide(request, "made"):
                self._clusters.add(name, str(ready))

    def _decide(self, request: str, fate: str) -> bool:
        """A launch has one fate, whoever comes first."""
        return self._fates.add(request, fate)

    def _end(self, cluster: str) -> None:
        with contextlib.suppress(FileNotFoundError):  # two took it down at once
            began = float(self._clusters[cluster])
            held_s = (time.time() - began) * self.seconds_a_second
            duration = max(held_s, self.least_billed_s)
            row = {"name": cluster, "launched_at": began, "duration": duration}
            row["total_cost"] = self.usd_per_hour * duration / 3600
            self._ended.add(cluster, json.dumps(row))
            self._clusters.remove(cluster)

    def _bills(self) -> list[dict[str, Any]]:
        return [json.loads(self._ended[cluster]) for cluster in self._ended]
