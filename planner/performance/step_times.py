"""Seconds of one optimizer step: what layouts cost over how fast configurations are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.communication import ALPHA_NODE_S, Links
from planner.performance.devices import Machines
from planner.performance.layouts import Layouts
from planner.performance.step_costs import StepCosts

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Share of communication that hides behind computation when there is enough of it (DDP and FSDP
# prefetch the next layer while one is computed); tensor-parallel collectives do not hide, ring
# attention hides about half of its exchanges. Assumptions.
OVERLAP = 0.7
CONTEXT_EXPOSED = 0.5
# Attention kernels against large matrix products, both in 16 bit. FlashAttention-2 reaches about
# 0.7 of what they do (Dao 2023, figures 4-6: 50-70% of an A100's peak forward, less backward).
ATTENTION_EFFICIENCY = 0.5
# Share of memory bandwidth that element-wise kernels reach, and what launching one costs.
BANDWIDTH_SHARE = 0.8
LAUNCH_S = 6e-6


@dataclass(frozen=True)
class Pairs:
    """Layouts put to configurations, shape (pairs,): the places of both in their columns."""

    row: Rows
    layout: Rows

    def take(self, chosen: Rows | NDArray[np.bool_]) -> Pairs:
        return Pairs(self.row[chosen], self.layout[chosen])

    @classmethod
    def join(cls, parts: Sequence[Pairs]) -> Pairs:
        """One after the other."""
        return cls(
            np.concatenate([part.row for part in parts]),
            np.concatenate([part.layout for part in parts]),
        )


@dataclass(frozen=True)
class Rates:
    """Speeds of configurations as columns, shape (k,): ``peak`` and ``attention_peak`` in FLOP/s
    that kernels reach, ``bandwidth`` bytes/s of memory (infinite where unknown: not a bound).
    ``launches`` marks devices whose host launches each kernel.
    """

    peak: Floats
    attention_peak: Floats
    bandwidth: Floats
    memory: Floats
    launches: NDArray[np.bool_]
    links: Links

    @classmethod
    def of(cls, machines: Machines, precision: str, kernel_efficiency: Floats) -> Rates:
        peak = machines.peak(precision) * kernel_efficiency
        # attention stays in 16 bit when products run in 8
        wide = "bf16" if precision == "fp8" else precision
        sixteen = machines.peak(wide) * kernel_efficiency
        attention = np.where(np.isnan(sixteen), peak, np.fmin(sixteen, peak))
        bandwidth = machines.memory_bandwidth
        return cls(
            peak,
            attention * ATTENTION_EFFICIENCY,
            np.where(np.isnan(bandwidth), np.inf, bandwidth * BANDWIDTH_SHARE),
            machines.memory,
            machines.is_gpu,
            Links.of(
                per_node=machines.per_node,
                domain=machines.fast_domain,
                link=machines.link_bandwidth,
                network=machines.network,
                is_cpu=machines.is_cpu,
            ),
        )

    def take(self, rows: Rows) -> Rates:
        return Rates(
            self.peak[rows],
            self.attention_peak[rows],
            self.bandwidth[rows],
            self.memory[rows],
            self.launches[rows],
            self.links.take(rows),
        )


@dataclass(frozen=True)
class StepParts:
    """Seconds of a step, shape (pairs,). They add up to ``total_s``.

    ``bubble_s`` is that part of ``overhead_s`` in which a pipeline's stages idle.
    """

    compute_s: Floats
    communication_s: Floats
    overhead_s: Floats
    bubble_s: Floats

    @property
    def total_s(self) -> Floats:
        return self.compute_s + self.communication_s + self.overhead_s

    def take(self, rows: Rows) -> StepParts:
        return StepParts(
            self.compute_s[rows],
            self.communication_s[rows],
            self.overhead_s[rows],
            self.bubble_s[rows],
        )

    @classmethod
    def join(cls, parts: Sequence[StepParts]) -> StepParts:
        """One after the other."""
        return cls(
            np.concatenate([part.compute_s for part in parts]),
            np.concatenate([part.communication_s for part in parts]),
            np.concatenate([part.overhead_s for part in parts]),
            np.concatenate([part.bubble_s for part in parts]),
        )


@dataclass(frozen=True)
class Computing:
    """Seconds of one micro-batch of the busiest stage, shape (pairs,): ``micro_s`` of computing,
    ``busy_s`` with the launches that it does not hide; ``update_s`` of the optimizer, ``bubble``
    in slots.
    """

    micro_s: Floats
    busy_s: Floats
    update_s: Floats
    bubble: Floats

    @classmethod
    def of(cls, layouts: Layouts, costs: StepCosts, rates: Rates, pairs: Pairs) -> Computing:
        bandwidth = rates.bandwidth[pairs.row]
        products = costs.matrix_flops[pairs.layout] / rates.peak[pairs.row]
        products += costs.attention_flops[pairs.layout] / rates.attention_peak[pairs.row]
        micro = np.maximum(products, costs.weight_bytes[pairs.layout] / bandwidth)
        micro += costs.elementwise_bytes[pairs.layout] / bandwidth
        launched = (costs.kernels * LAUNCH_S)[pairs.layout]
        busy = np.where(rates.launches[pairs.row], np.maximum(micro, launched), micro)
        bubble = (layouts.pipeline - 1) / layouts.interleave
        return cls(micro, busy, costs.update_bytes[pairs.layout] / bandwidth, bubble[pairs.layout])

    def least_s(self, costs: StepCosts, pairs: Pairs) -> Floats:
        """What a step takes where communication costs nothing: at most its whole time."""
        result: Floats = self.busy_s * (costs.steps[pairs.layout] + self.bubble) + self.update_s
        return result

    def take(self, rows: Rows) -> Computing:
        return Computing(
            self.micro_s[rows], self.busy_s[rows], self.update_s[rows], self.bubble[rows]
        )

    @classmethod
    def join(cls, parts: Sequence[Computing]) -> Computing:
        """One after the other."""
        return cls(
            np.concatenate([part.micro_s for part in parts]),
            np.concatenate([part.busy_s for part in parts]),
            np.concatenate([part.update_s for part in parts]),
            np.concatenate([part.bubble for part in parts]),
        )


def step_parts(
    layouts: Layouts, costs: StepCosts, rates: Rates, pairs: Pairs, computing: Computing
) -> StepParts:
    """Times of the pairs of layout and configuration; ``computing`` is theirs.

    A pipeline of p stages with v chunks each passes m micro-batches in m + (p - 1) / v slots
    (Narayanan et al. 2021, section 2.2); a slot is the busiest stage's micro-batch with what its
    communication adds. Every term is a work over a rate, or a maximum of such, in which hidden
    communication never exceeds the computing it hides behind: faster hardware never slows.
    """
    layouts, costs = layouts.take(pairs.layout), costs.take(pairs.layout)
    links = rates.links.take(pairs.row)
    micro, busy = computing.micro_s, computing.busy_s
    inner = _inside_a_micro_batch(layouts, costs, links)
    once = _over_replicas(layouts, costs, links, busy)
    bubble = computing.bubble * (busy + inner)
    return StepParts(
        compute_s=micro * costs.steps + computing.update_s,
        communication_s=inner * costs.steps + once,
        overhead_s=(busy - micro) * costs.steps + bubble,
        bubble_s=bubble,
    )


def _inside_a_micro_batch(layouts: Layouts, costs: StepCosts, links: Links) -> Floats:
    """Exposed seconds of tensor, context, expert and pipeline parallel messages in one slot."""
    tensor, context = layouts.tensor, layouts.context
    seconds: Floats = np.zeros(len(layouts))
    if np.any(tensor > 1):
        rate = links.seconds_per_byte(tensor, np.ones_like(tensor))
        each = 2 * (tensor - 1) / tensor * costs.tensor_bytes * rate
        each = each + 2 * links.latency_s(tensor, tensor)
        seconds = seconds + costs.tensor_collectives * np.where(tensor > 1, each, 0.0)
    if np.any(context > 1):
        reach = tensor * context
        rate = links.seconds_per_byte(reach, tensor)
        moved = (context - 1) * costs.context_bytes * rate
        seconds = seconds + CONTEXT_EXPOSED * np.where(context > 1, moved, 0.0)
        seconds = seconds + 3 * costs.layers * (context - 1) * ALPHA_NODE_S
    if np.any(costs.expert_exchanges > 0) and np.any(layouts.expert > 1):
        each = links.all_to_all_s(costs.expert_bytes, layouts.expert)
        seconds = seconds + costs.expert_exchanges * each
    if np.any(layouts.pipeline > 1):
        stage = tensor * context * layouts.data
        reach = stage * layouts.pipeline
        rate = links.seconds_per_byte(reach, stage)
        each = costs.boundary_bytes * rate + links.latency_s(layouts.pipeline, reach) / np.maximum(
            layouts.pipeline - 1, 1
        )
        # an interleaved schedule sends while it computes the next chunk
        exposed = np.where(layouts.interleave > 1, 1 - OVERLAP, 1.0)
        seconds = seconds + exposed * costs.boundaries * each
    return seconds


def _over_replicas(layouts: Layouts, costs: StepCosts, links: Links, busy: Floats) -> Floats:
    """Exposed seconds of gradients and weights between data and context parallel ranks.

    ZeRO 0 all-reduces gradients behind the last backward pass; 1 reduce-scatters them there and
    gathers weights behind the first forward pass; 2 reduces behind every backward pass; 3 also
    gathers weights in every forward and backward pass (Rajbhandari et al. 2020, section 7).
    """
    ranks = layouts.ranks
    if not np.any(ranks > 1):
        return np.zeros_like(busy)
    stage = layouts.zero
    forward, backward = costs.forward_share * busy, (1 - costs.forward_share) * busy
    gradients, weights = costs.dense_gradient_bytes, costs.dense_weight_bytes
    spread, stride = ranks, layouts.tensor
    reach = ranks * layouts.tensor
    rate = links.seconds_per_byte(reach, stride)
    share = (spread - 1) / spread
    start = links.latency_s(spread, reach, tree=True) * costs.layers
    reduce = share * gradients * rate + start
    gather = share * weights * rate + start
    if np.any(costs.expert_weight_bytes > 0):
        spread = layouts.expert_ranks
        rate = links.seconds_per_byte(
            np.where(spread > 1, reach, 1.0), layouts.expert * layouts.expert_tensor
        )
        share = (spread - 1) / spread
        reduce = reduce + share * costs.expert_gradient_bytes * rate
        gather = gather + share * costs.expert_weight_bytes * rate
    every = np.where(stage >= 2, costs.steps, 1.0)
    behind_backward = np.where(
        stage >= 3, reduce + gather, np.where(stage >= 1, reduce, 2 * reduce)
    )
    # below stage 3 only what was trained is gathered: as much as its gradients
    behind_forward = np.where(stage >= 3, gather, np.where(stage >= 1, reduce, 0.0))
    exposed = every * _exposed(behind_backward, backward)
    exposed = exposed + np.where(stage >= 3, costs.steps, 1.0) * _exposed(behind_forward, forward)
    return np.where(ranks > 1, exposed, 0.0)


def _exposed(communication: Floats, computing: Floats) -> Floats:
    """What does not hide: at least the share that never does."""
    result: Floats = np.maximum(communication - OVERLAP * computing, (1 - OVERLAP) * communication)
    return result
