"""How often a configuration is repeated: once, several times for a batch, as needed for a rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.records import dataclass
from planner.candidates.columns import Amount
from planner.candidates.configurations import Configurations, doubling
from planner.performance.throughput import Throughput
from planner.workload import BatchInference, Edge, Serving, VisionInference, Workload

# The load may rise from its mean to its peak within this time. Assumption: a morning's ramp.
RAMP_H = 1.0

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


@dataclass(frozen=True)
class Counted:
    """Offers x configurations x repetitions as columns, shape (n,).

    ``billed`` machines-groups are paid for on average; below ``count`` where a service scales with
    its load. NaN in ``count``: the rate cannot be carried within ``max_nodes``.
    """

    row: Rows
    config: Rows
    count: Floats
    billed: Floats


def repeat(
    workload: Workload,
    amount: Amount,
    found: Configurations,
    throughput: Throughput,
    availability: Floats,
    z: float,
    start_hours: Floats,
) -> Counted:
    """Every repetition worth pricing.

    ``availability`` is the share of time that a machine of each offer is there (spot machines are
    taken back), shape (offers,); ``z`` the normal quantile of the risk asked for; ``start_hours``
    from asking for a machine of each configuration to its first answer, shape (configurations,).
    """
    row, step = np.nonzero(found.table[found.of_offer] >= 0)
    config = found.table[found.of_offer[row], step]
    nodes = found.machines.nodes
    most = workload.where.max_nodes
    if not amount.is_service:
        if not isinstance(workload, (BatchInference, VisionInference)):
            ones = np.ones(len(row))
            return Counted(row, config, ones, ones)
        counts = np.array(doubling(most), np.float64)
        row, config = np.repeat(row, len(counts)), np.repeat(config, len(counts))
        count = np.tile(counts, len(row) // len(counts))
        fits = (count * nodes[config] <= most) & np.isfinite(throughput.median[config])
        # What cannot run is kept once, so that its reason is counted.
        fits |= (count == 1) & ~np.isfinite(throughput.median[config])
        return Counted(row[fits], config[fits], count[fits], count[fits])
    spare = 0
    if isinstance(workload, (Serving, VisionInference)):
        spare = workload.spare_machines
    rate = amount.per_second or 0.0
    unit = throughput.quantile(-z)[config] * availability[row]
    if isinstance(workload, Edge):
        streams = np.floor(unit / workload.frames_per_second + 1e-9)
        taken = np.minimum(streams, workload.streams_per_device or 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            count = np.ceil(workload.streams / np.where(taken >= 1, taken, np.nan))
        return Counted(row, config, count, count)
    # The tolerance keeps a rate that is met exactly from costing one more machine.
    count = np.ceil(rate / unit - 1e-9) + np.ceil(spare / nodes[config])
    count = np.where(count * nodes[config] <= most, count, np.nan)
    billed = count
    if isinstance(workload, Serving) and workload.autoscaling is not None:
        scaled = workload.autoscaling
        start = start_hours[config] if scaled.cold_start is None else scaled.cold_start
        # Groups kept ready bridge what the load may rise by while another starts.
        mean = amount.mean_per_second or rate
        ready = (rate - mean) * np.minimum(start / RAMP_H, 1.0)
        most_used = np.ceil((mean + ready) / unit - 1e-9)
        least = np.ceil(scaled.min_machines / nodes[config])
        billed = np.minimum(count, np.maximum(most_used, least) + np.ceil(spare / nodes[config]))
    return Counted(row, config, count, billed)
