"""Cost against time, both logarithmic: every option, the front, what is recommended and chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.geometry import Offset
from textual.message import Message
from textual_hires_canvas import Canvas, HiResMode
from textual_plot import PlotWidget
from textual_plot.plot_widget import Legend

from planner.actions.explore import Item, Option, Points, View
from tui.widgets.axes import Dollars, Durations
from tui.widgets.canvas import SafeCanvas

# Kinds differ in shape as well as colour, so that they can be told apart without colour.
ON_DEMAND, SPOT, BEST = "o", "×", "★"
CLICK_REACH_CELLS = 4.0
LABEL_CELLS = 10  # along the time axis
MARGIN = 0.06  # of the span, around what is fitted
LEAST_SPAN = 0.3  # in log10: a factor of two

Floats = NDArray[np.float64]


# textual-plot ships no types, so that mypy cannot see what it derives from.
class Chart(PlotWidget, inherit_bindings=False):  # type: ignore[misc, call-arg]
    """Scatter of a view's points. Posts ``Picked`` when a point is clicked."""

    @dataclass
    class Picked(Message):
        """The candidate nearest to a click."""

        index: int

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chart--on-demand",
        "chart--spot",
        "chart--missed",
        "chart--front",
        "chart--limit",
        "chart--best",
        "chart--chosen",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom_in", "Zoom in", show=False, id="chart.zoom_in"),
        Binding("minus", "zoom_out", "Zoom out", show=False, id="chart.zoom_out"),
        Binding("left", "pan_left", "Pan left", show=False, id="chart.pan_left"),
        Binding("right", "pan_right", "Pan right", show=False, id="chart.pan_right"),
        Binding("up", "pan_up", "Pan up", show=False, id="chart.pan_up"),
        Binding("down", "pan_down", "Pan down", show=False, id="chart.pan_down"),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, invert_mouse_wheel=True)
        self._view: View | None = None
        self._chosen: Option | None = None
        self._moved_by_user = False
        self._pressed_at: Offset | None = None
        self.set_x_formatter(Durations())
        self.set_y_formatter(Dollars())

    def compose(self) -> ComposeResult:
        with Grid():
            for name in ("margin-top", "margin-left", "plot", "margin-bottom"):
                yield SafeCanvas(1, 1, id=name)
        yield Legend(id="legend")

    def on_mount(self) -> None:
        super().on_mount()
        self.margin_top, self.margin_bottom, self.margin_left = 0, 1, 7

    # -- what is shown ------------------------------------------------------------------------

    def show(self, view: View) -> None:
        """Draw another plan. The part in sight stays when the user has chosen it."""
        self._view = view
        if not self._moved_by_user:
            self.fit_options()
        self._draw()

    def choose(self, option: Option) -> None:
        """Mark this option, in reverse so that its glyph stays."""
        self._chosen = option
        self._draw()

    def fit_options(self) -> None:
        """Bring the front and every option of the table in sight."""
        if self._view:
            items = [option.item for option in self._view.options]
            self._fit(
                np.array([item.hours for item in items]),
                np.array([item.cost_usd for item in items]),
            )

    def fit_front(self) -> None:
        if self._view:
            self._fit(self._view.front.hours, self._view.front.usd)

    def fit_all(self) -> None:
        if self._view:
            self._fit(self._view.points.hours, self._view.points.usd)

    def action_reset_scales(self) -> None:
        self.fit_all()

    def _fit(self, hours: Floats, usd: Floats) -> None:
        self.set_xlimits(*_limits(hours))
        self.set_ylimits(*_limits(usd))
        self._moved_by_user = False

    @on(PlotWidget.ScaleChanged)
    def _keep_sight(self) -> None:
        self._moved_by_user = True

    def notify_style_update(self) -> None:
        super().notify_style_update()
        if self.is_mounted and self._view:
            self._draw()  # a new theme: colours are drawn into the canvas

    # -- drawing ------------------------------------------------------------------------------

    def _draw(self) -> None:
        view = self._view
        if view is None:
            return
        self.clear()
        points = view.points
        for spot, glyph, name in ((False, ON_DEMAND, "on-demand"), (True, SPOT, "spot")):
            kind = points.spot == spot
            self._dots(points, kind & ~points.meets, glyph, "missed")
            self._dots(points, kind & points.meets, glyph, name)
        self._steps(view.front)
        if view.workload.deadline is not None:
            self._line([view.workload.deadline] * 2, [1e-12, 1e12], "limit")
        if view.workload.budget is not None:
            self._line([1e-12, 1e12], [view.workload.budget] * 2, "limit")
        front = view.front
        self._dots(front, ~front.spot, ON_DEMAND, "front")
        self._dots(front, front.spot, SPOT, "front")
        best = view.recommendation.recommendation
        self._mark(best, BEST, "best")
        chosen = self._chosen
        if chosen:
            glyph = SPOT if chosen.item.purchase == "spot" else ON_DEMAND
            self._mark(chosen.item, BEST if chosen.index == view.best else glyph, "chosen")

    def _style(self, name: str) -> str:
        return str(self.get_component_rich_style(f"chart--{name}"))

    def _dots(self, points: Points, mask: NDArray[np.bool_], glyph: str, style: str) -> None:
        if mask.any():
            x, y = _log(points.hours[mask]), _log(points.usd[mask])
            self.scatter(x, y, marker=glyph, marker_style=self._style(style))

    def _mark(self, item: Item, glyph: str, style: str) -> None:
        x, y = _log(np.array([item.hours])), _log(np.array([item.cost_usd]))
        self.scatter(x, y, marker=glyph, marker_style=self._style(style))

    def _steps(self, front: Points) -> None:
        """Between two points of the front, the cheaper one is reached only at its own time."""
        hours = np.repeat(front.hours, 2)[1:]
        usd = np.repeat(front.usd, 2)[:-1]
        self._line(hours, usd, "front")

    def _line(self, hours: Any, usd: Any, style: str) -> None:
        """A line, cut to what is nearly in sight: the canvas walks every cell of it."""
        width, height = self._x_max - self._x_min, self._y_max - self._y_min
        x = np.clip(_log(np.asarray(hours, float)), self._x_min - width, self._x_max + width)
        y = np.clip(_log(np.asarray(usd, float)), self._y_min - height, self._y_max + height)
        self.plot(x, y, line_style=self._style(style), hires_mode=HiResMode.BRAILLE)

    def _render_plot(self) -> None:
        width, height = self._scale_rectangle.size
        if width < 4 or height < 2:  # no room for axes: the library would index outside
            return
        self._x_formatter.gap = (self._x_max - self._x_min) * LABEL_CELLS / width
        self._y_formatter.gap = (self._y_max - self._y_min) * 2 / height
        super()._render_plot()

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

    def index_near(self, column: int, row: int) -> int | None:
        """Candidate drawn nearest to a cell of the canvas: options of the table come first."""
        view = self._view
        if view is None:
            return None
        listed = [(o.index, o.item.hours, o.item.cost_usd) for o in view.options]
        first = np.array(listed, float).reshape(-1, 3)
        hours = np.concatenate([first[:, 1], view.points.hours])
        usd = np.concatenate([first[:, 2], view.points.usd])
        indices = np.concatenate([first[:, 0].astype(np.intp), view.points.index])
        x, y = self._cells(_log(hours), _log(usd))
        distance = np.hypot(x - column, 2.0 * (y - row))  # a cell is twice as high as wide
        nearest = int(np.argmin(distance))
        return int(indices[nearest]) if distance[nearest] <= CLICK_REACH_CELLS else None


def _log(values: Floats) -> Floats:
    """log10, where zero (what is free) is drawn far below."""
    logs: Floats = np.log10(np.maximum(values, 1e-9))
    return logs


def _limits(values: Floats) -> tuple[float, float]:
    logs = _log(values)
    low, high = float(logs.min()), float(logs.max())
    margin = max((high - low) * MARGIN, (LEAST_SPAN - (high - low)) / 2)
    return low - margin, high + margin
