"""Published schemas describe what is accepted, and flags say the same as a file."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from planner.actions.asked import asked
from planner.actions.schemas import SUBJECTS, json_schema
from planner.actions.workload_flags import fields_of
from planner.cli.workload_options import FLAGS, TARGETS
from planner.workload import KINDS, MODELS, Portfolio, Where, Workload, is_service, parse
from tests.planner.conftest import ROOT, Planner
from tests.planner.test_workload_refused import BATCH, EDGE, FINE, FLOPS, IMAGES, SERVE, STREAM

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def from_flags(**given: object) -> Workload:
    fields, place = fields_of(given, TARGETS, has_file=False)
    found, where = asked(None, None, fields, place)
    assert where == "command line"
    assert not isinstance(found, Portfolio)
    return found


@pytest.mark.parametrize("subject", SUBJECTS)
def test_schema_is_one(subject: str, planner: Planner) -> None:
    result = planner("schema", subject)
    assert (result.code, result.err) == (0, "")
    jsonschema.Draft202012Validator.check_schema(json.loads(result.out))


def test_unknown_schema_is_one_line(planner: Planner) -> None:
    result = planner("schema", "servin")
    assert (result.code, result.out) == (2, "")
    assert result.err == "error: schema: 'servin' has no schema; did you mean serving?\n"


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_fit_their_schemas(path: Path) -> None:
    data = yaml.safe_load(path.read_text())
    if data.get("schema") == "planner.capacity-spec/1":
        subjects = ["capacity"]
    else:
        subjects = ["portfolio"] if "workloads" in data else ["workload", data["kind"]]
    for subject in subjects:
        jsonschema.validate(data, json_schema(subject))


@pytest.mark.parametrize("field", ["tokens", "budget"])
def test_quantities_are_text_or_numbers(field: str) -> None:
    base = yaml.safe_load(FINE)
    for good in ("50M", 50_000_000):
        jsonschema.validate({**base, field: good}, json_schema("finetune"))
    for bad in ([5], True, None if field == "tokens" else []):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**base, field: bad}, json_schema("finetune"))


def test_a_unit_is_needed_where_a_number_says_too_little() -> None:
    base = yaml.safe_load(SERVE)
    jsonschema.validate({**base, "ttft_p95": "1s"}, json_schema("serving"))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**base, "ttft_p95": 1}, json_schema("serving"))


def test_unknown_fields_do_not_fit() -> None:
    for subject in ("workload", "finetune"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**yaml.safe_load(FINE), "tokenz": 5}, json_schema(subject))


SAME: dict[str, tuple[dict[str, object], str]] = {
    "finetune": (
        {"finetune": "lora", "model": "llama-3.1-8b", "tokens": "50M", "risk": 0.8},
        FINE + "method: lora\nrisk: 0.8\n",
    ),
    "pretrain": (
        {"pretrain": True, "model": "7B", "tokens": "1T", "budget": "2M USD"},
        "kind: pretrain\nmodel: 7B\ntokens: 1T\nbudget: 2M USD\n",
    ),
    "vision-training": (
        {"model": "resnet50", "samples": "60k", "epochs": "3"},
        "kind: vision-training\nmodel: resnet50\nsamples: 60k\nepochs: 3\n",
    ),
    "serving": (
        {
            **{"serve": True, "model": "llama-3.1-8b", "rate": "10/s", "input_length": "1024"},
            **{"output_length": "256", "ttft_p95": "1s", "tpot_p95": "50ms"},
        },
        SERVE + "input_length: 1024\noutput_length: 256\nttft_p95: 1s\ntpot_p95: 50ms\n",
    ),
    "serving by its latency": (
        {"model": "llama-3.1-8b", "rate": "10/s", "ttft_p95": "1s"},
        SERVE + "ttft_p95: 1s\n",
    ),
    "batch-inference": ({"batch": True, "model": "qwen2.5-7b", "tokens": "1B"}, BATCH),
    "batch of images": (
        {"batch": True, "model": "sdxl-1.0", "images": "100k"},
        "kind: batch-inference\nmodel: sdxl-1.0\nsamples: 100k\n",
    ),
    "vision-inference": ({"model": "resnet50", "images": "1M"}, IMAGES),
    "vision service": (
        {"kind": "vision-inference", "model": "resnet50", "rate": "100/s"},
        STREAM,
    ),
    "edge": ({"edge": True, "model": "yolov8n", "fps": "30", "power": "15W"}, EDGE + "power: 15W"),
    "generic": ({"flops": "3e21"}, FLOPS),
    "where": (
        {
            **{"flops": "3e21", "residency": ["eu"], "platform": ["sagemaker"], "cloud": ["aws"]},
            **{"quota": ["aws/P on-demand=192"], "credit": ["aws=5000"], "exclude": ["gcp/x"]},
            **{"on_prem": ["DGX H100:2"], "max_nodes": 4, "max_spot_share": "50%"},
            **{"data_at": "aws/us-east-1", "input_data": "2TB"},
        },
        FLOPS + "data: {at: aws/us-east-1, input: 2TB}\n"
        "where: {residency: [eu], platforms: [sagemaker], clouds: [aws], max_nodes: 4, "
        "quotas: {aws/P on-demand: 192}, credits: {aws: 5000}, exclude: [gcp/x], "
        "max_spot_share: 0.5, on_prem: [{name: DGX H100, system: DGX H100, machines: 2}]}\n",
    ),
    "own machines": (
        {"flops": "3e21", "on_prem": ["DGX H100"], "no_cloud": True},
        FLOPS + "where: {cloud_offers: false, on_prem: [{name: DGX H100, system: DGX H100}]}\n",
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_flags_say_the_same_as_a_file(case: str) -> None:
    given, text = SAME[case]
    assert from_flags(**given) == parse(yaml.safe_load(text), where="job.yaml")


def test_every_flag_leads_to_a_field() -> None:
    for flag in FLAGS:
        head, _, rest = flag.target.partition(".")
        if not head:
            continue
        owners = [kind for kind in KINDS if head in MODELS[kind].model_fields]
        assert owners, flag.name
        if head == "where":
            assert rest in Where.model_fields, flag.name


def test_flags_replace_the_files_fields_and_merge_its_mappings() -> None:
    text = FINE + (
        "deadline: 24h\nwhere: {clouds: [aws], max_nodes: 4, quotas: {aws/P on-demand: 96}}\n"
    )
    given = {"deadline": "3h", "cloud": ["gcp"], "quota": ["aws/P spot=8"]}
    fields, place = fields_of(given, TARGETS, has_file=True)
    found, where = asked("-", text, fields, place)
    assert where == "stdin with flags"
    assert not isinstance(found, Portfolio)
    assert found.deadline == 3
    assert found.where.clouds == ("gcp",)
    assert found.where.max_nodes == 4
    assert found.where.quotas == {"aws/P on-demand": 96, "aws/P spot": 8}


def test_sites_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "sites.yaml"
    path.write_text("on_prem:\n  - {name: lab, system: DGX H100}\n  - {name: attic, system: x}\n")
    found = from_flags(flops="3e21", on_prem=[str(path)])
    assert [site.name for site in found.where.on_prem] == ["lab", "attic"]


def test_a_portfolio_takes_budget_risk_and_where() -> None:
    text = (
        "budget: 5k USD\nwhere: {clouds: [aws]}\nworkloads:\n"
        "  - {kind: generic, name: one, flops: 1e20, where: {max_nodes: 2}}\n"
        "  - {kind: serving, model: 7B, requests_per_second: 5}\n"
    )
    found, _ = asked("-", text, {}, {})
    assert isinstance(found, Portfolio)
    one, two = found.workloads
    assert (one.name, two.name) == ("one", "serving-2")
    assert (one.where.clouds, one.where.max_nodes) == (("aws",), 2)
    assert [is_service(workload) for workload in found.workloads] == [False, True]
    changed, _ = asked("-", text, {"budget": "9k USD", "risk": 0.8}, {"clouds": ["gcp"]})
    assert isinstance(changed, Portfolio)
    assert changed.shared.budget == 9000
    assert {w.where.clouds for w in changed.workloads} == {("gcp",)}
    assert {w.risk for w in changed.workloads} == {0.8}
    assert changed.workloads[0].where.max_nodes == 2
