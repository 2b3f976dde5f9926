"""How the price of an offer, its age, its way to pay and its moves are said in a cell."""

from __future__ import annotations

from datetime import date

# Ways to pay as narrow tables name them.
SHORT_KINDS = {
    "on_demand": "on demand",
    "resource_commitment": "commitment",
    "capacity_block": "block",
    "savings_plan": "savings",
    "reservation": "reserved",
}
DOUBT = "?   a price the catalog doubts: old, contradicted or from memory"


def dated(as_of: date | None, precision: str) -> str:
    """The date as exactly as it is known: 2026-07-20, 2026-07, >=2025-11 or ``undated``."""
    if as_of is None:
        return "undated"
    iso = as_of.isoformat()
    return {"month": iso[:7], "year": iso[:4], "not-before": f">={iso[:7]}"}.get(precision, iso)


def aged(age_days: int | None, precision: str) -> str:
    if age_days is None:
        return "?"
    return f"{'<=' if precision == 'not-before' else ''}{age_days}d"


def number(value: float | None) -> str:
    return "?" if value is None else f"{value:,.6g}"


def devices(accelerator: str, count: float | None) -> str:
    """``8 H100-80GB``, or ``cpu``."""
    return f"{number(count)} {accelerator}" if accelerator else "cpu"


def price(usd_per_hour: float, confidence: str) -> str:
    """USD an hour; what the catalog doubts has a question mark."""
    return f"{usd_per_hour:,.4f}{'?' if confidence == 'low' else ''}"


def buy(kind: str, term_months: int | None, platform: str = "") -> str:
    """How it is paid for: ``reserved 12m, sagemaker``. An empty platform is a plain machine."""
    term = f" {term_months}m" if term_months else ""
    return SHORT_KINDS.get(kind, kind) + term + (f", {platform}" if platform else "")


def known_price(usd_per_hour: float | None) -> str:
    return "-" if usd_per_hour is None else f"{usd_per_hour:,.4f}"


def change(what: str, share: float | None) -> str:
    """``+12.5%``, or what happened where no share says it: ``new``, ``gone``."""
    return what if share is None else f"{share:+.1%}"
