"""From observations to an artefact: cross-validate, choose blends and intervals, fit on all rows.

Needs the extra ``fit``. Deterministic for given data and library versions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from catalog import Catalog
from planner.performance.learned.artefact import Artefact
from planner.performance.learned.crossval import SCHEMES, Progress
from planner.performance.learned.features import LEARNERS
from planner.performance.learned.first_token import FirstToken, fit_first_token
from planner.performance.learned.fitting_set import FittingSet, fitting_set
from planner.performance.learned.learner import Learner
from planner.performance.learned.members import fit_learner, require_libraries
from planner.performance.learned.validation import Validation, cross_validate

PACKAGES = ("ai-capacity-planner", "lightgbm", "scikit-learn", "numpy")


def fit(
    catalog: Catalog,
    *,
    rows: Sequence[Mapping[str, Any]] | None = None,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Artefact:
    """Fit on the catalog's observations, or on ``rows`` in their place.

    Raises BadInput where a fit-time library is missing.
    """
    require_libraries()
    data = fitting_set(catalog, rows)
    validation = cross_validate(data, SCHEMES, jobs, progress)
    return finish(validation)


def finish(validation: Validation) -> Artefact:
    """The artefact of a finished cross-validation: learners on all rows."""
    data = validation.data
    everything = np.ones(len(data), dtype=np.bool_)
    blends = validation.chooser.choose(everything)
    learners = {
        name: replace(fit_learner(data, name, everything), blend=blends[name]) for name in LEARNERS
    }
    reports = tuple(validation.report(name) for name in validation.schemes)
    return Artefact(
        learners,
        validation.intervals(everything),
        provenance(data),
        reports,
        _first_token(data, learners["language_inference"]),
    )


def _first_token(data: FittingSet, learner: Learner) -> FirstToken | None:
    features = data.features[learner.name]
    rows = features.rows.tolist()
    residual, _ = learner.predict(
        features.matrix,
        [data.table.models[i] for i in rows],
        features.step_model,
        np.ones(len(rows), np.bool_),
    )
    return fit_first_token(features.parts, residual, data.first_token[features.rows])


def provenance(data: FittingSet) -> dict[str, str]:
    """When, on what and with what something was fitted."""
    return {
        "fitted_on": datetime.now(UTC).date().isoformat(),
        "rows": str(len(data)),
        "data_sha256": data.digest,
        **{name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # a checkout that is not installed
        return "unknown"
