"""Fitting: the catalog's observations to an artefact. LightGBM and scikit-learn live here only.

Rows weigh 1 / (rows of their source x model x accelerator group)^0.6, so that no publisher's long
table dominates. Each row enters a second time, at a quarter of the weight, with random cells
blanked: rows to be predicted often miss columns. Deterministic for a given catalog.

Run ``python -m planner.performance.learned.fit`` to rewrite ``artefact.npz``.
"""

from __future__ import annotations

import hashlib
import importlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from planner.performance.learned.artefact import ARTEFACT, Artefact, save
from planner.performance.learned.columns import FloatArray
from planner.performance.learned.features import LEARNERS, Features, build
from planner.performance.learned.forest import Forest
from planner.performance.learned.intervals import calibrate
from planner.performance.learned.learner import Learner, device_free
from planner.performance.learned.linear import Linear
from planner.performance.learned.packing import pack
from planner.performance.learned.table import Table, read_rows

INSTALL_HINT = "fitting needs LightGBM and scikit-learn: pip install lightgbm scikit-learn"
# Cells that a row to be predicted may lack.
OPTIONAL_CELLS = (
    "params_b", "framework", "precision", "accelerators", "nodes", "parallelism", "seq_len",
    "input_len", "output_len", "batch_global", "batch_per_device", "notes", "model_class",
    "img_size", "fwd_gmacs", "host_cpu",
)  # fmt: skip
_BLANK_SHARE = 0.15
_BLANKED_WEIGHT = 0.25
_ROUNDS = 500
_MAX_BIN = 127
_TREES: Mapping[str, object] = {
    "objective": "huber",
    "alpha": 0.3,
    "extra_trees": True,
    "learning_rate": 0.05,
    "num_leaves": 15,
    "max_depth": 8,
    "min_data_in_leaf": 8,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 3.0,
    "max_bin": _MAX_BIN,
    "verbosity": -1,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
}
_RIDGE = 30.0
_MODEL_EFFECT = 1.5  # column height: a model's effect is penalised by _RIDGE / 1.5^2
FOLDS = 8  # of pairs; accelerators and sources are left out one by one


@dataclass(frozen=True, slots=True)
class FittingSet:
    """Observations as the learners read them, and blanked copies."""

    table: Table
    values: FloatArray
    groups: list[str]  # source x model x accelerator: the unit of the yardstick
    pairs: list[str]  # model x accelerator
    sources: list[str]
    features: Mapping[str, Features]
    blanked: Mapping[str, Features]


def fitting_set(catalog: Catalog, rows: Sequence[Mapping[str, Any]] | None = None) -> FittingSet:
    """Read the observations (``rows`` replaces the catalog's)."""
    observations = catalog.rows("observations") if rows is None else rows
    table = read_rows(observations, catalog)
    draw = random.Random(5)
    thinned = [
        {
            name: None if name in OPTIONAL_CELLS and draw.random() < _BLANK_SHARE else value
            for name, value in row.items()
        }
        for row in observations
    ]
    other = read_rows(thinned, catalog)
    return FittingSet(
        table=table,
        values=np.array([float(row["value"]) for row in observations]),
        groups=[f"{row['source_id']}|{row['model']}|{row['accelerator']}" for row in observations],
        pairs=[f"{m}|{a}" for m, a in zip(table.models, table.accelerators, strict=True)],
        sources=[str(row["source_id"]) for row in observations],
        features={name: build(table, name) for name in LEARNERS},
        blanked={name: build(other, name) for name in LEARNERS},
    )


def residuals(features: Features, values: FloatArray) -> FloatArray:
    """log(measured / analytic) throughput of a learner's rows."""
    measured = features.sign * (np.log(values[features.rows]) - features.offset)
    return np.asarray(measured - features.log_analytic)


def log_errors(data: FittingSet, predicted: FloatArray) -> FloatArray:
    """log(measured / predicted) of the throughput, also where a row states a time."""
    sign = np.ones(len(data.values))
    for features in data.features.values():
        sign[features.rows] = features.sign
    return np.asarray(sign * (np.log(data.values) - predicted))


def fit_learners(data: FittingSet, chosen: NDArray[np.bool_]) -> dict[str, Learner]:
    """Fit on the chosen rows only (a mask over all observations)."""
    return {name: _fit_learner(data, name, chosen) for name in LEARNERS}


def _fit_learner(data: FittingSet, name: str, chosen: NDArray[np.bool_]) -> Learner:
    plain, thin = data.features[name], data.blanked[name]
    target, thin_target = residuals(plain, data.values), residuals(thin, data.values)
    group_weight = weights(data.groups)
    own = np.flatnonzero(chosen[plain.rows] & np.isfinite(target))
    # Blanking may move a row to another learner: only those that stay are copies.
    stay = np.flatnonzero(
        chosen[thin.rows] & np.isfinite(thin_target) & np.isin(thin.rows, plain.rows)
    )
    matrix = np.vstack([plain.matrix[own], thin.matrix[stay]])
    y = np.concatenate([target[own], thin_target[stay]])
    w = np.concatenate(
        [group_weight[plain.rows[own]], _BLANKED_WEIGHT * group_weight[thin.rows[stay]]]
    )
    models = [data.table.models[row] for row in plain.rows[own]]
    return Learner(
        name=name,
        features=tuple(plain.names),
        with_device=_forest(matrix, y, w, seed=1),
        without_device=_forest(matrix[:, device_free(plain.names)], y, w, seed=2),
        linear=_linear(plain.matrix[own], target[own], group_weight[plain.rows[own]], models),
        accelerators=frozenset(data.table.accelerators[row] for row in plain.rows[own]),
        models=frozenset(models),
    )


def weights(groups: Sequence[str]) -> FloatArray:
    """Row weights that let every group count nearly alike."""
    _, position, counts = np.unique(np.array(groups), return_inverse=True, return_counts=True)
    raw = counts[position] ** -0.6
    return np.asarray(raw / raw.mean())


def _library(name: str) -> Any:
    """A fit-time library, imported only here: predictions must not need it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(INSTALL_HINT) from error


def _forest(matrix: FloatArray, y: FloatArray, w: FloatArray, seed: int) -> Forest:
    lightgbm = _library("lightgbm")
    data = lightgbm.Dataset(matrix, y, weight=w, params={"verbosity": -1, "max_bin": _MAX_BIN})
    booster = lightgbm.train({**_TREES, "seed": seed}, data, _ROUNDS)
    trees = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    # A tree without a split adds a constant of 0.
    return pack([tree for tree in trees if "split_feature" in tree], matrix.shape[1])


def _linear(matrix: FloatArray, y: FloatArray, w: FloatArray, models: Sequence[str]) -> Linear:
    linear_model = _library("sklearn.linear_model")
    empty = np.isnan(matrix).all(axis=0)
    median = np.where(empty, 0.0, np.nanmedian(np.where(empty, 0.0, matrix), axis=0))
    filled = np.where(np.isnan(matrix), median, matrix)
    scale = filled.std(axis=0)
    shape = Linear(
        median,
        filled.mean(axis=0),
        np.where(scale > 1e-6, scale, 0.0),
        np.zeros(matrix.shape[1]),
        0.0,
        {},
    )
    names = sorted(set(models))
    position = {name: i for i, name in enumerate(names)}
    effects = np.zeros((len(y), len(names)))
    effects[np.arange(len(y)), [position[name] for name in models]] = _MODEL_EFFECT
    ridge = linear_model.Ridge(alpha=_RIDGE).fit(
        np.hstack([shape.standardised(matrix), effects]), y, sample_weight=w
    )
    count = matrix.shape[1]
    found = {
        name: round(float(_MODEL_EFFECT * ridge.coef_[count + i]), 5)
        for name, i in position.items()
    }
    return Linear(
        shape.median, shape.mean, shape.scale, ridge.coef_[:count], float(ridge.intercept_), found
    )


def folds(keys: Sequence[str], count: int) -> NDArray[np.int64]:
    """Fold of each row; equal keys share a fold; deterministic and blind to the values."""
    ordered = sorted(set(keys), key=lambda key: hashlib.sha256(key.encode()).hexdigest())
    fold = {key: i % count for i, key in enumerate(ordered)}
    return np.array([fold[key] for key in keys], dtype=np.int64)


def held_out(data: FittingSet, keys: Sequence[str], count: int) -> tuple[FloatArray, FloatArray]:
    """Cross-validated log(predicted value) and disagreement of every row; NaN where refused."""
    predicted, spread = np.full(len(data.values), np.nan), np.full(len(data.values), np.nan)
    fold = folds(keys, count)
    for number in range(count):
        held = fold == number
        for name, features in data.features.items():
            rows = np.flatnonzero(held[features.rows])
            if not len(rows):
                continue
            learner, at = _fit_learner(data, name, ~held), features.rows[rows]
            known = np.array([data.table.accelerators[i] in learner.accelerators for i in at])
            models = [data.table.models[i] for i in at]
            residual, disagreement = learner.predict(features.matrix[rows], models, known)
            throughput = features.log_analytic[rows] + residual
            predicted[at] = features.offset[rows] + features.sign[rows] * throughput
            spread[at] = disagreement
    return predicted, spread


def fit(catalog: Catalog) -> Artefact:
    """Fit everything: learners on all rows, intervals on errors of held-out groups."""
    data = fitting_set(catalog)
    quantiles: dict[str, tuple[float, float]] = {}
    for familiarity, keys in (("pair", data.pairs), ("accelerator", data.table.accelerators)):
        predicted, spread = held_out(data, keys, FOLDS if familiarity == "pair" else len(set(keys)))
        errors = log_errors(data, predicted)
        found = calibrate(errors, spread, data.table.classes, weights(data.groups), familiarity)
        quantiles |= found
    learners = fit_learners(data, np.ones(len(data.values), dtype=np.bool_))
    digest = hashlib.sha256(data.values.tobytes() + "\n".join(data.groups).encode()).hexdigest()
    return Artefact(learners, quantiles, {"rows": str(len(data.values)), "data_sha256": digest})


def main(path: Path = ARTEFACT) -> None:
    save(fit(Catalog.open()), path)


if __name__ == "__main__":
    main()
