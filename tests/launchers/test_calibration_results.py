"""From a stored run to the estimates: used, held back, taken back, imported, and what it moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog
from catalog.observations import Observation, OwnObservations
from catalog.verdicts import Verdict
from launchers.hardware import describe_machine
from planner.actions.calibration.own import Use, examine, own_measurements, this_machine
from planner.actions.calibration.panel import PANEL, effect, questions
from planner.actions.calibration.results import judge, results
from planner.actions.estimate.one import estimate
from planner.cli.main import run as planner
from planner.errors import BadInput, Infeasible
from planner.report.calibration import shortened
from planner.workload import parse
from tests.launchers.conftest import RESULT, RESULT_LINE

Store = Callable[..., str]
RESNET: dict[str, Any] = {
    "task": "train", "model": "resnet50", "accelerator": "A100-80GB", "precision": "amp-bf16",
    "framework": "pytorch2.13-eager", "batch_global": "256", "accelerators": 1.0, "nodes": 1.0,
    "img_size": 224.0, "metric": "images_per_s_per_device", "value": 2500.0,
}  # fmt: skip
DECODE: dict[str, Any] = {
    "task": "infer_batch", "model": "Llama-3.1-8B", "accelerator": "H100-80GB",
    "precision": "bf16", "framework": "vllm0.9", "batch_global": "64", "accelerators": 1.0,
    "nodes": 1.0, "input_len": "512", "output_len": "128", "metric": "tokens_per_s_per_device",
    "value": 5000.0,
}  # fmt: skip
STEP: dict[str, Any] = {
    "task": "train", "model": "GPT2-124M", "accelerator": "A100-80GB", "precision": "bf16",
    "framework": "pytorch2.13-eager", "batch_global": "32", "accelerators": 1.0, "nodes": 1.0,
    "seq_len": 1024.0, "metric": "tokens_per_s_per_device", "value": 100_000.0,
}  # fmt: skip


@pytest.fixture
def store() -> Store:
    def keep(fields: dict[str, Any], **changes: Any) -> str:
        values = {"id": "", "source": "test", "source_id": "own", **fields, **changes}
        return OwnObservations().append(Observation(**values), machine="m", result_json="{}").id

    return keep


def uses(catalog: Catalog) -> list[Use]:
    return [run.use for run in examine(catalog)]


@pytest.mark.parametrize("fields", [RESNET, DECODE, STEP], ids=["resnet", "decode", "step"])
def test_expectation_is_what_estimate_says(
    fields: dict[str, Any], store: Store, catalog: Catalog
) -> None:
    """A run measured at exactly what is expected changes nothing, one at half of it does."""
    store(fields)
    (run,) = examine(catalog)
    assert run.use is Use.USED
    assert run.expected is not None and run.expected > 0
    assert run.factor == pytest.approx(fields["value"] / run.expected)
    asked = {
        "resnet50": {"kind": "vision-training", "model": "resnet50", "samples": "1M",
                     "batch_size": 256, "precision": "bf16", "decode_images": False},
        "Llama-3.1-8B": {"kind": "batch-inference", "model": "llama-3.1-8b", "samples": "1M",
                         "input_length": 512, "output_length": 128, "batch_size": 64,
                         "precision": "bf16"},
        "GPT2-124M": {"kind": "pretrain", "model": "GPT2-124M", "tokens": "1B",
                 "sequence_length": 1024, "batch_tokens": 32768, "precision": "bf16"},
    }[fields["model"]]  # fmt: skip
    workload = parse(asked, where="test")
    before = estimate(workload, fields["accelerator"], catalog)
    per_unit = 128 if fields is DECODE else 1
    assert before.throughput.value * per_unit == pytest.approx(run.expected, rel=1e-3)
    after = estimate(workload, fields["accelerator"], catalog, measured=own_measurements(catalog))
    assert after.throughput.basis in ("measured", "calibrated")
    moved = after.throughput.value / before.throughput.value
    assert abs(moved - run.factor) < abs(1 - run.factor)


def test_a_batch_run_informs_services(store: Store, catalog: Catalog) -> None:
    store(DECODE)
    assert {one.setup.task for one in own_measurements(catalog)} == {"llm-batch", "llm-serving"}


def test_contradicting_runs_are_held_back_until_one_is_kept(store: Store, catalog: Catalog) -> None:
    first = store(RESNET)
    second = store(RESNET, value=1500.0)
    assert uses(catalog) == [Use.CONTRADICTS, Use.CONTRADICTS]
    assert not own_measurements(catalog)
    assert second in examine(catalog)[0].reason
    assert judge(first, Verdict.KEPT, catalog).use == "used"
    assert uses(catalog) == [Use.USED, Use.CONTRADICTS]
    judge(first, Verdict.OPEN, catalog)
    judge(second, Verdict.UNDONE, catalog)
    assert uses(catalog) == [Use.USED, Use.UNDONE]


def test_repeats_and_other_ways_to_run_do_not_contradict(store: Store, catalog: Catalog) -> None:
    store(RESNET)
    store(RESNET, value=2450.0)
    store(RESNET, value=3600.0, framework="pytorch2.13-compile")
    store(RESNET, value=1900.0, batch_global="32")
    assert uses(catalog) == [Use.USED] * 4


def test_an_outlier_waits_for_a_word(store: Store, catalog: Catalog) -> None:
    name = store(RESNET, value=25.0)
    (run,) = examine(catalog)
    assert run.use is Use.OUTLIER
    assert run.surprise is not None and run.surprise < -3
    assert judge(name[:14], Verdict.KEPT, catalog).use == "used"


def test_rows_no_plan_asks_about_stay_aside(store: Store, catalog: Catalog) -> None:
    store(RESNET, model="nobody-knows-this")
    store(RESNET, accelerator="this-machine")  # another machine's fingerprint
    store(RESNET, task="ceiling", metric="tflops")
    store(RESNET, metric="tokens_per_s_per_device")
    assert uses(catalog) == [Use.NOT_ASKED] * 4
    assert all(run.reason for run in examine(catalog))


def test_a_memory_run_makes_decoding_here_estimable(catalog: Catalog) -> None:
    asked = {"kind": "batch-inference", "model": "GPT2-124M", "samples": 1000,
             "input_length": 128, "output_length": 64, "precision": "fp32"}  # fmt: skip
    workload = parse(asked, where="test")
    with pytest.raises(Infeasible, match="calibrate run memory --on local"):
        estimate(workload, "local", catalog)

    def ceiling(rate: float, notes: str = "", machine: str = "") -> str:
        row = Observation(id="", task="ceiling", model="memory", metric="gb_per_s", value=rate,
                          accelerator="this-machine", source="test", source_id="own",
                          notes=notes)  # fmt: skip
        here = machine or describe_machine().fingerprint
        return OwnObservations().append(row, machine=here, result_json="{}").id

    ceiling(80.0, machine="another")
    ceiling(80.0, notes="other_cpu=0.5")
    assert this_machine().memory_bandwidth is None
    slow = ceiling(20.0)
    before = estimate(workload, "local", catalog).throughput.value
    fast = ceiling(40.0)
    assert estimate(workload, "local", catalog).throughput.value > before
    judge(fast, Verdict.UNDONE, catalog)
    assert estimate(workload, "local", catalog).throughput.value == before
    judge(slow, Verdict.UNDONE, catalog)
    assert this_machine().memory_bandwidth is None


@pytest.mark.parametrize("name", ["", "own-", "nothing"])
def test_an_unclear_id_is_refused(name: str, store: Store, catalog: Catalog) -> None:
    store(RESNET)
    store(STEP)
    with pytest.raises(BadInput, match="calibrate undo"):
        judge(name, Verdict.UNDONE, catalog)
    assert uses(catalog) == [Use.USED, Use.USED]


def test_only_answers_of_the_measured_task_can_move(store: Store, catalog: Catalog) -> None:
    store(RESNET, accelerator="Trainium1", value=150.0)
    judge(examine(catalog)[0].own.id, Verdict.KEPT, catalog)
    found = results(catalog)
    assert found.effect is not None
    assert found.effect.asked == len(PANEL)
    assert {move.question for move in found.effect.moves} == {
        "MNIST CNN, 14 epochs", "ResNet-50 on ImageNet",
    }  # fmt: skip
    slow = next(m for m in found.effect.moves if m.question == "ResNet-50 on ImageNet")
    assert "trn1" in slow.before and "trn1" not in slow.after
    assert found.effect.unchanged + found.effect.changed == len(PANEL)
    assert f"{found.effect.unchanged} of {len(PANEL)}" in found.effect.sentence


def test_nothing_measured_changes_nothing(catalog: Catalog) -> None:
    one = {"MNIST": questions()["MNIST CNN, 14 epochs"]}
    assert effect(catalog, [], [], one).moves == []
    assert results(catalog).effect is None


def test_import_takes_all_forms_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = tmp_path / "result.json"
    plain.write_text(json.dumps(RESULT))
    printed = tmp_path / "output.txt"
    printed.write_text(f"data: drawn\n{RESULT_LINE.replace('640.0', '641.0')}\nbye\n")
    wrapped = tmp_path / "run.json"
    wrapped.write_text(
        json.dumps({"schema": "planner.calibration/1", "result": {**RESULT, "value": 642.0}})
    )
    for file in (plain, printed, wrapped):
        assert planner(["calibrate", "import", str(file), "--format", "json"]) == 0
        (row,) = json.loads(capsys.readouterr().out)["results"]
        assert row["observation"]["accelerator"] == "L4"
        assert row["observation"]["source"].startswith("planner calibrate")
    assert [own.observation.value for own in OwnObservations().all()] == [640.0, 641.0, 642.0]
    assert planner(["calibrate", "import", str(plain)]) == 2
    assert "in the store already" in capsys.readouterr().err
    assert len(OwnObservations().all()) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("[1]", "not a JSON object"),
        ("{}", "schema"),
        ('{"schema": "planner.benchmark/9"}', "planner.benchmark/1"),
        ('{"schema": "planner.benchmark/1", "benchmark": "nope"}', "unknown benchmark"),
        ('{"schema": "planner.benchmark/1", "benchmark": "cnn"}', "bad result"),
        ("\x00\xff", "JSON"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_import_refuses_in_one_line(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    assert planner(["calibrate", "import", str(file)]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.strip().splitlines())) == ("", 1)
    assert said in err and "bad.json" in err
    assert OwnObservations().all() == []


def test_an_import_of_many_is_all_or_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "two.txt"
    file.write_text(f"{RESULT_LINE}\n@@PLANNER_RESULT {{}}\n")
    assert planner(["calibrate", "import", str(file)]) == 2
    assert OwnObservations().all() == []


def test_runs_of_one_benchmark_are_told_apart(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = (store(STEP, id=f"own-transformer-{w}") for w in ("1a2b3c4d", "1a9f0000"))
    shown = shortened([first, second])
    assert shown == {first: "own-transformer-1a2", second: "own-transformer-1a9"}
    assert planner(["calibrate", "undo", "own-transformer-1a"]) == 2
    assert "means several runs" in capsys.readouterr().err
    assert planner(["calibrate", "undo", shown[first]]) == 0
    assert planner(["calibrate", "results", "--quiet", "--no-effect", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["results"]
    assert [row["use"] for row in rows] == ["undone", "used"]


def test_results_show_value_expectation_and_effect(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    name = store(RESNET)
    assert planner(["calibrate", "results", "--quiet"]) == 0
    out = capsys.readouterr().out
    assert name[:12] in out and "2,500 images/s" in out and "recommendations unchanged" in out
    assert planner(["calibrate", "undo", name]) == 0
    assert "undone" in capsys.readouterr().err
    assert planner(["calibrate", "results", "--format", "json", "--no-effect"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["results"][0]["use"] == "undone"
    assert document["effect"] is None
