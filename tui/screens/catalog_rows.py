"""Rows of the Catalog screen's tables, as the command line writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from planner.report.offers import aged, buy, change, devices, known_price, number, price
from tui.widgets.tables.rows import Column, Row

if TYPE_CHECKING:
    from catalog.overlays import Overlay
    from planner.actions.catalog.changes import Move
    from planner.actions.catalog.listing import Offer

PLAIN = "vm"

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


def _amount(value: float | None) -> str:
    return number(value)


def _platform(name: str) -> str:
    return "" if name == PLAIN else name
