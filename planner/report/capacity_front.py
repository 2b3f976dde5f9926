"""A front of capacity plans as table, CSV and Markdown; JSON is the model's own."""

from __future__ import annotations

import csv
import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.amounts import money
from planner.results.capacity import CapacityFront, CapacityFrontPoint

_SECOND = {"carbon": ("kg_co2e",), "unmet": ("unmet_unit_hours", "unmet_share")}


def to_csv(front: CapacityFront) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_columns(front))
    writer.writerows(_row(front, point) for point in front.points)
    return out.getvalue().rstrip("\n")


def to_markdown(front: CapacityFront) -> str:
    columns = _columns(front)
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(map(str, _row(front, p))) + " |" for p in front.points]
    return "\n".join(lines)


def print_front(front: CapacityFront, console: Console) -> None:
    """One line a point, and what each unit less of the second measure costs from there on."""
    carbon = front.over == "carbon"
    measure = "kg CO2e" if carbon else f"{front.unit} x h unmet"
    console.print(Text(f"{front.name}: ", style="bold") + Text(f"cost against {measure}"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("total $", measure, *(() if carbon else ("share",)), "$ for one less"):
        table.add_column(title, justify="right")
    table.add_column("committed and bought (fractions of machines)", overflow="fold")
    for number, point in enumerate(front.points):
        second = _second(point)
        cells = [money(point.cost_usd).lstrip("$"), f"{second:,.6g}"]
        if not carbon:
            cells.append(f"{point.unmet_share or 0.0:.2%}")
        after = front.points[number + 1] if number + 1 < len(front.points) else None
        less = 0.0 if after is None else second - _second(after)
        cells.append(
            "" if after is None or less <= 0 else f"{(after.cost_usd - point.cost_usd) / less:.3g}"
        )
        table.add_row(*cells, _committed(point))
    console.print(table)


def _second(point: CapacityFrontPoint) -> float:
    found = point.kg_co2e if point.kg_co2e is not None else point.unmet_unit_hours
    return found or 0.0


def _columns(front: CapacityFront) -> tuple[str, ...]:
    return ("cost_usd", *_SECOND[front.over], "committed")


def _row(front: CapacityFront, point: CapacityFrontPoint) -> list[object]:
    figures = [point.cost_usd, *(getattr(point, name) for name in _SECOND[front.over])]
    return [*("" if figure is None else figure for figure in figures), _committed(point)]


def _committed(point: CapacityFrontPoint) -> str:
    return ", ".join(f"{count:.4g} x {name}" for name, count in point.committed.items())
