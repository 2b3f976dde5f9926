"""The use case behind ``planner accuracy``: how far predictions are off, class by class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from catalog import Catalog
from planner.errors import BadInput

if TYPE_CHECKING:
    from planner.performance.learned.crossval import Progress
    from planner.performance.learned.report import Report
    from planner.performance.learned.validation import Validation

NOMINAL = (0.5, 0.6, 0.7, 0.8, 0.9)  # intervals of the calibration plot


@dataclass(frozen=True)
class Accuracy:
    """Cross-validations; ``provenance`` says when and on what. ``plots`` are the files written."""

    reports: tuple[Report, ...]
    provenance: Mapping[str, str]
    plots: tuple[Path, ...] = ()


def stored() -> Accuracy:
    """What was found when the model in use was fitted."""
    from planner.performance.learned.artefact import current

    artefact = current()
    return Accuracy(artefact.reports, artefact.provenance)


def cross_validated(
    catalog: Catalog,
    *,
    plots: Path | None = None,
    jobs: int = 2,
    progress: Progress | None = None,
) -> Accuracy:
    """Leave out pairs, accelerators and sources of the catalog's observations in turn (minutes).

    ``plots`` is a folder for SVG files. Raises BadInput where the extra ``fit`` is missing.
    """
    from planner.performance.learned.crossval import SCHEMES
    from planner.performance.learned.fit import provenance
    from planner.performance.learned.fitting_set import fitting_set
    from planner.performance.learned.members import require_libraries
    from planner.performance.learned.validation import cross_validate

    require_libraries()
    data = fitting_set(catalog)
    validation = cross_validate(data, SCHEMES, jobs, progress)
    reports = tuple(validation.report(name) for name in SCHEMES)
    written = () if plots is None else _write_plots(validation, plots)
    return Accuracy(reports, provenance(data), written)


def _write_plots(validation: Validation, folder: Path) -> tuple[Path, ...]:
    import numpy as np

    from planner.report.accuracy_plots import calibration_svg, residuals_svg

    classes = np.array(validation.data.table.classes)
    curves = {
        name: [
            float(np.mean(validation.covered(name, (0.5 - share / 2, 0.5 + share / 2))))
            for share in NOMINAL
        ]
        for name in validation.schemes
    }
    files = {"calibration.svg": calibration_svg(NOMINAL, curves)}
    for name in validation.schemes:
        ratios = validation.log_ratio(name)
        by_class = {
            one: ratios[(classes == one) & np.isfinite(ratios)].tolist()
            for one in sorted(set(classes.tolist()))
        }
        files[f"residuals-{name}.svg"] = residuals_svg(name, by_class)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"cannot be written ({error.strerror})",
            where=str(folder),
            remedy="check folder and permissions",
        ) from None
    return tuple(folder / file for file in files)
