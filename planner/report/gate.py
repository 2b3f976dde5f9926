"""The answer of ``planner gate`` as a comment of a pull request, and as lines."""

from __future__ import annotations

from planner.amounts import money
from planner.results.gate import Gate

# By this line a CI job finds the comment that it wrote before.
MARK = "<!-- planner-gate -->"
SIGNS = {"pass": "✅", "over_cost": "❌", "over_regret": "⚠️", "infeasible": "❌"}


def to_markdown(result: Gate) -> str:
    """The body of a comment; text of users is kept from being markup."""
    lines = [
        MARK,
        f"### {SIGNS[result.verdict]} Capacity plan: {_plain(result.headline)}",
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in _rows(result)),
    ]
    if result.baseline is not None:
        lines += ["", f"Since the baseline: {_plain(result.baseline.headline)}"]
    if result.reasons:
        lines += ["", *(f"- {_plain(reason)}" for reason in result.reasons)]
    return "\n".join(lines) + "\n"


def lines(result: Gate) -> list[str]:
    """The same for a terminal."""
    rows = [f"  {name}: {value.replace('`', '')}" for name, value in _rows(result)]
    return [result.headline, *rows]


def _rows(result: Gate) -> list[tuple[str, str]]:
    rows = []
    if result.plan:
        rows.append(("plan", f"`{_code(result.plan)}`"))
    if result.cost_usd is not None and result.cost_usd_at_risk is not None:
        cost = money(result.cost_usd)
        if result.cost_usd_per_hour is not None:
            cost += f" ({money(result.cost_usd_per_hour)} an hour)"
        rows.append(("cost, median", cost))
        rows.append(("cost, at the risk asked for", money(result.cost_usd_at_risk)))
    if result.max_cost_usd is not None:
        rows.append(("limit", money(result.max_cost_usd)))
    old = result.baseline
    if old is not None:
        rows.append(("baseline", f"`{_code(old.plan)}`, {money(old.cost_usd)} when agreed"))
        now = "cannot do this work" if old.cost_usd_now is None else money(old.cost_usd_now)
        rows.append(("baseline, kept", now))
        regret = "unknown" if old.regret is None else f"{old.regret:.1%}"
        allowed = "" if result.max_regret is None else f" ({result.max_regret:.0%} allowed)"
        rows.append(("regret", regret + allowed))
    if result.price_as_of is not None:
        rows.append(("oldest price", result.price_as_of))
    return rows


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: no links, tags, mentions or cells of a table."""
    out = " ".join(text.split())
    for char in "\\`*_[]|#":
        out = out.replace(char, f"\\{char}")
    return out.replace("<", "&lt;").replace(">", "&gt;").replace("@", "@&#8203;")


def _code(text: str) -> str:
    """Text between back-ticks in a table."""
    return " ".join(text.split()).replace("`", "'").replace("|", "\\|")
