"""Everything the catalog says of one offer's price."""

from __future__ import annotations

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from planner.actions.catalog.listing import PLAIN, Offer
from planner.report.offers import DOUBT, aged, buy, dated, devices, number, price
from tui.widgets.steady import Steady


class OfferDetail(VerticalScroll, can_focus=True):
    """Scrolls when its text is longer than the pane."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(Steady(id="offer-text"), id=id, classes=classes)

    def show(self, offer: Offer | None) -> None:
        text = Text("nothing is chosen") if offer is None else describe(offer)
        self.query_one("#offer-text", Static).update(text)
        self.scroll_home(animate=False)


def describe(offer: Offer) -> Text:
    """Figures as ``planner catalog list`` writes them, with the source in full."""
    text = Text()

    def line(name: str, value: str) -> None:
        if value:
            text.append(f"{name}: ", style="bold").append(f"{value}\n")

    place = " ".join(filter(None, (offer.cloud, offer.region, offer.zone)))
    text.append(f"{offer.instance_type}", style="bold").append(f"  {place}\n")
    line("Price", f"{price(offer.usd_per_hour, offer.confidence)} USD/h, whole machine")
    if offer.confidence == "low":
        text.append(f"{DOUBT}\n", style="italic")
    line("Upfront", "" if offer.upfront_usd is None else f"{offer.upfront_usd:,.2f} USD")
    on = "" if offer.platform == PLAIN else offer.platform
    line("Buy", " ".join(filter(None, (buy(offer.kind, offer.term_months, on), offer.payment))))
    age = aged(offer.age_days, offer.as_of_precision)
    line("As of", f"{dated(offer.as_of, offer.as_of_precision)}, {age} old; {offer.layer}")
    line("From", offer.citation or offer.source)
    line("Runs on", devices(offer.accelerator, offer.accelerator_count))
    line("Host", f"{number(offer.vcpus)} vCPU, {number(offer.memory_gib)} GiB")
    line("Network", f"{number(offer.network_gbps)} Gbit/s")
    low, high = offer.interruption_per_month_low, offer.interruption_per_month_high
    if low is not None:
        up = "or more" if high is None else f"to {high:.0%}"
        line("Taken back", f"{low:.0%} {up} of machines a month")
    line("Residency", offer.residency)
    return text
