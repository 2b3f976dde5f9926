"""Groups of periods that the program treats as one, and how they are split.

A group stands for its classes by mean demand, mean machines held and least prices. A period's
cost is jointly convex in demand and held machines and non-decreasing in prices, so a program of
groups is a lower bound on the program of all periods (Jensen).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from planner.optimize.capacity.fleet import Classes

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]


@dataclass(frozen=True)
class Groups:
    """``of`` (C,) names the group of each class; the rest has one row a group.

    ``periods`` (G,) is how many periods a group stands for. ``share_demand`` is the demand that
    the spot share is taken of: the mean, or the most where ``demand`` is the least.
    """

    of: Ints
    demand: Floats
    share_demand: Floats
    on_demand: Floats
    spot: Floats
    held: Floats
    periods: Floats

    def __len__(self) -> int:
        return len(self.periods)


@dataclass(frozen=True)
class Cut:
    """Lower bounds of what groups cost, from the marginal prices of one plan, in USD.

    Group k of the partition ``of`` (C,) costs at least ``constant[k] + slope[k] . z`` under any
    commitments z: a subgradient of a convex function (Van Slyke & Wets, SIAM J. Appl. Math. 17,
    1969; one cut a group after Birge & Louveaux, 1988).
    """

    of: Ints
    constant: Floats  # (K,)
    slope: Floats  # (K, stage1)


def group(classes: Classes, of: Ints, *, corners: bool = False) -> Groups:
    """Groups by label. ``corners``: least demand, most held, for whole machines in use.

    With whole machines a period's cost is a step function and Jensen does not hold, but demand
    that is lower (and room for spot that is larger) costs no more.
    """
    _, of = np.unique(of, return_inverse=True)
    of = of.reshape(-1).astype(np.intp)
    order = np.argsort(of, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(of[order]) > 0])
    weight = classes.count[order][:, None]
    total = np.add.reduceat(weight, starts, axis=0)

    def mean(column: Floats) -> Floats:
        return np.asarray(np.add.reduceat(column[order] * weight, starts, axis=0) / total)

    def least(column: Floats) -> Floats:
        return np.asarray(np.minimum.reduceat(column[order], starts, axis=0))

    def most(column: Floats) -> Floats:
        return np.asarray(np.maximum.reduceat(column[order], starts, axis=0))

    return Groups(
        of,
        least(classes.demand) if corners else mean(classes.demand),
        most(classes.demand) if corners else mean(classes.demand),
        least(classes.on_demand),
        least(classes.spot),
        most(classes.held) if corners else mean(classes.held),
        total[:, 0],
    )


def features(classes: Classes) -> Floats:
    """Coordinates in which distance means difference: demand and keys, each of range 1."""
    joint = np.hstack([classes.demand, classes.key])
    spread = np.ptp(joint, axis=0)
    return np.asarray((joint - joint.min(axis=0)) / np.where(spread > 0, spread, 1.0))


def first_groups(points: Floats, count: Floats, wanted: int) -> Ints:
    """Up to ``wanted`` groups: the widest is halved at its middle until there are enough.

    The peak of every coordinate stands alone: it decides whether limits suffice.
    """
    of = np.zeros(len(points), np.intp)
    if len(points) <= wanted:
        return np.arange(len(points), dtype=np.intp)
    for column in range(min(points.shape[1], 8)):
        of[int(np.argmax(points[:, column]))] = column + 1
    next_label = points.shape[1] + 1
    sizes: dict[int, tuple[float, int, float]] = {}

    def measure(label: int) -> None:
        members = np.flatnonzero(of == label)
        part = points[members]
        width = np.ptp(part, axis=0)
        column = int(np.argmax(width))
        middle = (part[:, column].max() + part[:, column].min()) / 2
        weight = float(width[column]) * float(count[members].sum())
        sizes[label] = (weight if width[column] > 0 else 0.0, column, float(middle))

    for label in np.unique(of).tolist():
        measure(label)
    while len(sizes) < wanted:
        label = max(sizes, key=lambda one: sizes[one][0])
        weight, column, middle = sizes[label]
        if weight <= 0:
            break
        upper = (of == label) & (points[:, column] > middle)
        of[upper] = next_label
        measure(label)
        measure(next_label)
        next_label += 1
    return of


def split(
    of: Ints, region: Ints, gap: Floats, points: Floats, keep_usd: float, key_from: int
) -> Ints | None:
    """Split the groups that cost the bound most, until the rest lose no more than ``keep_usd``.

    A group is split by the regions of its classes, each halved as well where demand alone differs:
    the next plan's border runs near this one's, seldom through it. One of a single region is split
    by what its prices differ in, else (whole machines) at its middle. ``gap`` (G,) is what each
    group loses. None when nothing can be split.
    """
    order = np.argsort(-gap, kind="stable")
    lost = np.cumsum(gap[order][::-1])[::-1]
    chosen = order[(lost > keep_usd) & (gap[order] > 0)]
    if not len(chosen):
        return None
    fresh = of.copy()
    next_label = int(of.max()) + 1
    done = False
    for label in chosen.tolist():
        members = np.flatnonzero(of == label)
        parts = _parts(members, region, points, key_from)
        for part in parts[1:]:
            fresh[part] = next_label
            next_label += 1
            done = True
    return fresh if done else None


def _parts(members: Ints, region: Ints, points: Floats, key_from: int) -> list[Ints]:
    if len(members) < 2:
        return [members]
    labels = region[members]
    kinds = np.unique(labels)
    if len(kinds) > 1:
        parts = [members[labels == kind] for kind in kinds]
        if points.shape[1] > key_from:
            return parts
        return [half for part in parts for half in _halves(part, points[part])]
    halves = _halves(members, points[members, key_from:])
    return halves if len(halves) > 1 else _halves(members, points[members])


def _halves(members: Ints, points: Floats) -> list[Ints]:
    """Below and above the middle of the widest of the columns; one part where none has width."""
    width = np.ptp(points, axis=0)
    if not width.any():
        return [members]
    widest = points[:, int(np.argmax(width))]
    upper = widest > (widest.max() + widest.min()) / 2
    return [members[~upper], members[upper]] if upper.any() else [members]
