"""A linear program as arrays: what the programs write and every solver reads.

    minimise    offset + cost . x
    subject to  row_lower <= A x <= row_upper,  lower <= x <= upper,  x[j] integer where integer[j]

Columns and rows are added in named blocks, so that half a million of them cost milliseconds; the
names are spelled out only when somebody reads them.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from catalog.records import dataclass

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ids = NDArray[np.intp]
Labels = Sequence[Sequence[object]]

_UNSAFE = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True)
class Block:
    """``name`` of a family of columns or rows, its shape, and what each axis is labelled with."""

    name: str
    shape: tuple[int, ...]
    labels: Labels | None = None

    def __iter__(self) -> Iterator[str]:
        if not self.shape:
            yield safe(self.name)
            return
        axes = self.labels or tuple(range(size) for size in self.shape)
        for parts in itertools.product(*axes):
            yield safe("_".join((self.name, *map(str, parts))))


def safe(name: str) -> str:
    """A name that every LP format accepts."""
    return _UNSAFE.sub("_", name)


def names_of(blocks: Sequence[Block]) -> list[str]:
    """One distinct name a member, in order."""
    names = [name for block in blocks for name in block]
    if len(set(names)) == len(names):
        return names
    seen: set[str] = set()
    distinct = []
    for index, name in enumerate(names):
        unique = name if name not in seen else f"{name}__{index}"
        seen.add(unique)
        distinct.append(unique)
    return distinct


def sums(groups: Ids, values: Floats, count: int) -> Floats:
    """Sum of ``values`` in each of ``count`` groups."""
    return np.bincount(groups, weights=values, minlength=count).astype(float, copy=False)


@dataclass(frozen=True, eq=False)
class LinearModel:
    """n columns, m rows; the matrix in compressed rows. Raises ValueError for NaN or misfits."""

    name: str
    cost: Floats
    lower: Floats
    upper: Floats
    integer: Flags
    row_lower: Floats
    row_upper: Floats
    starts: Ids  # (m + 1,) where each row begins in columns and coefficients
    columns: Ids  # (nnz,)
    coefficients: Floats  # (nnz,)
    offset: float = 0.0
    column_blocks: tuple[Block, ...] = ()
    row_blocks: tuple[Block, ...] = ()

    def __post_init__(self) -> None:
        for name in ("cost", "lower", "upper", "row_lower", "row_upper", "coefficients"):
            if np.isnan(getattr(self, name)).any():
                raise ValueError(f"{self.name}: {name} holds NaN")
        for name in ("cost", "coefficients"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{self.name}: {name} holds an infinity")
        if len(self.columns) and not 0 <= self.columns.min() <= self.columns.max() < self.width:
            raise ValueError(f"{self.name}: a coefficient stands in a column that is not there")

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.cost)

    @property
    def height(self) -> int:
        """Number of rows."""
        return len(self.row_lower)

    @property
    def rows(self) -> Ids:
        """Row of each coefficient, shape (nnz,)."""
        return np.repeat(np.arange(self.height), np.diff(self.starts))

    @property
    def column_names(self) -> list[str]:
        return names_of(self.column_blocks or (Block("x", (self.width,)),))

    @property
    def row_names(self) -> list[str]:
        return names_of(self.row_blocks or (Block("r", (self.height,)),))

    def activity(self, values: Floats) -> Floats:
        """A x, shape (m,)."""
        return sums(self.rows, self.coefficients * values[self.columns], self.height)

    def objective(self, values: Floats) -> float:
        return self.offset + float(self.cost @ values)


@dataclass
class ModelBuilder:
    """Collects blocks of columns and rows, then makes the model of them."""

    name: str
    offset: float = 0.0
    _width: int = 0
    _height: int = 0
    _columns: list[tuple[Floats, Floats, Floats, Flags]] = field(default_factory=list)
    _rows: list[tuple[Floats, Floats]] = field(default_factory=list)
    _entries: list[tuple[Ids, Ids, Floats]] = field(default_factory=list)
    _column_blocks: list[Block] = field(default_factory=list)
    _row_blocks: list[Block] = field(default_factory=list)

    def add_columns(
        self,
        name: str,
        shape: int | tuple[int, ...],
        *,
        cost: ArrayLike = 0.0,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
        integer: ArrayLike = False,
        labels: Labels | None = None,
    ) -> Ids:
        """Add a block and return its column numbers in ``shape``.

        Cost, bounds and integrality are numbers, or arrays that broadcast to ``shape``.
        """
        shape = (shape,) if isinstance(shape, int) else shape
        size = int(np.prod(shape, dtype=np.intp))

        def spread(values: ArrayLike, kind: type) -> NDArray[np.generic]:
            return np.broadcast_to(np.asarray(values, kind), shape).reshape(-1)

        self._columns.append(
            (
                spread(cost, float),  # type: ignore[arg-type]
                spread(lower, float),
                spread(upper, float),
                spread(integer, bool),
            )
        )
        self._column_blocks.append(Block(name, shape, labels))
        self._width += size
        return np.arange(self._width - size, self._width).reshape(shape)

    def add_rows(
        self,
        name: str,
        shape: int | tuple[int, ...],
        entries: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]],
        *,
        lower: ArrayLike = -np.inf,
        upper: ArrayLike = np.inf,
        labels: Labels | None = None,
    ) -> Ids:
        """Add a block of rows ``lower <= A x <= upper`` and return their numbers in ``shape``.

        Each of ``entries`` is (rows, columns, coefficients), three arrays that broadcast together;
        rows count from 0 within the block, flat. Entries of 0 are dropped, repeated ones add up.
        """
        shape = (shape,) if isinstance(shape, int) else shape
        size = int(np.prod(shape, dtype=np.intp))
        for rows, columns, coefficients in entries:
            r, c, v = np.broadcast_arrays(
                np.asarray(rows, np.intp),
                np.asarray(columns, np.intp),
                np.asarray(coefficients, float),
            )
            if r.size and not 0 <= r.min() <= r.max() < size:
                raise ValueError(f"{self.name}: {name} has no such row")
            kept = v.reshape(-1) != 0
            self._entries.append(
                (
                    r.reshape(-1)[kept] + self._height,
                    c.reshape(-1)[kept],
                    v.reshape(-1)[kept],
                )
            )
        sides = [np.broadcast_to(np.asarray(s, float), shape).reshape(-1) for s in (lower, upper)]
        self._rows.append((sides[0], sides[1]))
        self._row_blocks.append(Block(name, shape, labels))
        self._height += size
        return np.arange(self._height - size, self._height).reshape(shape)

    def build(self) -> LinearModel:
        """The model of all blocks so far. Raises ValueError for NaN and infinite coefficients."""

        def joined(
            parts: Sequence[Sequence[NDArray[np.generic]]], at: int, kind: type
        ) -> ArrayLike:
            return np.concatenate([np.empty(0, kind), *(part[at] for part in parts)]).astype(kind)

        rows = np.asarray(joined(self._entries, 0, np.intp))
        columns = np.asarray(joined(self._entries, 1, np.intp))
        coefficients = np.asarray(joined(self._entries, 2, np.float64))
        order = np.lexsort((columns, rows))
        rows, columns, coefficients = rows[order], columns[order], coefficients[order]
        if len(rows):
            first = np.ones(len(rows), bool)
            first[1:] = (np.diff(rows) != 0) | (np.diff(columns) != 0)
            if not first.all():
                coefficients = np.add.reduceat(coefficients, np.flatnonzero(first))
                rows, columns = rows[first], columns[first]
        starts = np.zeros(self._height + 1, np.intp)
        np.cumsum(np.bincount(rows, minlength=self._height), out=starts[1:])
        return LinearModel(
            name=self.name,
            cost=np.asarray(joined(self._columns, 0, np.float64)),
            lower=np.asarray(joined(self._columns, 1, np.float64)),
            upper=np.asarray(joined(self._columns, 2, np.float64)),
            integer=np.asarray(joined(self._columns, 3, np.bool_)),
            row_lower=np.asarray(joined(self._rows, 0, np.float64)),
            row_upper=np.asarray(joined(self._rows, 1, np.float64)),
            starts=starts,
            columns=columns,
            coefficients=coefficients,
            offset=self.offset,
            column_blocks=tuple(self._column_blocks),
            row_blocks=tuple(self._row_blocks),
        )
