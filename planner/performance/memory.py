"""Memory fit of training: bytes one device must hold under each layout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.performance.layouts import Layouts
from planner.performance.work import ADAM_BYTES, TransformerWork

Floats = NDArray[np.float64]

# Runtime context, communication buffers and allocator fragmentation: what frameworks were seen
# to need beside the tensors. Assumptions, on the safe side.
CONTEXT_BYTES = 1.5 * 2**30
FRAGMENTATION = 0.08


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes per device, shape (configurations, layouts), by what they are for."""

    weights: Floats
    gradients: Floats
    optimizer: Floats
    activations: Floats

    @property
    def total(self) -> Floats:
        tensors = self.weights + self.gradients + self.optimizer + self.activations
        return tensors * (1 + FRAGMENTATION) + CONTEXT_BYTES


def transformer_training_memory(
    work: TransformerWork,
    layouts: Layouts,
    data_parallel: Floats,
    *,
    sequence_length: int,
    bytes_per_value: float,
) -> MemoryNeed:
    """Need under tensor parallelism, ZeRO stages and recomputation.

    ``data_parallel`` has shape (configurations, layouts). ZeRO shards the optimizer (1), also
    gradients (2), also weights (3) over the data-parallel devices; a gathered layer is held whole
    while it is computed. Full recomputation keeps one input a layer plus one layer's intermediates.
    """
    tensor = layouts.tensor
    stage = layouts.zero_stage
    shard = np.maximum(data_parallel, 1.0)
    weights = work.parameters * work.weight_bytes_per_parameter / tensor
    gathered = 2 * weights / max(work.layers, 1.0)
    frozen_base = work.trainable_parameters < work.parameters
    adapters = work.trainable_parameters / tensor
    held_weights = np.where(stage >= 3, weights / shard + gathered, weights)
    if frozen_base:
        held_weights = held_weights + adapters * bytes_per_value
    gradients = adapters * bytes_per_value / np.where(stage >= 2, shard, 1.0)
    optimizer = adapters * ADAM_BYTES / np.where(stage >= 1, shard, 1.0)
    tokens = layouts.micro_batch * sequence_length
    layer = work.activation_bytes_per_token_layer * tokens / tensor
    inputs = work.checkpoint_bytes_per_token_layer * tokens
    activations = np.where(
        layouts.recompute, inputs * work.layers + layer, (layer + inputs) * work.layers
    )
    activations = activations + work.logit_bytes_per_token * tokens / tensor
    shape = np.broadcast_shapes(data_parallel.shape, tensor.shape)
    return MemoryNeed(
        np.broadcast_to(held_weights, shape),
        np.broadcast_to(gradients, shape),
        np.broadcast_to(optimizer, shape),
        np.broadcast_to(activations, shape),
    )
