"""The fastest layout that fits on each configuration, of all that are valid there.

Layouts are put to configurations as pairs, those of all kinds of machine at once. A pair whose
computing alone takes longer than another layout's whole step cannot win: its communication is
not worked out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.performance.devices import Machines
from planner.performance.layout_space import MachineShape, layouts_for
from planner.performance.layouts import ANY_LAYOUT, Layout, Layouts, describe
from planner.performance.memory import transformer_training_memory
from planner.performance.step_costs import StepCosts, step_costs
from planner.performance.step_times import Computing, Pairs, Rates, StepParts, step_parts
from planner.performance.work import TransformerWork

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Kinds of machine whose layouts are made at once, and pairs looked at at once: many enough that
# numpy works rather than waits for Python, few enough that they stay in the cache.
_SHAPES = 48
_PAIRS = 24576
# Sums of the same seconds in another order differ by less than this share.
_ROUNDING = 1e-9


@dataclass
class Fastest:
    """The fastest layout of each configuration and its seconds, shape (n,).

    NaN, an empty word and ANY_LAYOUT where none fits; ``memory_need`` is then what the layout that
    needs least would take, NaN where none is valid.
    """

    compute_s: Floats
    communication_s: Floats
    overhead_s: Floats
    bubble_s: Floats
    memory_need: Floats
    layout: list[str]
    degrees: list[Layout]

    @classmethod
    def of(cls, count: int) -> Fastest:
        a, b, c, d, e = np.full((5, count), np.nan)
        return cls(a, b, c, d, e, [""] * count, [ANY_LAYOUT] * count)

    def keep(self, layouts: Layouts, need: Floats, pairs: Pairs, parts: StepParts) -> None:
        """Write down one pair a configuration, with its times."""
        rows = pairs.row
        self.compute_s[rows] = parts.compute_s
        self.communication_s[rows] = parts.communication_s
        self.overhead_s[rows] = parts.overhead_s
        self.bubble_s[rows] = parts.bubble_s
        self.memory_need[rows] = need[pairs.layout]
        picked = pairs.layout.tolist()
        found = {index: layouts[index] for index in set(picked)}
        words = {index: describe(layout) for index, layout in found.items()}
        for row, index in zip(rows.tolist(), picked, strict=True):
            self.layout[row], self.degrees[row] = words[index], found[index]


def fastest(
    work: TransformerWork,
    machines: Machines,
    rates: Rates,
    layout: Layout,
    *,
    sequence_length: int,
    sequences: float,
) -> Fastest:
    """Search the layouts that agree with ``layout``, for a step of ``sequences``.

    ``rates`` are those of ``machines``. Of equally fast layouts the simpler one is kept.
    """
    best = Fastest.of(len(machines))
    alike = _alike(machines)
    for start in range(0, len(alike), _SHAPES):
        part = alike[start : start + _SHAPES]
        space = layouts_for(
            [shape for shape, _ in part],
            work,
            layout,
            sequence_length=sequence_length,
            sequences=sequences,
        )
        rows = np.concatenate([rows for _, rows in part])
        shape = np.repeat(np.arange(len(part)), [len(rows) for _, rows in part])
        need = transformer_training_memory(
            work, space.layouts, sequence_length=sequence_length, sequences=sequences
        ).total
        least = np.full(len(part), np.inf)
        np.minimum.at(least, space.machine, need)
        least[np.isinf(least)] = np.nan  # no layout is valid there
        best.memory_need[rows] = least[shape]
        runs = ~np.isnan(rates.peak[rows]) & (rates.memory[rows] >= least[shape])
        rows, shape = rows[runs], shape[runs]
        smallest, largest = np.full(len(part), np.inf), np.full(len(part), -np.inf)
        np.minimum.at(smallest, shape, rates.memory[rows])
        np.maximum.at(largest, shape, rates.memory[rows])
        keep = space.worth_timing(need, smallest[space.machine], largest[space.machine])
        space, need = space.take(keep), need[keep]
        costs = step_costs(
            work, space.layouts, sequence_length=sequence_length, sequences=sequences
        )
        chunks = [
            pairs.take(need[pairs.layout] <= rates.memory[pairs.row])
            for pairs in _pairs(rows, shape, space.machine, len(part))
        ]
        if chunks:
            best.keep(space.layouts, need, *_winners(space.layouts, costs, rates, chunks))
    return best


def _winners(
    layouts: Layouts, costs: StepCosts, rates: Rates, chunks: Sequence[Pairs]
) -> tuple[Pairs, StepParts]:
    """The fastest pair of each configuration; ``chunks`` have those of each side by side."""
    computing = [Computing.of(layouts, costs, rates, pairs) for pairs in chunks]
    least = [one.least_s(costs, pairs) for one, pairs in zip(computing, chunks, strict=True)]
    # What the layout with the least computing takes in all is enough to rule out others.
    tried = [_first_least(*pair) for pair in zip(least, chunks, strict=True)]
    ruled_by = Pairs.join([pairs.take(at) for pairs, at in zip(chunks, tried, strict=True)])
    once = Computing.join([one.take(at) for one, at in zip(computing, tried, strict=True)])
    enough = np.full(len(rates.peak), np.inf)
    enough[ruled_by.row] = step_parts(layouts, costs, rates, ruled_by, once).total_s
    enough *= 1 + _ROUNDING
    left = [
        np.flatnonzero(~(seconds > enough[pairs.row]))
        for seconds, pairs in zip(least, chunks, strict=True)
    ]
    chunks = [pairs.take(at) for pairs, at in zip(chunks, left, strict=True)]
    computing = [one.take(at) for one, at in zip(computing, left, strict=True)]
    pairs = Pairs.join(chunks)
    parts = StepParts.join(
        [step_parts(layouts, costs, rates, *both) for both in zip(chunks, computing, strict=True)]
    )
    won = _first_least(parts.total_s, pairs)
    won = won[np.isfinite(parts.total_s[won])]
    return pairs.take(won), parts.take(won)


def _first_least(values: Floats, pairs: Pairs) -> Rows:
    """Place of the first least value of each configuration, whose ``pairs`` lie side by side."""
    new = np.ones(len(values), bool)
    new[1:] = pairs.row[1:] != pairs.row[:-1]
    group = np.cumsum(new) - 1
    least = np.minimum.reduceat(values, np.flatnonzero(new))
    # where one is NaN, so is the least
    hits = np.flatnonzero((values == least[group]) | np.isnan(values))
    result: Rows = hits[np.flatnonzero(np.diff(group[hits], prepend=-1))]
    return result


def _pairs(rows: Rows, shape: Rows, machine: Rows, shapes: int) -> Iterator[Pairs]:
    """Each configuration with every layout of its shape, about _PAIRS at a time."""
    count = np.bincount(machine, minlength=shapes)
    begin = np.cumsum(count) - count
    many, start = count[shape], 0
    ends = np.cumsum(many)
    while start < len(rows):
        done = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, done + _PAIRS, side="right")))
        each = many[start:stop]
        place = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
        yield Pairs(
            np.repeat(rows[start:stop], each), place + np.repeat(begin[shape[start:stop]], each)
        )
        start = stop


def _alike(machines: Machines) -> Sequence[tuple[MachineShape, Rows]]:
    """Configurations by what decides their layouts."""
    groups: dict[tuple[float, float, float], list[int]] = {}
    columns = zip(
        machines.per_node.tolist(),
        machines.nodes.tolist(),
        machines.fast_domain.tolist(),
        strict=True,
    )
    for index, key in enumerate(columns):
        groups.setdefault(key, []).append(index)
    return [
        (MachineShape(int(per_node), int(nodes), int(domain)), np.array(rows, np.intp))
        for (per_node, nodes, domain), rows in groups.items()
    ]
