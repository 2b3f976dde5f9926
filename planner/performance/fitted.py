"""The fitted model laid over analytic estimates: one estimator for plans and for rows.

``planner.performance.learned`` answers set-ups; here a plan's configurations are put to it, each
distinct one once, and its answers are kept within what the hardware can do.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.model_shapes import ModelShape
from catalog.records import dataclass
from planner.performance.alike import distinct, row_keys
from planner.performance.devices import Machines
from planner.performance.efficiency import Z90, Expected
from planner.performance.known import Known, Same

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

# Columns that a row of the catalog's observations states under another name.
_CELLS = {
    "devices": "accelerators",
    "nodes": "nodes",
    "batch": "batch_global",
    "input": "input_len",
    "output": "output_len",
}
_DEGREES = ("tp", "pp", "cp", "ep", "vp")
_FLAGS = {"fsdp": "fsdp", "checkpointing": "recompute"}


@dataclass(frozen=True)
class Setups:
    """Configurations as ``learned.setups`` reads them, shape (n,): a template that all share,
    names of devices, and text ``cells`` and number ``columns`` that vary.
    """

    template: Mapping[str, str]
    devices: Sequence[str]
    cells: Mapping[str, Sequence[str]]
    columns: Mapping[str, Floats]

    def __len__(self) -> int:
        return len(self.devices)

    def take(self, rows: Rows) -> Setups:
        """The chosen configurations, repeated where asked for more than once."""
        index = rows.tolist()
        return Setups(
            self.template,
            [self.devices[i] for i in index],
            {name: [texts[i] for i in index] for name, texts in self.cells.items()},
            {name: values[rows] for name, values in self.columns.items()},
        )

    def row(self, index: int) -> dict[str, str]:
        """One configuration as a row for ``planner estimate --batch``, but for id and metric.

        A row cannot say what share of a device is used.
        """
        figures = {name: float(values[index]) for name, values in self.columns.items()}
        words = [self.template.get("parallelism", "")]
        words += [f"{n}{figures[n]:g}" for n in _DEGREES if figures.get(n, 0.0) >= 1]
        words += [word for name, word in _FLAGS.items() if figures.get(name, 0.0) > 0]
        return {
            **self.template,
            **{name: texts[index] for name, texts in self.cells.items()},
            "accelerator": self.devices[index],
            "parallelism": " ".join(word for word in words if word),
            **{c: f"{figures[n]:.10g}" for n, c in _CELLS.items() if figures.get(n, 0.0) > 0},
        }

    def distinct(self, rows: Rows) -> tuple[Rows, Rows]:
        """First of each group of alike set-ups among ``rows``, and the group of each of them."""
        first, group = distinct(self.take(rows).keys())
        return rows[first], group

    def keys(self) -> list[tuple[Hashable, ...]]:
        """All that a set-up varies in, as a key for each."""
        figures = row_keys(list(self.columns.values()))
        return list(zip(self.devices, *self.cells.values(), figures, strict=True))


@dataclass(frozen=True)
class Fit:
    """What the fitted model says, shape (n,): log of units/s of all ``devices`` together, standard
    deviations below and above it, and its basis. NaN where it says nothing.
    """

    log_total: Floats
    log_sd: Floats
    log_sd_above: Floats
    basis: list[str]


def sockets(machines: Machines) -> tuple[Floats, Floats]:
    """Devices that one schedulable device stands for (CPU sockets), and the share it has of one."""
    shares = np.array([device.share for device in machines.devices])
    return np.maximum(shares, 1.0), np.minimum(shares, 1.0)


def engine(stated: str, default: str) -> str:
    """The workload's framework where the fitted model has met its like, else the default."""
    from planner.performance.learned.text import framework

    return stated if framework(stated).engine != "other" else default


def fitted_on(model: str, learner: str) -> bool:
    """Whether runs of this very network were among those that a learner was fitted on."""
    from planner.performance.learned.artefact import current
    from planner.performance.learned.table import fold_model

    return fold_model(model) in current().learners[learner].models


def fit(catalog: Catalog, shape: ModelShape, setups: Setups, wanted: NDArray[np.bool_]) -> Fit:
    """The fitted model's answers for the ``wanted`` set-ups."""
    count = len(setups)
    total, low, high = (np.full(count, np.nan) for _ in range(3))
    basis = ["analytic"] * count
    known = catalog.accelerators
    wanted = wanted & np.array([name in known for name in setups.devices], bool)
    rows = np.flatnonzero(wanted)
    if not len(rows):
        return Fit(total, low, high, basis)
    first, group = setups.distinct(rows)
    asked = setups.take(first)
    found = _said(catalog, shape, asked)
    total[rows] = (found.log_throughput + np.log(asked.columns["devices"]))[group]
    low[rows], high[rows] = -found.log_low[group] / Z90, found.log_high[group] / Z90
    for row, place in zip(rows.tolist(), group.tolist(), strict=True):
        basis[row] = found.basis[place]
    return Fit(total, low, high, basis)


@dataclass(frozen=True)
class _Said:
    """What ``SetupPrediction`` has of set-ups, shape (n,)."""

    log_throughput: Floats
    log_low: Floats
    log_high: Floats
    basis: list[str]

    def take(self, rows: Rows) -> _Said:
        return _Said(
            self.log_throughput[rows],
            self.log_low[rows],
            self.log_high[rows],
            [self.basis[i] for i in rows.tolist()],
        )

    @classmethod
    def join(cls, parts: Sequence[_Said]) -> _Said:
        return cls(
            np.concatenate([part.log_throughput for part in parts]),
            np.concatenate([part.log_low for part in parts]),
            np.concatenate([part.log_high for part in parts]),
            [word for part in parts for word in part.basis],
        )


_KNOWN = Known(_Said.join)


def _said(catalog: Catalog, shape: ModelShape, asked: Setups) -> _Said:
    from planner.performance.learned.artefact import current
    from planner.performance.learned.setups import predict_setups

    artefact = current()

    def predicted(rows: Rows) -> _Said:
        new = asked.take(rows)
        of_catalog = catalog.model_shapes.get(shape.name) == shape
        found = predict_setups(
            catalog,
            new.template,
            new.devices,
            new.columns,
            cells=new.cells,
            shape=None if of_catalog else shape,
            artefact=artefact,
        )
        return _Said(found.log_throughput, found.log_low, found.log_high, found.basis)

    names = (*asked.cells, *asked.columns)
    template = tuple(asked.template.items())
    # What an artefact says changes with a fit of the user's own only, which is another object.
    question = (catalog.content_id, Same(artefact), shape, template, names)
    return _KNOWN.of(question, asked.keys(), predicted)


def overlay(fit: Fit, log_analytic: Floats, log_most: Floats, prior: Expected) -> Expected:
    """The fit where it says something, never above ``log_most``; the prior elsewhere.

    ``log_analytic`` and ``log_most`` are logs of units/s of the same devices as the fit's.
    """
    ratio = bounded(fit.log_total, log_most) - log_analytic
    says = np.isfinite(ratio) & np.isfinite(fit.log_sd) & np.isfinite(fit.log_sd_above)
    return Expected(
        np.where(says, ratio, prior.log_ratio),
        np.where(says, fit.log_sd, prior.log_sd),
        np.where(says, fit.log_sd_above, prior.log_sd_above),
        [
            found if yes else before
            for found, before, yes in zip(fit.basis, prior.basis, says.tolist(), strict=True)
        ],
    )


def bounded(log_total: Floats, log_most: Floats) -> Floats:
    """At most ``log_most`` where that is known; what the fit does not say stays NaN."""
    return np.where(np.isnan(log_total), np.nan, np.fmin(log_total, log_most))


def steady_growth(log_total: Floats, log_analytic: Floats, machines: Machines) -> Floats:
    """The fit's throughput, its noise between numbers of like machines taken out.

    From one number of machines to the next, throughput grows at least not at all and at most in
    proportion, or beyond these as far as the analytic model says (memory that only more machines
    have). The fewest machines that run are the anchor. NaN stays NaN.
    """
    steps = sorted(set(machines.nodes.tolist()))
    if len(steps) < 2:
        return log_total
    _, device = distinct(list(map(id, machines.devices)))
    figures = (machines.per_node, machines.network, machines.vcpus, machines.host_memory)
    first, group = distinct(row_keys([device, *figures]))
    before, analytic, nodes = (np.full(len(first), np.nan) for _ in range(3))
    result = log_total.copy()
    for step in steps:
        here = np.flatnonzero((machines.nodes == step) & np.isfinite(log_total + log_analytic))
        mine = group[here]
        expected = log_analytic[here] - analytic[mine]
        least = before[mine] + np.minimum(expected, 0.0)
        most = before[mine] + np.maximum(expected, np.log(step / nodes[mine]))
        result[here] = np.fmin(np.fmax(result[here], least), most)
        before[mine], analytic[mine], nodes[mine] = result[here], log_analytic[here], step
    return result
