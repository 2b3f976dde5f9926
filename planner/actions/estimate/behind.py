"""The published observations behind an estimate, for ``--explain``."""

from __future__ import annotations

from catalog import Catalog
from planner.performance.throughput import Throughput


def observations_behind(found: Throughput, config: int, catalog: Catalog) -> list[str]:
    """Sentences on the observations that weigh most in one configuration's estimate, heaviest
    first; none where the fitted model was not asked or had nothing to say.
    """
    if found.setups is None or found.setups.devices[config] not in catalog.accelerators:
        return []
    from planner.performance.learned.neighbours import neighbours

    row = {**found.setups.row(config), "metric": ""}
    return [near.sentence() for near in neighbours(row, catalog)]
