"""Differences of two results as table and Markdown; JSON is the model's own."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from planner.results.diff import Difference, Replay, ResultDiff, Value

TITLES = ("section", "field", "before", "after", "change")


def print_diff(result: ResultDiff | Replay, console: Console) -> None:
    """Headline and one line a difference."""
    console.print(Text(result.headline))
    differences = diff_of(result).differences
    if not differences:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in TITLES:
        table.add_column(title, justify="right" if title == "change" else "left", overflow="fold")
    section = ""
    for each in differences:
        cells = _cells(each)
        table.add_row("" if each.section == section else cells[0], *cells[1:])
        section = each.section
    console.print(table)


def to_markdown(result: ResultDiff | Replay) -> str:
    lines = [result.headline, "", f"| {' | '.join(TITLES)} |", "|" + " --- |" * len(TITLES)]
    lines += [
        "| " + " | ".join(cell.replace("|", "\\|") for cell in _cells(each)) + " |"
        for each in diff_of(result).differences
    ]
    return "\n".join(lines)


def diff_of(result: ResultDiff | Replay) -> ResultDiff:
    return result.diff if isinstance(result, Replay) else result


def _cells(each: Difference) -> list[str]:
    change = ""
    if each.change_share is not None:
        change = f"{each.change_share:+.1%}"
    elif each.change is not None:
        change = f"{each.change:+g}"
    return [each.section, each.field, _said(each.a), _said(each.b), change]


def _said(value: Value) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, float):
        return f"{value:,.6g}"
    return str(value)
