"""How an option's cost, time and latency are said in a cell."""

from __future__ import annotations

from planner.amounts import hours, hours_range, money, seconds
from planner.results import Item


def cost(item: Item) -> str:
    """Dollars in total, of a service an hour, without the sign."""
    usd = item.cost_usd if item.cost_usd_per_hour is None else item.cost_usd_per_hour
    return money(usd).lstrip("$")


def when(item: Item) -> str:
    """Hours of a job; latency of a service: time to first token + time per token, or one."""
    if item.hours is not None:
        return hours(item.hours)
    found = item.latency
    if found is None:
        return ""
    if found.tpot_p95_s is not None:
        first = "" if found.ttft_p95_s is None else f"{found.ttft_p95_s * 1e3:.0f}+"
        return f"{first}{found.tpot_p95_s * 1e3:.3g} ms"
    return "" if found.latency_p95_s is None else seconds(found.latency_p95_s)


def spread(item: Item) -> str:
    """The 80% range of a job's hours; what a service costs for its output."""
    if item.hours is not None:
        known = item.hours_p10 is not None and item.hours_p90 is not None
        return hours_range(item.hours_p10 or 0.0, item.hours_p90 or 0.0) if known else ""
    if item.usd_per_million_tokens is not None:
        return f"{money(item.usd_per_million_tokens)}/M tokens"
    if item.usd_per_thousand_samples is not None:
        return f"{money(item.usd_per_thousand_samples * 1000)}/M"
    return ""


def time_scale(longest_hours: float) -> tuple[float, str]:
    """What hours are multiplied with on an axis, and the word for it then."""
    if longest_hours >= 48:
        return 1 / 24, "days"
    if longest_hours >= 1:
        return 1.0, "h"
    return (60.0, "min") if longest_hours >= 1 / 30 else (3600.0, "s")


def titles(service: bool) -> tuple[str, str, str]:
    """Column titles of ``cost``, ``when`` and ``spread``."""
    if service:
        return "$/h", "latency p95", "per output"
    return "total $", "hours", "80% range"
