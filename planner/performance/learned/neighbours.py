"""Which observations weigh most in a prediction: those that the trees treat alike.

The weight of an observation is the share of trees in which it reaches the same leaf as the row
asked about (the proximity of Breiman's random forests); only observations of the same accelerator
or the same model are considered. Nothing of this is in the artefact: the catalog is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from catalog import Catalog
from planner.amounts import plain
from planner.performance.learned.artefact import Artefact, current
from planner.performance.learned.features import build
from planner.performance.learned.table import fold_model, read_rows
from planner.performance.learned.text import cell


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One observation; ``weight`` is the share of trees that treat it like the row."""

    id: str
    weight: float
    accelerator: str
    model: str
    framework: str
    value: float
    metric: str
    source: str
    source_date: str

    def sentence(self) -> str:
        """For ``--explain``."""
        date = f", {self.source_date}" if self.source_date else ""
        unit = self.metric.replace("_per_s", "/s", 1).replace("_", " ")
        engine = f" with {self.framework}" if self.framework else ""
        return (
            f"{self.id}: {self.model} on {self.accelerator}{engine}, {plain(self.value)} "
            f"{unit} ({self.source}{date}); {self.weight:.0%} of the model's trees treat it alike"
        )


def neighbours(
    row: Mapping[str, object],
    catalog: Catalog,
    *,
    most: int = 5,
    artefact: Artefact | None = None,
) -> list[Neighbour]:
    """The observations that weigh most, heaviest first; none for a row that cannot be read."""
    fitted = artefact or current()
    asked = read_rows([row], catalog, step_rates=False)
    if asked.reasons[0]:
        return []
    learner = fitted.learners[asked.learners[0]]
    near = [
        seen
        for seen in catalog.rows("observations", "value > 0")
        if fold_model(cell(seen, "model")) == asked.models[0]
        or cell(seen, "accelerator") in (cell(row, "accelerator"), asked.accelerators[0])
    ]
    if not near:
        return []
    table = read_rows(near, catalog, step_rates=False)
    features = build(table, learner.name)
    if not len(features.rows):
        return []
    target = build(asked, learner.name).matrix
    own = learner.with_device.leaf_places(target)
    alike = (learner.with_device.leaf_places(features.matrix) == own).mean(axis=0)
    order = np.argsort(-alike, kind="stable")[:most].tolist()
    found = [(near[features.rows[i]], float(alike[i])) for i in order if alike[i] > 0]
    return [
        Neighbour(
            id=cell(seen, "id"),
            weight=weight,
            accelerator=cell(seen, "accelerator"),
            model=cell(seen, "model"),
            framework=cell(seen, "framework"),
            value=float(cell(seen, "value")),
            metric=cell(seen, "metric"),
            source=cell(seen, "source"),
            source_date=cell(seen, "source_date"),
        )
        for seen, weight in found
    ]
