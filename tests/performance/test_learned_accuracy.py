"""What is published about accuracy, and the measurements behind answers."""

from __future__ import annotations

import csv
import io
import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from catalog import Catalog
from catalog.observations import Observation, OwnObservations
from planner.actions.estimate.batch import MEASURED_ELSEWHERE, MEASURED_HERE, estimate_batch
from planner.cli.main import run
from planner.performance.learned.artefact import ARTEFACT, Artefact, current, load, user_file
from planner.performance.learned.neighbours import neighbours
from planner.performance.learned.published import Measurements
from planner.report.accuracy import markdown, summary
from planner.report.accuracy_plots import calibration_svg, residuals_svg

ROOT = Path(__file__).resolve().parents[2]
OUTCOMES = ("value", "ttft_ms", "tpot_ms", "source", "source_id", "source_date")


def test_the_shipped_model_meets_its_goals_on_what_it_never_saw(catalog: Catalog) -> None:
    artefact = current()
    reports = {report.scheme: report for report in artefact.reports}
    assert int(artefact.provenance["rows"]) == len(catalog.rows("observations", "value > 0"))
    assert reports["pair"].mean_error <= 0.205
    assert reports["accelerator"].mean_error <= 0.28
    for scheme in ("pair", "accelerator"):
        for score in reports[scheme].scores:
            if score.rows >= 15:
                assert score.error <= 0.40, (scheme, score)
                # A class of five groups cannot be nearer to 80% than one group's rows.
                assert 0.75 <= score.coverage <= (0.95 if score.groups < 20 else 0.90), score
    assert set(reports) == {"pair", "accelerator", "source"}
    for report in artefact.reports:
        assert report.refused == 0
        assert sum(score.rows for score in report.scores) == int(artefact.provenance["rows"])


def test_documents_show_the_figures_of_the_shipped_model() -> None:
    artefact = current()
    page = (ROOT / "docs" / "accuracy.md").read_text(encoding="utf-8")
    assert markdown(artefact.reports, artefact.provenance) in page
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert summary(artefact.reports, artefact.provenance) in readme


def test_accuracy_prints_what_was_found_at_fit_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["accuracy", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "planner.accuracy/1"
    for scheme, report in zip(document["schemes"], current().reports, strict=True):
        assert scheme["mean_error"] == pytest.approx(report.mean_error)
        assert [one["name"] for one in scheme["classes"]] == [s.name for s in report.scores]
    assert run(["accuracy"]) == 0
    table = capsys.readouterr().out
    assert max(map(len, table.splitlines())) <= 80
    assert f"{current().reports[0].mean_error:.1%}" in table


def test_plots_without_cross_validation_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["accuracy", "--plots", "x"]) == 2
    assert "--cv groups" in capsys.readouterr().err


def test_plots_are_svg_with_every_class_and_scheme() -> None:
    calibration = calibration_svg((0.5, 0.8), {"pair": [0.52, 0.79], "accelerator": [0.4, 0.9]})
    residuals = residuals_svg("pair", {"a < b": [0.1, -0.2, 5.0], "empty": []})
    for text, points in ((calibration, 4), (residuals, 3)):
        root = ET.fromstring(text)
        assert len([node for node in root.iter() if node.tag.endswith("circle")]) == points
    assert "a &lt; b (3)" in residuals and "unseen accelerators" in calibration


def as_csv(rows: list[dict[str, object]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def asked(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in OUTCOMES}


def test_a_published_configuration_is_answered_by_its_runs_unless_excluded(
    catalog: Catalog,
) -> None:
    rows = catalog.rows("observations", "rowid % 500 = 3")
    text = as_csv([asked(row) for row in rows])
    found = estimate_batch("-", catalog, text=text).predictions
    assert {one.basis for one in found} == {MEASURED_ELSEWHERE}
    for row, one in zip(rows, found, strict=True):
        assert one.predicted and one.p10 and one.p90
        assert one.p10 <= float(row["value"]) <= one.p90
    without = estimate_batch("-", catalog, text=text, exclude_measured=True).predictions
    assert {one.basis for one in without} <= {"calibrated", "analytic"}
    assert any(a.predicted != b.predicted for a, b in zip(found, without, strict=True))


def test_own_runs_come_before_published_ones(catalog: Catalog) -> None:
    (row,) = catalog.rows("observations", "rowid = 3")
    own = {**row, "id": "mine", "value": 2.0 * float(row["value"])}
    batch = estimate_batch("-", catalog, text=as_csv([asked(row)]), own_runs=[own], explain=True)
    assert batch.predictions[0].basis == MEASURED_HERE
    assert batch.predictions[0].predicted == own["value"]
    assert batch.behind == [["mine"]]


def test_measurements_are_of_the_very_configuration() -> None:
    base = {"id": "a", "task": "train", "model": "M", "accelerator": "H100", "precision": "bf16",
            "batch_global": "64", "metric": "mfu", "value": 0.4}  # fmt: skip
    found = Measurements([base, {**base, "id": "b", "value": 0.5}])
    same = found.find({**base, "batch_global": "64.0", "precision": "BF16", "value": None})
    assert same is not None and same.ids == ("a", "b")
    assert same.value == pytest.approx(0.45) and (same.p10, same.p90) == (0.4, 0.5)
    assert found.find({**base, "batch_global": "128"}) is None
    bare = {name: base[name] for name in ("id", "task", "model", "accelerator", "metric", "value")}
    assert Measurements([bare]).find(bare) is None


def test_explain_names_observations_that_the_model_treats_alike(catalog: Catalog) -> None:
    row = {"id": "q", "task": "serve", "model": "Llama-3.1-8B", "accelerator": "H100-80GB",
           "accelerators": 1, "metric": "tokens_per_s_per_device", "input_len": "1024",
           "output_len": "256", "batch_global": "32", "framework": "vllm-0.12.0"}  # fmt: skip
    found = neighbours(row, catalog, most=4)
    assert len(found) == 4
    weights = [one.weight for one in found]
    assert weights == sorted(weights, reverse=True) and 0.1 < weights[0] <= 1.0
    known = {one["id"] for one in catalog.rows("observations")}
    for one in found:
        assert one.id in known and one.source
        assert "H100" in one.accelerator or "8B" in one.model
    assert found[0].source in found[0].sentence()
    assert neighbours({**row, "accelerator": "FluxCapacitor-9"}, catalog) == []
    # neither device nor network was ever published
    alone = {**row, "accelerator": "CPU-Axion-C4A", "model": "MNIST-CNN-pytorch-examples"}
    assert neighbours({**alone, "task": "train", "img_size": "28"}, catalog) == []


def test_an_exact_observation_weighs_most_in_its_own_prediction(catalog: Catalog) -> None:
    (seen,) = catalog.rows("observations", "task = 'train' AND model_class = 'llm' LIMIT 1")
    found = neighbours(asked(seen), catalog, most=1)
    assert found[0].weight == pytest.approx(1.0)
    assert math.isclose(found[0].value, float(seen["value"])) or found[0].id != seen["id"]


def test_fit_writes_the_model_that_is_used_from_then_on(
    catalog: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The command around the fit, which itself takes minutes."""
    from planner.performance.learned import fit as module

    seen: dict[str, object] = {}

    def fit(catalog: Catalog, *, rows: list[object], jobs: int, progress: object) -> Artefact:
        seen.update(rows=len(rows), jobs=jobs)
        return load(ARTEFACT)

    monkeypatch.setattr(module, "fit", fit)
    own = Observation(
        id="", task="train", model="resnet50", accelerator="A100-80GB",
        metric="images_per_s_per_device", value=2500.0, source="own", source_id="own",
    )  # fmt: skip
    for accelerator in ("A100-80GB", "this-machine"):
        OwnObservations().append(
            replace(own, accelerator=accelerator), machine="machine", result_json="{}"
        )
    published = len(catalog.rows("observations", "value > 0"))
    assert run(["fit", "--jobs", "1"]) == 0
    assert seen == {"rows": published, "jobs": 1}
    assert user_file().exists() and str(user_file()) in capsys.readouterr().out
    assert run(["fit", "--own", "--out", str(tmp_path / "model.npz")]) == 0
    assert seen["rows"] == published + 1
    assert "1 own runs among the rows; 1 of devices" in capsys.readouterr().err
    assert load(tmp_path / "model.npz").provenance == load(ARTEFACT).provenance
    assert run(["fit", "--out", "/proc/nowhere/model.npz"]) == 2
    assert "cannot be written" in capsys.readouterr().err
