"""Observations: what ran, on what, how fast, how measured; and the user's own ones.

Own measurements live in the data folder, not the cache: nothing can fetch them again.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from catalog.durable import AppendOnlyFile
from catalog.errors import CatalogError
from catalog.records import dataclass

# "APOb" and "layout 1": raise the layout when the columns of the file change.
APPLICATION_ID = 0x41504F62
LAYOUT = 1
COLUMNS = ("id", "measured_at", "machine", "observation", "result")
NUMBERS = frozenset(
    {
        "params_b",
        "accelerators",
        "nodes",
        "seq_len",
        "batch_per_device",
        "value",
        "img_size",
        "fwd_gmacs",
        "ttft_ms",
        "tpot_ms",
    }
)


def data_dir() -> Path:
    """Folder of the user's own data: ``PLANNER_DATA_DIR`` or the platform's data folder."""
    override = os.environ.get("PLANNER_DATA_DIR")
    if override:
        return Path(override)
    from platformdirs import user_data_path

    return user_data_path("ai-capacity-planner")


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One measurement, with the columns of the ``observations`` table in ``attributes.csv``.

    ``params_b`` is in 1e9, ``fwd_gmacs`` in 1e9 multiply-adds, ``img_size`` in pixels, ``value``
    in the unit that ``metric`` names. Unknown text is empty, an unknown number None.
    """

    id: str
    task: str
    model: str
    params_b: float | None = None
    framework: str = ""
    precision: str = ""
    accelerator: str
    accelerators: float | None = None
    nodes: float | None = None
    parallelism: str = ""
    seq_len: float | None = None
    input_len: str = ""
    output_len: str = ""
    batch_global: str = ""
    batch_per_device: float | None = None
    metric: str
    value: float | None
    source: str
    source_date: str = ""
    notes: str = ""
    model_class: str = ""
    img_size: float | None = None
    fwd_gmacs: float | None = None
    ttft_ms: float | None = None
    tpot_ms: float | None = None
    host_cpu: str = ""
    source_id: str

    @classmethod
    def from_row(cls, row: Mapping[str, object]) -> Observation:
        """From a row of the catalog or a CSV file; unknown columns are ignored.

        Raises ValueError for text in a number's place.
        """
        values: dict[str, Any] = {}  # NUMBERS decides the type by name
        for field in fields(cls):
            cell = row.get(field.name)
            if field.name in NUMBERS:
                blank = cell is None or (isinstance(cell, str) and not cell.strip())
                values[field.name] = None if blank else float(str(cell))
            else:
                values[field.name] = "" if cell is None else str(cell)
        return cls(**values)

    def to_row(self) -> dict[str, str | float | None]:
        """The observation as a row of the table, in column order."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class OwnObservation:
    """A measurement of the user's own.

    ``measured_at`` is UTC; ``machine`` is the fingerprint of the machine that ran it;
    ``result_json`` is the benchmark's result as it was printed, to the byte.
    """

    id: str
    measured_at: datetime
    machine: str
    observation: Observation
    result_json: str


class OwnObservations:
    """The user's measurements, oldest first. Rows are only ever added.

    Raises CatalogError with path and remedy when the file is damaged or cannot be used; a
    damaged file is left as it is.
    """

    def __init__(self, data_dir: Path | None = None) -> None:
        folder = data_dir or _default_data_dir()
        self._file = AppendOnlyFile(
            folder / "observations.sqlite", "observations", COLUMNS, APPLICATION_ID, LAYOUT
        )

    @property
    def path(self) -> Path:
        return self._file.path

    def append(
        self,
        observation: Observation,
        *,
        machine: str,
        result_json: str,
        measured_at: datetime | None = None,
    ) -> OwnObservation:
        """Store one measurement, durable when this returns. An empty id is given one."""
        name = observation.id or f"own-{uuid.uuid4()}"
        moment = (measured_at or datetime.now(UTC)).astimezone(UTC)
        row = observation.to_row() | {"id": name}
        own = OwnObservation(name, moment, machine, Observation.from_row(row), result_json)
        self._file.append((name, moment.isoformat(), machine, json.dumps(row), result_json))
        return own

    def all(self) -> list[OwnObservation]:
        """Everything measured here so far; empty when nothing was."""
        found = []
        for number, (name, moment, machine, row, result) in enumerate(self._file.rows(), 1):
            try:
                observation = Observation.from_row(json.loads(row))
                measured_at = datetime.fromisoformat(moment)
            except (ValueError, AttributeError) as error:
                raise CatalogError(
                    f"cannot be understood ({error})",
                    path=self.path,
                    field=f"row {number}",
                    remedy="upgrade ai-capacity-planner or move the file aside",
                ) from error
            found.append(OwnObservation(name, measured_at, machine, observation, result))
        return found


# The constructor's parameter has the function's name.
_default_data_dir = data_dir
