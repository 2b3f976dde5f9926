"""Demand over time with who serves it: a column of glyphs for each stretch of time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import ClassVar

import numpy as np
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from planner.actions.capacity.view import Stack, stacked
from planner.results.capacity import Served
from tui.widgets.charts.lines import LinesOfOneStyle
from tui.widgets.ways import GAP, component, way_of

MARGIN = 8  # cells left of the axis
PEAK, UNMET = "·", "!"
LEAST_PERIODS = 24
LABEL_GAP = 4


class StackChart(LinesOfOneStyle, Widget, can_focus=True):
    """A ``Served`` binned to the width at hand. Zooms and moves along time only."""

    @dataclass
    class Moved(Message):
        """Another stretch of time is in sight."""

        stack: Stack

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "stack--owned",
        "stack--reservation",
        "stack--savings-plan",
        "stack--resource-commitment",
        "stack--on-demand",
        "stack--spot",
        "stack--unmet",
        "stack--axis",
        "stack--peak",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom(2)", "Zoom in", show=False, id="chart.zoom_in"),
        Binding("minus", "zoom(-2)", "Zoom out", show=False, id="chart.zoom_out"),
        Binding("left", "pan(-1)", "Earlier", show=False, id="chart.pan_left"),
        Binding("right", "pan(1)", "Later", show=False, id="chart.pan_right"),
    ]

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._served: Served | None = None
        self._first, self._periods = 0, 0
        self._stack: Stack | None = None

    @property
    def stack(self) -> Stack | None:
        """What is drawn."""
        return self._stack

    def show(self, served: Served) -> None:
        """Draw another plan; the stretch in sight stays while the horizon does."""
        size = served.amount.shape[1]
        if self._served is None or self._served.amount.shape[1] != size:
            self._first, self._periods = 0, size
        self._served = served
        self._bin()

    def on_resize(self) -> None:
        self._bin()

    def action_zoom(self, factor: int) -> None:
        if self._served is None:
            return
        size = self._served.amount.shape[1]
        wanted = self._periods // 2 if factor > 0 else self._periods * 2
        middle = self._first + self._periods // 2
        self._periods = min(max(wanted, min(LEAST_PERIODS, size)), size)
        self._move(middle - self._periods // 2)

    def action_pan(self, steps: int) -> None:
        self._move(self._first + steps * max(self._periods // 4, 1))

    def fit_all(self) -> None:
        """The whole horizon."""
        if self._served is not None:
            self._periods = self._served.amount.shape[1]
            self._move(0)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_zoom(2)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_zoom(-2)

    def _move(self, first: int) -> None:
        if self._served is not None:
            size = self._served.amount.shape[1]
            self._first = min(max(first, 0), size - self._periods)
            self._bin()

    def _bin(self) -> None:
        columns = self.size.width - MARGIN - 1
        if self._served is None or columns < 4:
            return
        self._stack = stacked(self._served, columns, self._first, self._periods)
        self.post_message(self.Moved(self._stack))
        self.refresh()

    # -- drawing ------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        stack = self._stack
        rows = height - 1
        if stack is None or rows < 2:
            return Strip.blank(width, self.rich_style)
        if y >= rows:
            return self._time_axis(stack, width)
        most = self._most()
        axis = self.get_component_rich_style("stack--axis")
        label = _amount(most * (rows - y) / rows) if y in (0, rows // 2) else ""
        segments = [Segment(f"{label:>{MARGIN - 1}} ", axis), Segment("┤" if label else "│", axis)]
        cells = self._cells(stack, (rows - y - 1) / rows * most, most / rows)
        drawn = zip(cells, self._widths(stack), strict=True)
        for (text, style), same in groupby(drawn, key=itemgetter(0)):
            segments.append(Segment(text * sum(wide for _, wide in same), style))
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _widths(self, stack: Stack) -> list[int]:
        """Cells of each bin: together they fill the chart."""
        bins = stack.amount.shape[1]
        edges = np.linspace(0, max(self.size.width - MARGIN - 1, bins), bins + 1).round()
        found: list[int] = np.diff(edges).astype(int).tolist()
        return found

    def _most(self) -> float:
        """Top of the chart: of the whole horizon, so that zooming does not change heights."""
        assert self._served is not None
        demand = self._served.demand
        top = self._served.amount.sum(axis=0) if demand is None else demand
        return max(float(top.max(initial=0.0)), 1e-9)

    def _cells(self, stack: Stack, bottom: float, height: float) -> list[tuple[str, Style]]:
        """One cell a column: the way that fills the middle of this height."""
        tops = np.cumsum(stack.amount, axis=0)
        middle = bottom + height / 2
        # The first way whose top is above the middle of the cell.
        at = (tops > middle).argmax(axis=0) if len(tops) else np.zeros(0, np.intp)
        filled = tops[-1] > middle if len(tops) else np.zeros(len(at), bool)
        peak = stack.peak
        blank, dot = self.rich_style, self.get_component_rich_style("stack--peak")
        looks = [self._look(way) for way in stack.ways]
        cells = []
        for column in range(stack.amount.shape[1]):
            if filled[column]:
                cells.append(looks[int(at[column])])
            elif peak is not None and bottom < peak[column] <= bottom + height:
                cells.append((PEAK, dot))
            else:
                cells.append((" ", blank))
        return cells

    def _look(self, way: str) -> tuple[str, Style]:
        if way == "unmet":
            return UNMET, self.get_component_rich_style("stack--unmet")
        return way_of(way).glyph, self.get_component_rich_style(
            component(way).replace("chart--", "stack--")
        )

    def _time_axis(self, stack: Stack, width: int) -> Strip:
        columns = width - MARGIN - 1
        starts = np.concatenate([[0], np.cumsum(self._widths(stack))])
        text, free = "", 0
        for number, column in enumerate(starts[:-1].tolist()):
            label = _when(stack.first_hour + number * stack.hours, stack.hours)
            if column >= free and column + len(label) <= columns:
                text = text.ljust(column) + label
                free = column + len(label) + LABEL_GAP
        axis = self.get_component_rich_style("stack--axis")
        line = " " * MARGIN + "└" + text
        return Strip([Segment(line, axis)]).adjust_cell_length(width, self.rich_style)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _when(hour: float, step: float) -> str:
    """A point in time from the start: week, day, or hour of a day where columns are that short."""
    day = int(hour // 24)
    if step >= 24:
        return f"week {day // 7 + 1}" if step >= 168 else f"day {day + 1}"
    return f"day {day + 1} {int(hour % 24):02}h"


def _length(hours: float) -> str:
    for unit, name in ((168.0, "week"), (24.0, "day"), (1.0, "h")):
        if hours >= unit and hours % unit == 0:
            number = hours / unit
            return f"{number:g} {name}{'s' if number > 1 and name != 'h' else ''}"
    return f"{hours:.3g} h"


def legend(stack: Stack, served: Served) -> str:
    """Glyph, name and share of what is served of each way, and what a column stands for."""
    total = float(served.amount.sum())
    parts = []
    for way, amount in zip(served.ways, served.amount, strict=True):
        share = f"{GAP}{amount.sum() / total:.0%}" if total > 0 else ""
        if way == "unmet":
            parts.append(f"[$error]{UNMET}[/]{GAP}unserved{share}")
        else:
            look = way_of(way)
            name = look.name.replace(" ", GAP)
            parts.append(f"[${look.colour}]{look.glyph}[/]{GAP}{name}{share}")
    if served.demand is not None:
        parts.append(f"{PEAK}{GAP}peak")
    column = f"{_length(stack.hours)} a column".replace(" ", GAP)
    return f"[b]{served.unit}[/]{GAP}({column})  " + "  ".join(parts)
