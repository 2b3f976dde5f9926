"""What a plan takes for granted, in sentences."""

from __future__ import annotations

from planner.cost.spot import RESTART_H
from planner.results import Recommendation

_FROM_EXPLANATION = ("Assumed:", "Published:", "Nothing like this was measured")


def assumptions(result: Recommendation) -> list[str]:
    """Those of the answer itself, then those of the model that touch it."""
    lines = [line for line in result.explanation if line.startswith(_FROM_EXPLANATION)]
    items = result.mix.groups if result.mix is not None else [result.recommendation]
    basis = sorted({item.throughput.basis for item in items})
    lines.append(
        f"Speed: {' and '.join(basis)}; the interval is said to hold the truth with 80% "
        "probability (`planner accuracy` says how often it did)."
    )
    if any(item.purchase == "spot" for item in items):
        lines.append(f"Spot: {RESTART_H * 60:.0f} minutes to restart after an interruption.")
    if result.recommendation.horizon_hours is not None:
        lines.append(
            f"A service is paid for {result.recommendation.horizon_hours:g} hours, whatever the "
            "load; machines are counted for the peak rate."
        )
    lines.append(
        "Prices hold while the work lasts. Not in the cost: taxes, block storage, traffic between "
        "replicas, support plans."
    )
    if result.risk is not None:
        lines += result.risk.assumptions
    return lines
