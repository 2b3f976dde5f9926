"""Costs shown in another currency, at a dated rate."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from catalog.exchange_rates import ExchangeRate, kept_rates
from planner.errors import BadInput
from planner.field_errors import shown, some
from planner.results import Recommendation
from planner.results.recommendation import Display

_STATED = re.compile(r"([A-Za-z]{3})(?:=(.+))?")


def rate_for(text: str) -> ExchangeRate | None:
    """``EUR`` at the kept ECB rate, ``EUR=0.92`` at 0.92 euro a dollar; None for USD.

    Raises BadInput for a currency without a known rate.
    """
    found = _STATED.fullmatch(text.strip())
    if not found:
        raise BadInput(
            f"{shown(text)} is no currency", where="--currency", remedy="say EUR or EUR=0.92"
        )
    currency, stated = found.group(1).upper(), found.group(2)
    if stated is not None:
        try:
            per_usd = float(stated)
        except ValueError:
            per_usd = 0.0
        if not 0 < per_usd < 1e7:
            raise BadInput(f"{shown(stated)} is no rate", where="--currency", remedy="say EUR=0.92")
        return ExchangeRate(currency, per_usd, datetime.now(UTC).date(), "stated")
    if currency == "USD":
        return None
    rates = kept_rates()
    if currency not in rates:
        known = f"known: {some(sorted(rates))}; " if rates else ""
        raise BadInput(
            f"no exchange rate of {currency} is known",
            where="--currency",
            remedy=f"{known}run `planner catalog rates --refresh` or say {currency}=0.92",
        )
    return rates[currency]


def with_currency(result: Recommendation, rate: ExchangeRate) -> Recommendation:
    """The result with its costs in another currency beside the USD."""
    item = result.recommendation
    total = result.mix.cost_usd if result.mix else item.cost_usd
    hourly = result.mix.cost_usd_per_hour if result.mix else item.cost_usd_per_hour
    display = Display(
        currency=rate.currency,
        per_usd=rate.per_usd,
        rate_as_of=rate.as_of.isoformat(),
        rate_source=rate.source,
        cost=round(total * rate.per_usd, 2),
        cost_per_hour=None if hourly is None else round(hourly * rate.per_usd, 4),
        alternatives=[round(one.cost_usd * rate.per_usd, 2) for one in result.alternatives],
    )
    return result.model_copy(update={"display": display})


def in_words(display: Display) -> str:
    """One line; that the rate holds is an assumption."""
    hourly = "" if display.cost_per_hour is None else f", {display.cost_per_hour:,.4g} an hour"
    return (
        f"In {display.currency}: {display.cost:,.2f} in total{hourly} (assumes "
        f"{display.per_usd:.6g} {display.currency} a USD, {display.rate_source} of "
        f"{display.rate_as_of}; prices are in USD)"
    )
