"""Where another way becomes the cheaper one: table, CSV, Markdown; JSON is the model's own."""

from __future__ import annotations

import csv
import io

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.results.break_even import BreakEven, BreakEvenFlip, BreakEvenPoint


def to_csv(found: BreakEven) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_columns(found))
    writer.writerows(_row(found, point) for point in found.points)
    return out.getvalue().rstrip("\n")


def to_markdown(found: BreakEven) -> str:
    columns = _columns(found)
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(map(str, _row(found, p))) + " |" for p in found.points]
    return "\n".join([*lines, "", *(f"- {line}" for line in sentences(found))])


def print_break_even(found: BreakEven, console: Console) -> None:
    """Where it flips, and a table of costs."""
    title = f"USD for one {found.unit} served for an hour"
    console.print(Text(f"{found.name}: ", style="bold") + Text(title))
    for line in sentences(found):
        console.print(Text(f"- {line}"))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("demand" if found.over == "demand" else "in use", justify="right")
    for way in found.ways:
        table.add_column(way.replace("_", "-"), justify="right")
    step = 1 if found.over == "demand" else 6
    for point in found.points[::step]:
        table.add_row(value(found, point.at), *(_cell(point, way) for way in found.ways))
    console.print(table)


def sentences(found: BreakEven) -> list[str]:
    """Every flip in words, then what the figures stand on."""
    lines = [_flip(found, flip) for flip in found.flips]
    what = "demand" if found.over == "demand" else "utilisation"
    if not lines:
        ends = f"{value(found, found.points[0].at)} to {value(found, found.points[-1].at)}"
        lines = [f"no break-even at a {what} from {ends}"]
    if found.now is not None and found.over == "utilisation":
        lines.append(f"the mean of the demand is {found.now:.0%} of its peak")
    return lines + found.notes


def value(found: BreakEven, at: float) -> str:
    """What is varied, as people say it."""
    return f"x {at:.3g}" if found.over == "demand" else f"{at:.1%}"


def _flip(found: BreakEven, flip: BreakEvenFlip) -> str:
    below, above = (name.replace("_", "-") for name in (flip.cheaper_below, flip.cheaper_above))
    how = "" if flip.cause == "cost" else " (the other way cannot serve it there)"
    return f"{below} is cheaper below {value(found, flip.at)}, {above} above{how}"


def _cell(point: BreakEvenPoint, way: str) -> str:
    usd = point.usd_per_unit_hour[way]
    return "" if usd is None else f"{usd:.4g}"


def _columns(found: BreakEven) -> list[str]:
    return ["at", *(f"{way}_usd_per_unit_hour" for way in found.ways)]


def _row(found: BreakEven, point: BreakEvenPoint) -> list[object]:
    figures = [point.usd_per_unit_hour[way] for way in found.ways]
    return [f"{point.at:.6g}", *("" if usd is None else f"{usd:.9g}" for usd in figures)]
