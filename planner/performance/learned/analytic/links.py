"""Collectives over the slowest link they cross: alpha-beta times in seconds."""

from __future__ import annotations

import numpy as np

from planner.performance.learned.columns import Columns, FloatArray

GIGA = 1e9


def scale_up(columns: Columns) -> FloatArray:
    """Bytes a second and direction over the scale-up link (datasheets count both directions)."""
    return np.asarray(np.fmax(columns["link"], 8.0) * 0.5 * GIGA)


def scale_out(columns: Columns) -> FloatArray:
    """Bytes a second a device has into the network between nodes.

    One 400 Gb/s port a device since 2022, 200 Gb/s before, 100 Gb/s for devices on PCIe.
    """
    gigabytes = np.where(
        columns["year"] >= 2022, 50.0, np.where(columns["year"] >= 2020, 25.0, 12.5)
    )
    return np.asarray(np.where(columns["link"] < 200, 0.25, 1.0) * gigabytes * GIGA)


def bytes_per_second(columns: Columns, degree: FloatArray) -> FloatArray:
    """The slower of the two links that a group of ``degree`` neighbouring devices crosses."""
    per_node = np.fmax(columns["domain"], 1.0)
    inside = degree <= per_node
    return np.asarray(
        np.where(inside, scale_up(columns), np.fmin(scale_up(columns), scale_out(columns)))
    )


def latency(columns: Columns, degree: FloatArray) -> FloatArray:
    """Seconds before the first byte of a collective: 8 us on NVLink-like links, more on PCIe."""
    slow = columns["link"] < 200
    base = np.where(slow, 20e-6, 8e-6)
    return np.asarray(np.where(degree > 1, base * (1 + 0.2 * np.log2(np.fmax(degree, 1.0))), 0.0))


def all_reduce(columns: Columns, size: FloatArray, degree: FloatArray) -> FloatArray:
    """Ring all-reduce of ``size`` bytes: 2 (n-1)/n of them over the link, plus latency."""
    share = 2.0 * (degree - 1.0) / np.fmax(degree, 1.0)
    return np.asarray(latency(columns, degree) + share * size / bytes_per_second(columns, degree))


def all_gather(columns: Columns, size: FloatArray, degree: FloatArray) -> FloatArray:
    """All-gather or reduce-scatter of ``size`` bytes in total: (n-1)/n of them over the link."""
    share = (degree - 1.0) / np.fmax(degree, 1.0)
    return np.asarray(latency(columns, degree) + share * size / bytes_per_second(columns, degree))
