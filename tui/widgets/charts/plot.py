"""What every chart on axes needs: surfaces that are safe for NO_COLOR, keys, limits."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import MappingProxyType
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.theme import Theme
from textual_plot import PlotWidget
from textual_plot.plot_widget import Legend

from tui.widgets.charts.canvas import SafeCanvas

LABEL_CELLS = 10  # along the x axis
MARGIN = 0.06  # of the span, around what is fitted
LEAST_SPAN = 0.3  # in log10: a factor of two

Floats = NDArray[np.float64]


# textual-plot ships no types, so that mypy cannot see what it derives from.
class SafePlot(PlotWidget, inherit_bindings=False):  # type: ignore[misc, call-arg]
    """A plot on logarithmic axes whose labels have room."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("plus,equals_sign", "zoom_in", "Zoom in", show=False, id="chart.zoom_in"),
        Binding("minus", "zoom_out", "Zoom out", show=False, id="chart.zoom_out"),
        Binding("left", "pan_left", "Pan left", show=False, id="chart.pan_left"),
        Binding("right", "pan_right", "Pan right", show=False, id="chart.pan_right"),
        Binding("up", "pan_up", "Pan up", show=False, id="chart.pan_up"),
        Binding("down", "pan_down", "Pan down", show=False, id="chart.pan_down"),
    ]

    _looks: Mapping[str, str] = MappingProxyType({})
    _looks_again = False

    def compose(self) -> ComposeResult:
        with Grid():
            for name in ("margin-top", "margin-left", "plot", "margin-bottom"):
                yield SafeCanvas(1, 1, id=name)
        yield Legend(id="legend")

    def on_mount(self) -> None:
        super().on_mount()
        self.margin_top, self.margin_bottom, self.margin_left = 0, 1, 8
        self.app.theme_changed_signal.subscribe(self, self._themed)
        self._looks = self._parts()

    def _draw(self) -> None:
        """Give the library what is to be seen, in the colours of now, instead of what was."""
        raise NotImplementedError

    def _themed(self, _theme: Theme) -> None:
        self.notify_style_update()

    def notify_style_update(self) -> None:
        """Colours are drawn into the canvas: those of parts, which follow the widget's own. Most
        that happens to styles, such as a change of the focus, leaves them as they are."""
        if self.is_mounted and not self._looks_again:
            self._looks_again = True
            self.call_later(self._look_again)

    def _look_again(self) -> None:
        self._looks_again = False
        before, self._looks = self._looks, self._parts()
        if _drawn(before) != _drawn(self._looks):
            self._draw()
            self.draw_now()
        elif before != self._looks:
            self._rerender()

    def _parts(self) -> dict[str, str]:
        return {name: self._style(name) for name in self._get_component_classes()}

    def _style(self, name: str) -> str:
        return str(self.get_component_rich_style(name))

    def get_coordinate_from_pixel(self, x: int, y: int) -> tuple[float, float]:
        """The middle, where there is no room for a plot: the library would divide by its size."""
        if not self._scale_rectangle.area:
            return (self._x_min + self._x_max) / 2, (self._y_min + self._y_max) / 2
        at: tuple[float, float] = super().get_coordinate_from_pixel(x, y)
        return at

    def draw_now(self) -> None:
        """Onto the canvases. Drawn when the plot itself is painted, they would be painted after."""
        if self._scale_rectangle.area and not self._needs_canvas_resize:
            self.render()

    def _render_plot(self) -> None:
        width, height = self._scale_rectangle.size
        if width < 4 or height < 2:  # no room for axes: the library would index outside
            return
        self._x_formatter.gap = (self._x_max - self._x_min) * LABEL_CELLS / width
        self._x_formatter.edge = (self._x_max - self._x_min) * LABEL_CELLS / 4 / width
        self._y_formatter.gap = (self._y_max - self._y_min) * 2 / height
        with ExitStack() as once:  # the library would ask for a refresh with every cell
            for canvas in self.query(SafeCanvas):
                once.enter_context(canvas.batch_refresh())
            super()._render_plot()


def _drawn(looks: Mapping[str, str]) -> dict[str, str]:
    """Of what a chart draws itself; the rest are axes and labels, which the library draws."""
    return {name: look for name, look in looks.items() if not name.startswith("plot--")}


def log(values: Floats) -> Floats:
    """log10, where zero (what is free) is drawn far below."""
    logs: Floats = np.log10(np.maximum(values, 1e-9))
    return logs


def limits(values: Floats) -> tuple[float, float]:
    """Ends of an axis that shows all values, in log10."""
    logs = log(values)
    low, high = float(logs.min()), float(logs.max())
    margin = max((high - low) * MARGIN, (LEAST_SPAN - (high - low)) / 2)
    return low - margin, high + margin
