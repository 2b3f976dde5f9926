"""A plan as one screen shows it: points and options on axes with a unit. Free of presentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from planner.actions.explore.inputs import Inputs
from planner.results import Item, Recommendation
from planner.workload import Workload

if TYPE_CHECKING:
    from planner.actions.explore.lookup import Lookup


@dataclass(frozen=True)
class Axis:
    """What one direction of the chart means. ``limit`` is the user's, in the axis's unit."""

    unit: Literal["hours", "seconds", "machines", "usd", "usd_per_hour"]
    title: str
    limit: float | None = None


@dataclass(frozen=True)
class Points:
    """Candidates to draw, shape (n,): medians in the units of the axes.

    ``way`` indexes ``ways``: how each is paid for, or ``edge`` for devices beside the sensor.
    """

    index: NDArray[np.intp]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    way: NDArray[np.intp]
    meets: NDArray[np.bool_]
    ways: tuple[str, ...]


@dataclass(frozen=True)
class Option:
    """One row of the table.

    ``role``: recommended, group, alternative, front, picked, found or gone.

    ``rank`` counts within the role; alternatives are ranked as ``planner recommend`` ranks them; a
    ``group`` is a further part of a recommended mix; a ``found`` one came from a search; a ``gone``
    one is of an older plan and no option in this one. ``x`` (NaN: unknown) and ``y`` are its place.
    """

    role: str
    rank: int
    index: int
    item: Item
    headline: str
    x: float
    y: float

    @property
    def way(self) -> str:
        """How it is paid for, as in ``Points.ways``."""
        return "edge" if self.item.cloud == "edge" else self.item.purchase

    @property
    def identity(self) -> tuple[str, str | None, str | None]:
        """What makes it the same option in another plan of the workload."""
        return self.item.id, self.item.zone, self.item.platform


@dataclass(frozen=True)
class Found:
    """The cheapest options that a search found, those that meet all limits first.

    ``matching`` counts all that have the words, ``meeting`` those of them that meet the limits.
    """

    options: tuple[Option, ...]
    matching: int
    meeting: int


@dataclass(frozen=True)
class View:
    """A plan as one screen shows it. ``unplaced`` counts feasible candidates without an x."""

    inputs: Inputs
    workload: Workload
    recommendation: Recommendation
    best: int
    options: tuple[Option, ...]
    x_axis: Axis
    y_axis: Axis
    points: Points
    front: Points
    feasible: int
    meeting: int
    unplaced: int
    _lookup: Lookup

    @property
    def chosen(self) -> list[Item]:
        """What is recommended: one configuration, or the groups of a mix."""
        mix = self.recommendation.mix
        return [self.recommendation.recommendation] if mix is None else mix.groups

    @property
    def vendors(self) -> Mapping[str, str]:
        """Who makes each accelerator, by its name in the catalog."""
        return self._lookup.vendors

    def option_at(self, index: int) -> Option:
        """The table's option at a candidate, or a new one with the role ``picked``."""
        known = next((option for option in self.options if option.index == index), None)
        return known or self._lookup.option("picked", 0, index)

    def again(self, option: Option) -> Option:
        """An option of an older plan as this one has it, else with the role ``gone``."""
        index = self._lookup.same(option.item)
        return replace(option, role="gone") if index is None else self.option_at(index)

    def search(self, text: str, most: int = 60) -> Found:
        """Options with every word of ``text`` in cloud, region, machine, device or way to pay."""
        return self._lookup.search(text, most, self.options)

    def along_front(self, index: int, step: int) -> Option | None:
        """The option ``step`` places further along the front, from the place of a candidate."""
        near = self._lookup.along_front(index, step)
        return None if near is None else self.option_at(near)
