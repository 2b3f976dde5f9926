"""What the electricity of a machine costs."""

from __future__ import annotations


def energy_usd_per_hour(
    power_kw: float | None, pue: float | None, usd_per_kwh: float | None
) -> float | None:
    """USD an hour at full load: IT power x PUE (facility over IT power) x price; None = unknown."""
    if power_kw is None or usd_per_kwh is None:
        return None
    return power_kw * (1.0 if pue is None else pue) * usd_per_kwh
