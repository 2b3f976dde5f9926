"""Training time of transformers: one optimizer step under every layout, the best one kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.alike import row_keys
from planner.performance.devices import Machines
from planner.performance.known import Known
from planner.performance.layout_search import fastest
from planner.performance.layouts import ANY_LAYOUT, Layout
from planner.performance.step_times import Rates
from planner.performance.work import TransformerWork

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class StepTimes:
    """Seconds of one optimizer step on each configuration with its best layout, shape (n,).

    At the prior kernel efficiency, before any correction. ``overhead_s`` is what is neither:
    ``bubble_s`` of it pass while stages of a pipeline idle, ``input_s`` while devices wait for
    data (both NaN where that is not estimated), the rest are kernel launches that computing does
    not hide. NaN where nothing fits or is known; ``shortfall`` then holds the bytes by which the
    best layout misses (NaN when memory is unknown).
    """

    compute_s: Floats
    communication_s: Floats
    overhead_s: Floats
    bubble_s: Floats
    input_s: Floats
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
            self.bubble_s[rows],
            self.input_s[rows],
            [self.layout[i] for i in rows.tolist()],
            self.memory_need[rows],
            self.shortfall[rows],
            None if self.degrees is None else [self.degrees[i] for i in rows.tolist()],
        )


def join(parts: Sequence[StepTimes]) -> StepTimes:
    """Several sets of configurations one after the other; ``degrees`` where all of them have."""
    degrees = [part.degrees for part in parts if part.degrees is not None]
    return StepTimes(
        np.concatenate([part.compute_s for part in parts]),
        np.concatenate([part.communication_s for part in parts]),
        np.concatenate([part.overhead_s for part in parts]),
        np.concatenate([part.bubble_s for part in parts]),
        np.concatenate([part.input_s for part in parts]),
        [layout for part in parts for layout in part.layout],
        np.concatenate([part.memory_need for part in parts]),
        np.concatenate([part.shortfall for part in parts]),
        [one for each in degrees for one in each] if len(degrees) == len(parts) else None,
    )


_KNOWN = Known(join)


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
    return _KNOWN.of(
        (work, precision, layout, sequence_length, sequences),
        _figures(machines, Rates.of(machines, precision, kernel_efficiency)),
        lambda rows: _searched(
            work,
            machines.take(rows),
            Rates.of(machines.take(rows), precision, kernel_efficiency[rows]),
            layout,
            sequence_length,
            sequences,
        ),
    )


def _figures(machines: Machines, rates: Rates) -> list[bytes]:
    """All that the time of a step depends on beside the work, as a key for each configuration."""
    links = [getattr(rates.links, name) for name in rates.links.__dataclass_fields__]
    columns = [
        *(machines.per_node, machines.nodes, machines.fast_domain),
        *(rates.peak, rates.attention_peak, rates.bandwidth, rates.memory, rates.launches),
        *links,
    ]
    return row_keys(columns)


def _searched(
    work: TransformerWork,
    machines: Machines,
    rates: Rates,
    layout: Layout,
    sequence_length: int,
    sequences: float,
) -> StepTimes:
    found = fastest(
        work, machines, rates, layout, sequence_length=sequence_length, sequences=sequences
    )
    return StepTimes(
        found.compute_s,
        found.communication_s,
        found.overhead_s,
        found.bubble_s,
        np.full(len(machines), np.nan),  # how fast tokens are read is in no model
        found.layout,
        found.memory_need,
        np.where(np.isnan(found.compute_s), found.memory_need - machines.memory, 0.0),
        found.degrees,
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
