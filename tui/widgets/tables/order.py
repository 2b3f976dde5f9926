"""Orders of the table of options: which rows there are stays the planner's business."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from planner.actions.explore.plan import Option
from tui.widgets.ways import way_of

# One a column of the table, in its order; None: as the planner ranks them.
KEYS: tuple[Callable[[Option], Any] | None, ...] = (
    None,
    lambda option: (option.item.cloud, option.item.region),
    lambda option: (option.item.instance_type, option.item.nodes),
    lambda option: (option.item.accelerator, option.item.accelerators),
    lambda option: way_of(option.way).name,
    lambda option: option.y,
    lambda option: math.inf if math.isnan(option.x) else option.x,
    lambda option: option.item.hours_p90 or option.item.usd_per_million_tokens or option.y,
)


@dataclass(frozen=True)
class Order:
    """A column of the table and a direction."""

    column: int = 0
    falling: bool = False

    @property
    def arrow(self) -> str:
        return "" if KEYS[self.column] is None else "▼" if self.falling else "▲"

    def by(self, column: int) -> Order:
        """After a wish for this column: the other direction where it is sorted by it already."""
        same = column == self.column and KEYS[column] is not None
        return Order(column, falling=same and not self.falling)

    def next(self, columns: int) -> Order:
        """Through all columns: rising, then the next one."""
        return Order((self.column + 1) % columns)

    def sorted(self, options: Sequence[Option]) -> list[Option]:
        key = KEYS[self.column]
        return list(options) if key is None else sorted(options, key=key, reverse=self.falling)
