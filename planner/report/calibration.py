"""Own measurements as a table: value against expectation, use, and what they change."""

from __future__ import annotations

from rich.console import Console, JustifyMethod
from rich.table import Table

from planner.amounts import money
from planner.results.calibration import CalibrationResults, Effect, MeasuredRun, Move

# An id is shown as far as it takes to tell it from the others, at least this far.
SHORTEST_ID = 12
# Title, and whether it is a figure.
TITLES = (
    ("id", False), ("date", False), ("model", False), ("on", False), ("how", False),
    ("measured", True), ("expected", True), ("", True), ("use", False),
)  # fmt: skip


def print_results(found: CalibrationResults, console: Console) -> None:
    """One line a run; below it why one is not used, then the answers that moved."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title, is_figure in TITLES:
        whole = is_figure or title == "use"
        side: JustifyMethod = "right" if is_figure else "left"
        table.add_column(title, justify=side, overflow="fold", no_wrap=whole)
    short = shortened([run.id for run in found.results])
    for run in found.results:
        table.add_row(*cells(run, short[run.id]), style="" if run.use == "used" else "yellow")
    console.print(table)
    for run in found.results:
        if run.reason:
            console.print(f"{short[run.id]} is {run.use}: {run.reason}")
    if found.effect is None:
        return
    for line in effect_lines(found.effect):
        console.print(line)


def cells(run: MeasuredRun, short: str) -> tuple[str, ...]:
    """A row under TITLES; ``short`` stands for its id."""
    seen = run.observation
    unit = str(seen["metric"]).replace("_per_device", "").replace("_per_s", "/s")
    factor = run.measured_over_expected
    batch = f" b{seen['batch_global']}" if seen["batch_global"] else ""
    return (
        short,
        f"{run.measured_at[5:10]} {run.measured_at[11:16]}",
        str(seen["model"]),
        str(seen["accelerator"]),
        f"{seen['framework']} {seen['precision']}{batch}",
        "" if seen["value"] is None else f"{seen['value']:,.4g} {unit}",
        "" if run.expected is None else f"{run.expected:,.4g}",
        "" if factor is None else f"{factor - 1:+.0%}",
        run.use,
    )


def effect_lines(effect: Effect) -> list[str]:
    """What own runs change, and each answer that moved."""
    moves = [
        moved(move)
        for move in effect.moves
        if move.changed or move.cost_usd_before != move.cost_usd_after
    ]
    return [effect.sentence, *(f"  {line}" for line in moves)]


def shortened(ids: list[str]) -> dict[str, str]:
    """Each id's beginning that no other one of them has."""
    found = {}
    for one in ids:
        size = SHORTEST_ID
        while size < len(one) and any(o != one and o.startswith(one[:size]) for o in ids):
            size += 1
        found[one] = one[:size]
    return found


def moved(move: Move) -> str:
    before, after = _usd(move.cost_usd_before), _usd(move.cost_usd_after)
    if not move.changed:
        return f"{move.question}: {move.after}, {before} -> {after}"
    first, second = move.before or "nothing", move.after or "nothing"
    return f"{move.question}: {first} ({before}) -> {second} ({after})"


def _usd(value: float | None) -> str:
    return "nothing" if value is None else money(value)
