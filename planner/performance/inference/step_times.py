"""Seconds of a prompt and of a decode step of one replica: what a learned correction lies over.

Every operator runs at the roofline of its kind: linear layers at the slower of arithmetic and
reading weights, attention at the slower of arithmetic and reading keys and values. Tensor-parallel
all-reduces (two a layer, Shoeybi et al. 2019) and launches do not hide.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.communication import LINK_SHARE, bandwidth
from planner.performance.devices import Machines
from planner.performance.inference.language_work import LanguageWork
from planner.performance.inference.replicas import Replicas

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

# A prompt of few tokens under-fills the device: half efficiency at this many. Assumption.
HALF_EFFICIENCY_TOKENS = 256.0
# Grouped products of experts reach less than dense ones, beside having fewer rows each: published
# times to first token of mixtures are about twice those of the dense formula. Assumption.
EXPERT_EFFICIENCY = 0.6
# Values that a prompt's token writes or reads in a layer beside the products (norms, residuals,
# casts, rotary embedding), in hidden widths, and to reach each expert and back. Assumption.
PASSING_WIDTHS = 16.0
PASSING_WIDTHS_AN_EXPERT = 6.0
# Start-up of one all-reduce in an engine with its own kernels for small messages: over NVLink or
# ICI, over PCIe, and between machines. Assumptions.
ALPHA_FAST_S = 12e-6
ALPHA_PCIE_S = 25e-6
ALPHA_NETWORK_S = 40e-6
FAST_LINK_BYTES_PER_S = 100e9
# One iteration of an engine: scheduling, sampling, detokenising; and the gaps between the kernels
# of one layer when they are launched from a graph. A CPU has no launches. Assumptions.
ITERATION_S = 1.5e-3
ITERATION_CPU_S = 0.2e-3
LAYER_S = 15e-6
LAYER_MOE_S = 40e-6
LAYER_CPU_S = 20e-6
ACTIVATION_BYTES = 2.0
# What a pipeline loses to unequal stages and batches, as a share of (p - 1)/p. Assumption.
PIPELINE_LOSS = 0.3


@dataclass(frozen=True)
class Seconds:
    """One pass over a replica, by what the time goes to."""

    device: Floats
    communication: Floats
    overhead: Floats

    @property
    def total(self) -> Floats:
        return self.device + self.communication + self.overhead


@dataclass(frozen=True)
class LanguageTimes:
    """Times of every layout of every configuration, shape (n, layouts).

    Rates are those of one replica's tensor group: operations/s and bytes/s of ``tensor`` devices.
    ``speed`` multiplies all rates (measured / analytic), shape (n, 1). ``verified`` tokens pass
    the model in one step of speculative decoding, ``accepted`` of them come out on average and
    drafting takes ``draft`` plain steps.
    """

    work: LanguageWork
    tensor: Floats
    pipeline: Floats
    compute_rate: Floats
    attention_rate: Floats
    memory_rate: Floats
    link_rate: Floats
    alpha_s: Floats
    hop_s: Floats
    hop_rate: Floats
    iteration_s: Floats
    layer_s: Floats
    weight_bytes: Floats
    kv_bytes: Floats
    kv_copies: Floats
    speed: Floats
    verified: float = 1.0
    accepted: float = 1.0
    draft: float = 0.0

    def speculative(self, draft_tokens: int, acceptance: float, draft_cost: float) -> LanguageTimes:
        """The same with a draft that proposes tokens: Leviathan et al. 2023, equation 1, for the
        tokens a step yields, (1 - a^(k+1)) / (1 - a).
        """
        return replace(
            self,
            verified=draft_tokens + 1.0,
            accepted=(1 - acceptance ** (draft_tokens + 1)) / (1 - acceptance),
            draft=draft_tokens * draft_cost,
        )

    def among(self, cells: Bools) -> LanguageTimes:
        """The marked layouts alone, shape (marked,)."""
        columns: dict[str, Any] = {
            name: np.broadcast_to(value, cells.shape)[cells]
            for name, value in vars(self).items()
            if isinstance(value, np.ndarray)
        }
        return replace(self, **columns)

    def decode_step_s(self, batch: Floats, context: float) -> Floats:
        """Seconds per output token of each request when ``batch`` requests of one replica decode
        together, each holding ``context`` tokens.
        """
        return self.decode(batch, context).total

    def prefill_s(self, new: float, cached: float = 0.0) -> Floats:
        """Seconds of one prompt of ``new`` tokens after ``cached`` ones on an idle replica."""
        return self.prefill(new, cached).total

    def decode(self, batch: Floats, context: float) -> Seconds:
        """A step per output token, by parts. Stages of a pipeline take turns on parts of the
        batch, so a token still passes all layers, each with a part of the batch.
        """
        share = np.maximum(batch / self.pipeline, 1.0)
        plain = self._pass(share, context)
        if self.verified == 1.0:
            return plain
        check = self._pass(share, context, tokens_each=self.verified)
        return Seconds(
            (check.device + self.draft * plain.device) / self.accepted,
            (check.communication + self.draft * plain.communication) / self.accepted,
            (check.overhead + self.draft * plain.overhead) / self.accepted,
        )

    def _pass(self, requests: Floats, context: float, tokens_each: float = 1.0) -> Seconds:
        tokens = requests * tokens_each
        linear, attention = self.work.token_flops(np.array(context))
        weights = self.work.read_bytes(tokens, self.weight_bytes)
        seen = float(self.work.seen(np.array(context)))
        cache = self.work.kv_values_per_token * self.work.decode_share * seen * self.kv_bytes
        device = np.maximum(weights / self.memory_rate, tokens * linear / self.compute_rate)
        device = device + np.maximum(
            requests * cache * self.kv_copies / self.memory_rate,
            tokens * attention / self.attention_rate,
        )
        layers = self.work.layers * self.work.decode_share
        return Seconds(
            device / self.speed,
            self._communication(tokens, layers) / self.speed,
            (self.iteration_s + layers * self.layer_s) / self.speed,
        )

    def prefill(self, new: float, cached: float = 0.0, together: float = 1.0) -> Seconds:
        """One prompt's share, by parts, of a pass of ``together`` alike prompts.

        It passes the pipeline's stages one after the other.
        """
        tokens = max(new * together, 1.0)
        dense, routed, attention = self.work.prompt_flops(np.array(new), np.array(cached))
        fill = tokens / (tokens + HALF_EFFICIENCY_TOKENS)
        # An expert sees its share of the tokens only.
        mine = tokens * self.work.routed_share
        expert_fill = EXPERT_EFFICIENCY * mine / (mine + HALF_EFFICIENCY_TOKENS)
        arithmetic = (dense / fill + routed / expert_fill) / self.compute_rate
        weights = self.work.read_bytes(np.array(tokens), self.weight_bytes)
        weights = weights * self.work.prefill_share / self.work.decode_share / together
        layers = self.work.layers * self.work.prefill_share
        widths = PASSING_WIDTHS + PASSING_WIDTHS_AN_EXPERT * self.work.experts_per_token
        passing = new * layers * widths * self.work.hidden * ACTIVATION_BYTES
        device = np.maximum(arithmetic, weights / self.memory_rate)
        device = device + attention / self.attention_rate + passing / self.memory_rate
        return Seconds(
            device / self.speed,
            self._communication(np.array(tokens), layers) / together / self.speed,
            (self.iteration_s + layers * self.layer_s) / together / self.speed,
        )

    def _communication(self, tokens: Floats, layers: float) -> Floats:
        size = tokens * self.work.hidden * ACTIVATION_BYTES
        group = self.tensor
        one = self.alpha_s + 2 * (group - 1) / group * size / self.link_rate
        reduces = np.where(group > 1, 2 * layers * one, 0.0)
        hops = (self.pipeline - 1) * (self.hop_s + size / self.hop_rate)
        result: Floats = reduces + np.where(self.pipeline > 1, hops, 0.0)
        return result


def language_times(
    work: LanguageWork,
    machines: Machines,
    layouts: Replicas,
    *,
    peak: Floats,
    attention_peak: Floats,
    kernel_efficiency: Floats,
    bandwidth_efficiency: Floats,
    weight_bytes: Floats,
    kv_bytes: Floats,
    speed: Floats,
) -> LanguageTimes:
    """Times for these layouts; the arrays have shape (n,)."""
    tensor, pipeline = layouts.tensor, layouts.pipeline
    per_node = machines.per_node[:, None]
    link, domain = machines.link_bandwidth[:, None], machines.link_domain[:, None]
    network = machines.network[:, None]
    one = np.ones_like(tensor)
    rate = bandwidth(tensor, one, per_node, link, domain, network)
    across = machines.nodes[:, None] > 1
    # A stage hands one activation on: over the link, or over the network between machines.
    fast = (link >= FAST_LINK_BYTES_PER_S) & (tensor <= np.maximum(domain, 1))
    alpha = np.where(fast, ALPHA_FAST_S, ALPHA_PCIE_S)
    group = tensor / (1 + PIPELINE_LOSS * (pipeline - 1) / pipeline)
    return LanguageTimes(
        work=work,
        tensor=tensor,
        pipeline=pipeline,
        compute_rate=(peak * kernel_efficiency)[:, None] * group,
        attention_rate=(attention_peak * kernel_efficiency)[:, None] * group,
        memory_rate=(machines.memory_bandwidth * bandwidth_efficiency)[:, None] * group,
        link_rate=rate,
        alpha_s=alpha,
        hop_s=np.where(across, ALPHA_NETWORK_S, alpha),
        hop_rate=np.where(across, LINK_SHARE * network, rate),
        iteration_s=np.where(machines.is_cpu, ITERATION_CPU_S, ITERATION_S)[:, None],
        layer_s=np.where(machines.is_cpu, LAYER_CPU_S, LAYER_MOE_S if work.routed else LAYER_S)[
            :, None
        ],
        weight_bytes=weight_bytes[:, None],
        kv_bytes=kv_bytes[:, None],
        kv_copies=tensor / np.minimum(tensor, work.kv_heads),
        speed=speed[:, None],
    )
