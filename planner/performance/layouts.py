"""Parallel layouts: the ways to spread one training run over the devices of a configuration."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TENSOR = (1, 2, 4, 8)
ZERO_STAGES = (0, 1, 2, 3)  # 3 = FSDP full shard
MICRO_BATCHES = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Layouts:
    """Layouts as columns, shape (m,). Data parallelism fills what tensor parallelism leaves."""

    tensor: Floats
    zero_stage: Floats
    recompute: NDArray[np.bool_]
    micro_batch: Floats  # sequences in one forward pass of one replica

    def __len__(self) -> int:
        return len(self.tensor)


def training_layouts(*, single_device: bool = False) -> Layouts:
    """Every combination worth trying, simplest first: ties go to the simpler layout."""
    tensors, stages = ((1,), (0,)) if single_device else (TENSOR, ZERO_STAGES)
    rows = list(product(tensors, stages, (False, True), MICRO_BATCHES))
    tensor, stage, recompute, micro = zip(*rows, strict=True)
    return Layouts(
        np.array(tensor, np.float64),
        np.array(stage, np.float64),
        np.array(recompute, bool),
        np.array(micro, np.float64),
    )


def describe(layouts: Layouts, index: int, devices: int) -> str:
    """A layout as people write it: ``dp8 zero3 recompute, micro-batch 4``."""
    tensor = int(layouts.tensor[index])
    data = max(1, devices // tensor)
    parts = [f"tp{tensor}"] if tensor > 1 else []
    if data > 1:
        stage = int(layouts.zero_stage[index])
        parts.append(f"dp{data}" + (f" zero{stage}" if stage else ""))
    if not parts:
        parts.append("single device")
    if layouts.recompute[index]:
        parts.append("recompute")
    return " ".join(parts) + f", micro-batch {int(layouts.micro_batch[index])}"
