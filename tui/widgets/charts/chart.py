"""Cost against time or latency, both logarithmic: options, front, best and chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from textual import events, on
from textual.geometry import Offset
from textual.message import Message
from textual_hires_canvas import Canvas, HiResMode
from textual_plot import PlotWidget

from planner.actions.explore.plan import Option, Points, View
from tui.widgets.charts.axes import formatter
from tui.widgets.charts.plot import SafePlot, limits, log
from tui.widgets.ways import BEST, MARKED, ON_DEMAND, SPOT, WAYS, component, way_of

__all__ = ["BEST", "ON_DEMAND", "SPOT", "Chart"]

CLICK_REACH_CELLS = 4.0
HOVER_REACH_CELLS = 1.5
# Of what moved since the plan before: lines at once, the glyph of the old place, cells a line needs
# for an arrow, and the arrow for a step right or left (1, -1) and down or up.
MOST_MOVES, WAS, LEAST_ARROW = 8, "◦", 2
ARROWS = {
    (1, 0): "→", (-1, 0): "←", (0, 1): "↓", (0, -1): "↑",
    (1, 1): "↘", (1, -1): "↗", (-1, 1): "↙", (-1, -1): "↖",
}  # fmt: skip

Floats = NDArray[np.float64]


class Chart(SafePlot):
    """Scatter of a view's points. Posts ``Picked`` when a point is clicked."""

    @dataclass
    class Picked(Message):
        """The candidate nearest to a click."""

        index: int

    @dataclass
    class Hovered(Message):
        """The candidate nearest to the mouse; None: there is none near it any more."""

        index: int | None

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *map(component, WAYS),
        "chart--missed",
        "chart--front",
        "chart--limit",
        "chart--moved",
        "chart--was",
        "chart--best",
        "chart--marked",
        "chart--chosen",
    }

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, invert_mouse_wheel=True)
        self._view: View | None = None
        self._chosen: Option | None = None
        self._marked: list[Option] = []
        self._hovered: int | None = None
        self._moved_by_user = False
        self._pressed_at: Offset | None = None
        self.set_x_formatter(formatter("hours"))
        self.set_y_formatter(formatter("usd"))

    # -- what is shown ------------------------------------------------------------------------

    def show(self, view: View, marked: Sequence[Option], chosen: Option | None) -> None:
        """Draw another plan. The part in sight stays when the user has chosen it."""
        if self._view is None or self._view.x_axis.unit != view.x_axis.unit:
            self.set_x_formatter(formatter(view.x_axis.unit))
            self.set_y_formatter(formatter(view.y_axis.unit))
        self._view, self._marked, self._chosen = view, list(marked), chosen
        if not self._moved_by_user:
            self.fit_options()
        self._draw()
        self.draw_now()

    def choose(self, option: Option) -> None:
        """Mark this option, in reverse so that its glyph stays."""
        if option != self._chosen:
            self._chosen = option
            self._draw()

    def mark(self, options: Sequence[Option]) -> None:
        """Draw these so that they are found again."""
        self._marked = list(options)
        self._draw()

    def fit_options(self) -> None:
        """Bring the front and every option of the table in sight."""
        if self._view:
            # A group of a mix does a part of the work: its place is not that of an answer.
            options = [option for option in self._view.options if option.role != "group"]
            self._fit(np.array([o.x for o in options]), np.array([o.y for o in options]))

    def fit_front(self) -> None:
        if self._view:
            self._fit(self._view.front.x, self._view.front.y)

    def fit_all(self) -> None:
        if self._view:
            self._fit(self._view.points.x, self._view.points.y)

    def action_reset_scales(self) -> None:
        self.fit_all()

    def _fit(self, x: Floats, y: Floats) -> None:
        known = np.isfinite(x) & np.isfinite(y)
        if known.any():
            self.set_xlimits(*limits(x[known]))
            self.set_ylimits(*limits(y[known]))
            self._moved_by_user = False

    @on(PlotWidget.ScaleChanged)
    def _keep_sight(self) -> None:
        self._moved_by_user = True

    # -- drawing ------------------------------------------------------------------------------

    def _draw(self) -> None:
        view = self._view
        if view is None:
            return
        self.clear()
        self._ways(view.points)
        self._steps(view.front)
        if view.x_axis.limit is not None:
            self._line([view.x_axis.limit] * 2, [1e-12, 1e12], "limit")
        if view.y_axis.limit is not None:
            self._line([1e-12, 1e12], [view.y_axis.limit] * 2, "limit")
        for code in np.unique(view.front.way).tolist():
            glyph = way_of(view.front.ways[code]).glyph
            self._dots(view.front, view.front.way == code, glyph, "chart--front")
        self._moves(view)
        self._mark(view.options[0], BEST, "chart--best")
        for option in self._marked:
            self._mark(option, MARKED, "chart--marked")
        chosen = self._chosen
        if chosen:
            glyph = BEST if chosen.index == view.best else way_of(chosen.way).glyph
            self._mark(chosen, glyph, "chart--chosen")

    def _ways(self, points: Points) -> None:
        """What misses a limit beneath what meets all, each way to pay in its glyph."""
        for meets in (False, True):
            for code in np.unique(points.way).tolist():
                name = points.ways[code]
                style = component(name) if meets else "chart--missed"
                mask = (points.way == code) & (points.meets == meets)
                self._dots(points, mask, way_of(name).glyph, style)

    def _dots(self, points: Points, mask: NDArray[np.bool_], glyph: str, style: str) -> None:
        if mask.any():
            self._at(log(points.x[mask]), log(points.y[mask]), glyph, style)

    def _mark(self, option: Option, glyph: str, style: str) -> None:
        if np.isfinite(option.x) and np.isfinite(option.y):
            self._at(log(np.array([option.x])), log(np.array([option.y])), glyph, style)

    def _at(self, x: Floats, y: Floats, glyph: str, style: str) -> None:
        """Signs at places in log10."""
        self.scatter(x, y, marker=glyph, marker_style=self._style(style))

    def _moves(self, view: View) -> None:
        """From where options lay before a measurement or new prices to where they lie now.

        The furthest few and the chosen one: more lines would hide what moved.
        """
        if view.change is None:
            return
        shown = list(view.change.moves[:MOST_MOVES])
        chosen = None if self._chosen is None else view.change.of(self._chosen)
        if chosen is not None and chosen not in shown:
            shown.append(chosen)
        for move in shown:
            now = move.option
            self._line([move.x, now.x], [move.y, now.y], "moved")
            x, y = log(np.array([move.x, now.x])), log(np.array([move.y, now.y]))
            self._at(x[:1], y[:1], WAS, "chart--was")
            self._arrow(x, y)
            self._mark(now, way_of(now.way).glyph, component(now.way))

    def _arrow(self, x: Floats, y: Floats) -> None:
        """Beside the end of a line of two places, in log10: the mark there stays what it is."""
        columns, rows = self._cells(x, y)
        along, down = int(np.diff(columns)[0]), int(np.diff(rows)[0])
        cells = max(abs(along), abs(down))
        if cells >= LEAST_ARROW:
            back = 1 - 1 / cells
            sign = ARROWS[int(np.sign(along)), int(np.sign(down))]
            self._at(x[:1] + back * np.diff(x), y[:1] + back * np.diff(y), sign, "chart--moved")

    def _steps(self, front: Points) -> None:
        """Between two points of the front, the cheaper one is reached only at its own x."""
        if len(front.x):
            self._line(np.repeat(front.x, 2)[1:], np.repeat(front.y, 2)[:-1], "front")

    def _line(self, xs: Any, ys: Any, style: str) -> None:
        """A line, cut to what is nearly in sight: the canvas walks every cell of it."""
        width, height = self._x_max - self._x_min, self._y_max - self._y_min
        x = np.clip(log(np.asarray(xs, float)), self._x_min - width, self._x_max + width)
        y = np.clip(log(np.asarray(ys, float)), self._y_min - height, self._y_max + height)
        self.plot(x, y, line_style=self._style(f"chart--{style}"), hires_mode=HiResMode.BRAILLE)

    def _render_scatter_plot(self, dataset: Any) -> None:
        """As the library does, but each cell once: thousands of points share a few cells."""
        x, y = self._cells(dataset.x, dataset.y)
        inside = (x >= 1) & (y >= 1)
        inside &= (x < self._scale_rectangle.right) & (y < self._scale_rectangle.bottom)
        cells = set(zip(x[inside].tolist(), y[inside].tolist(), strict=True))
        if cells:
            canvas = self.query_one("#plot", Canvas)
            canvas.set_pixels(cells, dataset.marker, dataset.marker_style)

    def _cells(self, x: Floats, y: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Columns and rows of the canvas, as ``get_pixel_from_coordinate`` for one point."""
        region = self._scale_rectangle
        along = (x - self._x_min) / (self._x_max - self._x_min)
        up = (y - self._y_min) / (self._y_max - self._y_min)
        columns = np.floor(region.x + along * region.width)
        rows = np.ceil(region.bottom - 1 - up * region.height)
        return (
            np.clip(columns, -1, 10_000).astype(np.intp),
            np.clip(rows, -1, 10_000).astype(np.intp),
        )

    # -- picking ------------------------------------------------------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self._pressed_at = event.screen_offset

    def on_click(self, event: events.Click) -> None:
        """Choose the nearest point, unless the mouse was dragged to pan."""
        if self._view is None or event.screen_offset != self._pressed_at:
            return
        place = event.screen_offset - self.query_one("#plot", Canvas).region.offset
        index = self.index_near(place.x, place.y)
        if index is not None:
            self.post_message(self.Picked(index))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """What is under the mouse, told once a point."""
        place = event.screen_offset - self.query_one("#plot", Canvas).region.offset
        self._hover(None if event.button else self.index_near(place.x, place.y, HOVER_REACH_CELLS))

    def on_leave(self) -> None:
        self._hover(None)

    def _hover(self, index: int | None) -> None:
        if index != self._hovered:
            self._hovered = index
            self.post_message(self.Hovered(index))

    def index_near(self, column: int, row: int, reach: float = CLICK_REACH_CELLS) -> int | None:
        """Candidate drawn nearest to a cell of the canvas: options of the table come first."""
        view = self._view
        if view is None:
            return None
        placed = [(o.index, o.x, o.y) for o in view.options if np.isfinite(o.x)]
        first = np.array(placed, float).reshape(-1, 3)
        all_x = np.concatenate([first[:, 1], view.points.x])
        all_y = np.concatenate([first[:, 2], view.points.y])
        indices = np.concatenate([first[:, 0].astype(np.intp), view.points.index])
        if not len(indices):
            return None
        x, y = self._cells(log(all_x), log(all_y))
        distance = np.hypot(x - column, 2.0 * (y - row))  # a cell is twice as high as wide
        nearest = int(np.argmin(distance))
        return int(indices[nearest]) if distance[nearest] <= reach else None
