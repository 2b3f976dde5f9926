"""The members of a learner, fitted: two forests and a ridge. LightGBM and scikit-learn live here.

Both are imported when something is fitted, never for a prediction. Deterministic for given data.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from planner.errors import BadInput
from planner.performance.learned.columns import FloatArray
from planner.performance.learned.fitting_set import FittingSet, residuals, weights
from planner.performance.learned.forest import Forest
from planner.performance.learned.learner import EVEN, Learner, device_free
from planner.performance.learned.linear import Linear
from planner.performance.learned.packing import pack

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


def fit_learner(data: FittingSet, name: str, chosen: NDArray[np.bool_]) -> Learner:
    """Fit one learner on the chosen rows only (a mask over all observations).

    Its members count alike until ``blends`` has chosen their weights. Raises BadInput where the
    fit-time libraries are missing.
    """
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
        blend=EVEN,
    )


def require_libraries() -> None:
    """Raises BadInput, with what to install, where the fit-time libraries are missing."""
    for name in ("lightgbm", "sklearn.linear_model"):
        _library(name)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise BadInput(
            f"fitting and cross-validation need {name.split('.')[0]} ({error})",
            remedy="pip install 'ai-capacity-planner[fit]'",
        ) from error


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
