"""A SkyPilot that exists in a folder, so that a planner may be killed and another finds the same.

Stands in for the module ``sky``. As the real server does, it goes on with a launch whose client
died. Every call is written to ``calls``; what it is to do wrong is in ``faults``.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest


class ClusterDoesNotExist(Exception):
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
    """``faults`` maps a verb to exceptions that it raises, one a call."""

    def __init__(self, folder: Path, log: str) -> None:
        super().__init__("sky")
        self.folder, self.log = folder, log
        self.faults: dict[str, list[BaseException]] = {}
        self.exit_code = 0
        self.options: list[dict[str, Any]] = []  # of each launch
        self.usd_per_hour = 0.8
        self.exceptions = SimpleNamespace(ClusterDoesNotExist=ClusterDoesNotExist)
        self.StatusRefreshMode = SimpleNamespace(AUTO="AUTO")
        self.Task = _Tasks()
        for name in ("clusters", "requests", "ended"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> FakeSky:
        monkeypatch.setitem(sys.modules, "sky", self)
        return self

    @property
    def standing(self) -> set[str]:
        return {path.name for path in (self.folder / "clusters").iterdir()}

    def calls(self, verb: str) -> list[str]:
        path = self.folder / "calls"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line.split(" ", 1)[1] for line in lines if line.split(" ", 1)[0] == verb]

    def _called(self, verb: str, detail: str = "") -> None:
        with (self.folder / "calls").open("a") as file:
            file.write(f"{verb} {detail}\n")
        if self.faults.get(verb):
            raise self.faults[verb].pop(0)

    def Resources(self, **options: Any) -> Any:  # noqa: N802
        return SimpleNamespace(**options)

    def launch(self, task: Any, *, cluster_name: str, **options: Any) -> str:
        self.options.append(options)
        self._called("launch", cluster_name)
        request = f"launch-{cluster_name}"
        (self.folder / "requests" / request).write_text(json.dumps([cluster_name, time.time()]))
        (self.folder / "clusters" / cluster_name).write_text(str(time.time()))
        return request

    def stream_and_get(self, request: str, *, output_stream: Any) -> Any:
        self._called("stream_and_get", request)
        return self._value(request)

    def get(self, request: Any) -> Any:
        return self._value(request) if isinstance(request, str) else request

    def _value(self, request: str) -> Any:
        if not request.startswith("launch-"):
            return None
        self._called("get-launch", request)
        if request.removeprefix("launch-") not in self.standing:
            raise RuntimeError("the launch failed")
        return 7, None

    def api_info(self) -> SimpleNamespace:
        """Asked first, because api_status warns on stderr in a thread that heard of no version."""
        return SimpleNamespace(status="healthy", api_version="62", version="0.14.1")

    def api_status(self, *, all_status: bool, cluster_name: str) -> list[Any]:
        self._called("api_status", cluster_name)
        path = self.folder / "requests" / f"launch-{cluster_name}"
        if not path.exists() or not all_status:
            return []
        name, created = json.loads(path.read_text())
        made = {"cluster_name": name, "name": "sky.launch", "created_at": created}
        asked = {"cluster_name": name, "name": "sky.queue", "created_at": created + 1}
        return [
            SimpleNamespace(request_id="asked", **asked),
            SimpleNamespace(request_id=path.name, **made),
        ]

    def api_cancel(self, request: str) -> str:
        self._called("api_cancel", request)
        return "cancelled"

    def queue(self, cluster: str) -> list[Any]:
        self._called("queue", cluster)
        self._must_stand(cluster)
        return [{"job_id": 7, "status": "RUNNING"}]

    def tail_logs(self, cluster: str, job: int, *, follow: bool, output_stream: Any) -> int:
        self._called("tail_logs", cluster)
        self._must_stand(cluster)
        output_stream.write(self.log)
        return self.exit_code

    def down(self, cluster: str) -> str:
        self._called("down", cluster)
        self._must_stand(cluster)
        path = self.folder / "clusters" / cluster
        row = {"name": cluster, "launched_at": float(path.read_text()), "duration": 900}
        row["total_cost"] = self.usd_per_hour / 4
        (self.folder / "ended" / cluster).write_text(json.dumps(row))
        path.unlink()
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
        return [json.loads(path.read_text()) for path in (self.folder / "ended").iterdir()]

    def _must_stand(self, cluster: str) -> None:
        if cluster not in self.standing:
            raise ClusterDoesNotExist(f"\x1b[33mCluster '{cluster}' does not exist.\x1b[0m")
