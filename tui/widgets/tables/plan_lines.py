"""The machines of a capacity plan as a table: the best number beside the number planned with."""

from __future__ import annotations

from dataclasses import dataclass

from planner.actions.capacity.view import CapacityView, Decision
from planner.amounts import money
from planner.report.capacity import machines
from planner.results.capacity import Counted
from tui.widgets.tables.rows import fitted
from tui.widgets.tables.table import Table
from tui.widgets.ways import way_of

COLUMNS = (
    ("", False), ("offer", False), ("option", False), ("best", True), ("yours", True),
    ("mean use", True), ("used", True), ("total $", True), ("owed after $", True),
)  # fmt: skip
# Columns that a narrow screen leaves out.
WIDE_ONLY = ("mean use", "owed after $")
LEAST_CELLS = 12
WAYS = {
    "reserved_1y": "reservation",
    "reserved_3y": "reservation",
    "held": "reservation",
    "purchased": "owned",
}


@dataclass(frozen=True)
class Row:
    """Machines of one offer had in one way; ``decision`` where their number can be decided."""

    offer: str
    option: str
    best: Counted | None
    chosen: Counted | None
    decision: Decision | None


class PlanLines(Table):
    """One row an offer and way; those whose number can be decided first."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, cursor_type="row", cell_padding=0)
        self._rows: list[Row] = []
        self._width = 80

    @property
    def chosen(self) -> Row | None:
        """The row under the cursor."""
        at = self.cursor_row
        return self._rows[at] if 0 <= at < len(self._rows) else None

    def show(self, view: CapacityView) -> None:
        """Fill anew; the cursor stays on its row."""
        before = self.chosen
        self._rows = rows_of(view)
        self._fill(before)

    def fit(self, width: int) -> None:
        if width != self._width:
            self._width = width
            self._fill(self.chosen)

    def _fill(self, cursor: Row | None) -> None:
        texts = [cells(row) for row in self._rows]
        widths = [
            max([len(name), *(len(row[at]) for row in texts)])
            for at, (name, _) in enumerate(COLUMNS)
        ]
        places = list(range(len(COLUMNS)))
        if sum(widths) + len(COLUMNS) + 1 > self._width:
            places = [n for n, (name, _) in enumerate(COLUMNS) if name not in WIDE_ONLY]
        table = [[row[place] for place in places] for row in texts]
        columns, widths = [COLUMNS[n] for n in places], [widths[n] for n in places]
        spare = self._width - sum(widths) - len(columns) - 1
        if spare < 0:
            widths[1] = max(widths[1] + spare, LEAST_CELLS)
        self.clear(columns=True)
        for (name, right), width in zip(columns, widths, strict=True):
            self.add_column(fitted(name, width, right), width=width + 1)
        styles = [
            "bold" if row.decision is not None and row.decision.fixed else "" for row in self._rows
        ]
        self.add_lines(
            [
                fitted(text, width, right, style)
                for text, width, (_, right) in zip(figures, widths, columns, strict=True)
            ]
            for style, figures in zip(styles, table, strict=True)
        )
        keys = [(row.offer, row.option) for row in self._rows]
        wanted = (cursor.offer, cursor.option) if cursor is not None else None
        self.move_cursor(row=keys.index(wanted) if wanted in keys else 0, animate=False)


def rows_of(view: CapacityView) -> list[Row]:
    """Every decision, then what is rented, held or owned in either plan."""
    plans: list[dict[tuple[str, str], Counted]] = [
        {(c.offer, c.option): c for c in answer.result.counts}
        for answer in (view.best, view.chosen)
    ]
    best, chosen = plans
    decided = {(d.offer, d.option): d for d in view.decisions}
    others = [key for key in {**best, **chosen} if key not in decided]
    return [
        Row(*key, best.get(key), chosen.get(key), decided.get(key)) for key in (*decided, *others)
    ]


def cells(row: Row) -> list[str]:
    """Figures as ``planner capacity`` writes them."""
    now = row.chosen
    way = way_of(WAYS.get(row.option, row.option))
    used = "" if now is None or now.utilisation is None else f"{now.utilisation:.0%}"
    owed = now.residual_liability_usd if now else 0.0
    return [
        way.glyph,
        row.offer,
        row.option.replace("_", "-"),
        _count(row.best, row.decision),
        _count(now, row.decision),
        "" if now is None else machines(now.mean_count),
        used,
        "" if now is None else money(now.cost_usd).lstrip("$"),
        money(owed).lstrip("$") if owed else "",
    ]


def _count(counted: Counted | None, decision: Decision | None) -> str:
    if counted is None:
        return "0" if decision is not None else ""
    return machines(counted.count)
