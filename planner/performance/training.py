"""Training time of transformers: one optimizer step under every layout, the best one kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.performance.communication import all_gather_s, all_reduce_s, bandwidth
from planner.performance.devices import Machines
from planner.performance.layouts import Layouts, describe
from planner.performance.memory import transformer_training_memory
from planner.performance.work import TransformerWork

Floats = NDArray[np.float64]

# Share of communication that hides behind computation when there is enough of it (DDP and FSDP
# prefetch the next layer while one is computed); tensor-parallel all-reduces do not hide.
OVERLAP = 0.7
# A matrix product with few rows under-fills the device: half efficiency at this many tokens.
HALF_EFFICIENCY_TOKENS = 256.0
# Adam reads and writes weights, gradients and two moments in fp32 and the 16-bit copy.
OPTIMIZER_TRAFFIC_BYTES = 30.0


@dataclass(frozen=True)
class StepTimes:
    """Seconds of one optimizer step on each configuration with its best layout, shape (n,).

    At the prior kernel efficiency, before any correction. NaN where nothing fits or is known;
    ``shortfall`` then holds the bytes by which the best layout misses (NaN when memory is unknown).
    """

    compute_s: Floats
    communication_s: Floats
    overhead_s: Floats
    layout: list[str]
    memory_need: Floats
    shortfall: Floats

    @property
    def total_s(self) -> Floats:
        return self.compute_s + self.communication_s + self.overhead_s

    def take(self, rows: NDArray[np.intp]) -> StepTimes:
        """The chosen configurations, repeated where asked for more than once."""
        return StepTimes(
            self.compute_s[rows],
            self.communication_s[rows],
            self.overhead_s[rows],
            [self.layout[i] for i in rows.tolist()],
            self.memory_need[rows],
            self.shortfall[rows],
        )


def join(parts: Sequence[StepTimes]) -> StepTimes:
    """Several sets of configurations one after the other."""
    return StepTimes(
        np.concatenate([part.compute_s for part in parts]),
        np.concatenate([part.communication_s for part in parts]),
        np.concatenate([part.overhead_s for part in parts]),
        [layout for part in parts for layout in part.layout],
        np.concatenate([part.memory_need for part in parts]),
        np.concatenate([part.shortfall for part in parts]),
    )


def transformer_step(
    work: TransformerWork,
    machines: Machines,
    layouts: Layouts,
    *,
    precision: str,
    sequence_length: int,
    step_tokens: float,
    bytes_per_value: float,
    kernel_efficiency: Floats,
) -> StepTimes:
    """Best layout and its time for every configuration. Shapes: (configurations, layouts)."""
    total = machines.total[:, None]
    tensor = layouts.tensor[None, :]
    # A layout that does not divide the devices is invalid; it is computed as data parallelism 1.
    data = np.maximum(np.floor(total / tensor), 1.0)
    sequences = max(1.0, step_tokens / sequence_length)
    # Replicas beyond the sequences of a step would idle; the ceiling charges for uneven shares.
    micro = layouts.micro_batch[None, :]
    micro_steps = np.ceil(sequences / (data * micro))
    valid = (total % tensor == 0) & (tensor <= machines.per_node[:, None])
    valid &= (micro <= np.ceil(sequences / np.maximum(data, 1))) & (data <= sequences)
    valid &= (layouts.zero_stage[None, :] == 0) | (data > 1)

    need = transformer_training_memory(
        work,
        layouts,
        data,
        sequence_length=sequence_length,
        bytes_per_value=bytes_per_value,
    )
    memory = machines.memory[:, None]
    fits = valid & (need.total <= memory)

    tokens = micro * sequence_length
    passes = np.where(layouts.recompute, 2.0, 1.0)[None, :]
    flops = tokens * (work.flops_forward * passes + work.flops_backward) / tensor
    fill = tokens / (tokens + HALF_EFFICIENCY_TOKENS)
    peak = (machines.peak(precision) * kernel_efficiency)[:, None]
    weight_traffic = work.parameters * work.weight_bytes_per_parameter / tensor * (passes + 1)
    activation_traffic = 3 * work.activation_bytes_per_token_layer * work.layers * tokens / tensor
    memory_rate = machines.memory_bandwidth[:, None]
    moved_s = np.nan_to_num((weight_traffic + activation_traffic) / memory_rate)
    micro_s = np.maximum(flops / (peak * fill), moved_s)
    shard = np.where(layouts.zero_stage >= 1, data, 1.0)
    update_s = np.nan_to_num(
        work.trainable_parameters / tensor / shard * OPTIMIZER_TRAFFIC_BYTES / memory_rate
    )
    compute = micro_steps * micro_s + update_s

    communication = _communication(
        work, machines, layouts, data, tokens, micro_steps, passes, compute, bytes_per_value
    )
    step = np.where(fits, compute + communication, np.inf)
    best = np.argmin(step, axis=1)
    rows = np.arange(len(machines))
    feasible = np.isfinite(step[rows, best])
    need_total = np.where(valid, need.total, np.inf)
    smallest = np.min(need_total, axis=1)

    def chosen(values: Floats) -> Floats:
        return np.where(feasible, np.broadcast_to(values, step.shape)[rows, best], np.nan)

    return StepTimes(
        compute_s=chosen(compute),
        communication_s=chosen(communication),
        overhead_s=np.where(feasible, 0.0, np.nan),
        layout=[
            describe(layouts, int(b), int(n)) if ok else ""
            for b, n, ok in zip(best, machines.total, feasible, strict=True)
        ],
        memory_need=np.where(feasible, need.total[rows, best], smallest),
        shortfall=np.where(feasible, 0.0, smallest - machines.memory),
    )


def _communication(
    work: TransformerWork,
    machines: Machines,
    layouts: Layouts,
    data: Floats,
    tokens: Floats,
    micro_steps: Floats,
    passes: Floats,
    compute: Floats,
    bytes_per_value: float,
) -> Floats:
    """Exposed seconds of communication in one step, shape (configurations, layouts)."""
    tensor = np.broadcast_to(layouts.tensor[None, :], data.shape)
    per_node = machines.per_node[:, None]
    link, domain = machines.link_bandwidth[:, None], machines.link_domain[:, None]
    network = machines.network[:, None]
    one = np.ones_like(data)
    tensor_rate = bandwidth(tensor, one, per_node, link, domain, network)
    data_rate = bandwidth(data, tensor, per_node, link, domain, network)
    inside = data * tensor <= per_node
    activation = tokens * work.hidden * bytes_per_value
    # Two all-reduces a layer in each pass (Shoeybi et al. 2019, Megatron-LM, section 3)
    reduces = 2 * work.layers * (passes + 1)
    tensor_s = (
        micro_steps * reduces * all_reduce_s(activation, tensor, tensor_rate, one.astype(bool))
    )
    gradients = work.trainable_parameters / tensor * bytes_per_value
    weights = work.parameters * work.weight_bytes_per_parameter / tensor
    stage = layouts.zero_stage[None, :]
    reduce_s = all_reduce_s(gradients, data, data_rate, inside)
    gather_s = micro_steps * (passes + 1) * all_gather_s(weights, data, data_rate, inside)
    data_s = reduce_s + np.where(stage >= 3, gather_s, 0.0)
    exposed = np.maximum(data_s - OVERLAP * compute, (1 - OVERLAP) * data_s)
    result: Floats = tensor_s + exposed
    return result
