"""The layouts worth trying on one shape of machine: invalid ones are never made."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from planner.performance.layouts import Layout, Layouts
from planner.performance.work import TransformerWork

Floats = NDArray[np.float64]

TENSOR = (1, 2, 4, 8, 16)
PIPELINE = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 24, 28, 32, 48, 64)
CONTEXT = (1, 2, 4, 8, 16)
EXPERT = (1, 2, 4, 8, 16, 32, 64)
ZERO_STAGES = (0, 1, 2, 3)
RECOMPUTE = (0, 1, 2)
MICRO_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
INTERLEAVE = (1, 2, 4, 8)
# A device keeps at least this many tokens of each sequence, else ring attention's exchanges
# dominate; and longer forward passes than this do not fill a device better.
LEAST_CONTEXT_TOKENS = 2048
MOST_FORWARD_TOKENS = 131072


@dataclass(frozen=True, slots=True)
class MachineShape:
    """What decides which layouts are valid: machines of a kind that are wired alike.

    ``domain`` counts the devices within reach of the scale-up link.
    """

    per_node: int
    nodes: int
    domain: int
    is_cpu: bool
    launches: bool

    @property
    def devices(self) -> int:
        return self.per_node * self.nodes


def layouts_for(
    machine: MachineShape,
    work: TransformerWork,
    wanted: Layout,
    *,
    sequence_length: int,
    sequences: float,
) -> Layouts:
    """Every valid layout of ``sequences`` a step that agrees with ``wanted``, simplest first.

    Valid: degrees divide the devices; tensor parallelism stays in the scale-up domain and divides
    the heads; there are layers for each stage, experts for each expert group, and at least one
    sequence for each replica. Ties go to the simpler layout, which comes first.
    """
    columns: list[Floats] = []
    inner: dict[tuple[int, int, int], Floats] = {}
    for degrees in _degrees(machine, work, wanted, sequence_length, sequences):
        _, pipeline, context, _, data = degrees
        if (rest := inner.get((pipeline, context, data))) is None:
            found = _inner(pipeline, context, data, work, wanted, sequence_length, sequences)
            rest = np.array(found, np.float64).reshape(-1, 4).T
            inner[pipeline, context, data] = rest
        block = np.empty((9, rest.shape[1]))
        block[:5] = np.array(degrees, np.float64)[:, None]
        block[5:] = rest
        columns.append(block)
    table = np.concatenate(columns, axis=1) if columns else np.empty((9, 0))
    return Layouts(*table)


def _pick(wanted: int | None, usual: tuple[int, ...]) -> tuple[int, ...]:
    return usual if wanted is None else (wanted,)


def _degrees(
    machine: MachineShape,
    work: TransformerWork,
    wanted: Layout,
    sequence_length: int,
    sequences: float,
) -> list[tuple[int, int, int, int, int]]:
    """Valid (tensor, pipeline, context, expert, data)."""
    devices, layers, experts = machine.devices, int(work.layers), int(work.experts)
    tensors = [
        t
        for t in _pick(wanted.tensor, TENSOR)
        if devices % t == 0
        and t <= machine.domain
        and (machine.per_node % t == 0 or machine.domain > machine.per_node)
        and work.heads % t == 0
    ]
    pipelines = [p for p in _pick(wanted.pipeline, PIPELINE) if p <= min(layers, devices)]
    contexts = [
        c
        for c in _pick(wanted.context, CONTEXT)
        if c == 1 or wanted.context or sequence_length / c >= LEAST_CONTEXT_TOKENS
    ]
    groups = [e for e in _pick(wanted.expert, EXPERT) if experts % e == 0]
    found = []
    for p, t, c, e in product(pipelines, tensors, contexts, groups):
        data, left = divmod(devices, t * p * c)
        # expert groups lie within the data and context parallel ranks
        if left or data > sequences or (data * c) % e:
            continue
        if wanted.data is None or data == wanted.data:
            found.append((t, p, c, e, data))
    return found


def _inner(
    pipeline: int,
    context: int,
    data: int,
    work: TransformerWork,
    wanted: Layout,
    sequence_length: int,
    sequences: float,
) -> list[tuple[int, int, int, int]]:
    """Valid (zero, recompute, micro_batch, interleave) under these degrees."""
    replica = int(np.ceil(sequences / data))
    micro = [
        b
        for b in _pick(wanted.micro_batch, MICRO_BATCHES)
        if b <= replica and (b == 1 or b * sequence_length / context <= MOST_FORWARD_TOKENS)
    ]
    if wanted.micro_batch is not None and not micro and wanted.micro_batch <= replica:
        micro = [wanted.micro_batch]
    # ZeRO 2 and 3 reduce and gather at every micro-batch, which pipelines multiply: not combined.
    shards = data * context
    stages = [
        z
        for z in _pick(wanted.zero, ZERO_STAGES)
        if z == 0 or (shards > 1 and (z == 1 or pipeline == 1))
    ]
    return [
        (z, r, b, v)
        for z, r, b in product(stages, _pick(wanted.recompute, RECOMPUTE), micro)
        for v in _pick(wanted.interleave, INTERLEAVE)
        # an interleaved schedule needs as many micro-batches as stages
        if v == 1
        or (pipeline > 1 and pipeline * v <= work.layers and np.ceil(replica / b) >= pipeline)
    ]
