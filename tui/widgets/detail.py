"""All that is known of the chosen option."""

from __future__ import annotations

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from planner.actions.explore import Option, View, hours, money, words

ROLES = {
    "recommended": "Recommended",
    "alternative": "Alternative",
    "front": "On the front",
    "picked": "Picked on the chart",
}


class Detail(VerticalScroll, can_focus=True):
    """Scrolls when its text is longer than the pane."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(Static(id="detail-text"), id=id)

    def show(self, option: Option, view: View) -> None:
        self.query_one("#detail-text", Static).update(describe(option, view))
        self.scroll_home(animate=False)


def describe(option: Option, view: View) -> Text:
    """Headline, why not, cost, time, speed, memory and price of an option."""
    item = option.item
    text = Text()
    rank = f" {option.rank}" if option.role == "alternative" else ""
    text.append(f"{ROLES[option.role]}{rank}\n", style="bold underline")
    text.append(f"{option.headline}\n")
    if item.why_not:
        _line(text, "Why not", item.why_not)
    cost, spent = item.cost_breakdown, item.time_breakdown
    lines = ((name.removesuffix("_usd").replace("_", "-"), usd) for name, usd in cost)
    _line(text, "Cost", ", ".join(f"{name} {money(usd)}" for name, usd in lines if usd))
    _line(
        text,
        "80% range",
        f"{money(item.cost_usd_p10)} to {money(item.cost_usd_p90)}; "
        f"at most {money(item.cost_usd_at_risk)} at {view.workload.risk:.0%}",
    )
    if spent is not None:
        parts = ((name.removesuffix("_hours").replace("_", "-"), h) for name, h in spent)
        _line(text, "Time", ", ".join(f"{name} {hours(h)}" for name, h in parts if h >= 0.5 / 60))
    elif words.when(item):
        _line(text, "Latency", f"{words.when(item)} (p95); {words.spread(item)}")
    speed = item.throughput
    _line(
        text,
        "Speed",
        f"{speed.value:,.0f} {speed.unit.replace('_per_', '/')} "
        f"({speed.p10:,.0f} to {speed.p90:,.0f}), {speed.basis}",
    )
    _line(text, "Layout", item.parallelism)
    have = "unknown memory" if item.memory_gib is None else f"{item.memory_gib:.1f} GiB"
    _line(text, "Memory", f"{item.memory_need_gib:.1f} of {have} a device")
    price = item.price
    age = "age unknown" if price.age_days is None else f"{price.age_days} days old"
    _line(
        text,
        "Price",
        f"${price.usd_per_hour:g} per machine-hour, {age} "
        f"(as of {price.as_of or 'unknown'}, confidence {price.confidence}): {price.source}",
    )
    if option.role == "recommended":
        text.append("Why this\n", style="bold")
        for line in view.recommendation.explanation:
            text.append(f"- {line}\n")
    return text


def _line(text: Text, name: str, value: str) -> None:
    text.append(f"{name}: ", style="bold").append(f"{value}\n")
