"""The use case behind ``planner fit``: the performance model fitted anew, on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import Catalog
from planner.errors import BadInput

if TYPE_CHECKING:
    from planner.performance.learned.crossval import Progress
    from planner.performance.learned.report import Report


@dataclass(frozen=True)
class Fitted:
    """Where the model is, what it was fitted on and how far it is off.

    ``own`` counts the user's own runs among the rows, ``own_left_out`` those of devices without a
    datasheet (this machine): they correct estimates one by one instead.
    """

    path: Path
    bytes: int
    rows: int
    own: int
    own_left_out: int
    provenance: Mapping[str, str]
    reports: tuple[Report, ...]


def fit(
    catalog: Catalog,
    *,
    out: Path | None = None,
    own: bool = False,
    jobs: int = 2,
    progress: Progress | None = None,
) -> Fitted:
    """Fit on the catalog's observations, and with ``own`` on the user's runs; write atomically.

    ``out`` is by default the file that stands above the shipped model. Raises BadInput where the
    extra ``fit`` is missing or the file cannot be written.
    """
    from planner.performance.learned import artefact as artefacts
    from planner.performance.learned.fit import fit as fit_model

    path = out or artefacts.user_file()
    rows = catalog.rows("observations", "value > 0")
    runs, left_out = _own_rows(catalog) if own else ([], 0)
    fitted = fit_model(catalog, rows=rows + runs, jobs=jobs, progress=progress)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        artefacts.save(fitted, path)
    except OSError as error:
        raise BadInput(
            f"cannot be written ({error.strerror})",
            where=str(path),
            remedy="check folder and permissions, or give --out",
        ) from None
    return Fitted(
        path,
        path.stat().st_size,
        len(rows) + len(runs),
        len(runs),
        left_out,
        fitted.provenance,
        fitted.reports,
    )


def _own_rows(catalog: Catalog) -> tuple[list[dict[str, Any]], int]:
    """The user's own runs of devices with a datasheet, and how many are of others."""
    from catalog.observations import OwnObservations
    from planner.performance.learned.devices import DeviceBook

    devices = DeviceBook(catalog)
    found: list[dict[str, Any]] = []
    left_out = 0
    for run in OwnObservations().all():
        seen = run.observation
        if devices.find(seen.accelerator) is None or not (seen.value or 0.0) > 0:
            left_out += 1
            continue
        found.append(dict(seen.to_row()))
    return found, left_out
