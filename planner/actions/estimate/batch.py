"""The use case behind ``planner estimate --batch``: a CSV of set-ups in, predictions out."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from catalog import Catalog
from planner.actions.calibration.observed import THIS_MACHINE
from planner.actions.calibration.own import this_machine
from planner.errors import BadInput
from planner.performance.efficiency import Measured
from planner.performance.learned.model import RowPrediction, predict_rows
from planner.performance.rows import predict_rows as predict_from_own_runs

NEEDED = ("id", "task", "model", "accelerator", "metric")
MEASURED_HERE, MEASURED_ELSEWHERE = "measured here", "measured elsewhere"
COLUMNS = ("id", "predicted", "p10", "p90", "basis", "feasible", "reason")


@dataclass(frozen=True)
class Batch:
    """Answers in the order of the rows; ``refused`` counts refusals by reason."""

    ids: list[str]
    predictions: list[RowPrediction]
    refused: Counter[str]
    behind: list[list[str]] | None = None  # observations behind each answer, when asked for

    def to_csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(COLUMNS if self.behind is None else (*COLUMNS, "observations"))
        behind = [["; ".join(names)] for names in self.behind or []]
        extra = behind or [[] for _ in self.ids]
        for name, found, more in zip(self.ids, self.predictions, extra, strict=True):
            figures = (found.predicted, found.p10, found.p90)
            cells = ["" if value is None else f"{value:.6g}" for value in figures]
            feasible = "true" if found.feasible else "false"
            writer.writerow([name, *cells, found.basis, feasible, found.reason, *more])
        return out.getvalue()


def estimate_batch(
    path: str,
    catalog: Catalog,
    *,
    text: str | None = None,
    measured: Sequence[Measured] = (),
    own_runs: Sequence[Mapping[str, object]] = (),
    exclude_measured: bool = False,
    explain: bool = False,
) -> Batch:
    """Predict every row of a CSV file (or of its ``text``). Raises BadInput for the file itself.

    A row whose very configuration was run, by the user (``own_runs``) or by a publisher, is
    answered by that run, unless ``exclude_measured``. With ``explain`` each answer comes with the
    observations that weigh most in it.
    """
    where = "stdin" if path == "-" else path
    if text is None:
        try:
            text = Path(path).read_text(encoding="utf-8-sig")
        except FileNotFoundError:
            raise BadInput("no such file", where=path, remedy="check the path") from None
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(
                f"cannot be read ({error})", where=path, remedy="give a CSV file"
            ) from None
    reader = csv.DictReader(io.StringIO(text))
    header = reader.fieldnames or []
    missing = [name for name in NEEDED if name not in header]
    if missing:
        raise BadInput(
            f"has no column {missing[0]!r}",
            where=f"{where}: line 1",
            remedy=f"the header needs {', '.join(NEEDED)}",
        )
    try:
        rows = list(reader)
    except csv.Error as error:
        raise BadInput(
            str(error), where=f"{where}: line {reader.line_num}", remedy="correct the CSV"
        ) from None
    predictions = _predict(rows, catalog, measured)
    behind: list[list[str]] = [[] for _ in rows]
    if not exclude_measured:
        _take_measured(rows, predictions, behind, own_runs, MEASURED_HERE)
        published = catalog.rows("observations", "value > 0")
        _take_measured(rows, predictions, behind, published, MEASURED_ELSEWHERE)
    if explain:
        _name_neighbours(rows, predictions, behind, catalog)
    refused = Counter(found.reason for found in predictions if found.predicted is None)
    return Batch(
        [str(row["id"]) for row in rows], predictions, refused, behind if explain else None
    )


def _take_measured(
    rows: Sequence[dict[str, str]],
    predictions: list[RowPrediction],
    behind: list[list[str]],
    runs: Sequence[Mapping[str, object]],
    basis: str,
) -> None:
    """Answer rows by runs of the same configuration, where nothing measured answers them yet."""
    from planner.performance.learned.published import Measurements

    measurements = Measurements(runs)
    for index, row in enumerate(rows):
        if row["accelerator"] == THIS_MACHINE:  # the runs' own model knows which
            continue
        found = measurements.find(row)
        if found is None or predictions[index].basis in (MEASURED_HERE, MEASURED_ELSEWHERE):
            continue
        predictions[index] = RowPrediction(
            found.value, found.p10, found.p90, basis, feasible=True, reason=""
        )
        behind[index] = list(found.ids)


def _name_neighbours(
    rows: Sequence[dict[str, str]],
    predictions: Sequence[RowPrediction],
    behind: list[list[str]],
    catalog: Catalog,
) -> None:
    from planner.performance.learned.neighbours import neighbours

    for index, (row, found) in enumerate(zip(rows, predictions, strict=True)):
        if not behind[index] and found.predicted is not None and row["accelerator"] != THIS_MACHINE:
            behind[index] = [near.sentence() for near in neighbours(row, catalog)]


def _predict(
    rows: Sequence[dict[str, str]], catalog: Catalog, measured: Sequence[Measured]
) -> list[RowPrediction]:
    """From the fitted model; rows of this machine from its datasheet and the user's own runs."""
    local = [i for i, row in enumerate(rows) if row["accelerator"] == THIS_MACHINE]
    predictions = predict_rows(rows, catalog)
    own = predict_from_own_runs([rows[i] for i in local], catalog, measured, this_machine)
    for index, found in zip(local, own, strict=True):
        basis = MEASURED_HERE if found.basis == "measured" else found.basis
        predictions[index] = RowPrediction(
            found.predicted, found.p10, found.p90, basis, found.feasible, found.reason
        )
    return predictions


def write(batch: Batch, out: str) -> None:
    """Write the answers beside the final name and rename: nothing half-written is left."""
    target = Path(out)
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        temporary.write_text(batch.to_csv(), encoding="utf-8")
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise BadInput(
            f"cannot be written ({error.strerror})",
            where=out,
            remedy="check folder and permissions",
        ) from None
