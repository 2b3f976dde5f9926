"""Grouped cross-validation: what the members say of groups that they have never seen."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from planner.performance.learned.columns import FloatArray
from planner.performance.learned.fitting_set import FittingSet
from planner.performance.learned.learner import MEMBERS
from planner.performance.learned.members import fit_learner

SCHEMES = ("pair", "accelerator", "source")
PAIR_FOLDS = 16  # of pairs; accelerators and sources are left out one by one
Progress = Callable[[str, int, int], None]  # scheme, folds done, folds in all


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Members' residuals of every row, shape (MEMBERS, n), by learners fitted without its fold.

    ``known`` marks rows whose accelerator, ``seen`` those whose model, was in what was fitted.
    """

    scheme: str
    fold: NDArray[np.int64]
    members: FloatArray
    known: NDArray[np.bool_]
    seen: NDArray[np.bool_]


def fold_keys(data: FittingSet, scheme: str) -> tuple[Sequence[str], int]:
    """What is left out together, and the number of folds."""
    if scheme == "pair":
        return data.pairs, PAIR_FOLDS
    keys = data.table.accelerators if scheme == "accelerator" else data.sources
    return keys, len(set(keys))


def folds(keys: Sequence[str], count: int) -> NDArray[np.int64]:
    """Fold of each row; equal keys share a fold; deterministic and blind to the values.

    As many folds as keys leave them out one by one; with fewer, a key's fold is its own affair, so
    that a new key moves no other.
    """
    distinct = sorted(set(keys))
    if count >= len(distinct):
        fold = {key: number for number, key in enumerate(distinct)}
    else:
        fold = {key: int(sha256(key.encode()).hexdigest(), 16) % count for key in distinct}
    return np.array([fold[key] for key in keys], dtype=np.int64)


def held_out(
    data: FittingSet, scheme: str, jobs: int = 1, progress: Progress | None = None
) -> HeldOut:
    """Leave out every fold in turn, ``jobs`` folds at a time; the result does not depend on it."""
    keys, count = fold_keys(data, scheme)
    fold = folds(keys, count)
    members = np.full((MEMBERS, len(data)), np.nan)
    known, seen = np.zeros(len(data), np.bool_), np.zeros(len(data), np.bool_)
    for done, (rows, found, accelerator, model) in enumerate(_each(data, fold, count, jobs), 1):
        members[:, rows], known[rows], seen[rows] = found, accelerator, model
        if progress:
            progress(scheme, done, count)
    return HeldOut(scheme, fold, members, known, seen)


_Fold = tuple[NDArray[np.int64], FloatArray, NDArray[np.bool_], NDArray[np.bool_]]
# What forked workers read: too large to be sent to each of them.
_shared: list[tuple[FittingSet, NDArray[np.int64]]] = []


def _each(data: FittingSet, fold: NDArray[np.int64], count: int, jobs: int) -> Iterator[_Fold]:
    if jobs <= 1 or "fork" not in multiprocessing.get_all_start_methods():
        for number in range(count):
            yield _one(data, fold == number)
        return
    _shared.append((data, fold))
    try:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(jobs, mp_context=context) as pool:
            yield from pool.map(_in_worker, range(count))
    finally:
        _shared.pop()


def _in_worker(number: int) -> _Fold:
    data, fold = _shared[-1]
    return _one(data, fold == number)


def _one(data: FittingSet, held: NDArray[np.bool_]) -> _Fold:
    """Fit without the held rows, each learner that is asked about them, and ask it."""
    parts: list[_Fold] = []
    for name, features in data.features.items():
        mine = np.flatnonzero(held[features.rows])
        if not len(mine):
            continue
        learner, rows = fit_learner(data, name, ~held), features.rows[mine]
        models = [data.table.models[i] for i in rows]
        known = [data.table.accelerators[i] in learner.accelerators for i in rows]
        seen = [model in learner.models for model in models]
        parts.append(
            (
                rows,
                learner.members(features.matrix[mine], models, features.step_model[mine]),
                np.array(known, np.bool_),
                np.array(seen, np.bool_),
            )
        )
    if not parts:
        nothing = np.zeros(0, np.bool_)
        return np.zeros(0, np.int64), np.zeros((MEMBERS, 0)), nothing, nothing
    return (
        np.concatenate([part[0] for part in parts]),
        np.concatenate([part[1] for part in parts], axis=1),
        np.concatenate([part[2] for part in parts]),
        np.concatenate([part[3] for part in parts]),
    )
