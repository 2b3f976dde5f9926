"""A profile stands for a model in workloads, and gives the answers of the catalog's own shape."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from planner.actions.schemas import json_schema
from planner.actions.trace import save_profile, trace_model
from planner.errors import BadInput
from planner.workload import InlineModel, Portfolio, VisionTraining, parse, read, read_any
from tests.planner.conftest import Planner

TRAINING = ("--samples", "1281167", "--epochs", "90", "--batch-size", "1024", "--image-size",
            "224", "--precision", "bf16", "--deadline", "2d", "--format", "json")  # fmt: skip
TUNING = ("--finetune", "lora", "--tokens", "50M", "--deadline", "24h", "--format", "json")
JOB = "kind: vision-training\nsamples: 60k\nmodel: {profile: net.yaml}\n"


@pytest.fixture(scope="module")
def profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the profiles of two networks that the catalog has."""
    folder = tmp_path_factory.mktemp("profiles")
    for name, text, file in (
        ("resnet50", "3x224x224", "net.yaml"),
        ("llama_8b", "2048:int64", "llama.json"),
    ):
        found = trace_model(f"tests.trace.models:{name}", [text])
        save_profile(found, str(folder / file), force=False)
    return folder


@pytest.mark.parametrize(
    ("file", "name", "work"),
    [("net.yaml", "resnet50", TRAINING), ("llama.json", "llama-3.1-8b", TUNING)],
)
def test_traced_model_is_planned_as_the_catalogs(
    file: str, name: str, work: tuple[str, ...], profiles: Path, planner: Planner
) -> None:
    """Same machine, and cost and time within what two counts of the same network differ by."""
    answers = []
    for model in (("--model-profile", profiles / file), ("--model", name)):
        result = planner("recommend", *model, *work)
        assert result.code == 0, result.err
        answers.append(json.loads(result.out)["recommendation"])
    own, known = answers
    for field in ("cloud", "instance_type", "purchase", "nodes", "parallelism"):
        assert own[field] == known[field], field
    assert own["cost_usd"] == pytest.approx(known["cost_usd"], rel=0.03)
    assert own["hours"] == pytest.approx(known["hours"], rel=0.03)
    assert own["throughput"]["value"] == pytest.approx(known["throughput"]["value"], rel=0.03)


def test_profile_is_looked_for_beside_the_workload(profiles: Path) -> None:
    job = profiles / "job.yaml"
    job.write_text(JOB)
    workload = read(str(job))
    assert isinstance(workload, VisionTraining)
    assert isinstance(workload.model, InlineModel)
    assert workload.model.forward_flops == 8_178_368_512
    job.write_text(f"workloads:\n- {{{JOB.strip().replace(chr(10), ', ')}}}\n")
    several = read_any(str(job))
    assert isinstance(several, Portfolio)
    assert several.workloads[0].subject == "resnet50"


def test_fields_beside_the_profile_replace_its_own(profiles: Path) -> None:
    text = JOB.replace("net.yaml", f"{profiles}/net.yaml, name: mine, image_size: 288")
    workload = parse(yaml.safe_load(text), where="job.yaml")
    assert isinstance(workload, VisionTraining)
    assert isinstance(workload.model, InlineModel)
    assert (workload.model.name, workload.model.image_size) == ("mine", 288)
    assert workload.model.parameters == 25_557_032


def test_flag_replaces_the_files_model_whole(profiles: Path, planner: Planner) -> None:
    job = profiles / "other.yaml"
    for model in ("resnet18", "{kind: vision, parameters: 1M, forward_flops: 1G, activations: 5}"):
        job.write_text(f"kind: vision-training\nsamples: 60k\nmodel: {model}\n")
        result = planner(
            "recommend", job, "--model-profile", profiles / "net.yaml", "--format", "json"
        )
        assert result.code == 0, result.err
        found = json.loads(result.out)["workload"]["model"]
        assert (found["name"], found["activations"]) == ("resnet50", 11_114_984)


def test_schema_knows_the_form() -> None:
    schema = json_schema("vision-training")
    jsonschema.validate(yaml.safe_load(JOB), schema)
    for model in ({"profile": 5}, {}, {"profiles": "net.yaml"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**yaml.safe_load(JOB), "model": model}, schema)


REFUSED = {
    "no file": ("absent.yaml", None, "absent.yaml: no such file; write it with `planner trace"),
    "number": ("5", None, "5 is no file; name a profile's file"),
    "stdin": ('"-"', None, "'-' is no file; name a profile's file"),
    "empty": ('""', None, "'' is no file; name a profile's file"),
    "not YAML": ("bad.yaml", "a: [", "bad.yaml: line 2, column 1: did not find"),
    "a workload": ("bad.yaml", "kind: finetune", "is no planner.profile/1; name a file of"),
    "a list": ("bad.yaml", "[1]", "is no planner.profile/1; name a file of `planner trace`"),
    "no model": ("bad.yaml", "schema: planner.profile/1", "holds no model; trace the model again"),
    "of itself": (
        "bad.yaml",
        "{schema: planner.profile/1, model: {profile: bad.yaml}}",
        "holds no model; trace the model again",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_profiles_are_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, content, told = REFUSED[case]
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("bad.yaml").write_text(content)
    with pytest.raises(BadInput) as refusal:
        parse(yaml.safe_load(JOB.replace("net.yaml", name)), where="job.yaml")
    line = str(refusal.value)
    assert line.startswith("job.yaml: model.profile: ")
    assert told in line
    assert "\n" not in line


def test_damaged_model_of_a_profile_is_named(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("{schema: planner.profile/1, model: {kind: vision, parameters: 5M, layrs: 3}}")
    (tmp_path / "job.yaml").write_text(JOB)
    with pytest.raises(BadInput, match=r"model\.layrs: unknown field; did you mean layers\?"):
        read(str(tmp_path / "job.yaml"))


def test_model_flags_exclude_each_other(planner: Planner) -> None:
    result = planner("recommend", "--model", "resnet50", "--model-profile", "x", "--samples", "5")
    assert (result.code, result.out) == (2, "")
    assert "--model and --model-profile exclude each other; give one of them" in result.err
