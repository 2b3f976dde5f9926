"""Dollars and durations as people say them."""

from __future__ import annotations


def money(usd: float) -> str:
    """Dollars with as many digits as tell: $0.0021, $4.70, $1,234."""
    if abs(usd) >= 1000:
        return f"${usd:,.0f}"
    return f"${usd:.2f}" if abs(usd) >= 0.1 or usd == 0 else f"${usd:.2g}"


def hours(value: float) -> str:
    """A duration as people say it."""
    if 0 < value < 1 / 30:
        return f"{value * 3600:.0f} s" if value > 1 / 360 else f"{value * 3600:.2g} s"
    if value < 1:
        return f"{value * 60:.0f} min"
    return f"{value:.1f} h" if value < 48 else f"{value / 24:.1f} days"


def seconds(value: float) -> str:
    """A latency: 35 ms, 0.8 s."""
    if value < 1:
        return f"{value * 1e3:.3g} ms"
    return f"{value:.3g} s"


def hours_range(low: float, high: float) -> str:
    """Two durations, the unit said once where it is the same: ``1.5 - 3.5 h``."""
    first, second = hours(low).split(" "), hours(high).split(" ")
    return (
        f"{first[0]} - {' '.join(second)}"
        if first[1] == second[1]
        else (f"{' '.join(first)} - {' '.join(second)}")
    )


def scaled(value: float) -> str:
    """A large number with a letter for its thousands: 66.8 T."""
    for size, letter in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G")):
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}"
    return plain(value)


def plain(value: float, digits: int = 4) -> str:
    """A number with about so many digits that tell, never in powers of ten above 1."""
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"
