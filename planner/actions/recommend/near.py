"""Plans of nearly the same cost that differ most from the best and from each other.

Modelling to generate alternatives (Brill 1979), over enumerated candidates: each next one
maximises its least difference to those already shown, of equals the cheapest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from planner.actions.planning import Prepared
from planner.actions.recommend.answer import ranking
from planner.items import ItemBuilder
from planner.results import Item

# What a difference in each attribute counts for. The last three together stay below one of the
# first: by themselves they make no other kind of plan. Assumption.
WEIGHTS = {
    "cloud": 1.0, "accelerator": 1.0, "purchase": 1.0, "region": 0.4, "machine": 0.2,
    "number of machines": 0.2,
}  # fmt: skip
COUNT = 5


def near(prepared: Prepared, best: int, best_usd: float, share: float) -> list[int]:
    """Candidates that cost at most ``share`` (0.05 is 5%) more than ``best_usd``.

    Only what differs in cloud, accelerator or way to pay from all before it is kept.
    """
    ranked = ranking(prepared)
    rows = ranked[prepared.candidates.usd[ranked] <= best_usd * (1 + share) + 1e-9]
    if not len(rows):
        return []
    seen, each = _attributes(prepared, np.array([best])), _attributes(prepared, rows)
    weights = np.array(list(WEIGHTS.values()))
    least = (each != seen) @ weights
    found: list[int] = []
    while len(found) < COUNT:
        place = int(np.argmax(least))  # of equals the first, which is the cheapest
        if least[place] < 1.0:
            break
        found.append(int(rows[place]))
        least = np.minimum(least, (each != each[place]) @ weights)
    return found


def near_items(
    prepared: Prepared, best: int, best_usd: float, share: float, builder: ItemBuilder
) -> list[Item]:
    """As items that say how much dearer they are and in what they differ."""
    first = _attributes(prepared, np.array([best]))[0]
    items = []
    for index in near(prepared, best, best_usd, share):
        item = builder.item(index)
        other = _attributes(prepared, np.array([index]))[0]
        differs = [name for name, x, y in zip(WEIGHTS, first, other, strict=True) if x != y]
        dearer = float(prepared.candidates.usd[index]) / best_usd - 1 if best_usd > 0 else 0.0
        why = f"{dearer:.1%} dearer; differs in {', '.join(differs)}"
        items.append(item.model_copy(update={"why_not": why}))
    return items


def _attributes(prepared: Prepared, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    """Codes of the attributes of ``WEIGHTS``, shape (rows, attributes)."""
    c = prepared.candidates
    names: dict[str, int] = {}
    device = np.array([names.setdefault(d.name, len(names)) for d in c.machines.devices])
    code = {name: c.offers.codes[name][c.row[rows]] for name in ("cloud", "kind", "region")}
    machine = c.offers.codes["instance_type"][c.row[rows]]
    nodes = c.nodes[rows].astype(np.int64)
    columns = [code["cloud"], device[c.config[rows]], code["kind"], code["region"], machine, nodes]
    return np.stack([column.astype(np.int64) for column in columns], axis=1)
