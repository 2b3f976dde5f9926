"""A mix of machines: what is rented, and which sizes of requests go where."""

from __future__ import annotations

from rich.text import Text

from planner.actions.capacity.view import MixView
from planner.report.mix import cells
from tui.widgets.tables.table import Table

SHADES = " ░▒▓█"
GROUPS = ("machine", "count", "$/h", "$/h in total", "loaded", "requests/s", "waits")


class MixGroups(Table):
    """One row a kind of machine, as ``planner mix`` lists them."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, cursor_type="row", cell_padding=1)

    def show(self, view: MixView) -> None:
        at = self.cursor_row
        self.clear(columns=True)
        for number, title in enumerate(GROUPS):
            self.add_column(Text(title, justify="right" if number else "left"))
        for group in view.result.groups:
            texts = cells(group)
            self.add_row(*(Text(t, justify="right" if n else "left") for n, t in enumerate(texts)))
        self.move_cursor(row=min(at, max(self.row_count - 1, 0)), animate=False)


class MixMatrix(Table):
    """Sizes of requests down, machines across: the share of each size that each machine serves."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, cursor_type="row", cell_padding=1)

    def show(self, view: MixView) -> None:
        result, at = view.result, self.cursor_row
        self.clear(columns=True)
        for title in ("input", "output", "requests/s"):
            self.add_column(Text(title, justify="right"))
        for group in result.groups:
            self.add_column(Text(group.type))
        rates = view.profile.rate.reshape(
            len(result.input_len_buckets), len(result.output_len_buckets)
        )
        for row, first in enumerate(result.input_len_buckets):
            for column, second in enumerate(result.output_len_buckets):
                rate = float(rates[row, column])
                shares = [result.assignment[g.type][row][column] for g in result.groups]
                self.add_row(
                    *(Text(t, justify="right") for t in (str(first), str(second), f"{rate:.3g}")),
                    *(_share(share) if rate > 0 else Text("-", style="dim") for share in shares),
                )
        self.move_cursor(row=min(at, max(self.row_count - 1, 0)), animate=False)


def _share(share: float) -> Text:
    """A bar of shades and the figure: both tell it, with or without colour."""
    if share < 5e-4:
        return Text("")
    shade = SHADES[min(1 + int(share * 3.999), 4)]
    return Text(f"{shade * 3} {share:.0%}")
