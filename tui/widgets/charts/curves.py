"""Lines over one quantity, both logarithmic: what each way costs, and where they cross."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from textual_hires_canvas import HiResMode

from tui.widgets.charts.axes import formatter
from tui.widgets.charts.plot import SafePlot, limits, log

Floats = NDArray[np.float64]
MARKS = 7  # glyphs along a line, so that lines differ without colour
CROSSING, NOW = "◆", "│"


@dataclass(frozen=True)
class Line:
    """Values above zero, NaN where there are none; ``colour`` is a style of the chart."""

    name: str
    glyph: str
    colour: str
    x: Floats
    y: Floats


@dataclass(frozen=True)
class Flip:
    """A crossing on the line of that name, with the interval it lies in (NaN: not in the chart)."""

    at: float
    line: str
    low: float = np.nan
    high: float = np.nan


class Curves(SafePlot):
    """Lines with a glyph each, a mark at every crossing, a dotted line at what is so now."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        *(f"curves--{number}" for number in range(1, 7)),
        "curves--now",
        "curves--flip",
    }

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=f"{classes or ''} -empty", invert_mouse_wheel=True)
        self._lines: Sequence[Line] = ()
        self._flips: Sequence[Flip] = ()
        self._now: float | None = None

    def show(
        self,
        lines: Sequence[Line],
        x_unit: str,
        y_unit: str,
        *,
        flips: Sequence[Flip] = (),
        now: float | None = None,
    ) -> None:
        self._lines, self._flips, self._now = lines, flips, now
        self.set_class(not lines, "-empty")
        self.set_x_formatter(formatter(x_unit))
        self.set_y_formatter(formatter(y_unit))
        self.fit_all()
        self._draw()
        self.draw_now()

    def fit_all(self) -> None:
        """Everything in sight."""
        known = [(line.x[np.isfinite(line.y)], line.y[np.isfinite(line.y)]) for line in self._lines]
        xs = np.concatenate([x for x, _ in known]) if known else np.empty(0)
        if len(xs):
            self.set_xlimits(*limits(xs))
            self.set_ylimits(*limits(np.concatenate([y for _, y in known])))

    def action_reset_scales(self) -> None:
        self.fit_all()

    def _draw(self) -> None:
        self.clear()
        for flip in self._flips:
            for end in (flip.low, flip.high):
                if np.isfinite(end):
                    self._upright(end, "flip")
        if self._now is not None:
            self._upright(self._now, "now")
        for line in self._lines:
            self._line(line)
        for flip in self._flips:
            self._crossing(flip)

    def _upright(self, at: float, style: str) -> None:
        rows = np.linspace(self._y_min, self._y_max, 60)
        marker = NOW if style == "now" else "┊"
        self.scatter(
            np.full(60, np.log10(at)),
            rows,
            marker=marker,
            marker_style=self._style(f"curves--{style}"),
        )

    def _line(self, line: Line) -> None:
        known = np.isfinite(line.y)
        if not known.any():
            return
        style = self._style(f"curves--{line.colour}")
        x, y = log(line.x[known]), log(line.y[known])
        if len(x) > 1:
            self.plot(x, y, line_style=style, hires_mode=HiResMode.BRAILLE)
        at = np.linspace(x[0], x[-1], MARKS)
        self.scatter(at, np.interp(at, x, y), marker=line.glyph, marker_style=style)

    def _crossing(self, flip: Flip) -> None:
        line = next((line for line in self._lines if line.name == flip.line), None)
        if line is None or not (known := np.isfinite(line.y)).any():
            return
        x = np.array([np.log10(flip.at)])
        y = np.interp(x, log(line.x[known]), log(line.y[known]))
        self.scatter(x, y, marker=CROSSING, marker_style=self._style("curves--flip"))
