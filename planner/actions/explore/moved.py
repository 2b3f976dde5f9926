"""What changed between two plans of the same inputs: own measurements or prices came in between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from planner.actions.explore.view import Change, Moved, Option, View

# Smaller moves, as a share of either axis, are none that anybody would look for.
LEAST_SHARE = 0.005


def change(before: View | None, after: View) -> Change | None:
    """How ``after`` differs from the plan ``before`` it, where it stands on other figures.

    None where the inputs are others, so that the two are no before and after. A plan that stands on
    the same figures as the one before tells what that one told.
    """
    if before is None or before.inputs != after.inputs or before.workload != after.workload:
        return None
    runs = before.measured != after.measured
    prices = before.recommendation.catalog.content_id != after.recommendation.catalog.content_id
    if not runs and not prices:
        return before.change
    moves = sorted(_moves(before, after), key=lambda move: -_distance(move))
    return Change(
        runs=len(before.measured ^ after.measured),
        prices=prices,
        moves=tuple(moves),
        listed=len(after.options),
        best_before=before.options[0],
        best_stays=before.options[0].identity == after.options[0].identity,
    )


def _moves(before: View, after: View) -> Iterator[Moved]:
    for option in _looked_at(before, after):
        place = before.place_of(option.item)
        if place is None or not np.isfinite([option.x, option.y, *place[:2]]).all():
            continue
        move = Moved(option, *place)
        if _distance(move) > np.log10(1 + LEAST_SHARE):
            yield move


def _looked_at(before: View, after: View) -> Sequence[Option]:
    """The table, that of the plan before, and the cheapest option that is measured now."""
    found = {option.identity: option for option in after.options}
    others = [*map(after.again, before.options), after.cheapest_measured()]
    for option in others:
        if option is not None and option.role != "gone":
            found.setdefault(option.identity, option)
    return list(found.values())


def _distance(move: Moved) -> float:
    """On the chart, in log10 of the axis along which it is longer."""
    option = move.option
    x, y = (
        abs(float(np.log10(now / was))) if now > 0 and was > 0 else 0.0
        for now, was in ((option.x, move.x), (option.y, move.y))
    )
    return max(x, y)
