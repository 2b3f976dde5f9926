"""The benchmarks: self-contained programs, and what each one measures.

A program is copied to the machine it measures, so it imports nothing of this project. Importing
this package imports none of them.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from launchers.errors import LaunchRefused


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One program, and what it runs in the words of an observation.

    ``model`` is in the catalog's model shapes; ``metric`` is the unit of the value it reports.
    """

    name: str
    program: Path
    measures: str
    task: str
    model: str
    model_class: str
    metric: str
    needs: str


_CNN = Benchmark(
    name="cnn",
    program=Path(__file__).with_name("cnn.py"),
    measures="training speed and accuracy of a 1.2 M parameter CNN on MNIST or drawn digits",
    task="train",
    model="MNIST-CNN-pytorch-examples",
    model_class="cnn",
    metric="images_per_s_per_device",
    needs="torch",
)
BENCHMARKS = {benchmark.name: benchmark for benchmark in (_CNN,)}


def find_benchmark(name: str) -> Benchmark:
    """By name. Raises LaunchRefused naming the known ones."""
    if name not in BENCHMARKS:
        close = difflib.get_close_matches(name, BENCHMARKS, n=1)
        hint = f"did you mean {close[0]}?" if close else f"use one of {', '.join(BENCHMARKS)}"
        raise LaunchRefused(f"unknown benchmark {name!r}", where="benchmark", remedy=hint)
    return BENCHMARKS[name]
