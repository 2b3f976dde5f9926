"""Answers of ``planner catalog`` as tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from rich.console import Console
from rich.table import Table
from rich.text import Text

from catalog.layer_names import layer_of
from planner.actions.catalog.facts import Section
from planner.actions.catalog.listing import PLAIN, Finding, Listing
from planner.report.offers import DOUBT, aged, buy, dated, devices, number, price

# Columns of an answer that is not read in a terminal.
WIDTH = 100


class _Footnotes:
    """Numbers for sources in a table; the sources themselves follow it, once each."""

    def __init__(self) -> None:
        self._lines: dict[str, str] = {}

    def mark(self, key: str, as_of: date | None, precision: str, citation: str) -> str:
        layer = layer_of(key)
        told = "" if layer == "snapshot" else f"{layer}: "
        self._lines.setdefault(key, f"{dated(as_of, precision)}  {told}{citation or key}")
        return f"[{list(self._lines).index(key) + 1}]"

    def print(self, console: Console) -> None:
        for number_, line in enumerate(self._lines.values(), start=1):
            console.print(Text(f"[{number_}] {line}"), soft_wrap=True)


def print_listing(listing: Listing) -> None:
    columns = ("cloud", "region", "machine", "accelerators", "vCPU", "GiB", "buy", "USD/h", "age")
    table = table_of((*columns, "from"), right=("vCPU", "GiB", "USD/h", "age"))
    table.padding = (0, 1, 0, 0)
    notes = _Footnotes()
    for offer in listing.offers:
        table.add_row(
            offer.cloud,
            offer.zone or offer.region,
            offer.instance_type,
            devices(offer.accelerator, offer.accelerator_count),
            number(offer.vcpus),
            number(offer.memory_gib),
            buy(offer.kind, offer.term_months, offer.platform if offer.platform != PLAIN else ""),
            price(offer.usd_per_hour, offer.confidence),
            aged(offer.age_days, offer.as_of_precision),
            Text(notes.mark(offer.source, offer.as_of, offer.as_of_precision, offer.citation)),
        )
    console = console_of(WIDTH)
    console.print(table)
    notes.print(console)
    if any(offer.confidence == "low" for offer in listing.offers):
        console.print(DOUBT)


def print_sections(sections: Sequence[Section]) -> None:
    console = console_of(WIDTH)
    notes = _Footnotes()
    for section in sections:
        console.print(Text(f"{section.kind} {section.name}", style="bold"))
        table = table_of(("about", "fact", "value", "unit", "age", "from"))
        about = None
        for fact in section.facts:
            value = number(fact.value) if isinstance(fact.value, float) else str(fact.value)
            table.add_row(
                Text(fact.about if fact.about != about else ""),
                fact.name,
                Text(value),
                fact.unit,
                aged(fact.age_days, fact.as_of_precision),
                Text(notes.mark(fact.source, fact.as_of, fact.as_of_precision, fact.citation)),
            )
            about = fact.about
        console.print(table)
    notes.print(console)


def print_findings(findings: Sequence[Finding]) -> None:
    """Equal findings as one row with their number; JSON and CSV name each."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        effect = "remark" if finding.effect == "note" else "fault"
        alike.setdefault((finding.check, effect, finding.reason), []).append(finding.where)
    if not alike:
        return
    table = table_of(("check", "effect", "rows", "reason", "first row"), right=("rows",))
    for (check, effect, reason), places in alike.items():
        table.add_row(check, effect, str(len(places)), Text(reason), Text(places[0]))
    console_of(WIDTH).print(table)


def console_of(width: int = 400) -> Console:
    """Of the terminal's width; a pipe has none, so that lines there are ``width`` long at most."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(width=width, highlight=False)


def table_of(columns: Sequence[str], right: Sequence[str] = ()) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return table
