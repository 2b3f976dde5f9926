"""The benchmarks: programs, and what each one measures.

A program is sent out as one file and imports nothing of this project. Importing this package
imports none of them.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from launchers.errors import LaunchRefused

PROGRAMS = Path(__file__).with_name("programs")


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark: a program and the arguments that make it this one.

    ``models`` are names of the catalog's model shapes that it can run, the default first; none for
    ceilings, which no network's speed is. ``needs`` are packages besides torch.
    """

    name: str
    program: str
    measures: str
    models: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    takes_data: bool = False

    @property
    def model(self) -> str:
        """The network it runs unless told otherwise; empty for ceilings."""
        return self.models[0] if self.models else ""

    @property
    def source(self) -> Path:
        """Where the program is written."""
        return PROGRAMS / f"{self.program}.py"


CNN = "MNIST-CNN-pytorch-examples"
GPT2 = ("GPT2-124M", "GPT2-355M", "GPT2-774M", "GPT2-1.5B")
NETWORKS = (CNN, "resnet50", GPT2[0])
_ALL = (
    Benchmark(
        "cnn",
        "cnn",
        "training speed and accuracy of a 1.2 M parameter CNN on MNIST or drawn digits",
        (CNN,),
        takes_data=True,
    ),
    Benchmark("resnet50", "resnet50", "training speed of ResNet-50", ("resnet50",)),
    Benchmark("transformer", "transformer", "training speed of GPT-2, DDP and FSDP too", GPT2),
    Benchmark("decode", "decode", "prefill and decode of GPT-2 with a KV cache", GPT2),
    Benchmark("gemm", "gemm", "arithmetic ceiling: matrix products by size"),
    Benchmark("memory", "memory", "memory ceiling: copies and sums of large arrays"),
    Benchmark("collectives", "collectives", "all-reduce between devices by message size"),
    Benchmark("inference", "inference", "inference in torch, eager or compiled", NETWORKS),
    Benchmark(
        "onnxruntime",
        "inference",
        "inference in ONNX Runtime",
        NETWORKS,
        ("--runtime", "onnxruntime"),
        ("onnx", "onnxscript", "onnxruntime"),
    ),
    Benchmark(
        "openvino",
        "inference",
        "inference in OpenVINO",
        NETWORKS,
        ("--runtime", "openvino"),
        ("openvino",),
    ),
    Benchmark(
        "tvm", "inference", "inference in TVM", NETWORKS, ("--runtime", "tvm"), ("apache-tvm",)
    ),
    Benchmark(
        "tensorrt",
        "inference",
        "inference in TensorRT",
        NETWORKS,
        ("--runtime", "tensorrt", "--device", "cuda"),
        ("torch-tensorrt",),
    ),
    Benchmark("vllm", "vllm", "generation in vLLM", (GPT2[3], *GPT2[:3]), needs=("vllm",)),
)
BENCHMARKS = {benchmark.name: benchmark for benchmark in _ALL}


def find_benchmark(name: str) -> Benchmark:
    """By name. Raises LaunchRefused naming the known ones."""
    if name not in BENCHMARKS:
        close = difflib.get_close_matches(name, BENCHMARKS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"use one of {', '.join(BENCHMARKS)}"
        raise LaunchRefused(f"unknown benchmark {name!r}", where="benchmark", remedy=hint)
    return BENCHMARKS[name]
