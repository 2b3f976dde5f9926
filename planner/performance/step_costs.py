"""What one optimizer step costs under each layout, before hardware speeds enter: operations,
bytes and messages of the busiest pipeline stage. All arrays have shape (layouts,).
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.layouts import FULL_RECOMPUTE, SELECTIVE, Layouts
from planner.performance.memory import Shard, micro_steps, shard
from planner.performance.work import TransformerWork

Floats = NDArray[np.float64]

# A matrix product with few rows or narrow columns under-fills the device: half efficiency at this
# many tokens; a product's narrower side this wide costs a third more.
HALF_EFFICIENCY_TOKENS = 256.0
HALF_EFFICIENCY_WIDTH = 384.0
# Reading and writing what norms, activation functions, rotations and residuals touch, in units of
# the bytes saved for the backward pass: forward, and backward with its gradients.
FORWARD_TRAFFIC = 1.5
BACKWARD_TRAFFIC = 2.5
# Kernels of one layer in one forward and backward pass, launched one by one.
KERNELS_PER_LAYER = 60.0
# Adam reads and writes weights, gradients and two moments in fp32 and the 16-bit copy.
OPTIMIZER_TRAFFIC_BYTES = 30.0
# The busiest expert group gets more than its share of tokens, and tokens are sorted by expert and
# back: this much more time than evenly spread products. Assumption; it takes most of the bias out
# of the catalog's megatron-bridge rows.
EXPERT_IMBALANCE = 1.3


@dataclass(frozen=True)
class StepCosts:
    """Micro-batch work of the busiest stage, and what the step does once.

    ``matrix_flops`` are operations divided by how well the products fill a device;
    ``attention_flops`` run in the 16-bit (or wider) precision whatever the products use.
    """

    layers: Floats
    steps: Floats
    matrix_flops: Floats
    attention_flops: Floats
    weight_bytes: Floats
    elementwise_bytes: Floats
    forward_share: Floats
    kernels: Floats
    tensor_collectives: Floats
    tensor_bytes: Floats
    context_bytes: Floats
    expert_exchanges: Floats
    expert_bytes: Floats
    boundary_bytes: Floats
    boundaries: Floats
    dense_gradient_bytes: Floats
    expert_gradient_bytes: Floats
    dense_weight_bytes: Floats
    expert_weight_bytes: Floats
    update_bytes: Floats

    def take(self, rows: NDArray[np.intp]) -> StepCosts:
        return StepCosts(*(getattr(self, field.name)[rows] for field in fields(self)))


def step_costs(
    work: TransformerWork, layouts: Layouts, *, sequence_length: int, sequences: float
) -> StepCosts:
    """Costs of a step of ``sequences`` under each layout."""
    part = shard(work, layouts)
    tokens = layouts.micro_batch * sequence_length / layouts.context
    full = layouts.recompute == FULL_RECOMPUTE
    forwards = np.where(full, 2.0, 1.0)
    matrix = _matrix_flops(work, layouts, part, tokens, forwards)
    attention = (
        (forwards + 2.0)
        * work.attention_flops_forward
        * part.layers
        / work.layers
        * tokens
        / layouts.tensor
    )
    backward = work.flops_backward / work.flops_forward
    activation = tokens * work.hidden * work.stored_bytes
    held = part.layers * part.layer + part.embedding
    expert_share = np.where(work.expert_parameters > 0, 1.0, 0.0)
    width = work.stored_bytes
    weight_width = np.where(work.quantised, work.weight_bytes_per_parameter, width)
    trained = work.trainable_parameters / work.layers * part.layers / layouts.tensor
    owners = np.where(layouts.zero >= 1, layouts.ranks, 1.0)
    expert_owners = np.where(layouts.zero >= 1, layouts.expert_ranks, 1.0)
    if work.full:
        dense_trained = part.dense + part.embedding
        update = dense_trained / owners + part.routed / expert_owners
        expert_trained = part.routed
    else:
        dense_trained, expert_trained = trained, np.zeros_like(trained)
        update = trained / owners
    return StepCosts(
        layers=part.layers,
        steps=micro_steps(layouts, sequences),
        matrix_flops=matrix,
        attention_flops=attention,
        weight_bytes=held * weight_width * (forwards + 1.0),
        elementwise_bytes=_elementwise_bytes(work, layouts, part, tokens, forwards),
        forward_share=1.0 / (forwards + backward),
        kernels=KERNELS_PER_LAYER * part.layers * (forwards + 2.0) / 3.0,
        # Two all-reduces a layer in each pass (Shoeybi et al. 2019, Megatron-LM, section 3), as
        # reduce-scatter and all-gather with sequence parallelism: the same bytes
        tensor_collectives=2 * part.layers * (forwards + 1.0),
        tensor_bytes=activation,
        # keys and values go round the ring forward, and with their gradients backward
        context_bytes=2
        * work.key_value_width
        * width
        * tokens
        / layouts.tensor
        * part.layers
        * (forwards + 2.0),
        # tokens go to their experts and back, in each pass
        expert_exchanges=expert_share * 2 * part.layers * (forwards + 1.0),
        expert_bytes=activation / layouts.tensor * work.experts_per_token * EXPERT_IMBALANCE,
        boundary_bytes=activation / layouts.tensor,
        boundaries=np.where(layouts.pipeline > 1, 2.0 * layouts.interleave, 0.0),
        dense_gradient_bytes=dense_trained * width,
        expert_gradient_bytes=expert_trained * width,
        dense_weight_bytes=part.dense * weight_width + part.embedding * width,
        expert_weight_bytes=part.routed * weight_width,
        update_bytes=update * OPTIMIZER_TRAFFIC_BYTES,
    )


def _matrix_flops(
    work: TransformerWork, layouts: Layouts, part: Shard, tokens: Floats, forwards: Floats
) -> Floats:
    """Matrix operations of one micro-batch, over how well they fill the device.

    The fill is rows / (rows + half) x columns / (columns + half / 3): linear in tokens, so that
    more tokens never take less time. An expert sees its share of the group's tokens.
    """
    width = np.minimum(work.hidden, work.ffn) / layouts.tensor
    narrow = 1 + HALF_EFFICIENCY_WIDTH / 3 / width
    backward = 2.0 if work.full else 1.0 + work.trainable_parameters / work.active_parameters
    passes = 2 * (forwards + backward)
    dense = work.dense_parameters / work.layers * part.layers / layouts.tensor
    # the last stage also has the head; it may hold fewer layers than the others
    last = np.maximum(work.layers - part.layers * (layouts.pipeline - 1), 0.0)
    head = work.embedding_parameters / layouts.tensor
    head_passes = 2 * (1.0 + backward)  # never recomputed
    rows = tokens + HALF_EFFICIENCY_TOKENS
    flops = dense * passes * rows * narrow
    if work.expert_parameters:
        share = work.experts_per_token / work.experts
        cut = layouts.expert_tensor
        active = work.expert_parameters * share / work.layers * part.layers / cut
        # each of the group's ranks sends its tokens; they spread over this rank's experts
        local = work.experts / layouts.expert
        sent = tokens / (layouts.tensor / cut) * work.experts_per_token * EXPERT_IMBALANCE
        expert_width = min(work.hidden, work.expert_ffn) / cut
        expert_narrow = 1 + HALF_EFFICIENCY_WIDTH / 3 / expert_width
        per_pair = active / work.experts_per_token * passes * expert_narrow
        flops = flops + per_pair * (sent + local * HALF_EFFICIENCY_TOKENS)
    stage = flops
    with_head = flops * last / part.layers + head * head_passes * rows * narrow
    result: Floats = np.where(
        layouts.pipeline > 1,
        np.maximum(stage, with_head),
        stage + head * head_passes * rows * narrow,
    )
    return result


def _elementwise_bytes(
    work: TransformerWork, layouts: Layouts, part: Shard, tokens: Floats, forwards: Floats
) -> Floats:
    """Bytes moved outside matrix products in one micro-batch, on the busiest device."""
    a = work.activation_bytes_per_token_layer
    rebuilt = np.where(
        layouts.recompute == SELECTIVE, 2.0 * (a - work.selective_bytes_per_token_layer), 0.0
    )
    traffic = a * (FORWARD_TRAFFIC * forwards + BACKWARD_TRAFFIC) + rebuilt
    logits = 3.0 * work.logit_bytes_per_token
    moved = (traffic * part.layers + logits) * tokens / layouts.tensor
    if work.quantised:
        # each pass reads 4-bit weights, writes them expanded and reads them again
        expanded = part.dense + part.routed
        moved = moved + expanded * (work.weight_bytes_per_parameter + 2 * work.stored_bytes) * (
            forwards + 1.0
        )
    result: Floats = moved
    return result
