"""Exchange rates for display: the European Central Bank's daily reference rates, dated.

Prices stay in USD inside; a converted figure names its rate and day.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from catalog.errors import CatalogError
from catalog.sources.base import FetchFailed
from catalog.store import cache_dir
from catalog.whole_file import write_whole

ECB = "https://www.ecb.europa.eu"
PATH = "/stats/eurofxref/eurofxref-daily.xml"
SCHEMA = "catalog.exchange_rates/1"
# The feed has about thirty currencies in some kilobytes.
MOST_BYTES = 1 << 20
# Read by pattern, not by an XML parser: no entity is ever expanded, no external one fetched.
_DAY = re.compile(r"<Cube\s+time=['\"](\d{4}-\d{2}-\d{2})['\"]")
_RATE = re.compile(r"<Cube\s+currency=['\"]([A-Z]{3})['\"]\s+rate=['\"]([0-9.]{1,20})['\"]")
LATER = "try again later, or say the rate: --currency EUR=0.92"


@dataclass(frozen=True, slots=True)
class ExchangeRate:
    """Units of ``currency`` for one USD."""

    currency: str
    per_usd: float
    as_of: date
    source: str


def rates_path() -> Path:
    return cache_dir() / "exchange_rates.json"


def parse_ecb(text: str) -> dict[str, ExchangeRate]:
    """All currencies of the ECB's feed, whose rates are per euro. Raises FetchFailed."""
    day, listed = _DAY.search(text), dict(_RATE.findall(text))
    try:
        usd_per_eur = float(listed["USD"])
        as_of = date.fromisoformat(day.group(1) if day else "")
        rates = {"EUR": 1.0} | {name: float(rate) for name, rate in listed.items()}
    except (KeyError, ValueError):
        raise FetchFailed("the ECB's rates have another form", LATER) from None
    if not all(0 < rate < 1e7 for rate in rates.values()):
        raise FetchFailed("the ECB's rates are no rates", LATER)
    return {
        name: ExchangeRate(name, rate / usd_per_eur, as_of, "ECB reference rate")
        for name, rate in rates.items()
        if name != "USD"
    }


def fetch_rates(seconds: float = 20.0) -> dict[str, ExchangeRate]:
    """Ask the ECB and keep its rates. Raises FetchFailed, CatalogError."""
    from catalog.sources.http import HttpClient

    with HttpClient("ecb", ECB) as client:
        answer = client.get(PATH, time.monotonic() + seconds)
    rates = parse_ecb(answer.body[:MOST_BYTES].decode("utf-8", "replace"))
    document = {
        "schema": SCHEMA,
        "as_of": next(iter(rates.values())).as_of.isoformat(),
        "per_usd": {name: rate.per_usd for name, rate in rates.items()},
    }
    write_whole(rates_path(), json.dumps(document).encode())
    return rates


def kept_rates() -> dict[str, ExchangeRate]:
    """The rates that were fetched last; none when none were. Raises CatalogError."""
    path = rates_path()
    if not path.exists():
        return {}
    try:
        document = json.loads(path.read_bytes())
        day = date.fromisoformat(document["as_of"])
        return {
            str(name): ExchangeRate(str(name), float(rate), day, "ECB reference rate")
            for name, rate in document["per_usd"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CatalogError(
            f"exchange rates cannot be read ({error})",
            path=path,
            remedy="run `planner catalog rates --refresh`, or delete the file",
        ) from error
