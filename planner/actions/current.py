"""Answers with current prices, in the currency asked for."""

from __future__ import annotations

from collections.abc import Callable

from planner.actions.catalog.freshness import age_limit_days, refresh_for, refuse, too_old
from planner.errors import BadInput
from planner.results import Item, PortfolioResult, Recommendation

Answer = Recommendation | PortfolioResult


def current(
    ask: Callable[[], Answer],
    *,
    max_age: str | None,
    refresh: bool,
    currency: str | None,
    say: Callable[[str], None] | None,
) -> Answer:
    """The answer; too old a price is refused, or with ``refresh`` fetched before asking again.

    ``ask`` opens the catalog anew. Raises BadInput.
    """
    from planner.actions.currency import rate_for, with_currency

    rate = rate_for(currency) if currency is not None else None
    limit_days = age_limit_days(max_age) if max_age is not None else None
    result = ask()
    if refresh and (limit_days is None or _old(result, limit_days)):
        refresh_for(*_asked_places(result), say)
        result = ask()
    if limit_days is not None and (old := _old(result, limit_days)):
        raise refuse(old, str(max_age))
    if rate is None:
        return result
    if isinstance(result, PortfolioResult):
        raise BadInput(
            "is shown for one workload", where="--currency", remedy="ask for each in its own file"
        )
    return with_currency(result, rate)


def _old(result: Answer, limit_days: float) -> list[Item]:
    parts = result.workloads if isinstance(result, PortfolioResult) else [result]
    return [item for part in parts for item in too_old(part, limit_days)]


def _asked_places(result: Answer) -> tuple[list[str], list[str], list[str]]:
    """Clouds, regions and ways to buy that every workload is limited to; empty where it is not."""
    parts = result.workloads if isinstance(result, PortfolioResult) else [result]
    wheres = [part.workload.get("where", {}) for part in parts]
    found = []
    for name in ("clouds", "regions", "purchase"):
        each = [where.get(name) or [] for where in wheres]
        every = all(each)
        found.append(list(dict.fromkeys(word for words in each for word in words)) if every else [])
    clouds, regions, kinds = found
    return clouds, regions, kinds
