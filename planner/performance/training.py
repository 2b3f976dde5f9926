"""Training time of transformers: one optimizer step under every layout, the best one kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.accelerators import AcceleratorKind
from catalog.records import dataclass
from planner.performance.devices import Machines
from planner.performance.layout_space import MachineShape, layouts_for
from planner.performance.layouts import ANY_LAYOUT, Layout, Layouts, describe
from planner.performance.memory import transformer_training_memory
from planner.performance.step_costs import step_costs
from planner.performance.step_times import Rates, StepParts, step_parts
from planner.performance.work import TransformerWork

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Pairs of configuration and layout timed at once, so that they stay in the cache.
_PAIRS = 32768


@dataclass(frozen=True)
class StepTimes:
    """Seconds of one optimizer step on each configuration with its best layout, shape (n,).

    At the prior kernel efficiency, before any correction. ``overhead_s`` holds kernel launches
    that computing does not hide and the pipeline's bubble. NaN where nothing fits or is known;
    ``shortfall`` then holds the bytes by which the best layout misses (NaN when memory is unknown).
    """

    compute_s: Floats
    communication_s: Floats
    overhead_s: Floats
    layout: list[str]
    memory_need: Floats
    shortfall: Floats
    degrees: list[Layout] | None = None  # of the layouts, of transformers in training

    @property
    def total_s(self) -> Floats:
        return self.compute_s + self.communication_s + self.overhead_s

    def take(self, rows: Rows) -> StepTimes:
        """The chosen configurations, repeated where asked for more than once."""
        return StepTimes(
            self.compute_s[rows],
            self.communication_s[rows],
            self.overhead_s[rows],
            [self.layout[i] for i in rows.tolist()],
            self.memory_need[rows],
            self.shortfall[rows],
            None if self.degrees is None else [self.degrees[i] for i in rows.tolist()],
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
    *,
    precision: str,
    sequence_length: int,
    step_tokens: float,
    kernel_efficiency: Floats,
    layout: Layout = ANY_LAYOUT,
) -> StepTimes:
    """The fastest layout that fits on every configuration, and its times.

    ``layout`` fixes the parts that the caller has decided. ``kernel_efficiency`` is the share of
    the peak that large matrix products reach, shape (n,). Configurations wired alike share their
    layouts and the memory these need; a layout that fits none of them is not timed.
    """
    sequences = max(1.0, step_tokens / sequence_length)
    count = len(machines)
    best = _Best.of(count)
    rates = Rates.of(machines, precision, kernel_efficiency)
    for shape, rows in _alike(machines):
        space = layouts_for(
            shape, work, layout, sequence_length=sequence_length, sequences=sequences
        )
        if not len(space):
            continue
        need = transformer_training_memory(
            work, space.layouts, sequence_length=sequence_length, sequences=sequences
        ).total
        memory = rates.memory[rows]
        best.memory_need[rows] = need.min()
        known = rows[~np.isnan(rates.peak[rows]) & (memory >= need.min())]
        if not len(known):
            continue
        memory = rates.memory[known]
        keep = space.worth_timing(need, memory.min(), memory.max())
        layouts, need = space.layouts.take(keep), need[keep]
        costs = step_costs(work, layouts, sequence_length=sequence_length, sequences=sequences)
        for chunk in _chunks(known, len(layouts)):
            parts = step_parts(layouts, costs, rates.take(chunk), shape)
            best.keep(chunk, layouts, need, rates.memory[chunk], parts)
    return StepTimes(
        best.compute_s,
        best.communication_s,
        best.overhead_s,
        best.layout,
        best.memory_need,
        np.where(np.isnan(best.compute_s), best.memory_need - rates.memory, 0.0),
        best.degrees,
    )


def time_layout(
    work: TransformerWork,
    machines: Machines,
    layout: Layout,
    *,
    precision: str,
    sequence_length: int,
    step_tokens: float,
    kernel_efficiency: Floats,
) -> StepTimes:
    """Time of one layout on every configuration; what ``layout`` leaves open is 1 or off.

    NaN where the layout does not fit: its degrees do not divide the devices, heads or experts
    (``memory_need`` is then NaN too), or memory is short.
    """
    return transformer_step(
        work,
        machines,
        precision=precision,
        sequence_length=sequence_length,
        step_tokens=step_tokens,
        kernel_efficiency=kernel_efficiency,
        layout=Layout(
            tensor=layout.tensor or 1,
            pipeline=layout.pipeline or 1,
            context=layout.context or 1,
            expert=layout.expert or 1,
            data=layout.data,
            zero=layout.zero or 0,
            recompute=layout.recompute or 0,
            micro_batch=layout.micro_batch or 1,
            interleave=layout.interleave or 1,
        ),
    )


@dataclass
class _Best:
    """The fastest layout so far of each configuration, shape (n,)."""

    compute_s: Floats
    communication_s: Floats
    overhead_s: Floats
    memory_need: Floats
    layout: list[str]
    degrees: list[Layout]

    @classmethod
    def of(cls, count: int) -> _Best:
        nan = np.full(count, np.nan)
        return cls(
            nan.copy(), nan.copy(), nan.copy(), nan.copy(), [""] * count, [ANY_LAYOUT] * count
        )

    def keep(
        self, rows: Rows, layouts: Layouts, need: Floats, memory: Floats, parts: StepParts
    ) -> None:
        total = np.where(need[None, :] <= memory[:, None], parts.total_s, np.inf)
        pick = np.argmin(total, axis=1)
        here = np.arange(len(rows))
        ok = np.isfinite(total[here, pick])
        here, pick, rows = here[ok], pick[ok], rows[ok]
        self.compute_s[rows] = parts.compute_s[here, pick]
        self.communication_s[rows] = parts.communication_s[here, pick]
        self.overhead_s[rows] = parts.overhead_s[here, pick]
        self.memory_need[rows] = need[pick]
        found = {index: layouts[index] for index in set(pick.tolist())}
        words = {index: describe(layout) for index, layout in found.items()}
        for row, index in zip(rows.tolist(), pick.tolist(), strict=True):
            self.layout[row], self.degrees[row] = words[index], found[index]


def _alike(machines: Machines) -> Iterator[tuple[MachineShape, Rows]]:
    """Configurations by what decides their layouts and the way their links are crossed."""
    groups: dict[tuple[float, float, float, AcceleratorKind], list[int]] = {}
    kinds = [device.kind for device in machines.devices]
    columns = zip(
        machines.per_node.tolist(),
        machines.nodes.tolist(),
        machines.fast_domain.tolist(),
        kinds,
        strict=True,
    )
    for index, key in enumerate(columns):
        groups.setdefault(key, []).append(index)
    for (per_node, nodes, domain, kind), rows in groups.items():
        shape = MachineShape(
            int(per_node),
            int(nodes),
            int(domain),
            kind is AcceleratorKind.CPU,
            kind is AcceleratorKind.GPU,
        )
        yield shape, np.array(rows, np.intp)


def _chunks(rows: Rows, layouts: int) -> Iterator[Rows]:
    size = max(1, _PAIRS // max(layouts, 1))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
