"""Replicas: how many devices hold one copy of a language model, and what room is left for KV."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.devices import Machines
from planner.performance.inference.language_work import LanguageWork
from planner.performance.memory import CONTEXT_BYTES

Floats = NDArray[np.float64]

TENSOR = (1, 2, 4, 8, 16, 32, 64)
STAGES_PER_NODE = (1, 2, 4)
MOST_DEVICES = 64
# Share of a device's memory that engines take for weights and KV cache (vLLM's default); the rest
# is for graphs, communication buffers and fragmentation.
USABLE_SHARE = 0.9
# Of a CPU machine's memory; the system and page cache need some. Assumption.
USABLE_SHARE_CPU = 0.8
# Values a token holds while it passes a layer, in hidden widths: input, residual, q, k, v and the
# feed-forward's two inner ones. Assumption.
LIVE_WIDTHS = 12.0


@dataclass(frozen=True)
class Replicas:
    """Every layout of every configuration, shape (n, layouts).

    ``tensor`` x ``pipeline`` devices make a replica, ``count`` replicas fill the unit. ``valid``
    is where the devices divide so; ``need`` are bytes a device holds with one request in flight,
    ``kv_tokens`` what the cache of a replica holds (0 when the weights do not fit).
    """

    tensor: Floats
    pipeline: Floats
    count: Floats
    valid: NDArray[np.bool_]
    need: Floats
    usable: Floats
    kv_tokens: Floats

    @property
    def fits(self) -> NDArray[np.bool_]:
        return self.valid & (self.need <= self.usable)

    def any_fits(self) -> NDArray[np.bool_]:
        """Whether some layout of each configuration fits, shape (n,)."""
        found: NDArray[np.bool_] = np.any(self.fits, axis=1)
        return found

    def shortfall(self) -> Floats:
        """Bytes by which the roomiest layout misses, 0 where one fits; shape (n,)."""
        missing = np.where(self.valid, self.need - self.usable, np.inf).min(axis=1)
        result: Floats = np.maximum(missing, 0.0)
        return result


def replicas(
    work: LanguageWork,
    machines: Machines,
    *,
    weight_bytes: Floats,
    kv_bytes: Floats,
    request_tokens: float,
    chunk_tokens: float,
    extra_weights: float = 0.0,
) -> Replicas:
    """Layouts of each configuration. ``weight_bytes`` and ``kv_bytes`` are widths, shape (n,).

    Tensor parallelism stays in a machine and divides the attention heads; keys and values are
    copied where there are fewer KV heads than devices. Between machines there is a pipeline.
    ``extra_weights`` is the share that a draft model adds, ``chunk_tokens`` the prompt tokens whose
    activations are held at once.
    """
    most = float(np.nanmax(machines.per_node)) if len(machines) else 1.0
    pairs = [
        (tensor, stages)
        for tensor in TENSOR
        for stages in STAGES_PER_NODE
        if tensor * stages <= min(most, MOST_DEVICES) or tensor == stages == 1
    ]
    tensor = np.array([[float(t) for t, _ in pairs]])
    stages = np.array([[float(s) for _, s in pairs]])
    per_node, nodes = machines.per_node[:, None], machines.nodes[:, None]
    pipeline = stages * nodes
    valid = (tensor * stages <= per_node) & (pipeline <= max(work.layers, 1.0))
    if work.heads:
        valid = valid & (np.mod(work.heads, tensor) == 0)
    memory = machines.memory[:, None]
    usable = memory * np.where(machines.is_cpu, USABLE_SHARE_CPU, USABLE_SHARE)[:, None]
    usable = usable - CONTEXT_BYTES * np.minimum(1.0, memory / (16 * 2**30))
    weights = work.weight_bytes(weight_bytes)[:, None] * (1 + extra_weights) / (tensor * pipeline)
    live = LIVE_WIDTHS * work.hidden * 2.0 * chunk_tokens / tensor
    split = np.minimum(tensor, work.kv_heads) * pipeline
    per_token = work.kv_values_per_token * kv_bytes[:, None] / split
    # With windows only part of the layers keeps a long context.
    held = float(work.seen(np.array(request_tokens)))
    scale = held / request_tokens if request_tokens > 0 else 1.0
    per_token = per_token * scale
    need = weights + live + per_token * request_tokens
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(per_token > 0, (usable - weights - live) / per_token, np.inf)
    shape = np.broadcast_shapes(need.shape, valid.shape)
    return Replicas(
        np.broadcast_to(tensor, shape),
        np.broadcast_to(pipeline, shape),
        np.broadcast_to(np.floor(per_node / np.maximum(tensor * stages, 1.0)), shape),
        np.broadcast_to(valid, shape),
        np.broadcast_to(need, shape),
        np.broadcast_to(usable, shape),
        np.broadcast_to(np.maximum(np.nan_to_num(room, nan=0.0, posinf=np.inf), 0.0), shape),
    )


def describe(tensor: float, pipeline: float, count: float) -> str:
    """A layout as people write it: ``2 replicas of tp4 pp2``."""
    parts = [f"{word}{int(n)}" for word, n in (("tp", tensor), ("pp", pipeline)) if n > 1]
    one = " ".join(parts) or "single device"
    if count <= 1:
        return one
    return f"{int(count)} replicas" + (f" of {' '.join(parts)}" if parts else "")
