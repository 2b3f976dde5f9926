"""Prices that are too old to plan with: refused, or refreshed first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from planner.errors import BadInput
from planner.report.rows import chosen
from planner.results import Item, Recommendation
from planner.results.recommendation import Price

HOURS_PER_DAY = 24.0
# A recommendation waits for its prices no longer than this.
DEADLINE_S = 120.0


def age_limit_days(text: str) -> float:
    """``7d`` as days. Raises BadInput."""
    from planner.quantities import hours

    try:
        return hours(text) / HOURS_PER_DAY
    except ValueError as error:
        problem, _, remedy = str(error).partition("; ")
        raise BadInput(problem, where="--max-age", remedy=remedy or "say 7d") from None


def too_old(result: Recommendation, limit_days: float) -> list[Item]:
    """What is recommended at a price older than the limit, or at one without a date.

    What the workload states itself has no age.
    """
    return [item for item in chosen(result) if _is_old(item.price, limit_days)]


def _is_old(price: Price, limit_days: float) -> bool:
    if price.layer == "workload":
        return False
    return price.age_days is None or price.age_days > limit_days


def refuse(items: Sequence[Item], limit: str) -> BadInput:
    """The refusal, which names the price, its age and what to do."""
    item = items[0]
    age = "undated" if item.price.age_days is None else f"{item.price.age_days} days old"
    more = f" (and {len(items) - 1} more)" if len(items) > 1 else ""
    return BadInput(
        f"the price of {item.cloud} {item.region} {item.instance_type} {item.purchase} is {age}"
        f"{more}, {limit} allowed",
        where="--max-age",
        remedy=f"{_how_to_refresh(item.cloud)}, or allow more",
    )


def _how_to_refresh(cloud: str) -> str:
    """What fetches this cloud's prices: a source of its own, else a hosted catalog that has it."""
    from catalog.sources import SOURCES, open_source

    sources = [open_source(name) for name in SOURCES]
    own = next((source.name for source in sources if source.cloud == cloud), None)
    if own is not None:
        return f"add --refresh, run `planner catalog refresh --only {own}`"
    hosted = next((source.name for source in sources if cloud in source.clouds), None)
    if hosted is not None:
        return (
            f"run `planner catalog refresh --only {hosted}` (no source of {cloud}'s own is known)"
        )
    return f"import prices (no source of {cloud} is known), leave it out of --cloud"


def refresh_for(
    clouds: Sequence[str],
    regions: Sequence[str],
    kinds: Sequence[str],
    say: Callable[[str], None] | None,
) -> None:
    """Refresh what a workload may use; what fails is told and keeps its last good rows."""
    from catalog.sources import SOURCES, open_source
    from planner.actions.catalog.refresh import refresh_catalog

    sources = {name: open_source(name) for name in SOURCES}
    only = [
        name
        for name, source in sources.items()
        if not source.opt_in and (not clouds or source.cloud in clouds)
    ]
    offered = {kind for name in only for kind in sources[name].kinds}
    wanted = [kind for kind in kinds if kind in offered]
    if not only or (kinds and not wanted):
        raise BadInput(
            "no live source has these prices", where="--refresh", remedy="leave --refresh out"
        )
    result = refresh_catalog(
        only=only, regions=regions, kinds=wanted, deadline_s=DEADLINE_S, say=say
    )
    for line in result.skipped if say else ():
        say(f"skipped {line}")  # type: ignore[misc]
    if say:
        kept = len(result.report.outcomes) - result.published
        say(f"{result.published} slices refreshed, {kept} not; {result.rejects_log} says why")
