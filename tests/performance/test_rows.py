"""Rows of measurements in, predictions out: all answered or refused with a reason."""

from __future__ import annotations

import csv
import io
import math
import statistics

import pytest

from catalog import Catalog
from planner.actions.estimate.batch import estimate_batch
from planner.errors import BadInput
from planner.performance.efficiency import Measured, Setup
from planner.performance.rows import predict_rows

LORA = {
    "id": "a",
    "task": "finetune",
    "model": "Llama-2-70B",
    "accelerator": "H100-80GB",
    "accelerators": "8",
    "nodes": "1",
    "parallelism": "lora",
    "seq_len": "8192",
    "batch_global": "8",
    "precision": "fp8",
    "metric": "tokens_per_s_per_device",
}


def covered(catalog: Catalog) -> list[dict[str, object]]:
    """Published dense language and CNN training runs."""
    return catalog.rows(
        "observations",
        "task IN ('train', 'finetune') AND model_class IN ('llm', 'cnn') AND value > 0",
    )


def test_published_training_runs_are_predicted_within_a_factor_of_two(catalog: Catalog) -> None:
    rows = covered(catalog)
    errors = []
    for row, found in zip(rows, predict_rows(rows, catalog), strict=True):
        if found.predicted is not None:
            errors.append(math.log(float(str(row["value"])) / found.predicted))
    assert len(errors) > 500
    assert statistics.median(map(abs, errors)) < math.log(2)
    assert abs(statistics.median(errors)) < 0.35


def test_every_row_is_answered_or_refused_with_a_reason(catalog: Catalog) -> None:
    rows = catalog.rows("observations", "rowid % 7 = 0")
    for found in predict_rows(rows, catalog):
        if found.feasible:
            assert found.predicted and found.p10 and found.p90 and not found.reason
            assert 0 < found.p10 < found.predicted < found.p90 < math.inf
        else:
            assert found.predicted is None and found.reason


def test_lora_is_faster_than_full_fine_tuning(catalog: Catalog) -> None:
    many = {**LORA, "accelerators": "64", "nodes": "8", "batch_global": "64"}
    lora, full = predict_rows([many, {**many, "parallelism": ""}], catalog)
    assert lora.predicted and full.predicted
    assert 1.1 < lora.predicted / full.predicted < 2.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"task": "serve"}, "task serve"),
        ({"metric": "mfu"}, "metric mfu"),
        ({"metric": "images_per_s_per_device"}, "does not go with"),
        ({"accelerator": "H9000"}, "unknown accelerator"),
        ({"accelerator": "Coral-EdgeTPU"}, "cannot train"),
        ({"model": "nobody-knows"}, "unknown model"),
        ({"parallelism": "", "accelerators": "1"}, "short of"),
    ],
)
def test_what_cannot_be_answered_says_why(
    catalog: Catalog, change: dict[str, str], reason: str
) -> None:
    (found,) = predict_rows([{**LORA, **change}], catalog)
    assert not found.feasible
    assert reason in found.reason


def as_csv(*rows: dict[str, str]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(LORA), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def test_batch_file_one_row_in_one_row_out(catalog: Catalog) -> None:
    bad = {**LORA, "id": "b", "metric": "furlongs"}
    batch = estimate_batch("-", catalog, text=as_csv(LORA, bad))
    rows = list(csv.DictReader(io.StringIO(batch.to_csv())))
    assert [row["id"] for row in rows] == ["a", "b"]
    assert [row["feasible"] for row in rows] == ["true", "false"]
    assert sum(batch.refused.values()) == 1


def test_rows_of_this_machine_follow_its_own_runs(catalog: Catalog) -> None:
    here = {
        **LORA,
        "task": "train",
        "model": "MNIST-CNN-pytorch-examples",
        "accelerator": "this-machine",
        "accelerators": "1",
        "parallelism": "",
        "batch_global": "64",
        "precision": "fp32",
        "metric": "images_per_s_per_device",
    }
    before = estimate_batch("-", catalog, text=as_csv(here)).predictions[0]
    assert before.predicted and before.basis == "analytic"
    setup = Setup(
        "vision-training",
        "CPU",
        "this-machine",
        "MNIST-CNN-pytorch-examples",
        "fp32",
        "pytorch",
        64.0,
        1.0,
    )
    own = [Measured(setup, math.log(2.0))]
    after = estimate_batch("-", catalog, text=as_csv(here), measured=own).predictions[0]
    assert after.predicted and after.basis == "measured here"
    assert after.predicted / before.predicted == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize("text", ["", "id,task\n1,train\n", "\x00\x01"])
def test_a_bad_batch_file_names_line_and_remedy(catalog: Catalog, text: str) -> None:
    with pytest.raises(BadInput, match=r"stdin: line 1.*header needs"):
        estimate_batch("-", catalog, text=text)
