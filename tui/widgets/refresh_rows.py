"""Rows of a refresh: sources before it, slices while it goes on; how far it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.widgets.tables.rows import Column, Row

if TYPE_CHECKING:
    from planner.actions.catalog.live_refresh import LiveRefresh
    from planner.actions.catalog.refresh import Outcome
    from planner.actions.doctor.installation import Check

BAR_CELLS = 16

SLICE_COLUMNS = (
    Column("source"), Column("region", cut=True), Column("kind"), Column("result"),
    Column("prices", right=True), Column("before", right=True, wide=True),
    Column("left out", right=True, wide=True), Column("why", cut=True),
)  # fmt: skip


def source_rows(checks: Sequence[Check]) -> list[Row]:
    """Before a refresh: which sources can be asked, and what the others lack."""
    rows = []
    for check in checks:
        name = check.name.removeprefix("source ")
        ready = check.verdict == "ok"
        lacks = check.finding.removeprefix("cannot be asked: ")
        why = check.finding if ready else f"{lacks}; {check.remedy}"
        result = "ready" if ready else "cannot be asked"
        rows.append(Row(name, (name, "", "", result, "", "", "", why), "" if ready else "dim"))
    return rows


def slice_rows(outcomes: Sequence[Outcome], most: int | None = None) -> list[Row]:
    """What went wrong comes first, the newest of it on top; ``most`` of them at most."""
    from planner.actions.catalog.refresh import Status, left_out, why

    good = (Status.PUBLISHED, Status.NOTHING)
    newest = list(outcomes[::-1])
    ordered = [o for o in newest if o.status not in good] + [o for o in newest if o.status in good]
    return [
        Row(
            f"{one.task.provider} {one.task.region} {one.task.kind}",
            (
                one.task.provider,
                one.task.region,
                one.task.kind,
                one.status.value,
                str(one.rows),
                str(one.last_good_rows),
                str(len(left_out(one))),
                why(one),
            ),
            "" if one.status in good else "bold",
        )
        for one in ordered[:most]
    ]


def progress(live: LiveRefresh | None) -> str:
    """``[####------] 12/40 slices, 10 published, 2 not``."""
    if live is None:
        return "nothing was asked for in this session"
    from planner.actions.catalog.refresh import Status

    done, whole = len(live.outcomes), live.slices
    if not whole:
        return "stopped before anything was asked" if live.is_over else "looking at the sources ..."
    filled = done * BAR_CELLS // whole
    bar = "#" * filled + "-" * (BAR_CELLS - filled)
    published, nothing = live.count(Status.PUBLISHED), live.count(Status.NOTHING)
    text = f"[{bar}] {done}/{whole} slices, {published} published, {done - published - nothing} not"
    if live.is_over:
        return f"{text}; {'stopped' if live.is_stopping else 'done'}"
    return f"{text}; stopping ..." if live.is_stopping else text
