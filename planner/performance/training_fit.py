"""Training configurations as the fitted model reads them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from catalog import Catalog
from catalog.model_shapes import ModelShape
from planner.performance.alike import distinct
from planner.performance.devices import Machines, usual_network
from planner.performance.efficiency import Expected
from planner.performance.fitted import Setups, bounded, engine, fit, overlay, sockets, steady_growth
from planner.performance.layouts import ANY_LAYOUT, FULL_RECOMPUTE, Layout
from planner.performance.learned.columns import STEP_RATE
from planner.performance.training import StepTimes
from planner.workload import LanguageTraining, Method, Training, VisionTraining

Floats = NDArray[np.float64]

# Weight of the step time, in logs, beside the fit (which blends it in by about as much) for
# language models: a plan is often larger than the runs fitted on. GPT-3 175B on 1,024 A100 takes 34
# days with full recomputation (Narayanan et al. 2021), up to 30% less with selective (NeMo's
# documentation). The step time says 33 and 22.5, the fit 26 and 19, both so weighed 28 and 20.
ANALYTIC_SHARE = 0.3
# Machines with more devices are slices of several hosts: the fit then counts hosts by itself.
_MOST_IN_A_HOST = 8


def training_setups(
    workload: Training,
    shape: ModelShape,
    machines: Machines,
    layouts: list[Layout] | None,
    precision: str,
) -> Setups:
    """The configurations with the layouts chosen for them, where there are such."""
    whole, share = sockets(machines)
    columns = {
        "devices": machines.total * whole,
        "nodes": np.where(machines.per_node > _MOST_IN_A_HOST, np.nan, machines.nodes),
        "share": share,
    }
    template = {
        "model": shape.name,
        "framework": engine(workload.framework, "pytorch"),
        "precision": precision,
    }
    if isinstance(workload, VisionTraining):
        template["task"] = "train"
        if workload.image_size is not None:
            template["img_size"] = str(workload.image_size)
        columns["batch"] = np.full(len(machines), float(workload.batch_size))
    else:
        template |= _language(workload)
        sequences = max(1.0, workload.step_tokens / workload.sequence_length)
        columns["batch"] = np.full(len(machines), sequences)
        columns |= _degrees(layouts or [ANY_LAYOUT] * len(machines))
    return Setups(template, [device.name for device in machines.devices], {}, columns)


def training_expected(
    workload: Training,
    shape: ModelShape,
    machines: Machines,
    step: StepTimes,
    precision: str,
    *,
    log_analytic: Floats,
    log_most: Floats,
    prior: Expected,
    catalog: Catalog,
) -> tuple[Expected, Setups]:
    """What the fit expects of configurations that run, the prior of the others.

    ``log_analytic`` and ``log_most`` are logs of units/s: of the analytic model, and of the most
    that the hardware can do.
    """
    setups = training_setups(workload, shape, machines, step.degrees, precision)
    wanted = np.isfinite(log_analytic)
    if isinstance(workload, LanguageTraining):
        wanted &= ~machines.is_cpu  # none was among the published runs
    units = step.total_s * np.exp(log_analytic)  # of one step
    slow_s = _slow_network_s(step, machines)
    if isinstance(workload, LanguageTraining):
        own = np.log(units / (step.total_s - slow_s))
        per_device = own - np.log(setups.columns["devices"])
        asked = replace(setups, columns={**setups.columns, STEP_RATE: per_device})
        found = fit(catalog, shape, asked, wanted)
        usual = (1 - ANALYTIC_SHARE) * found.log_total + ANALYTIC_SHARE * own
    else:
        found = fit(catalog, shape, setups, wanted)
        usual = found.log_total
    # Published runs had the network usual for their devices: a slower one comes on top.
    total = np.log(units / (units / np.exp(bounded(usual, log_most)) + slow_s))
    grown = steady_growth(total, log_analytic, machines)
    found = type(found)(grown, found.log_sd, found.log_sd_above, found.basis)
    return overlay(found, log_analytic, log_most, prior), setups


def _slow_network_s(step: StepTimes, machines: Machines) -> Floats:
    """Seconds of a step's exposed communication that the usual network would not have needed.

    Exposed time shrinks at least in proportion to a faster network, so this is a lower bound of
    what the slow one costs; inside one machine it is nothing.
    """
    usual = np.array(
        [
            usual_network(device, per_node)
            for device, per_node in zip(machines.devices, machines.per_node.tolist(), strict=True)
        ]
    )
    share = np.clip(machines.network / usual, 0.0, 1.0)
    slow = step.communication_s * (1 - np.where(np.isnan(share), 1.0, share))
    return np.where(machines.nodes > 1, slow, 0.0)


def _language(workload: LanguageTraining) -> dict[str, str]:
    adapters = workload.method is not Method.FULL
    return {
        "task": "train" if workload.kind == "pretrain" else "finetune",
        "seq_len": str(workload.sequence_length),
        "parallelism": "lora" if adapters else "",
    }


def _degrees(found: list[Layout]) -> dict[str, Floats]:
    """Degrees and flags of the layouts; a configuration without one gets those of one device."""
    first, member = distinct(list(map(id, found)))  # most configurations share their layout
    once = [found[place] for place in first.tolist()]
    columns = {
        "tp": np.array([float(one.tensor or 1) for one in once])[member],
        "pp": np.array([float(one.pipeline or 1) for one in once])[member],
        "cp": np.array([float(one.context or 1) for one in once])[member],
        "ep": np.array([float(one.expert or 1) for one in once])[member],
        "vp": np.array([float(one.interleave or 1) for one in once])[member],
        "fsdp": np.array([float((one.zero or 0) >= 3) for one in once])[member],
        "checkpointing": np.array([float(one.recompute == FULL_RECOMPUTE) for one in once])[member],
    }
    columns["vp"][columns["vp"] <= 1] = np.nan  # published only where stages are interleaved
    return columns
