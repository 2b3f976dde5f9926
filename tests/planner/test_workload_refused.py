"""Mistakes in workloads of each kind, in portfolios and in own sites: one line each, exit 2.

All of them are found before anything is planned.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog import Catalog
from planner.errors import BadInput
from planner.model_choice import shape_of
from planner.workload import MODELS, InlineModel, Portfolio, Site, Where, parse_any
from tests.planner.conftest import LORA, Planner
from tests.planner.test_bad_input import assert_one_line

FINE = "kind: finetune\nmodel: llama-3.1-8b\ntokens: 50M\n"
SERVE = "kind: serving\nmodel: llama-3.1-8b\nrequests_per_second: 10/s\n"
BATCH = "kind: batch-inference\nmodel: qwen2.5-7b\ntokens: 1B\n"
IMAGES = "kind: vision-inference\nmodel: resnet50\nsamples: 1M\n"
STREAM = "kind: vision-inference\nmodel: resnet50\nrequests_per_second: 100/s\n"
EDGE = "kind: edge\nmodel: yolov8n\nframes_per_second: 30\n"
FLOPS = "kind: generic\nflops: 3e21\n"
VISION = "kind: vision-training\nmodel: resnet50\nsamples: 60k\n"


def shape(fields: str) -> str:
    return FINE.replace("llama-3.1-8b", "{" + fields + "}")


def where(fields: str) -> str:
    return FINE + "where: {" + fields + "}\n"


def site(fields: str) -> str:
    return FINE + "where: {on_prem: [{name: lab, " + fields + "}]}\n"


def several(*workloads: str, shared: str = "") -> str:
    listed = "".join(f"  - {{{workload}}}\n" for workload in workloads)
    return f"{shared}workloads:\n{listed}"


ONE = "kind: finetune, model: llama-3.1-8b, tokens: 50M"

# Content of the file, and what the line must say after the file's name.
REFUSED: dict[str, tuple[str, str]] = {
    # training
    "rank without adapters": (FINE + "lora_rank: 8\n", "lora_rank: does not go with method full"),
    "integer training": (FINE + "precision: int8\n", "precision: int8 does not go with training"),
    "vision in int4": (
        "kind: vision-training\nmodel: resnet50\nsamples: 60k\nprecision: int4\n",
        "precision: int4 does not go with training; use bf16",
    ),
    "epochs endless": (
        "kind: vision-training\nmodel: resnet50\nsamples: 60k\nepochs: 1e9\n",
        "epochs: 1e+09 is above 1e+06; use 1e+06 or less",
    ),
    "sequence of a library": (FINE + "sequence_length: 1B\n", "sequence_length: 1000000000 is"),
    "misspelt and missing": (
        "kind: finetune\nmodle: llama-3.1-8b\ntokens: 5M\n",
        "modle: unknown field; did you mean model?",
    ),
    "field of where outside": (FINE + "clouds: [aws]\n", "clouds: unknown field; write it under"),
    # serving
    "no rate": ("kind: serving\nmodel: llama-3.1-8b\n", "requests_per_second: is missing; add"),
    "rate zero": (SERVE.replace("10/s", "0"), "requests_per_second: 0 is not above zero"),
    "rate negative": (SERVE.replace("10/s", "-3/s"), "requests_per_second: '-3' is not above"),
    "rate nan": (SERVE.replace("10/s", ".nan"), "requests_per_second: nan is not finite"),
    "rate words": (SERVE.replace("10/s", "a lot"), "requests_per_second: 'a lot' is not a q"),
    "rate endless": (SERVE.replace("10/s", "1e12/s"), "requests_per_second: '1e12/s' is beyond"),
    "rate of tokens": (SERVE.replace("10/s", "10 GB/s"), "requests_per_second: '10 GB/s' is not"),
    "deadline of a service": (
        SERVE + "deadline: 3h\n",
        "deadline: does not go with kind serving; use ttft_p95 or tpot_p95",
    ),
    "latency without unit": (SERVE + "ttft_p95: 1\n", "ttft_p95: 1 has no unit of time; write 50"),
    "latency in hours": (SERVE + "ttft_p95: 2h\n", "ttft_p95: '2h' has no unit of time"),
    "latency of days": (SERVE + "tpot_p95: 90000s\n", "tpot_p95: '90000s' is beyond 3600; check"),
    "latency negative": (SERVE + "tpot_p95: -5ms\n", "tpot_p95: '-5ms' is not above zero"),
    "percentiles crossed": (
        SERVE + "ttft_p50: 2s\nttft_p95: 1s\n",
        "ttft_p95: is below ttft_p50; the slowest cannot be the fastest",
    ),
    "far percentiles crossed": (
        SERVE + "tpot_p50: 60ms\ntpot_p99: 50ms\n",
        "tpot_p99: is below tpot_p50",
    ),
    "percentile unknown": (SERVE + "ttft_p90: 1s\n", "ttft_p90: unknown field; did you mean ttft_"),
    "cache above one": (SERVE + "prefix_cache_hit: 1.2\n", "prefix_cache_hit: 1.2 is above 1"),
    "cache in percent": (SERVE + "prefix_cache_hit: 130%\n", "prefix_cache_hit: '130%' is above 1"),
    "cache negative": (SERVE + "prefix_cache_hit: -0.1\n", "prefix_cache_hit: -0.1 is below 0"),
    "cache true": (SERVE + "prefix_cache_hit: true\n", "prefix_cache_hit: true is not a quantity"),
    "burst zero": (SERVE + "burstiness: 0\n", "burstiness: 0 is not above zero"),
    "burst huge": (SERVE + "burstiness: 1000\n", "burstiness: 1000 is above 100; use 100 or less"),
    "rate word": (SERVE + "rate: average\n", "rate: 'average' is not one of the choices; use one"),
    "peak of a peak": (SERVE + "peak_to_mean: 3\n", "peak_to_mean: does not go with a peak rate"),
    "peak below mean": (SERVE + "rate: mean\npeak_to_mean: 0.5\n", "peak_to_mean: 0.5 is below 1"),
    "two means": (
        SERVE + "rate: mean\nautoscaling: {mean_requests_per_second: 5}\n",
        "autoscaling: has a mean rate of its own; leave out rate: mean",
    ),
    "mean above peak": (
        SERVE + "autoscaling: {mean_requests_per_second: 50}\n",
        "autoscaling: has a mean rate above the peak; lower it",
    ),
    "autoscaling by word": (SERVE + "autoscaling: true\n", "autoscaling: true is not a mapping of"),
    "autoscaling empty": (SERVE + "autoscaling: {}\n", "autoscaling.mean_requests_per_second: is"),
    "autoscaling field": (
        SERVE + "autoscaling: {mean_requests_per_second: 5, min: 1}\n",
        "autoscaling.min: unknown field; known fields: cold_start, mean_req",
    ),
    "shares short": (
        SERVE + "requests: [{input_length: 100, output_length: 10, share: 0.5}]\n",
        "requests: has shares that add up to 0.5; make them add up to 1",
    ),
    "share zero": (
        SERVE + "requests: [{input_length: 100, output_length: 10, share: 0}]\n",
        "requests[0].share: 0 is not above 0; use more than 0",
    ),
    "share of the second": (
        SERVE + "requests: [{input_length: 100, output_length: 10, share: 0.5}, "
        "{input_length: 100, output_length: 10, share: lots}]\n",
        "requests[1].share: 'lots' is not a quantity; write a quantity such as 0.25 or 25%",
    ),
    "share missing": (
        SERVE + "requests: [{input_length: 100, output_length: 10}]\n",
        "requests[0].share: is missing; add `share:`",
    ),
    "bucket misspelt": (
        SERVE + "requests: [{input_lenght: 100, output_length: 10, share: 1}]\n",
        "requests[0].input_lenght: unknown field; did you mean input_length?",
    ),
    "bucket by word": (SERVE + "requests: [chat]\n", "requests[0]: 'chat' is not a mapping of f"),
    "sizes twice": (
        SERVE + "input_length: 5\nrequests: [{input_length: 9, output_length: 9, share: 1}]\n",
        "input_length: does not go with requests, which has sizes; keep one",
    ),
    "draft sure": (SERVE + "speculative: {acceptance: 1}\n", "speculative.acceptance: 1 is not b"),
    "draft endless": (
        SERVE + "speculative: {acceptance: 0.7, draft_tokens: 64}\n",
        "speculative.draft_tokens: 64 is above 16; use 16 or less",
    ),
    "spares true": (SERVE + "spare_machines: true\n", "spare_machines: true is not a quantity"),
    "spares negative": (SERVE + "spare_machines: -1\n", "spare_machines: -1 is below 0; use 0"),
    "spares in part": (SERVE + "spare_machines: 1.5\n", "spare_machines: 1.5 is not a whole numb"),
    "spares many": (SERVE + "spare_machines: 500\n", "spare_machines: 500 is above 100; use 100"),
    "horizon without unit": (SERVE + "horizon: 30\n", "horizon: 30 has no unit of time; write 24h"),
    "horizon in months or minutes": (SERVE + "horizon: 3M\n", "horizon: '3M' may be minutes or m"),
    "hosted price negative": (
        SERVE
        + "hosted_api: {usd_per_million_input_tokens: -1, usd_per_million_output_tokens: 1}\n",
        "hosted_api.usd_per_million_input_tokens: -1 is below 0; use 0 or more",
    ),
    "hosted price nan": (
        SERVE + "hosted_api: {usd_per_million_input_tokens: .nan, "
        "usd_per_million_output_tokens: 1}\n",
        "hosted_api.usd_per_million_input_tokens: nan is not finite",
    ),
    "hosted price in part": (
        SERVE + "hosted_api: {usd_per_million_input_tokens: 1}\n",
        "hosted_api.usd_per_million_output_tokens: is missing",
    ),
    # batches
    "batch of nothing": (
        "kind: batch-inference\nmodel: qwen2.5-7b\n",
        "tokens: is missing, and so is samples; give one of them",
    ),
    "batch of both": (BATCH + "samples: 5\n", "tokens: does not go with samples; give one of them"),
    "batch too small": (
        BATCH.replace("1B", "100"),
        "tokens: is below input_length; one request must fit",
    ),
    "samples in part": (
        BATCH.replace("tokens: 1B", "samples: 0.5"),
        "samples: is below 1; give one at least",
    ),
    "batch of rate": (BATCH + "requests_per_second: 5\n", "requests_per_second: unknown field"),
    "steps zero": (BATCH + "denoising_steps: 0\n", "denoising_steps: 0 is not above zero"),
    "steps endless": (BATCH + "denoising_steps: 1M\n", "denoising_steps: '1M' is above 10000"),
    # images
    "images of nothing": (
        "kind: vision-inference\nmodel: resnet50\n",
        "samples: is missing, and so is requests_per_second; give one of them",
    ),
    "images of both": (
        IMAGES + "requests_per_second: 5\n",
        "samples: does not go with requests_pe",
    ),
    "images with horizon": (IMAGES + "horizon: 30d\n", "horizon: does not go with samples, which"),
    "images with spares": (IMAGES + "spare_machines: 2\n", "spare_machines: does not go with samp"),
    "stream with deadline": (
        STREAM + "deadline: 3h\n",
        "deadline: does not go with requests_per_second; use latency_p95",
    ),
    "pixels": (IMAGES + "image_size: 1M\n", "image_size: '1M' is above 100000; use 100000 or less"),
    # edge
    "edge without frames": ("kind: edge\nmodel: yolov8n\n", "frames_per_second: is missing; add"),
    "edge with deadline": (EDGE + "deadline: 3h\n", "deadline: does not go with kind edge; use la"),
    "power without unit": (EDGE + "power: 15\n", "power: 15 has no unit of power; write 15W"),
    "power in mw": (EDGE + "power: 15mw\n", "power: '15mw' has no unit of power; write 15W"),
    "power of a plant": (EDGE + "power: 15MW\n", "power: '15MW' is above 100000"),
    "power negative": (EDGE + "power: -5W\n", "power: '-5W' is not above zero"),
    "streams in part": (EDGE + "streams: 1.5\n", "streams: 1.5 is not a whole number"),
    "electricity dear": (EDGE + "usd_per_kwh: 150\n", "usd_per_kwh: 150 is above 10; use 10 or"),
    "electricity negative": (EDGE + "usd_per_kwh: -0.1\n", "usd_per_kwh: -0.1 is below 0"),
    # generic
    "no flops": ("kind: generic\n", "flops: is missing; add `flops:`"),
    "flops negative": (FLOPS.replace("3e21", "-3e21"), "flops: '-3e21' is not above zero"),
    "flops endless": (FLOPS.replace("3e21", "1e40"), "flops: '1e40' is beyond 1e+30"),
    "flops of a rate": (FLOPS.replace("3e21", "3 PFLOPS"), "flops: '3 PFLOPS' has an unknown suf"),
    "generic model": (
        FLOPS + "model: llama-3.1-8b\n",
        "model: unknown field; known fields: budget",
    ),
    "bytes in bits": (FLOPS + "bytes: 40 Pbit\n", "bytes: '40 Pbit' has no unit of data"),
    "memory bare": (FLOPS + "memory: 900\n", "memory: 900 has no unit of memory; write 80GiB"),
    "parallel above": (FLOPS + "parallel_fraction: 2\n", "parallel_fraction: 2 is above 1; use a"),
    "efficiency zero": (FLOPS + "efficiency: 0\n", "efficiency: 0 is not above 0; use more than 0"),
    # models
    "shape of nothing": (shape(""), "model.parameters: is missing; add `parameters:`"),
    "shape misspelt": (
        shape("parameters: 7B, layer: 5"),
        "model.layer: unknown field; did you mea",
    ),
    "shape kind": (
        shape("parameters: 7B, kind: rnn"),
        "model.kind: 'rnn' is not one of the choice",
    ),
    "shape negative": (shape("parameters: -7B"), "model.parameters: '-7B' is not above zero"),
    "shape nan": (shape("parameters: .nan"), "model.parameters: nan is not finite"),
    "shape endless": (shape("parameters: 1e17"), "model.parameters: 1e+17 is above 1e+14"),
    "layers in part": (shape("parameters: 7B, layers: 2.5"), "model.layers: 2.5 is not a whole"),
    "active above": (
        shape("parameters: 7B, active_parameters: 8B"),
        "model.active_parameters: is above parameters; it counts those of one token",
    ),
    "experts few": (
        shape("parameters: 7B, experts: 4, experts_per_token: 8"),
        "model.experts_per_token: is above experts; use at most that many",
    ),
    "experts unsaid": (
        shape("parameters: 7B, experts_per_token: 8"),
        "model.experts_per_token: needs experts; say how many there are",
    ),
    "heads uneven": (
        shape("parameters: 7B, heads: 32, kv_heads: 5"),
        "model.heads: of 32 is no multiple of kv_heads",
    ),
    "heads crossed": (
        shape("parameters: 7B, heads: 8, kv_heads: 32"),
        "model.kv_heads: is above heads; use at most that many",
    ),
    "vision unsaid": (
        shape("parameters: 25M, kind: vision"),
        "model.forward_flops: is missing; a vision model needs it",
    ),
    "pixels of text": (
        shape("parameters: 7B, image_size: 224"),
        "model.image_size: does not go with a transformer model",
    ),
    # where
    "nothing for the rest": (
        where("purchase: [spot], max_spot_share: 0"),
        "where.max_spot_share: of 0 leaves the rest to nothing",
    ),
    "spot share above": (where("max_spot_share: 2"), "where.max_spot_share: 2 is above 1; use a"),
    "no machines at all": (
        where("cloud_offers: false"),
        "where.cloud_offers: is false and on_prem is empty; name a site",
    ),
    "clouds of no cloud": (
        where("cloud_offers: false, clouds: [aws], on_prem: [{name: lab, system: DGX H100}]"),
        "where.clouds: does not go with cloud_offers: false; leave one of them out",
    ),
    "platform": (where("platforms: [sagemakr]"), "where.platforms[0]: 'sagemakr' is not one of"),
    "platforms none": (where("platforms: []"), "where.platforms: is empty; give at least one"),
    "exclude all": (where("exclude: ['']"), "where.exclude[0]: is empty; give at least one"),
    "residency number": (where("residency: [5]"), "where.residency[0]: 5 is not text; write text"),
    "credit negative": (where("credits: {aws: -5}"), "where.credits.aws: -5 is not above zero"),
    "credit nameless": (where("credits: {'': 5}"), "where.credits.'': is empty"),
    "quota true": (where("quotas: {aws/P on-demand: true}"), "where.quotas.aws/P on-demand: true"),
    "quota words": (where("quotas: {a/b: 5 vCPUs}"), "where.quotas.a/b: '5 vCPUs' is not a numb"),
    "commitment in part": (
        where("commitments: [{cloud: aws, instance_type: p5.48xlarge}]"),
        "where.commitments[0].count: is missing; add `count:`",
    ),
    "commitment zero": (
        where("commitments: [{cloud: aws, instance_type: p5.48xlarge, count: 0}]"),
        "where.commitments[0].count: 0 is not above zero",
    ),
    "data nowhere": (FINE + "data: {at: us east}\n", "data.at: 'us east' is not a place; write cl"),
    "data bare": (FINE + "data: {input: 500}\n", "data.input: 500 has no unit of memory"),
    "data misspelt": (FINE + "data: {inputs: 5GB}\n", "data.inputs: unknown field; did you mean"),
    # own sites
    "site of nothing": (site("machines: 2"), "where.on_prem[0].accelerator: is missing; name an"),
    "site misspelt": (
        site("acelerator: H100-80GB"),
        "where.on_prem[0].acelerator: unknown field; did you mean accelerator?",
    ),
    "site full": (site("system: DGX H100, utilisation: 100%"), "where.on_prem[0].utilisation: lea"),
    "site too full": (
        site("system: DGX H100, utilisation: 1.5"),
        "where.on_prem[0].utilisation: 1",
    ),
    "site power": (site("system: DGX H100, power: 10"), "where.on_prem[0].power: 10 has no unit"),
    "site network": (
        site("system: DGX H100, network_gbps: .inf"),
        "where.on_prem[0].network_gbps: inf is not finite",
    ),
    "site cooling": (site("system: DGX H100, pue: 0.9"), "where.on_prem[0].pue: 0.9 is below 1"),
    "site bought for nothing": (
        site("accelerator: H100-80GB, purchase: true"),
        "where.on_prem[0].capex_usd: is missing; machines to be bought need a price",
    ),
    "site gains value": (
        site("system: DGX H100, capex_usd: 1000, residual_usd: 2000"),
        "where.on_prem[0].residual_usd: is above capex_usd; machines do not gain value",
    ),
    "site nameless": (
        FINE + "where: {on_prem: [{system: DGX H100}]}\n",
        "where.on_prem[0].name: is missing; add `name:`",
    ),
    "sites alike": (
        FINE + "where: {on_prem: [{name: a, system: DGX H100}, {name: a, system: DGX H200}]}\n",
        "where.on_prem: names a site twice; give each a name of its own",
    ),
    # portfolios
    "no workloads": ("workloads: []\n", "workloads: is empty; list workloads, each with its own"),
    "workloads null": ("workloads:\n", "workloads: nothing is not a list of workloads"),
    "workloads mapping": ("workloads: {a: 1}\n", "workloads: a mapping is not a list of workloads"),
    "workload by name": ("workloads: [job.yaml]\n", "workloads[0]: holds 'job.yaml', not a work"),
    "kindless": (several("model: 7B"), "workloads[0]: kind: is missing; use one of pretrain"),
    "second wrong": (several(ONE, ONE.replace("50M", "-5")), "workloads[1]: tokens: -5 is not"),
    "names alike": (
        several(f"name: a, {ONE}", f"name: a, {ONE}"),
        "workloads[1]: name: 'a' is given twice; give each workload a name of its own",
    ),
    "nested": (several("workloads: []"), "workloads[0]: workloads: holds several workloads"),
    "shared misspelt": (
        several(ONE, shared="buget: 5\n"),
        "buget: unknown field; did you mean budget?",
    ),
    "shared where misspelt": (
        several(ONE, shared="where: {cloud: [aws]}\n"),
        "where.cloud: unknown field; did you mean clouds?",
    ),
    "shared where list": (several(ONE, shared="where: [aws]\n"), "where: a list is not a mapping"),
    "shared budget": (several(ONE, shared="budget: -5\n"), "budget: -5 is not above zero"),
    "shared quota": (several(ONE, shared="quotas: {x: -1}\n"), "quotas.x: -1 is below 0; use 0"),
    "too many": ("workloads: [" + "a, " * 201 + "]\n", "workloads: holds 201 workloads, more than"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_workload_is_refused_in_one_line(case: str, planner: Planner, tmp_path: Path) -> None:
    content, told = REFUSED[case]
    path = tmp_path / "job.yaml"
    path.write_text(content)
    result = planner("recommend", path)
    assert (result.code, result.out) == (2, "")
    assert_one_line(result.err)
    assert result.err.startswith(f"error: {path}: {told}"), result.err


FLAGS: dict[str, tuple[list[str], str]] = {
    "two kinds": (["--serve", "--pretrain"], "command line: --pretrain and --serve exclude each"),
    "kind and switch": (["--kind", "edge", "--serve"], "--kind: edge and --serve exclude each oth"),
    "kind unknown": (["--kind", "train"], "--kind: 'train' is not a kind of work; use one of pre"),
    "same twice": (
        ["--batch", "--samples", "5", "--images", "5"],
        "--samples and --images exclude",
    ),
    "rate of training": (
        ["--finetune", "lora", "--rate", "5"],
        "--rate: does not go with kind finetune; it goes with serving, vision-inference",
    ),
    "model of flops": (
        ["--flops", "3e21", "--model", "7B"],
        "--model: does not go with kind generic; it goes with pretrain",
    ),
    "rate alone": (["--model", "7B", "--rate", "5"], "command line: the kind of work is missing"),
    "rate words": (["--serve", "--model", "7B", "--rate", "lots"], "requests_per_second: 'lots'"),
    "no rate": (["--serve", "--model", "7B"], "command line: requests_per_second: is missing"),
    "no frames": (["--edge", "--model", "yolov8n"], "command line: frames_per_second: is missing"),
    "power": (["--edge", "--model", "yolov8n", "--fps", "30", "--power", "15"], "power: '15' has"),
    "kind of the file": ([str(LORA), "--serve"], "kind: is finetune in the file and serving by"),
    "quota without limit": (
        [str(LORA), "--quota", "aws/P on-demand"],
        "--quota: 'aws/P on-demand'",
    ),
    "quota without name": ([str(LORA), "--quota", "=5"], "--quota: '=5' is not NAME=AMOUNT; write"),
    "quota negative": ([str(LORA), "--quota", "a/b=-5"], "where.quotas.a/b: '-5' is below 0"),
    "credit": ([str(LORA), "--credit", "aws"], "--credit: 'aws' is not NAME=AMOUNT; write"),
    "exclude empty": ([str(LORA), "--exclude", ""], "where.exclude[0]: is empty"),
    "platform": ([str(LORA), "--platform", "sagemakr"], "did you mean sagemaker?"),
    "no cloud": ([str(LORA), "--no-cloud"], "where.cloud_offers: is false and on_prem is empty"),
    "site": ([str(LORA), "--on-prem", ":2"], "--on-prem: ':2' names no system"),
    "sites in no file": ([str(LORA), "--on-prem", "/no/site.yaml"], "/no/site.yaml: no such file"),
    "machines": ([str(LORA), "--on-prem", "DGX H100:none"], "where.on_prem[0].machines: 'none'"),
    "spot share": ([str(LORA), "--max-spot-share", "150%"], "where.max_spot_share: '150%' is ab"),
    "data": ([str(LORA), "--data-at", "a/b/c"], "data.at: 'a/b/c' is not a place; write cloud"),
}


@pytest.mark.parametrize("case", FLAGS)
def test_flags_are_refused_in_one_line(case: str, planner: Planner) -> None:
    arguments, told = FLAGS[case]
    result = planner("recommend", *arguments)
    assert (result.code, result.out) == (2, "")
    assert_one_line(result.err)
    assert told in result.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--model", "7B"], "workloads: --model does not go with several workloads; write it into"),
        (["--risk", "2"], "workloads[0]: risk: 2 is above 0.99"),
        (["--cloud", "awz", "--max-nodes", "0"], "workloads[0]: where.max_nodes: 0 is not above"),
        (["--budget", "none"], "budget: 'none' is not a quantity"),
    ],
)
def test_flags_over_a_portfolio(
    arguments: list[str], told: str, planner: Planner, tmp_path: Path
) -> None:
    path = tmp_path / "five.yaml"
    path.write_text(several(ONE, ONE))
    result = planner("recommend", path, *arguments)
    assert (result.code, result.out) == (2, "")
    assert_one_line(result.err)
    assert result.err.startswith(f"error: {path} with flags: {told}")


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=12),
    st.sampled_from(["50M", "24h", "50ms", "1e18", "-1", "25%", "15W", "7B", "resnet50", "2TB"]),
)
NAMES = sorted({name for model in MODELS.values() for name in model.model_fields} | {"zz"})
INNER = [*Where.model_fields, *Site.model_fields, *InlineModel.model_fields, "share"]
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(INNER) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)
VALID = [FINE, SERVE, BATCH, IMAGES, STREAM, EDGE, FLOPS, VISION]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    text=st.sampled_from(VALID),
    fields=st.dictionaries(st.sampled_from(NAMES), VALUES, min_size=1, max_size=3),
    listed=st.booleans(),
)
def test_any_fields_are_a_workload_or_one_line(
    text: str, fields: dict[str, object], listed: bool
) -> None:
    import yaml

    catalog = Catalog.open()
    workload = {**yaml.safe_load(text), **fields}
    data = {"workloads": [workload]} if listed else workload
    try:
        found = parse_any(data, where="job.yaml")
        for one in found.workloads if isinstance(found, Portfolio) else [found]:
            shape = shape_of(catalog, one, "job.yaml")
            assert 0 <= shape.parameters_billion < 1e6
            dumped = json.dumps(one.model_dump(mode="json"))
            assert "NaN" not in dumped
            assert "Infinity" not in dumped
    except BadInput as error:
        assert error.problem
        assert error.remedy
        assert str(error).startswith("job.yaml")
        assert len(str(error)) < 700
