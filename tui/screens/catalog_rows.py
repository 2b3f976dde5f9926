"""Rows of the Catalog screen's tables, as the command line writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.report.offers import aged, buy, change, devices, known_price, number, price
from tui.widgets.rows import Column, Row

if TYPE_CHECKING:
    from catalog.overlays import Overlay
    from planner.actions.catalog.changes import Move
    from planner.actions.catalog.listing import Offer
    from planner.actions.catalog.live_refresh import LiveRefresh
    from planner.actions.catalog.refresh import Outcome
    from planner.actions.doctor.installation import Check

PLAIN = "vm"
BAR_CELLS = 16

OFFER_COLUMNS = (
    Column("cloud"), Column("region", cut=True), Column("machine", cut=True),
    Column("accelerators", cut=True), Column("vCPU", right=True, wide=True),
    Column("GiB", right=True, wide=True), Column("buy", cut=True), Column("USD/h", right=True),
    Column("age", right=True), Column("layer", cut=True, wide=True),
    Column("source", cut=True, wide=True),
)  # fmt: skip
MOVE_COLUMNS = (
    Column("cloud"), Column("region", cut=True), Column("machine", cut=True), Column("buy"),
    Column("was USD/h", right=True), Column("is USD/h", right=True), Column("change", right=True),
)  # fmt: skip
SLICE_COLUMNS = (
    Column("source"), Column("region", cut=True), Column("kind"), Column("result"),
    Column("prices", right=True), Column("before", right=True, wide=True),
    Column("left out", right=True, wide=True), Column("why", cut=True),
)  # fmt: skip
OVERLAY_COLUMNS = (
    Column("name"), Column("form"), Column("discounts", right=True), Column("rates", right=True),
    Column("sites", right=True), Column("imported"), Column("origin", cut=True),
)  # fmt: skip


def offer_rows(offers: Sequence[Offer]) -> list[Row]:
    """Prices that the catalog doubts are in italics and have their question mark."""
    return [
        Row(
            f"{number}",
            (
                offer.cloud,
                offer.zone or offer.region,
                offer.instance_type,
                devices(offer.accelerator, offer.accelerator_count),
                _amount(offer.vcpus),
                _amount(offer.memory_gib),
                buy(offer.kind, offer.term_months, _platform(offer.platform)),
                price(offer.usd_per_hour, offer.confidence),
                aged(offer.age_days, offer.as_of_precision),
                offer.layer,
                offer.citation or offer.source,
            ),
            "italic" if offer.confidence == "low" else "",
        )
        for number, offer in enumerate(offers)
    ]


def move_rows(moves: Sequence[Move]) -> list[Row]:
    return [
        Row(
            f"{number}",
            (
                move.cloud,
                move.zone or move.region,
                move.instance_type,
                buy(move.kind, move.term_months, move.platform),
                known_price(move.old_usd_per_hour),
                known_price(move.new_usd_per_hour),
                change(move.what.value, move.change),
            ),
        )
        for number, move in enumerate(moves)
    ]


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


def slice_rows(outcomes: Sequence[Outcome]) -> list[Row]:
    """What went wrong comes first, the newest of it on top."""
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
        for one in ordered
    ]


def overlay_rows(overlays: Sequence[Overlay]) -> list[Row]:
    return [
        Row(
            one.name,
            (
                one.name,
                one.form,
                str(len(one.discounts)),
                str(len(one.rates)),
                str(len(one.sites)),
                f"{one.imported_at:%Y-%m-%d %H:%M}",
                one.origin,
            ),
        )
        for one in overlays
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


def _amount(value: float | None) -> str:
    return number(value)


def _platform(name: str) -> str:
    return "" if name == PLAIN else name
