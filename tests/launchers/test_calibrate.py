"""``planner calibrate`` as a user meets it: consent, caps, answers and exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from catalog import Catalog
from catalog.observations import OwnObservations
from launchers.base import BenchmarkRun, Bill, CostEstimate, OnLine, RunResult, RunTerms
from launchers.benchmarks import BENCHMARKS
from launchers.ledger import RunLedger, RunState
from launchers.targets import parse_target
from planner.actions.calibration.cost import quote
from planner.actions.calibration.row import observation
from planner.actions.device_names import accelerator_name, cpu_name
from planner.cli.main import run as planner
from tests.launchers.conftest import RESULT, RESULT_LINE

AWS = "skypilot:aws/us-east-1,accelerators=L4:1"


class Rented:
    """Stands in for a SkyPilot launcher."""

    def __init__(self, target: Any, run_id: str, estimate: CostEstimate, **options: Any) -> None:
        self.target, self.resource, self.estimate = target.text, f"planner-{run_id}", estimate

    def estimate_cost(self, run: BenchmarkRun) -> CostEstimate:
        return self.estimate

    def launch(
        self, run: BenchmarkRun, on_line: OnLine, *, confirmed: bool, on_request: Any = None
    ) -> str:
        assert confirmed
        return "job"

    def stream(self, on_line: OnLine) -> None:
        on_line("working")
        on_line(RESULT_LINE)

    def collect(self) -> RunResult:
        return RunResult(RESULT, json.dumps(RESULT), 60.0)

    def tear_down(self) -> None:
        pass

    def rejoin(self, run: BenchmarkRun, job: str, request: str, on_line: OnLine) -> None:
        assert job == "1"

    def bill(self) -> Bill:
        return Bill(0.25, 900.0, "the cloud's own account")

    def adopt(self, run: BenchmarkRun, job: str) -> None:
        pass


@pytest.fixture
def rented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("launchers.skypilot.SkyPilotLauncher", Rented)


def test_a_rented_run_is_stored_under_the_catalogs_name(
    rented: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert planner(["calibrate", "run", "cnn", "--on", AWS, "--yes", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["schema"] == "planner.calibration/1"
    assert document["observation"]["accelerator"] == "L4"
    assert document["observation"]["value"] == 640.0
    assert document["result"] == RESULT
    assert 0 < document["estimated_cost_usd"] < 5
    assert "USD in total at most" in err and "USD/h" in err
    assert "working" in err and "PLANNER_RESULT" not in err
    assert planner(["calibrate", "results", "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["results"]
    assert row["id"] == document["id"]
    assert planner(["calibrate", "results"]) == 0
    assert "640" in capsys.readouterr().out


def test_nobody_to_ask_means_no(rented: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert planner(["calibrate", "run", "cnn", "--on", AWS]) == 2
    assert "--yes" in capsys.readouterr().err
    assert RunLedger().runs() == []
    assert OwnObservations().all() == []


def test_a_cost_above_the_cap_ends_with_4(capsys: pytest.CaptureFixture[str]) -> None:
    assert planner(["calibrate", "run", "cnn", "--on", AWS, "--yes", "--max-cost", "0.01USD"]) == 4
    assert "more than the cap of 0.01 USD" in capsys.readouterr().err
    assert RunLedger().runs() == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cn"], "did you mean cnn"),
        (["cnn", "--on", "azur:x"], "is not a target"),
        (["cnn", "--samples", "many"], "--samples"),
        (["cnn", "--samples", "64"], "more --samples"),
        (["cnn", "--epochs", "0"], "--epochs"),
        (["cnn", "--precision", "fp12"], "invalid choice: 'fp12'"),
        (["cnn", "--max-cost", "cheap"], "--max-cost"),
        (["cnn", "--on", "skypilot:k8s", "--data", "."], "--data"),
        (["cnn", "--python", "/no/such/python"], "/no/such/python"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert planner(["calibrate", "run", *arguments]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert err.startswith("error: ")


def test_a_damaged_store_stops_the_run_before_it_costs(
    rented: None, capsys: pytest.CaptureFixture[str]
) -> None:
    store = OwnObservations()
    store.path.parent.mkdir(parents=True)
    store.path.write_bytes(b"")
    assert planner(["calibrate", "run", "cnn", "--on", AWS, "--yes"]) == 2
    assert str(store.path) in capsys.readouterr().err
    assert RunLedger().runs() == []


def test_stop_takes_down_what_a_dead_planner_left(
    rented: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = RunLedger()
    with monkeypatch.context() as patch:
        patch.setattr("launchers.ledger.os.getpid", lambda: 2**22 + 1)  # no process has this
        ledger.plan(
            "cnn-1", benchmark="cnn", target=AWS, resource="planner-cnn-1", terms=RunTerms(0.4)
        )
    ledger.record("cnn-1", RunState.RUNNING, job="1")
    assert planner(["calibrate", "status"]) == 0
    out, err = capsys.readouterr()
    assert "abandoned" in out
    assert "planner calibrate stop cnn-1" in err
    assert planner(["calibrate", "status", "--format", "json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["runs"]
    assert (row["may_cost_money"], row["estimated_cost_usd"]) == (True, 0.4)
    assert planner(["calibrate", "stop", "cnn-1"]) == 0
    assert not RunLedger().runs()[0].may_cost_money
    assert planner(["calibrate", "stop", "cnn-2"]) == 2


def test_stop_leaves_a_living_planners_run_alone(rented: None) -> None:
    RunLedger().plan(
        "cnn-1", benchmark="cnn", target=AWS, resource="planner-cnn-1", terms=RunTerms(1.0)
    )
    assert planner(["calibrate", "stop", "cnn-1"]) == 2


def test_quotes_come_from_the_catalog(catalog: Catalog) -> None:
    def of(text: str) -> CostEstimate:
        target = parse_target(text)
        assert target is not None
        return quote(catalog, target, 1800.0)

    demand, spot = of(AWS), of(AWS + ",spot")
    assert demand.usd is not None and spot.usd is not None
    assert 0 < spot.usd < demand.usd
    assert demand.usd_per_hour == pytest.approx(demand.usd / demand.hours)
    assert "us-east-1" in demand.basis
    assert of("skypilot:slurm/lab").usd is None
    assert of("skypilot:aws,instance=no.such").usd is None
    cpu = of("skypilot:gcp,cpus=4+,memory=16+")
    assert cpu.usd is not None and cpu.usd < demand.usd
    assert of("skypilot:aws,accelerators=NoSuchGpu:1").usd is None


Name = Callable[[Catalog, str], str | None]


@pytest.mark.parametrize(
    ("function", "driver", "name"),
    [
        (accelerator_name, "NVIDIA H100 80GB HBM3", "H100-80GB"),
        (accelerator_name, "NVIDIA A100-SXM4-80GB", "A100-80GB"),
        (accelerator_name, "NVIDIA A100-PCIE-40GB", "A100-40GB-PCIe"),
        (accelerator_name, "Tesla V100-SXM2-16GB", "V100-16GB"),
        (accelerator_name, "Tesla T4", "T4"),
        (accelerator_name, "NVIDIA GeForce RTX 4090", "RTX4090"),
        (accelerator_name, "A100", "A100-40GB"),  # SkyPilot's word for the smaller one
        (accelerator_name, "Voodoo 3dfx", None),
        (cpu_name, "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", "CPU-IceLake-8375C"),
        (cpu_name, "Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz", "CPU-Broadwell-E5-2686v4"),
        (cpu_name, "AMD EPYC 7R13 48-Core Processor", "CPU-Milan-7R13"),
        (cpu_name, "AMD EPYC", None),
    ],
)
def test_device_names(catalog: Catalog, function: Name, driver: str, name: str | None) -> None:
    assert function(catalog, driver) == name


def test_a_rented_cpu_gets_its_own_name_and_fingerprint(catalog: Catalog) -> None:
    hardware = {"cpu_model_name": "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz"}
    row, machine = observation(
        BENCHMARKS["cnn"], RESULT | {"hardware": hardware}, "skypilot:aws,cpus=4", catalog
    )
    assert row.accelerator == "CPU-IceLake-8375C"
    other = {"cpu_model_name": "Mystery"}
    row, elsewhere = observation(
        BENCHMARKS["cnn"], RESULT | {"hardware": other}, "skypilot:aws,cpus=4", catalog
    )
    assert row.accelerator == "CPU-Mystery"
    assert machine != elsewhere
