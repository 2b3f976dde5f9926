"""How old prices are, in words, and from when on that is worth a refresh."""

from __future__ import annotations

OLD_DAYS = 7  # prices of machines move within weeks, spot prices within days
# From how many days on an age is said in which unit, and days of it.
UNITS = ((730, 365.25, "years"), (120, 30.44, "months"), (14, 7.0, "weeks"))


def is_old(age_days: int | None) -> bool:
    """Whether live prices will have left it. An unknown age is old."""
    return age_days is None or age_days > OLD_DAYS


def how_old(age_days: int | None) -> str:
    """``5 days old``, ``11 weeks old``, ``13 months old``."""
    if age_days is None:
        return "of unknown age"
    for least, days, unit in UNITS:
        if age_days >= least:
            return f"{age_days / days:.0f} {unit} old"
    return f"{age_days} day{'' if age_days == 1 else 's'} old"
