"""The layouts worth trying on each shape of machine: invalid ones are never made."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
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
LEAST_CONTEXT_TOKENS = 4096
MOST_FORWARD_TOKENS = 131072


@dataclass(frozen=True, slots=True)
class MachineShape:
    """What decides which layouts are valid: machines that are wired alike.

    ``domain`` counts the devices within reach of the scale-up link.
    """

    per_node: int
    nodes: int
    domain: int

    @property
    def devices(self) -> int:
        return self.per_node * self.nodes


@dataclass(frozen=True)
class LayoutSpace:
    """Layouts of several shapes of machine, one shape after the other, simplest first.

    ``machine`` says whose each is, as an index; those with equal ``schedule`` are of one machine
    and differ in ZeRO and recomputation.
    """

    layouts: Layouts
    machine: NDArray[np.intp]
    schedule: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.layouts)

    def take(self, rows: NDArray[np.bool_]) -> LayoutSpace:
        return LayoutSpace(self.layouts.take(rows), self.machine[rows], self.schedule[rows])

    def worth_timing(self, need: Floats, least: Floats, most: Floats) -> NDArray[np.bool_]:
        """Layouts that could win where a device has ``least`` to ``most`` bytes, shape (layouts,).

        Exact: what does not fit the largest is out, and so is what recomputes or shards more than
        a layout of the same schedule that fits the smallest: both only add time. (ZeRO 0 and 1
        move the same bytes at different moments, so neither rules out the other.)
        """
        keep = need <= most
        fits = need <= least
        stage, again = self.layouts.zero, self.layouts.recompute
        count = int(self.schedule.max(initial=-1)) + 1
        simplest = np.full((4, count), np.inf)
        for zero in range(4):
            rows = fits & (stage == zero)
            np.minimum.at(simplest[zero], self.schedule[rows], again[rows])
        for zero in range(4):
            rows = np.flatnonzero(keep & (stage == zero))
            where, own = self.schedule[rows], again[rows]
            keep[rows] = own <= simplest[zero, where]
            for smaller in range(1, zero):
                keep[rows] &= own < simplest[smaller, where]
        return keep


def layouts_for(
    machines: Sequence[MachineShape],
    work: TransformerWork,
    wanted: Layout,
    *,
    sequence_length: int,
    sequences: float,
) -> LayoutSpace:
    """Every valid layout of ``sequences`` a step that agrees with ``wanted``, simplest first.

    Valid: degrees divide the devices; tensor parallelism stays in the scale-up domain and divides
    the heads; there are layers for each stage, experts for each expert group, and at least one
    sequence for each replica. Ties go to the simpler layout, which comes first.
    """
    found = [_degrees(m, work, wanted, sequence_length, sequences) for m in machines]
    owner = np.repeat(np.arange(len(found)), [len(degrees) for degrees in found])
    degrees = [each for degrees in found for each in degrees]
    tensor, pipeline, context, expert, data = np.array(degrees, np.float64).reshape(-1, 5).T
    zero, recompute = _grid(_pick(wanted.zero, ZERO_STAGES), _pick(wanted.recompute, RECOMPUTE))
    micro, interleave = _grid(
        _pick(wanted.micro_batch, MICRO_BATCHES), _pick(wanted.interleave, INTERLEAVE)
    )
    # ZeRO 2 and 3 reduce and gather at every micro-batch, which pipelines multiply: not combined.
    stages, shards = pipeline[:, None], (data * context)[:, None]
    sharding = (zero == 0) | ((shards > 1) & ((zero == 1) | (stages == 1)))
    replica = np.ceil(sequences / data)[:, None]
    forward = micro * sequence_length / context[:, None]
    schedule = micro <= replica
    if wanted.micro_batch is None:
        schedule &= (micro == 1) | (forward <= MOST_FORWARD_TOKENS)
    # An interleaved schedule needs as many micro-batches as stages. An embedding counts as a layer
    # at either end: Llama-3.1-405B has 126 + 2 for 128 chunks.
    chunked = (stages > 1) & (stages * interleave <= work.layers + 2)
    schedule &= (interleave == 1) | (chunked & (np.ceil(replica / micro) >= stages))
    degree, variant, pace = np.nonzero(sharding[:, :, None] & schedule[:, None, :])
    layouts = Layouts(
        tensor[degree],
        pipeline[degree],
        context[degree],
        expert[degree],
        data[degree],
        zero[variant],
        recompute[variant],
        micro[pace],
        interleave[pace],
    )
    return LayoutSpace(layouts, owner[degree], degree * len(micro) + pace)


def _grid(outer: tuple[int, ...], inner: tuple[int, ...]) -> tuple[Floats, Floats]:
    first, second = np.meshgrid(outer, inner, indexing="ij")
    return first.ravel().astype(np.float64), second.ravel().astype(np.float64)


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
    pipelines = [p for p in _pick(wanted.pipeline, PIPELINE) if p <= layers and devices % p == 0]
    contexts = [
        c
        for c in _pick(wanted.context, CONTEXT)
        if devices % c == 0
        and (c == 1 or wanted.context or sequence_length / c >= LEAST_CONTEXT_TOKENS)
    ]
    groups = [e for e in _pick(wanted.expert, EXPERT) if experts % e == 0]
    found = []
    for p, t, c, e in product(pipelines, tensors, contexts, groups):
        data, left = divmod(devices, t * p * c)
        # expert groups lie within the ranks of one pipeline stage
        if left or data > sequences or (t * c * data) % e:
            continue
        if wanted.data is None or data == wanted.data:
            found.append((t, p, c, e, data))
    return found
