"""Own measurements as a table: value against expectation, use, and what they change."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from planner.amounts import money
from planner.results.calibration import CalibrationResults, Move

# An id is shown as far as it takes to tell it from the others, at least this far.
SHORTEST_ID = 12


def print_results(found: CalibrationResults, console: Console) -> None:
    """One line a run; below it why one is not used, then the answers that moved."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("id", "date", "model", "on", "how"):
        table.add_column(title, overflow="fold")
    for title in ("measured", "expected", ""):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("use", no_wrap=True)
    short = shortened([run.id for run in found.results])
    for run in found.results:
        seen = run.observation
        unit = str(seen["metric"]).replace("_per_device", "").replace("_per_s", "/s")
        factor = run.measured_over_expected
        batch = f" b{seen['batch_global']}" if seen["batch_global"] else ""
        table.add_row(
            short[run.id],
            f"{run.measured_at[5:10]} {run.measured_at[11:16]}",
            str(seen["model"]),
            str(seen["accelerator"]),
            f"{seen['framework']} {seen['precision']}{batch}",
            "" if seen["value"] is None else f"{seen['value']:,.4g} {unit}",
            "" if run.expected is None else f"{run.expected:,.4g}",
            "" if factor is None else f"{factor - 1:+.0%}",
            run.use,
            style="" if run.use == "used" else "yellow",
        )
    console.print(table)
    for run in found.results:
        if run.reason:
            console.print(f"{short[run.id]} is {run.use}: {run.reason}")
    if found.effect is None:
        return
    console.print(found.effect.sentence)
    for move in found.effect.moves:
        if move.changed or move.cost_usd_before != move.cost_usd_after:
            console.print(f"  {_moved(move)}")


def shortened(ids: list[str]) -> dict[str, str]:
    """Each id's beginning that no other one of them has."""
    found = {}
    for one in ids:
        size = SHORTEST_ID
        while size < len(one) and any(o != one and o.startswith(one[:size]) for o in ids):
            size += 1
        found[one] = one[:size]
    return found


def _moved(move: Move) -> str:
    before, after = _usd(move.cost_usd_before), _usd(move.cost_usd_after)
    if not move.changed:
        return f"{move.question}: {move.after}, {before} -> {after}"
    first, second = move.before or "nothing", move.after or "nothing"
    return f"{move.question}: {first} ({before}) -> {second} ({after})"


def _usd(value: float | None) -> str:
    return "nothing" if value is None else money(value)
