"""Answers as rows, and as data frames of pandas or polars where those are installed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch
from typing import TYPE_CHECKING, Any

from planner.report.rows import table_of
from planner.results import Estimate, Front, PortfolioResult, Recommendation
from planner.results.base import Result
from planner.results.capacity import CapacityAnswer
from planner.results.comparison import Comparison
from planner.results.mix import MixResult

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

Row = dict[str, Any]


@singledispatch
def to_rows(result: object) -> list[Row]:
    """One mapping a row, column names with their units; unknown is None.

    Of a recommendation what was chosen (``rank`` 0) and its alternatives, of a front its points,
    of a mix its groups, of a capacity plan its machines by period, of a comparison its sides.

    Raises TypeError for anything else.
    """
    raise TypeError(f"{type(result).__name__} is no answer of the planner with rows")


def to_pandas(result: object) -> pd.DataFrame:
    """``to_rows`` as a pandas DataFrame. Raises ImportError without pandas."""
    import pandas

    return pandas.DataFrame(to_rows(result))


def to_polars(result: object) -> pl.DataFrame:
    """``to_rows`` as a polars DataFrame. Raises ImportError without polars."""
    import polars

    return polars.DataFrame(to_rows(result), infer_schema_length=None)


@to_rows.register(Recommendation)
@to_rows.register(PortfolioResult)
@to_rows.register(Front)
def _ranked(result: Recommendation | PortfolioResult | Front) -> list[Row]:
    columns, rows = table_of(result)
    return [dict(zip(columns, row, strict=True)) for row in rows]


@to_rows.register
def _estimate(result: Estimate) -> list[Row]:
    return [_flat(result, leave_out=("workload", "weighed", "observations"))]


@to_rows.register
def _mix(result: MixResult) -> list[Row]:
    return [_flat(group) for group in result.groups]


@to_rows.register
def _comparison(result: Comparison) -> list[Row]:
    return [_flat(side) for side in (result.a, result.b)]


@to_rows.register
def _capacity(result: CapacityAnswer) -> list[Row]:
    columns = {name: column.tolist() for name, column in result.dispatch.columns.items()}
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _flat(result: Result, leave_out: tuple[str, ...] = ()) -> Row:
    """Nested figures as ``throughput_value``; lists are left as they are."""
    row: Row = {}

    def add(name: str, value: object) -> None:
        if isinstance(value, Mapping):
            for inner, cell in value.items():
                add(f"{name}_{inner}", cell)
        else:
            row[name] = value

    for name, value in result.model_dump(mode="python", by_alias=True).items():
        if name not in (*leave_out, "schema"):
            add(name, value)
    return row
