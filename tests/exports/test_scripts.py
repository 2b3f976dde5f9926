"""Launch scripts: read by bash, their commands by the parsers of those who take them."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from catalog import Catalog
from launchers.templates import TEMPLATES, Cluster
from planner.errors import BadInput
from planner.exports.deepspeed import config, deepspeed
from planner.exports.launch_scripts import horovod, ray_train, run_lines, torchrun
from planner.exports.layout import environment, megatron_arguments
from planner.exports.subject import Subject, Wishes
from planner.exports.tensorrt_llm import tensorrt_llm
from planner.exports.vllm import vllm
from planner.results import Recommendation
from tests.exports.conftest import HOSTILE, example, named, on, small, subject

# Each stand-in prints its name and words, one a line, and the variables of the plan.
STUB = '#!/bin/bash\nprintf "%s\\n" "${0##*/}" "$@"\nenv | grep ^PLANNER_ || true\n'
PROGRAMS = ("python3", "horovodrun", "vllm", "trtllm-serve")
Make = Callable[[Subject, Wishes], str]
PLAIN = {"parallelism": "dp16, micro-batch 4"}

# Option names, as read on 2026-03 in vllm/engine/arg_utils.py (vllm-project/vllm, commit 99d7eb5d)
# and vllm/entrypoints/openai/cli_args.py; those of the parts used here.
VLLM_FLAGS = {
    "--port", "--tensor-parallel-size", "--pipeline-parallel-size", "--data-parallel-size",
    "--max-model-len", "--max-num-seqs", "--dtype", "--quantization", "--enable-prefix-caching",
    "--speculative-config", "--kv-cache-dtype", "--gpu-memory-utilization",
    "--enable-expert-parallel",
}  # fmt: skip
# tensorrt_llm/commands/serve.py (NVIDIA/TensorRT-LLM, commit 4c05a748), read on 2026-03.
TRTLLM_OPTIONS = {
    "--tokenizer", "--host", "--port", "--backend", "--log_level", "--max_beam_width",
    "--max_batch_size", "--max_num_tokens", "--max_seq_len", "--tp_size", "--pp_size", "--ep_size",
    "--cluster_size", "--gpus_per_node", "--kv_cache_free_gpu_memory_fraction",
    "--num_postprocess_workers", "--trust_remote_code", "--extra_llm_api_options",
}  # fmt: skip
# https://www.deepspeed.ai/docs/config-json/, and AutoTP in docs/code-docs (deepspeedai/DeepSpeed).
DEEPSPEED_KEYS: dict[str, Any] = {
    "train_batch_size": None,
    "train_micro_batch_size_per_gpu": None,
    "gradient_accumulation_steps": None,
    "zero_optimization": {"stage"},
    "bf16": {"enabled"},
    "fp16": {"enabled"},
    "tensor_parallel": {"autotp_size"},
    "activation_checkpointing": {
        "partition_activations", "cpu_checkpointing", "contiguous_memory_optimization",
        "number_checkpoints", "synchronize_checkpoint_boundary", "profile",
    },
}  # fmt: skip
# megatron/training/arguments.py (NVIDIA/Megatron-LM) and its FSDP guide, read on 2026-03.
MEGATRON_ARGUMENTS = {
    "--tensor-model-parallel-size", "--pipeline-model-parallel-size", "--context-parallel-size",
    "--expert-model-parallel-size", "--num-virtual-stages-per-pipeline-rank", "--micro-batch-size",
    "--global-batch-size", "--seq-length", "--sequence-parallel", "--use-distributed-optimizer",
    "--use-megatron-fsdp", "--data-parallel-sharding-strategy", "--no-gradient-accumulation-fusion",
    "--ckpt-format", "--recompute-granularity", "--recompute-modules", "--recompute-method",
    "--recompute-num-layers", "--bf16", "--fp16", "--fp8-format",
}  # fmt: skip


def run(script: str, folder: Path, **variables: str) -> list[str]:
    """The words that the script calls programs with, and the plan's variables."""
    for name in PROGRAMS:
        (folder / name).write_text(STUB)
        (folder / name).chmod(0o755)
    path = folder / "launch.sh"
    path.write_text(script, encoding="utf-8")
    subprocess.run(["bash", "-n", str(path)], check=True, capture_output=True)
    done = subprocess.run(
        ["bash", str(path)],
        cwd=folder,
        env={"PATH": f"{folder}:{os.environ['PATH']}", **variables},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def torchrun_arguments(words: list[str]) -> Any:
    from torch.distributed.run import parse_args

    start = words.index("torch.distributed.run")
    end = next(n for n, word in enumerate(words) if word.startswith("PLANNER_"))
    return parse_args(words[start + 1 : end])


NODES = "10.0.0.1\n10.0.0.2"
PLACES = {
    "skypilot": {"SKYPILOT_NODE_IPS": NODES, "SKYPILOT_NODE_RANK": "1"},
    "given": {"NODE_IPS": NODES, "NODE_RANK": "1"},
    "kubernetes": {"NODE_IPS": NODES, "JOB_COMPLETION_INDEX": "1"},
}


@pytest.mark.parametrize("place", PLACES)
def test_torchrun_takes_its_words(
    training: Recommendation, catalog: Catalog, tmp_path: Path, place: str
) -> None:
    wishes = Wishes(command="python train.py --data 'my folder'", megatron=True)
    words = run(torchrun(subject(training, catalog), wishes), tmp_path, **PLACES[place])
    parsed = torchrun_arguments(words)
    assert (parsed.nnodes, parsed.nproc_per_node, parsed.node_rank) == ("2", "8", 1)
    assert parsed.master_addr == "10.0.0.1"
    assert parsed.training_script == "train.py"
    given = parsed.training_script_args
    assert given[:2] == ["--data", "my folder"]
    assert given[given.index("--tensor-model-parallel-size") + 1] == "4"
    assert {"PLANNER_PIPELINE_PARALLEL=2", "PLANNER_ZERO_STAGE=1"} <= set(words)


def test_a_node_that_knows_no_others_is_told_what_is_missing(
    training: Recommendation, catalog: Catalog
) -> None:
    script = torchrun(subject(training, catalog), Wishes())
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.returncode != 0
    assert "NODE_IPS: is one address a line" in done.stderr


def test_the_layout_adds_up(training: Recommendation, catalog: Catalog) -> None:
    """Devices are the product of the sizes, samples those of micro-batches."""
    plan = subject(training, catalog)
    sizes = environment(plan)
    product = 1
    for name in ("TENSOR", "PIPELINE", "CONTEXT", "DATA"):
        product *= int(sizes.get(f"PLANNER_{name}_PARALLEL", 1))
    assert product == 16
    batch = int(sizes["PLANNER_GLOBAL_BATCH"])
    assert batch == round(1e6 / 4096)
    per_step = int(sizes["PLANNER_MICRO_BATCH"]) * int(sizes["PLANNER_DATA_PARALLEL"])
    assert int(sizes["PLANNER_GRADIENT_ACCUMULATION"]) * per_step == batch


@pytest.mark.parametrize(
    "layout",
    [
        "tp4 pp2 vpp2 dp2 zero1 selective recompute, micro-batch 1",
        "cp2 ep4 dp8 zero3 recompute, micro-batch 2",
        "dp16 zero2, micro-batch 3",
    ],
)
def test_megatrons_arguments_exist_and_its_batch_is_whole(
    training: Recommendation, catalog: Catalog, layout: str
) -> None:
    plan = subject(on(training, parallelism=layout), catalog)
    words = megatron_arguments(plan)
    assert {word for word in words if word.startswith("--")} <= MEGATRON_ARGUMENTS
    value = dict(pairwise(words))
    micro, data = int(value["--micro-batch-size"]), plan.layout.data or 1
    assert int(value["--global-batch-size"]) % (micro * data) == 0


def test_deepspeed_reads_its_configuration(
    training: Recommendation, catalog: Catalog, tmp_path: Path
) -> None:
    plan = subject(on(training, parallelism="tp4 dp4 zero2 recompute, micro-batch 2"), catalog)
    words = run(deepspeed(plan, Wishes()), tmp_path, **PLACES["given"])
    start = words.index("deepspeed.launcher.runner")
    assert {"--num_nodes=2", "--num_gpus=8", "--node_rank=1", "--no_ssh"} <= set(words[start:])
    place = words.index("train.py")
    assert words[place + 1 : place + 4] == ["--deepspeed", "--deepspeed_config", "ds_config.json"]
    written = json.loads((tmp_path / "ds_config.json").read_text())
    assert written == config(plan)
    for key, value in written.items():
        assert key in DEEPSPEED_KEYS, key
        if DEEPSPEED_KEYS[key]:
            assert set(value) <= DEEPSPEED_KEYS[key]
    assert written["zero_optimization"]["stage"] == 2
    assert written["tensor_parallel"]["autotp_size"] == 4
    steps = written["gradient_accumulation_steps"]
    assert steps * written["train_micro_batch_size_per_gpu"] * 4 == pytest.approx(244, rel=0.02)


@pytest.mark.parametrize(
    ("layout", "problem"),
    [("pp2 dp8 zero3", "pipeline engine"), ("pp2 vpp4 dp8 zero1", "not interleaved")],
)
def test_what_deepspeed_cannot_do_is_said(
    training: Recommendation, catalog: Catalog, layout: str, problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        deepspeed(subject(on(training, parallelism=layout), catalog), Wishes())


def test_ray_trains_driver_is_python(
    training: Recommendation, catalog: Catalog, tmp_path: Path
) -> None:
    one = on(training, nodes=1, accelerators=8.0, parallelism="dp8, micro-batch 1")
    words = run(ray_train(subject(one, catalog), Wishes(command="train.py --x 1")), tmp_path)
    code = "\n".join(words[words.index("-c") + 1 : words.index("8") - 1])
    ast.parse(code)
    assert words[words.index("train.py") :][:3] == ["train.py", "--x", "1"]


def test_horovod_starts_ranks_of_data_parallel_plans_only(
    training: Recommendation, catalog: Catalog, tmp_path: Path
) -> None:
    script = horovod(subject(on(training, **PLAIN), catalog), Wishes())
    place = {"NODE_IPS": NODES, "NODE_RANK": "0"}
    words = run(script, tmp_path, **place)
    assert words[1:5] == ["-np", "16", "-H", "10.0.0.1:8,10.0.0.2:8"]
    with pytest.raises(BadInput, match="tensor and pipeline and ZeRO 1 parallelism"):
        horovod(subject(training, catalog), Wishes())


def flags(words: list[str]) -> set[str]:
    return {word for word in words if word.startswith("--")}


def test_vllm_gets_flags_that_it_has(
    serving: Recommendation, catalog: Catalog, tmp_path: Path
) -> None:
    plan = subject(
        named(
            serving,
            prefix_cache_hit=0.3,
            speculative={"draft_tokens": 3, "acceptance": 0.7, "draft_cost": 0.1},
        ),
        catalog,
    )
    words = run(vllm(plan, Wishes(model_id="org/model")), tmp_path, DRAFT_MODEL="org/draft")
    assert words[:3] == ["vllm", "serve", "org/model"]
    assert flags(words) <= VLLM_FLAGS
    value = dict(pairwise(words))
    assert (value["--tensor-parallel-size"], value["--data-parallel-size"]) == ("4", "2")
    assert value["--quantization"] == "fp8"
    said = json.loads(value["--speculative-config"])
    assert said == {"num_speculative_tokens": 3, "model": "org/draft"}
    latency = plan.item.latency
    assert latency is not None and latency.concurrency is not None
    assert int(value["--max-num-seqs"]) > latency.concurrency / 2
    assert int(value["--max-model-len"]) >= 1024 + 256


def test_a_model_without_weights_is_asked_for(serving: Recommendation, catalog: Catalog) -> None:
    done = subprocess.run(
        ["bash", "-c", vllm(subject(serving, catalog), Wishes())], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "MODEL: is the name or path of the weights" in done.stderr


def test_tensorrt_llm_gets_options_that_it_has(
    serving: Recommendation, catalog: Catalog, tmp_path: Path
) -> None:
    script = tensorrt_llm(subject(serving, catalog), Wishes(model_id="m"))
    words = run(script.replace("trap 'kill 0' EXIT\n", "").replace("wait -n", "wait"), tmp_path)
    assert flags(words) <= TRTLLM_OPTIONS
    ports = [words[n + 1] for n, word in enumerate(words) if word == "--port"]
    assert sorted(ports) == ["8000", "8001"], "one server a copy"
    assert 'CUDA_VISIBLE_DEVICES="$(seq -s , "$first"' in script
    amd = on(serving, accelerator="MI300X")
    with pytest.raises(BadInput, match="NVIDIA"):
        tensorrt_llm(subject(amd, catalog), Wishes())


@pytest.mark.parametrize("make", [torchrun, deepspeed, ray_train, horovod])
def test_a_service_is_no_launch_script(
    serving: Recommendation, catalog: Catalog, make: Make
) -> None:
    with pytest.raises(BadInput, match="it is a service"):
        make(subject(on(serving, parallelism="single device"), catalog), Wishes())


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_task_starts_ranks_by_any_template(
    training: Recommendation, catalog: Catalog, name: str
) -> None:
    plan = on(training, **PLAIN)
    wishes = Wishes(command="train.py --x 1", template=name)
    for cluster in (Cluster.SKYPILOT, Cluster.ANY):
        lines = run_lines(subject(plan, catalog), wishes, cluster)
        subprocess.run(["bash", "-n"], input=lines, text=True, check=True)
        assert "train.py --x 1" in lines


def test_deepspeed_trains_only(catalog: Catalog) -> None:
    plan = subject(example("simulate-hpc", catalog), catalog)
    with pytest.raises(BadInput, match="it trains, and this is generic"):
        deepspeed(plan, Wishes())
    assert "run.py" in torchrun(plan, Wishes())


@pytest.mark.parametrize("make", [vllm, tensorrt_llm])
def test_training_is_not_served(training: Recommendation, catalog: Catalog, make: Make) -> None:
    with pytest.raises(BadInput, match="serves language models"):
        make(subject(training, catalog), Wishes())


def test_hostile_text_runs_nothing(
    training: Recommendation, serving: Recommendation, catalog: Catalog, tmp_path: Path
) -> None:
    """Names stay in comments, arguments stay arguments."""
    nasty = named(on(training, nodes=1, accelerators=8.0, **PLAIN), name=HOSTILE)
    wishes = Wishes(command=f"train.py {shlex.quote(HOSTILE)}")
    for make in (torchrun, deepspeed, horovod, ray_train):
        words = "\n".join(run(make(subject(nasty, catalog), wishes), tmp_path))
        assert HOSTILE in words or shlex.quote(HOSTILE) in words, make
    for make in (vllm, tensorrt_llm):
        one = named(on(serving, parallelism="tp8"), name=HOSTILE, model=f"x/{HOSTILE[:60]}")
        words = "\n".join(run(make(subject(one, catalog), Wishes()), tmp_path))
        assert f"x/{HOSTILE[:60]}" in words
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("command", ["accelerate launch", "python -m pkg", "'", "bash run.sh"])
def test_a_launcher_asks_for_a_python_program(
    training: Recommendation, catalog: Catalog, command: str
) -> None:
    with pytest.raises(BadInput, match="--command"):
        torchrun(subject(training, catalog), Wishes(command=command))


def test_a_small_job_is_planned_and_launched(catalog: Catalog, tmp_path: Path) -> None:
    """From a workload to words, without a stand-in result."""
    plan = subject(small(catalog, where={"clouds": ["aws"], "accelerators": ["A100"]}), catalog)
    parsed = torchrun_arguments(run(torchrun(plan, Wishes()), tmp_path))
    assert int(parsed.nproc_per_node) == plan.devices_per_node
    assert re.fullmatch(r"\d+", parsed.nproc_per_node)
