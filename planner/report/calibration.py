"""Own measurements as a table and as JSON: value against expectation, use, and their effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from planner.amounts import money

if TYPE_CHECKING:
    from rich.console import Console

    from planner.actions.calibration.own import Examined
    from planner.actions.calibration.panel import Effect, Move

SHORT_ID = 12


def print_runs(runs: list[Examined], console: Console) -> None:
    """One line a run; what is held back says why below."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("id", "date", "model", "on", "how"):
        table.add_column(title, overflow="fold")
    for title in ("measured", "expected", ""):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("use", no_wrap=True)
    for run in runs:
        seen = run.own.observation
        unit = seen.metric.replace("_per_device", "").replace("_per_s", "/s")
        table.add_row(
            run.own.id[:SHORT_ID],
            run.own.measured_at.strftime("%m-%d %H:%M"),
            seen.model,
            seen.accelerator,
            f"{seen.framework} {seen.precision} b{seen.batch_global}",
            "" if seen.value is None else f"{seen.value:,.4g} {unit}",
            "" if run.expected is None else f"{run.expected:,.4g}",
            "" if run.factor is None else f"{run.factor - 1:+.0%}",
            run.use.value,
            style="" if run.use.value == "used" else "yellow",
        )
    console.print(table)
    for run in runs:
        if run.reason:
            console.print(f"{run.own.id[:SHORT_ID]} is {run.use.value}: {run.reason}")


def print_effect(effect: Effect, console: Console) -> None:
    """The sentence, then each answer that moved."""
    console.print(effect.sentence())
    for move in effect.moves:
        if move.changed or move.usd_before != move.usd_after:
            console.print(f"  {_moved(move)}")


def _moved(move: Move) -> str:
    before = "nothing" if move.usd_before is None else money(move.usd_before)
    after = "nothing" if move.usd_after is None else money(move.usd_after)
    if not move.changed:
        return f"{move.question}: {move.after}, {before} -> {after}"
    first, second = move.before or "nothing", move.after or "nothing"
    return f"{move.question}: {first} ({before}) -> {second} ({after})"


def run_json(run: Examined) -> dict[str, Any]:
    return {
        "id": run.own.id,
        "measured_at": run.own.measured_at.isoformat(),
        "machine": run.own.machine,
        "use": run.use.value,
        "reason": run.reason,
        "expected": run.expected,
        "measured_over_expected": run.factor,
        "surprise_sd": run.surprise,
        "observation": run.own.observation.to_row(),
    }


def effect_json(effect: Effect | None) -> dict[str, Any] | None:
    if effect is None:
        return None
    return {
        "asked": effect.asked,
        "unchanged": effect.asked - len(effect.changed),
        "changed": len(effect.changed),
        "moves": [
            {
                "question": move.question,
                "before": move.before,
                "after": move.after,
                "cost_usd_before": move.usd_before,
                "cost_usd_after": move.usd_after,
            }
            for move in effect.moves
        ],
    }
