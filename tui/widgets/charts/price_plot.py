"""One price over time, drawn in the room there is."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from planner.actions.catalog.changes import Series
from planner.actions.problems import Problem
from planner.report.offers import buy, known_price
from planner.report.price_plot import plot

LEAST_HEIGHT = 3
BESIDE = 5  # lines of the plot that are not its height: title, axis, days, legend


class PricePlot(Static):
    """The plot of ``planner catalog history``, or in words that there is nothing to draw."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._series: Series | None = None
        self._known = False

    def show(self, series: Series | None) -> None:
        self._series, self._known = series, True
        self._draw()

    def problem(self, problem: Problem) -> None:
        self._known = False
        self.update(Text("; ".join([problem.text, *problem.remedies])))

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._known:
            self.update(self._text())

    def _text(self) -> Text:
        text = Text("Price history", style="bold")
        if self._series is None:
            return text.append("\nno date of this price is known", style="not bold")
        points = self._series.points
        if len(points) == 1:
            (at, usd), *_ = points
            return text.append(
                f"\n{known_price(usd)} USD/h since {at:%Y-%m-%d}, no change seen; each refresh "
                "adds what moved",
                style="not bold",
            )
        key = self._series.key
        name = (
            f"{key.cloud} {key.zone or key.region} {buy(key.kind, key.term_months, key.platform)}"
        )
        height = max(LEAST_HEIGHT, self.size.height - BESIDE)
        lines = plot([(name, points)], width=max(24, self.size.width - 1), height=height)
        return text.append(f"  USD/h, {len(points) - 1} changes\n", style="not bold").append(
            "\n".join(lines), style="not bold"
        )
