"""All that is known of the chosen option."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from planner.actions.explore.plan import (
    Item,
    Mix,
    Option,
    Recommendation,
    View,
    hours,
    money,
    seconds,
)
from tui.widgets import plan_words
from tui.widgets.bars import fill_bar, parts_bar
from tui.widgets.detail_in_short import LEAST_HOURS, in_short
from tui.widgets.steady import Steady

ROLES = {
    "recommended": "Recommended",
    "group": "Recommended, a further group",
    "alternative": "Alternative",
    "front": "On the front",
    "picked": "Picked on the chart",
    "found": "Found",
    "gone": "Not an option any more",
}
COSTS = {
    "work_usd": "work",
    "set_up_usd": "set-up",
    "interruption_usd": "interruptions",
    "rounding_usd": "rounding",
    "headroom_usd": "headroom",
    "capital_usd": "capital",
    "egress_usd": "egress",
    "storage_usd": "storage",
}
TIMES = {
    "compute_hours": "compute",
    "communication_hours": "communication",
    "overhead_hours": "launches",
    "input_hours": "input",
    "bubble_hours": "bubble",
    "set_up_hours": "set-up",
    "interruption_hours": "restarts",
}
DENSE_BELOW = 16  # lines of the pane: what decides comes first, the rest by scrolling
GONE = "is none under these inputs; the figures are of the plan it was pinned in"
WIDTH = 40  # before the pane has one
MOST_BAR_CELLS = 48


class Detail(VerticalScroll, can_focus=True):
    """Scrolls when its text is longer than the pane."""

    ALLOW_MAXIMIZE = True  # what scrolls may not, unless it says so
    # Bars are drawn before it is known whether the text needs to scroll.
    DEFAULT_CSS = "Detail { scrollbar-gutter: stable; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(Steady(id="detail-text"), id=id, classes=classes)
        self._shown: tuple[Option, View] | None = None
        self._text = Text()

    def show(self, option: Option, view: View) -> None:
        self._shown = (option, view)
        self._write()
        self.scroll_home(animate=False)

    def on_resize(self) -> None:
        self._write()

    def _write(self) -> None:
        if self._shown is not None:
            width = min(self.scrollable_content_region.width or WIDTH, MOST_BAR_CELLS)
            text = describe(*self._shown, width)
            if 0 < self.size.height < DENSE_BELOW:
                text = in_short(*self._shown, width).append(text)
            if text != self._text:
                self._text = text
                self.query_one("#detail-text", Static).update(text)


def describe(option: Option, view: View, width: int = WIDTH) -> Text:
    """Headline, why not, cost, time, speed, memory and price of an option.

    Bars are ``width`` cells wide.
    """
    item = option.item
    text = Text()
    rank = f" {option.rank}" if option.role == "alternative" else ""
    text.append(f"{ROLES[option.role]}{rank}\n", style="bold underline")
    text.append(f"{option.headline}\n")
    if option.role == "gone":
        _line(text, "Why not", GONE)
    elif item.why_not:
        _line(text, "Why not", item.why_not)
    moved = None if view.change is None else view.change.of(option)
    if moved is not None:
        _line(text, "Before", plan_words.before(moved, view))
    chosen = option.role in ("recommended", "group")
    if chosen and view.recommendation.mix is not None:
        _mix(text, view.recommendation.mix, item)
    _cost(text, item, view, width)
    _time(text, item, width)
    speed = item.throughput
    _line(
        text,
        "Speed",
        f"{speed.value:,.0f} {speed.unit.replace('_per_', '/')} "
        f"({speed.p10:,.0f} to {speed.p90:,.0f}), {speed.basis}",
    )
    if item.groups > 1:
        _line(text, "Groups", f"{item.groups} replicas, each {item.parallelism}")
    else:
        _line(text, "Layout", item.parallelism)
    have = "unknown memory" if item.memory_gib is None else f"{item.memory_gib:.1f} GiB"
    _line(text, "Memory", f"{item.memory_need_gib:.1f} of {have} a device")
    if item.memory_gib:
        text.append(fill_bar(item.memory_need_gib / item.memory_gib, width) + "\n")
    price = item.price
    age = "age unknown" if price.age_days is None else f"{price.age_days} days old"
    _line(
        text,
        "Price",
        f"${price.usd_per_hour:g} per machine-hour, {age} "
        f"(as of {price.as_of or 'unknown'}, confidence {price.confidence}): {price.source}",
    )
    if chosen:
        _whole(text, view.recommendation)
    return text


def _mix(text: Text, mix: Mix, shown: Item) -> None:
    """The groups, the one shown below marked."""
    text.append("Mix", style="bold").append(
        f": {len(mix.groups)} groups, {money(mix.saved_usd)} cheaper than the best single one\n"
    )
    for group in mix.groups:
        mark = ">" if group.id == shown.id else "-"
        way = group.purchase.replace("_", "-")
        text.append(
            f"{mark} {group.share_of_work:.0%} on {group.nodes} x {group.instance_type} "
            f"({group.devices}), {way}, {_price(group)}\n"
        )


def _price(item: Item) -> str:
    hourly = item.cost_usd_per_hour
    return money(item.cost_usd) if hourly is None else f"{money(hourly)}/h"


def _cost(text: Text, item: Item, view: View, width: int) -> None:
    if item.cost_usd_per_hour is not None and item.horizon_hours is not None:
        over = f"{money(item.cost_usd)} over {hours(item.horizon_hours)}"
        _line(text, "Rate", f"{money(item.cost_usd_per_hour)}/h, {over}")
    _line(text, "Cost", money(item.cost_usd))
    lines = ((COSTS.get(name, name), usd) for name, usd in item.cost_breakdown)
    parts_bar(text, [(name, usd, money(usd)) for name, usd in lines if usd], width)
    if item.usd_per_million_tokens is not None:
        _line(text, "Per output", f"{money(item.usd_per_million_tokens)}/M tokens")
    elif item.usd_per_thousand_samples is not None:
        _line(text, "Per output", f"{money(item.usd_per_thousand_samples)} per 1,000")
    _line(
        text,
        "80% range",
        f"{money(item.cost_usd_p10)} to {money(item.cost_usd_p90)}; "
        f"at most {money(item.cost_usd_at_risk)} at {view.workload.risk:.0%}",
    )


def _time(text: Text, item: Item, width: int) -> None:
    """Hours of a job; latencies of a service, and requests in flight."""
    spent, found = item.time_breakdown, item.latency
    if spent is not None:
        whole = sum(h or 0.0 for _, h in spent) if item.hours is None else item.hours
        _line(text, "Time", hours(whole))
        hours_of = [(TIMES.get(name, name), h) for name, h in spent if h is not None]
        parts_bar(text, [(n, h, hours(h)) for n, h in hours_of if h >= LEAST_HOURS], width)
        _names(text, "next to none", [name for name, h in hours_of if h < LEAST_HOURS])
        _names(text, "not estimated", [TIMES.get(name, name) for name, h in spent if h is None])
    elif item.hours is not None:
        _line(text, "Time", hours(item.hours))
    if found is None:
        if item.horizon_hours is not None:
            _line(text, "Latency", "unknown")
        return
    known = {name: value for name, value in found if value is not None}
    for name in ("ttft", "tpot", "latency"):
        values = [
            f"{seconds(known[key])} {percentile}"
            for percentile in ("p50", "p95", "p99")
            if (key := f"{name}_{percentile}_s") in known
        ]
        if values:
            title = "Latency" if name == "latency" else name.upper()
            _line(text, title, ", ".join(values))
    if found.concurrency is not None:
        digits = ",.0f" if found.concurrency >= 100 else ".3g"
        _line(text, "In flight", f"{found.concurrency:{digits}} requests a group")


def _whole(text: Text, found: Recommendation) -> None:
    """What belongs to the recommendation as a whole."""
    hosted = found.baseline
    if hosted is not None:
        hourly = hosted.cost_usd_per_hour
        price = money(hosted.cost_usd) if hourly is None else f"{money(hourly)}/h"
        verdict = "cheaper" if hosted.cheaper else "dearer"
        per_token = f"{money(hosted.usd_per_million_tokens)}/M tokens"
        _line(text, hosted.name, f"{price} ({per_token}), {verdict} than this")
    if found.credit_usd:
        _line(text, "Credits", f"pay {money(found.credit_usd)} of it")
    text.append("Why this\n", style="bold")
    for line in found.explanation:
        text.append(f"- {line}\n")
    if found.failover:
        text.append("If sold out, in this order\n", style="bold")
        for rank, point in enumerate(found.failover, start=1):
            hourly = point.cost_usd_per_hour
            price = money(point.cost_usd) if hourly is None else f"{money(hourly)}/h"
            text.append(f"{rank}. {point.id}: {price}\n")


def _names(text: Text, what: str, names: Sequence[str]) -> None:
    if names:
        text.append(f"{what}: {', '.join(names)}\n", style="dim")


def _line(text: Text, name: str, value: str) -> None:
    text.append(f"{name}: ", style="bold").append(f"{value}\n")
