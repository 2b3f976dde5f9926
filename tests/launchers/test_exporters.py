"""A run's figures elsewhere: Prometheus' own parser reads them, a loopback server gets them."""

from __future__ import annotations

import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from launchers.errors import LaunchRefused
from launchers.exporters import Exporters
from launchers.exporters.nsys import profile_prefix
from launchers.exporters.prometheus import exposition
from planner.cli.main import run as planner
from tests.launchers.conftest import RESULT

DOCUMENT: dict[str, Any] = RESULT | {
    "device": 'odd "name"\\',
    "utilisation": {
        "samples": [
            {"second": 1.0, "cpu_percent": 50.0, "gpu_watts": 100.0},
            {"second": 2.0, "cpu_percent": 100.0},
        ],
        "gpu_energy_j": 250.0,
    },
}


class Gateway(BaseHTTPRequestHandler):
    got: list[tuple[str, str, str]]
    status = 200

    def do_PUT(self) -> None:  # the library's name
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        type(self).got.append((self.path, self.headers["Content-Type"], body))
        self.send_response(self.status)
        self.end_headers()
        if self.status != 200:
            self.wfile.write(b"pushed metrics are\ninvalid")

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def gateway() -> Iterator[tuple[str, type[Gateway]]]:
    handler = type("Fresh", (Gateway,), {"got": []})
    server = HTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()


def test_prometheus_reads_what_is_written(tmp_path: Path) -> None:
    parser = pytest.importorskip("prometheus_client.parser")
    file = tmp_path / "planner.prom"
    assert Exporters.of(str(file), "").export("cnn-1", "local", DOCUMENT) == []
    found = {
        (sample.name.removeprefix("planner_calibration_"), sample.labels.get("over", "")): sample
        for family in parser.text_string_to_metric_families(file.read_text())
        for sample in family.samples
    }
    assert found["value", ""].value == 640.0
    assert found["value", ""].labels["device"] == 'odd "name"\\'
    assert found["value", ""].labels["run_id"] == "cnn-1"
    assert found["cpu_utilization_ratio", "mean"].value == 0.75
    assert found["cpu_utilization_ratio", "max"].value == 1.0
    assert found["gpu_power_watts", "last"].value == 100.0
    assert found["gpu_energy_joules", ""].value == 250.0
    assert list(tmp_path.iterdir()) == [file]


def test_a_pushgateway_gets_it(gateway: tuple[str, type[Gateway]]) -> None:
    url, handler = gateway
    assert Exporters.of(url, "").export("cnn-1", "local", DOCUMENT) == []
    ((path, kind, body),) = handler.got
    assert path == "/metrics/job/planner_calibrate/instance/cnn-1"
    assert kind.startswith("text/plain; version=0.0.4")
    assert body == exposition("cnn-1", "local", DOCUMENT)


def test_a_pushgateway_that_refuses_or_is_not_there(gateway: tuple[str, type[Gateway]]) -> None:
    url, handler = gateway
    handler.status = 400
    (problem,) = Exporters.of(url, "").export("cnn-1", "local", DOCUMENT)
    assert "refused with 400 (pushed metrics are invalid)" in problem
    (problem,) = Exporters("http://127.0.0.1:9").export("cnn-1", "local", DOCUMENT)
    assert "is a Pushgateway there?" in problem


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--prometheus", "ftp://x"], "is not a Pushgateway"),
        (["--prometheus", "/no/such/folder/x.prom"], "--prometheus"),
        (["--max-hours", "0"], "--max-hours"),
        (["--template", "mpi"], "torchrun"),
        (["--ranks", "2"], "--template"),
        (["--on", "skypilot:aws,nodes=2", "--yes"], "--template torchrun"),
        (["--on", "skypilot:aws", "--profile", "--yes"], "--on local"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_measured(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert planner(["calibrate", "run", "cnn", *arguments]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_nsight_is_put_before_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LaunchRefused, match="not installed"):
        profile_prefix("cnn-1")
    (tmp_path / "nsys").write_text("#!/bin/sh\n")
    (tmp_path / "nsys").chmod(0o755)
    words = profile_prefix("cnn-1")
    assert words[:2] == (str(tmp_path / "nsys"), "profile")
    assert any(word.endswith("cnn-1.nsys-rep") for word in words)


def test_wandb_must_be_installed() -> None:
    if importlib.util.find_spec("wandb"):
        pytest.skip("Weights & Biases is installed")
    with pytest.raises(LaunchRefused, match=r"pip install .ai-capacity-planner"):
        Exporters.of("", "project")


def test_an_unknown_mode_of_wandb_is_said_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_MODE", "of-line")
    with pytest.raises(LaunchRefused, match=r"of-line.*offline, online"):
        Exporters.of("", "project")


def test_wandb_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb", reason="Weights & Biases is not installed: pip install wandb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert Exporters.of("", "project").export("cnn-1", "local", DOCUMENT) == []
    (file,) = tmp_path.glob("wandb/offline-run-*/run-cnn-1.wandb")
    written, end_s = list(_records(file)), time.monotonic() + 20.0
    while not any(record.HasField("exit") for record in written):  # written by a process of W&B's
        assert time.monotonic() < end_s, "the end of the run is not written"
        time.sleep(0.05)
        written = list(_records(file))
    (run,) = (record.run for record in written if record.HasField("run"))
    assert (run.project, run.run_id) == ("project", "cnn-1")
    config = {item.key: json.loads(item.value_json) for item in run.config.update}
    assert config["benchmark"] == "cnn"
    assert config["batch_size"] == 64
    rows = [
        {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in one.item}
        for one in (record.history for record in written if record.HasField("history"))
    ]
    assert [row["step_seconds"] for row in rows if "step_seconds" in row] == [0.1, 0.1, 0.11]
    watched = [row["utilisation/cpu_percent"] for row in rows if "utilisation/cpu_percent" in row]
    assert watched == [50.0, 100.0]
    summary = {
        item.key or ".".join(item.nested_key): json.loads(item.value_json)
        for record in written
        if record.HasField("summary")
        for item in record.summary.update
    }
    assert summary["images_per_s_per_device"] == 640.0


def _records(file: Path) -> Iterator[Any]:
    """What W&B would send to its server."""
    from wandb.proto import wandb_internal_pb2
    from wandb.sdk.internal.datastore import DataStore

    store = DataStore()
    store.open_for_scan(str(file))
    while (data := store.scan_data()) is not None:
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        yield record


@pytest.mark.parametrize("odd", [None, 5, [], {"samples": 5}, {"samples": [5, {"gpu_watts": "x"}]}])
def test_odd_utilisation_is_left_out(tmp_path: Path, odd: object) -> None:
    """A run is measured and paid for: what its meters said cannot spoil that."""
    file = tmp_path / "planner.prom"
    document = RESULT | {"utilisation": odd}
    assert Exporters.of(str(file), "").export("cnn-1", "local", document) == []
    assert "planner_calibration_value" in file.read_text()
