"""The chosen option in the few lines of a low pane: what decides, without scrolling."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from planner.actions.explore.plan import Item, Option, View, hours, money, words
from tui.widgets.bars import fill_bar, shares_bar

LEAST_HOURS = 0.5 / 60  # less is next to none
MOST_LINES = 3  # of the configuration
LEAST_BAR = 6


def in_short(option: Option, view: View, width: int) -> Text:
    """Configuration, cost, time, memory, interval, basis and why not, a line or two each.

    No line is longer than ``width`` cells but the last, why it lost or won.
    """
    item = option.item
    text = Text()
    for line in _configuration(item, width):
        text.append(f"{line}\n", style="bold")
    rate = item.cost_usd_per_hour
    now = money(item.cost_usd) if rate is None else f"{money(rate)}/h"
    ends = [money(usd) for usd in (item.cost_usd_p10, item.cost_usd_p90)]
    over = "" if rate is None else " in all"
    _figure(text, "Cost", now, f"{ends[0]} - {ends[1]}{over}", width)
    _bar(text, [usd for _, usd in item.cost_breakdown], width)
    if item.hours is not None:
        _figure(text, "Time", hours(item.hours), words.spread(item), width)
    elif item.latency is not None:
        _figure(text, "Latency p95", words.when(item), "", width)
    if item.time_breakdown is not None:
        spent = [h or 0.0 for _, h in item.time_breakdown]
        _bar(text, [h for h in spent if h >= LEAST_HOURS], width)
    _memory(text, item, width)
    age = "unknown" if item.price.age_days is None else f"{item.price.age_days}d"
    _figure(text, "Basis", item.throughput.basis, f"price {age} old", width)
    why = _why(option, view)
    if why:
        text.append(f"{why}\n")
    return text.append("─" * width + "\n", style="dim")


def _configuration(item: Item, width: int) -> list[str]:
    """What, on what, and where and how it is paid for, wrapped to a few lines."""
    machines = f"{item.nodes} x " if item.nodes > 1 else ""
    where = f"{item.cloud} {item.region}" + (f" on {item.platform}" if item.platform else "")
    parts = [
        f"{item.purchase.replace('_', '-')} {where}",
        f"{machines}{item.instance_type}",
        f"({item.devices})",
    ]
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 1 + len(part) <= width:
            lines[-1] += f" {part}"
        else:
            lines.append(part)
    return [line if len(line) <= width else f"{line[: width - 1]}…" for line in lines[:MOST_LINES]]


def _figure(text: Text, name: str, value: str, spread: str, width: int) -> None:
    """A figure and its interval; where both have no room with the name, without it or below."""
    ends = f" ({spread})" if spread else ""
    if len(name) + 1 + len(value) + len(ends) <= width or len(value) + len(ends) > width:
        text.append(f"{name} ", style="bold")
    if len(value) + len(ends) > width:
        ends = f"\n{ends}"
    text.append(f"{value}{ends}\n")


def _bar(text: Text, amounts: Sequence[float], width: int) -> None:
    """Its glyphs are those of the parts further down."""
    bar = shares_bar(amounts, width)
    text.append(f"{bar}\n" if bar else "")


def _memory(text: Text, item: Item, width: int) -> None:
    have = "?" if item.memory_gib is None else f"{item.memory_gib:.0f}"
    said = f"{item.memory_need_gib:.0f} of {have} GiB"
    text.append("Memory ", style="bold").append(said)
    room = width - len(said) - 8
    if item.memory_gib and room >= LEAST_BAR:
        text.append(f" {fill_bar(item.memory_need_gib / item.memory_gib, room)}")
    text.append("\n")


def _why(option: Option, view: View) -> str:
    """Why it is not the recommendation; of the recommendation, why it is."""
    if option.role == "gone":
        return "Why not: no option under these inputs"
    if option.item.why_not:
        return f"Why not: {option.item.why_not}"
    chosen = option.role in ("recommended", "group")
    return f"Recommended: {' '.join(view.recommendation.explanation[:2])}" if chosen else ""
