"""CSV files of demand: ``period,demand``, and what Prometheus and CloudWatch export.

A timed export has one row a time stamp; rows of one period are averaged, missing periods are
refused unless the user says what stands in for them. Every refusal names file and line.
"""

from __future__ import annotations

import csv
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from planner.errors import BadInput

Floats = NDArray[np.float64]
MAX_BYTES = 64 << 20
_TIME_COLUMNS = ("time", "timestamp", "date", "datetime", "period")
# "NaN" is how Prometheus writes a sample that was not there.
_ABSENT = ("", "nan", "null", "none")


def read_series(
    path: Path,
    *,
    column: str | None,
    form: str,
    fill: str,
    period_hours: float,
    shown: str,
) -> Floats:
    """Figures of a file, one a period, in order. ``shown`` is the name in messages.

    Raises BadInput.
    """
    rows = _rows(path, shown)
    if form == "cloudwatch":
        rows = _skip_cloudwatch_preamble(rows)
    header, body = _split_header(rows, shown)
    index = _column(header, column, shown)
    body = [row for row in body if any(cell.strip() for _, cell in _cells(row))]
    if not body:
        raise BadInput("has no rows of figures", where=shown, remedy="add one row a period")
    values = [_figure(row, index, header[index], shown, timed=form != "csv") for row in body]
    if form == "csv":
        _check_periods(body, header, shown)
        return np.array(values)
    return _on_grid(body, values, fill, period_hours, shown)


Row = tuple[int, list[str]]


def _cells(row: Row) -> list[tuple[int, str]]:
    return [(row[0], cell) for cell in row[1]]


def _rows(path: Path, shown: str) -> list[Row]:
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        problem = "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror)
        raise BadInput(problem, where=shown, remedy="paths are relative to the spec") from None
    if len(raw) > MAX_BYTES:
        raise BadInput("is larger than 64 MiB", where=shown, remedy="aggregate it first")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput("is not UTF-8 text", where=shown, remedy="save it as UTF-8 CSV") from None
    delimiter = ";" if text[:4096].count(";") > text[:4096].count(",") else ","
    try:
        reader = csv.reader(text.splitlines(), delimiter=delimiter)
        return [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise BadInput(str(error), where=shown, remedy="correct the CSV") from None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _skip_cloudwatch_preamble(rows: list[Row]) -> list[Row]:
    """The console puts id, label, period ... of each metric above the figures, one a row."""
    for position, (_, row) in enumerate(rows):
        if len(row) > 1 and _time(row[0]) is not None and _number(row[1].strip()) is not None:
            start = max(position - 1, 0)
            return rows[start:]
    return rows


def _split_header(rows: list[Row], shown: str) -> tuple[list[str], list[Row]]:
    rows = [row for row in rows if row[1]]
    if not rows:
        raise BadInput("is empty", where=shown, remedy="write period,demand and one row a period")
    first = [cell.strip() for cell in rows[0][1]]
    if all(_number(cell) is not None for cell in first) and first:
        raise BadInput(
            "has no header", where=f"{shown}: line {rows[0][0]}", remedy="begin with period,demand"
        )
    return first, rows[1:]


def _column(header: list[str], wanted: str | None, shown: str) -> int:
    from planner.field_errors import suggest

    folded = [name.lower() for name in header]
    if wanted is not None:
        if wanted.lower() not in folded:
            raise BadInput(f"has no column {wanted!r}", where=shown, remedy=suggest(wanted, header))
        return folded.index(wanted.lower())
    if "demand" in folded:
        return folded.index("demand")
    others = [i for i, name in enumerate(folded) if name not in _TIME_COLUMNS]
    if len(others) == 1:
        return others[0]
    if len(header) == 2:
        return 1
    raise BadInput(
        f"has {len(others)} columns that may be the demand",
        where=shown,
        remedy=f"say `column:`, one of {', '.join(header)}",
    )


def _figure(row: Row, index: int, name: str, shown: str, *, timed: bool) -> float:
    line, cells = row
    where = f"{shown}: line {line}, {name}"
    text = cells[index].strip() if index < len(cells) else ""
    if timed and text.lower() in _ABSENT:
        return math.nan
    number = _number(text)
    if number is None or not math.isfinite(number):
        raise BadInput(f"{text[:40]!r} is not a number", where=where, remedy="write one, 0 or more")
    if number < 0:
        raise BadInput(f"{text[:40]} is below 0", where=where, remedy="demand is 0 or more")
    return number


def _check_periods(body: list[Row], header: list[str], shown: str) -> None:
    """Where a ``period`` column counts, it counts up by one: a hole would shift what follows."""
    folded = [name.lower() for name in header]
    if "period" not in folded:
        return
    index = folded.index("period")
    numbers = [_number(cells[index].strip()) if index < len(cells) else None for _, cells in body]
    if any(number is None for number in numbers):
        return
    for before, after, (line, _) in zip(numbers, numbers[1:], body[1:], strict=False):
        if before is not None and after != before + 1:
            raise BadInput(
                f"{after:g} follows {before:g}",
                where=f"{shown}: line {line}, period",
                remedy="give every period once, in order",
            )


def _time(text: str) -> float | None:
    """Hours since 1970 of an ISO or US date, or of a UNIX time in s or ms."""
    text = text.strip()
    number = _number(text)
    if number is not None:
        return (number / 1000 if number > 1e11 else number) / 3600 if number > 1e6 else None
    for form in ("", "%Y/%m/%d %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%Y/%m/%d %H:%M"):
        try:
            stamp = datetime.strptime(text, form) if form else datetime.fromisoformat(text)
        except ValueError:
            continue
        return stamp.replace(tzinfo=stamp.tzinfo or UTC).timestamp() / 3600
    return None


def _on_grid(
    body: list[Row], values: list[float], fill: str, period_hours: float, shown: str
) -> Floats:
    times = []
    for line, cells in body:
        stamp = _time(cells[0])
        if stamp is None:
            raise BadInput(
                f"{cells[0][:40]!r} is not a time",
                where=f"{shown}: line {line}",
                remedy="put an ISO time or a UNIX time in the first column",
            )
        times.append(stamp)
    stamps, figures = np.array(times), np.array(values)
    # The tolerance keeps a stamp of 12:00:00.0 in the period that begins at 12:00.
    slot = np.floor((stamps - stamps.min()) / period_hours + 1e-6).astype(np.int64)
    if slot.max() > 1_000_000:
        raise BadInput("spans over a million periods", where=shown, remedy="check period_hours")
    known = np.isfinite(figures)
    size = int(slot.max()) + 1
    number = np.bincount(slot[known], minlength=size)
    total = np.bincount(slot[known], figures[known], minlength=size)
    missing = number == 0
    series = np.divide(total, number, out=np.zeros(size), where=~missing)
    if not missing.any() or fill == "zero":
        return series
    at = np.flatnonzero(~missing)
    if fill == "refuse" or not len(at):
        first = datetime.fromtimestamp(
            (stamps.min() + int(np.argmax(missing)) * period_hours) * 3600, UTC
        )
        raise BadInput(
            f"has no figure for {int(missing.sum())} of {size} periods, first "
            f"{first:%Y-%m-%d %H:%M} UTC",
            where=shown,
            remedy="say `fill: zero`, `last` or `interpolate`, or check period_hours",
        )
    if fill == "last":
        latest = np.maximum.accumulate(np.where(missing, -1, np.arange(size)))
        latest = np.where(latest < 0, at[0], latest)
        return np.asarray(series[latest])
    return np.asarray(np.interp(np.arange(size), at, series[at]))
