"""Networks that take batches of samples, as the fitted model reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.model_shapes import ModelShape
from planner.performance.devices import Machines
from planner.performance.efficiency import Expected, by_prior
from planner.performance.fitted import Setups, fit, overlay, sockets
from planner.performance.inference.batches import BatchTimes, SampleWork
from planner.performance.inference.precision import Arithmetic

Floats = NDArray[np.float64]

# Of the datasheet's peak; no published run of a network of convolutions reaches more.
CREDIBLE = 0.7


def samples_expected(
    times: BatchTimes,
    work: SampleWork,
    batch: Floats,
    machines: Machines,
    runs: Arithmetic,
    shape: ModelShape,
    *,
    task: str,
    template: Mapping[str, str],
    frameworks: Sequence[str],
    catalog: Catalog,
) -> tuple[Expected, Setups]:
    """What the fit expects of one device of each unit at its ``batch`` (NaN: at the smallest), the
    prior where it says nothing. ``times`` are the analytic ones, at speed 1.

    Units of several devices work on batches of their own, so one device stands for all.
    """
    rows = np.arange(len(machines))
    sizes = times.size[0]
    column = np.searchsorted(sizes, np.where(np.isnan(batch), sizes[0], batch))
    size = sizes[np.minimum(column, len(sizes) - 1)]
    column = np.minimum(column, len(sizes) - 1)
    analytic = size / times.total[rows, column]
    peak = runs.peak
    if "fp32" in runs.computed:  # frameworks compute fp32 convolutions in TF32 where a GPU has it
        fp32 = np.array([name == "fp32" for name in runs.computed], bool)
        peak = np.where(fp32, np.fmax(peak, machines.peak("tf32")), peak)
    whole, share = sockets(machines)
    setups = Setups(
        {"task": "infer_batch", "model": shape.name, **template},
        [device.name for device in machines.devices],
        {"precision": runs.stored, "framework": list(frameworks)},
        {"devices": whole, "nodes": np.ones(len(rows)), "share": share, "batch": size},
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        log_analytic, log_most = np.log(analytic), np.log(CREDIBLE * peak / work.flops)
    found = fit(catalog, shape, setups, np.isfinite(log_analytic))
    # Far from what it learnt the fit may promise what no device does: then it is not taken at all.
    found = replace(found, log_total=np.where(found.log_total > log_most, np.nan, found.log_total))
    prior = by_prior(task, [device.kind for device in machines.devices])
    return overlay(found, log_analytic, log_most, prior), setups
