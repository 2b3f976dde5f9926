"""``planner report benchmark``: each bar says how it is known, and rests on what it says."""

from __future__ import annotations

import json
import statistics

import pytest

from catalog.observations import Observation, OwnObservations
from planner.actions.report.benchmark import benchmark
from planner.actions.session import Session
from planner.report.pages.rendered import rendered
from planner.results.benchmark import BenchmarkReport
from tests.planner.conftest import Planner

CNN = "MNIST-CNN-pytorch-examples"


@pytest.fixture(scope="module")
def cnn(session: Session) -> BenchmarkReport:
    return benchmark("cnn", session)


@pytest.fixture(scope="module")
def transformer(session: Session) -> BenchmarkReport:
    return benchmark("transformer", session)


def test_cnn_has_every_kind_and_adds_up(cnn: BenchmarkReport) -> None:
    assert {"CPU", "GPU", "TPU"} <= {bar.kind for bar in cnn.bars}
    assert {bar.basis for bar in cnn.bars} <= {"calibrated", "analytic"}
    base = next(bar for bar in cnn.bars if bar.device == cnn.baseline)
    assert base.kind == "CPU" and base.speed_up == 1.0
    for bar in cnn.bars:
        assert bar.rate_p10 < bar.rate < bar.rate_p90
        assert bar.hours == pytest.approx(60_000 * 14 / bar.rate / 3600, rel=1e-4)
        assert bar.speed_up == pytest.approx(bar.rate / base.rate, rel=1e-4)
        assert bar.usd_per_hour is not None and bar.usd_per_unit is not None
        epoch = bar.usd_per_hour * 60_000 / bar.rate / 3600
        assert bar.usd_per_unit == pytest.approx(epoch, rel=1e-4)
        assert bar.peak_share is not None and 0 < bar.peak_share < 1
    assert all(bar.devices >= 1 for bar in cnn.bars if bar.kind != "CPU")
    text = rendered(cnn, "markdown", file="", made="")
    assert "calibrated" in text and "analytic" in text and "Nothing was measured" in text


def test_own_runs_are_the_measured_bars(session: Session, isolated_dirs: object) -> None:
    """A run in the store is shown as measured, with what the meters saw, beside the estimates."""
    seen = Observation(
        id="", task="train", model=CNN, framework="pytorch2.9-eager", precision="fp32",
        accelerator="A100-40GB", accelerators=1.0, nodes=1.0, batch_global="64",
        batch_per_device=64.0, metric="images_per_s_per_device", value=18_000.0, source="test",
        source_id="own", model_class="cnn", img_size=28.0,
    )  # fmt: skip
    document = {
        "rates": {"p10": 17_000.0, "p90": 19_000.0},
        "utilisation": {"samples": [{"gpu_percent": 20.0}, {"gpu_percent": 30.0}]},
    }
    own = OwnObservations().append(seen, machine="m", result_json=json.dumps(document))
    found = benchmark("cnn", session)
    (bar,) = [bar for bar in found.bars if bar.basis == "measured"]
    assert (bar.device, bar.rate, bar.rate_p10, bar.rate_p90) == ("A100-40GB", 18e3, 17e3, 19e3)
    assert bar.busy == "gpu 25%" and own.id in bar.source
    assert bar.expected is not None and bar.usd_per_unit is None
    page = rendered(found, "html", file="", made="")
    assert "47 s, measured" in page and ">18,000<" in page


def test_published_runs_are_the_measured_bars_of_the_transformer(
    transformer: BenchmarkReport, session: Session
) -> None:
    measured = [bar for bar in transformer.bars if bar.basis == "measured elsewhere"]
    assert {"GPU", "TPU"} == {bar.kind for bar in measured}
    bar = next(b for b in measured if b.device == "TPU-v5p" and b.precision == "MLPerf mixed")
    rows = [
        row
        for row in session.catalog.rows("observations", "value > 0 AND task = 'train'")
        if (row["model"], row["accelerator"]) == ("GPT-3-175B", "TPU-v5p")
        and row["precision"] == "mixed(mlperf)"
    ]
    nearest = min(abs(float(row["accelerators"]) - 256) for row in rows)
    at = [float(r["value"]) for r in rows if abs(float(r["accelerators"]) - 256) == nearest]
    assert bar.rate / bar.devices == pytest.approx(statistics.median(at), rel=1e-4)
    assert f"{len(rows)} published runs" in bar.on and "mlcommons" in bar.source
    assert {b.basis for b in transformer.bars} == {"measured elsewhere", "calibrated"}
    for one in transformer.bars:
        if one.usd_per_hour is not None:
            assert one.usd_per_unit == pytest.approx(
                one.usd_per_hour / (one.rate * 3600) * 1e6, rel=1e-4
            )


def test_another_model(planner: Planner) -> None:
    done = planner(
        "report", "benchmark", "transformer", "--model", "llama-3.1-8b", "--format", "json"
    )
    found = BenchmarkReport.model_validate_json(done.out)
    assert found.model == "Llama-3.1-8B"
    assert any(b.basis == "measured elsewhere" and b.device == "TPU-v6e" for b in found.bars)
