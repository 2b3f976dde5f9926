"""Memory fit of training: bytes one device must hold under each layout."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.layouts import FULL_RECOMPUTE, SELECTIVE, Layouts
from planner.performance.work import TransformerWork

Floats = NDArray[np.float64]

# Runtime context, communication buffers and allocator fragmentation: what frameworks were seen
# to need beside the tensors. Weights and optimizer states are allocated once and hardly fragment;
# gradients and activations come and go. Assumptions, on the safe side.
CONTEXT_BYTES = 1.5 * 2**30
FRAGMENTATION = 0.08
FRAGMENTATION_STATIC = 0.02


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes per device, shape (layouts,), by what they are for."""

    weights: Floats
    gradients: Floats
    optimizer: Floats
    activations: Floats

    @property
    def total(self) -> Floats:
        static = (self.weights + self.optimizer) * (1 + FRAGMENTATION_STATIC)
        passing = (self.gradients + self.activations) * (1 + FRAGMENTATION)
        return static + passing + CONTEXT_BYTES


@dataclass(frozen=True)
class Shard:
    """Parameters one device of the fullest pipeline stage is responsible for, shape (layouts,).

    ``dense`` repeats on every data and context parallel rank, ``routed`` (experts) on every
    expert group; ``layer`` is what one layer has of both, ``embedding`` one embedding's share.
    """

    layers: Floats
    dense: Floats
    routed: Floats
    embedding: Floats
    layer: Floats

    @property
    def all(self) -> Floats:
        return self.dense + self.routed + self.embedding


def shard(work: TransformerWork, layouts: Layouts) -> Shard:
    """How parameters divide: layers over stages, matrices over tensor ranks, experts over groups.

    Without pipelining a device holds both embeddings; the first and the last stage hold one each.
    """
    chunks = layouts.pipeline * layouts.interleave
    layers = np.ceil(work.layers / chunks) * layouts.interleave
    per_layer = work.dense_parameters / work.layers / layouts.tensor
    routed = work.expert_parameters / work.layers / (layouts.expert * layouts.expert_tensor)
    held = np.where(layouts.pipeline > 1, min(work.embeddings, 1.0), work.embeddings)
    embedding = held * work.embedding_parameters / layouts.tensor
    return Shard(layers, layers * per_layer, layers * routed, embedding, per_layer + routed)


def micro_steps(layouts: Layouts, sequences: float) -> Floats:
    """Micro-batches of one replica in a step; the ceiling charges for uneven shares."""
    steps: Floats = np.ceil(sequences / (layouts.data * layouts.micro_batch))
    return steps


def transformer_training_memory(
    work: TransformerWork, layouts: Layouts, *, sequence_length: int, sequences: float
) -> MemoryNeed:
    """Need of the fullest device in a step of ``sequences``, shape (layouts,).

    ZeRO shards the optimizer (1), also gradients (2), also weights (3) over the data and context
    parallel devices; a gathered layer is held whole while it is computed. Tensor parallelism is
    with sequence parallelism, so all activations divide (Korthikanti et al. 2022, section 4.2).
    The first stage of a 1F1B pipeline holds one micro-batch for each stage, an interleaved one
    (p - 1) / (p v) more (same, appendix); the last holds one and the logits.
    """
    part = shard(work, layouts)
    ranks, expert_ranks = layouts.ranks, layouts.expert_ranks
    stage = layouts.zero
    width = work.stored_bytes
    # Embeddings and the head stay in 16 bits when the layers are quantised.
    stored = (part.dense + part.routed) * work.weight_bytes_per_parameter + part.embedding * width
    sharded = (
        (part.dense / ranks + part.routed / expert_ranks) * work.weight_bytes_per_parameter
        + part.embedding * width / ranks
        + (2 * part.layer + part.embedding) * width
    )
    weights = np.where(stage >= 3, np.minimum(sharded, stored), stored)
    if work.quantised:  # two of the largest matrices are expanded at a time
        weights = weights + 2 * work.hidden * work.expert_ffn / layouts.tensor * width
    if work.full:
        trained = part.all
        over_ranks = (part.dense + part.embedding) / ranks + part.routed / expert_ranks
    else:
        trained = work.trainable_parameters * part.layers / work.layers / layouts.tensor
        over_ranks = trained / ranks
        weights = weights + np.where(stage >= 3, over_ranks, trained) * width
    gradients = np.where(stage >= 2, over_ranks, trained) * width
    optimizer = np.where(stage >= 1, over_ranks, trained) * work.adam_bytes
    activations = _activations(work, layouts, part, sequence_length, sequences)
    return MemoryNeed(weights, gradients, optimizer, activations)


def _activations(
    work: TransformerWork, layouts: Layouts, part: Shard, sequence_length: int, sequences: float
) -> Floats:
    tokens = layouts.micro_batch * sequence_length / (layouts.context * layouts.tensor)
    kept = np.where(
        layouts.recompute == FULL_RECOMPUTE,
        work.checkpoint_bytes_per_token_layer,
        np.where(
            layouts.recompute == SELECTIVE,
            work.selective_bytes_per_token_layer,
            work.activation_bytes_per_token_layer,
        ),
    )
    working = np.where(layouts.recompute > 0, work.activation_bytes_per_token_layer, 0.0)
    stages = layouts.pipeline
    in_flight = np.minimum(micro_steps(layouts, sequences), stages)
    warm_up = np.where(
        layouts.interleave > 1, 1 + (stages - 1) / (stages * layouts.interleave), 1.0
    )
    first = part.layers * kept * in_flight * warm_up
    last = part.layers * kept + work.logit_bytes_per_token
    result: Floats = tokens * (np.where(stages > 1, np.maximum(first, last), last) + working)
    return result
