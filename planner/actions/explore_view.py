"""A plan as one screen shows it: points and options on axes with a unit. Free of presentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from planner.actions.explore_inputs import Inputs
from planner.results import Item, Recommendation
from planner.workload import Workload

if TYPE_CHECKING:
    from planner.actions.explore_lookup import Lookup


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
    """One row of the table. ``role``: recommended, group, alternative, front or picked.

    ``rank`` counts within the role; alternatives are ranked as ``planner recommend`` ranks them; a
    ``group`` is a further part of a recommended mix. ``x`` (NaN: unknown) and ``y`` are its place.
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

    def option_at(self, index: int) -> Option:
        """The table's option at a candidate, or a new one with the role ``picked``."""
        known = next((option for option in self.options if option.index == index), None)
        return known or self._lookup.option("picked", 0, index)
