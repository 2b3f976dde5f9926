"""The user's own runs, as the learner and the estimates see them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from catalog import Catalog, UnknownName
from catalog.accelerators import AcceleratorKind
from catalog.observations import OwnObservation, OwnObservations
from catalog.verdicts import Verdict, Verdicts
from planner.actions.calibration.observed import (
    CEILING,
    THIS_MACHINE,
    observed_workload,
    per_second,
)
from planner.candidates.configurations import doubling
from planner.information.belief import believe
from planner.performance.devices import Device, Machines, from_accelerator, usual_network
from planner.performance.efficiency import MEASUREMENT_SD, Measured
from planner.performance.tasks import setups_of
from planner.performance.throughput import log_ratio, throughput_of

# Runs of one set-up repeat within a few per cent: these were made under different loads, software
# or power limits, and no average of them is the speed of either. Assumption.
CONTRADICTION = 0.2
# Standard deviations from what is expected, other runs considered, beyond which a run waits for the
# user's word.
OUTLIER_SD = 3.0
# Part of the machine's CPU time that other processes may have had during a run. Assumption.
OTHER_CPU_SHARE = 0.15
# Part of the datasheet's bandwidth that copies of large arrays reach on CPUs. Assumption.
STREAM_SHARE = 0.8
# A run of a batch says as much about a service: the same engine, the same network.
SIBLINGS = {"llm-batch": ("llm-serving",), "llm-serving": ("llm-batch",)}


class Use(StrEnum):
    """What became of a run in the estimates."""

    USED = "used"
    UNDONE = "undone"
    OUTLIER = "outlier"
    CONTRADICTS = "contradicts"
    CONTENDED = "contended"
    NOT_ASKED = "kept aside"  # no estimate of a plan is about it


@dataclass(frozen=True)
class Examined:
    """One own run: ``expected`` is what was estimated before any own run, in the run's metric
    (None where no plan asks about it), ``surprise`` how many standard deviations it was off when
    the other runs are known. ``reason`` says why it is not used.
    """

    own: OwnObservation
    use: Use
    expected: float | None = None
    surprise: float | None = None
    reason: str = ""
    measured: tuple[Measured, ...] = ()

    @property
    def factor(self) -> float | None:
        """Measured over expected."""
        value = self.own.observation.value
        return None if value is None or not self.expected else value / self.expected


def own_measurements(catalog: Catalog) -> list[Measured]:
    """Each own run that is used and that the model can be asked about."""
    return [one for run in examine(catalog) if run.use is Use.USED for one in run.measured]


def examine(catalog: Catalog) -> list[Examined]:
    """Every own run, oldest first, and whether the estimates use it.

    A run is held back when the machine did other work beside it, when it contradicts another of
    the same set-up, or is further off than anyone would expect; the user keeps it or takes it
    back. Nothing is averaged silently.
    """
    verdicts = Verdicts().all()
    found = [_examined(own, catalog) for own in OwnObservations().all()]
    said = {name: one.verdict for name, one in verdicts.items()}
    found = [
        replace(run, use=Use.UNDONE, reason="taken back by the user")
        if said.get(run.own.id) is Verdict.UNDONE
        else run
        for run in found
    ]
    found = [_contended(run, said) for run in found]
    return _outliers(_contradictions(found, said), said)


def this_machine() -> Device:
    """This machine's CPUs as one device; what could not be found out stays unknown.

    A CPU does not tell its memory bandwidth: it is known once `calibrate run memory` measured it.
    """
    from launchers.hardware import describe_machine

    machine = describe_machine()
    peak = machine.peak_fp32_tflops
    bandwidth = machine.memory_bandwidth_gb_per_s or _measured_bandwidth(machine.fingerprint)
    return Device(
        name=THIS_MACHINE,
        kind=AcceleratorKind.CPU,
        share=1.0,
        peaks={} if peak is None else {"fp32": peak * 1e12},
        memory=None if machine.memory_gib is None else machine.memory_gib * 2**30,
        memory_bandwidth=None if bandwidth is None else bandwidth * 1e9,
        link_bandwidth=1.0,
        link_domain=1,
        cores=None if machine.physical_cores is None else float(machine.physical_cores),
    )


def _measured_bandwidth(fingerprint: str) -> float | None:
    """GB/s that a datasheet would say, from the newest `memory` run of this machine in use."""
    verdicts = Verdicts().all()
    found = None
    for own in OwnObservations().all():
        seen, said = own.observation, verdicts.get(own.id)
        ceiling = seen.task == CEILING and seen.metric == "gb_per_s"
        if ceiling and own.machine == fingerprint and seen.accelerator == THIS_MACHINE:
            undone = said is not None and said.verdict is Verdict.UNDONE
            contended = _other_cpu(own) > OTHER_CPU_SHARE and (
                said is None or said.verdict is not Verdict.KEPT
            )
            if seen.value and not undone and not contended:
                found = seen.value / STREAM_SHARE
    return found


def why_not_on(device: Device, reason: str) -> str:
    """The reason, with what to run where this machine has yet to be measured for it."""
    if device.name == THIS_MACHINE and device.memory_bandwidth is None and "bandwidth" in reason:
        return f"{reason}; `planner calibrate run memory --on local` measures it"
    return reason


def one_machine(device: Device) -> Machines:
    """A single configuration; host and network figures unknown."""
    return machines_up_to(device, 1, 1)


def machines_up_to(device: Device, per_node: int, nodes: int) -> Machines:
    """1, 2, 4, ... and ``nodes`` machines on the network usual for them: the numbers that plans
    try, so that the last one is estimated as in a plan. Host figures are unknown.
    """
    counts = np.array(doubling(nodes), np.float64)
    unknown = np.full(len(counts), np.nan)
    network = np.full(len(counts), usual_network(device, per_node)) if nodes > 1 else unknown
    return Machines(
        (device,) * len(counts),
        np.full(len(counts), float(per_node)),
        counts,
        network,
        unknown,
        unknown,
    )


def _examined(own: OwnObservation, catalog: Catalog) -> Examined:
    """The run against what a plan would have estimated without any own run."""
    seen = own.observation
    device = _device(own, catalog)
    if device is None:
        return Examined(own, Use.NOT_ASKED, reason=f"{seen.accelerator} is not this machine's")
    if seen.task == CEILING:
        return Examined(own, Use.NOT_ASKED, reason="a ceiling: no plan asks for one by itself")
    try:
        shape = catalog.model_shape(seen.model)
    except UnknownName:
        return Examined(own, Use.NOT_ASKED, reason=f"{seen.model} is no network")
    nodes = max(1, round(seen.nodes or 1))
    devices = max(1, round(seen.accelerators or 1))
    workload = observed_workload(seen, shape, devices)
    if workload is None:
        return Examined(own, Use.NOT_ASKED, reason=f"no plan asks about {seen.task} of this kind")
    machines = machines_up_to(device, max(1, devices // nodes), nodes)
    estimate = throughput_of(workload, shape, machines, catalog=catalog)
    last = len(machines) - 1
    value = per_second(seen, estimate.unit, devices)
    ratio = None if value is None else log_ratio(estimate, value, last)
    if value is None or seen.value is None or ratio is None:
        reason = (
            why_not_on(device, estimate.why_not[last])
            or f"{seen.metric} is not what a plan estimates"
        )
        return Examined(own, Use.NOT_ASKED, reason=reason)
    setup = setups_of(workload, shape, machines, estimate)[last]
    sd = float(estimate.log_sd[last])
    measured = tuple(
        Measured(replace(setup, task=task), ratio, own.id, sd)
        for task in (setup.task, *SIBLINGS.get(setup.task, ()))
    )
    return Examined(own, Use.USED, seen.value * float(np.exp(-ratio)), None, "", measured)


def _contended(run: Examined, said: dict[str, Verdict]) -> Examined:
    """Hold back a run beside which the machine did other work."""
    share = _other_cpu(run.own)
    kept = said.get(run.own.id) is Verdict.KEPT
    if run.use is not Use.USED or share <= OTHER_CPU_SHARE or kept:
        return run
    return replace(
        run,
        use=Use.CONTENDED,
        reason=f"other processes had {share:.0%} of the machine's CPU time; run it again alone, "
        "or keep it",
    )


def _other_cpu(own: OwnObservation) -> float:
    """Share of the machine's CPU time that other processes had during a run."""
    match = re.search(r"(?:^|;)other_cpu=([\d.]+)", own.observation.notes)
    return float(match[1]) if match else 0.0


def _contradictions(runs: Sequence[Examined], said: dict[str, Verdict]) -> list[Examined]:
    """Hold back runs of the very same set-up that are far apart, unless one is kept."""
    groups: dict[object, list[int]] = {}
    for number, run in enumerate(runs):
        if run.use is Use.USED:
            groups.setdefault((run.own.machine, run.measured[0].setup), []).append(number)
    result = list(runs)
    for members in groups.values():
        ratios = [runs[i].measured[0].log_ratio for i in members]
        if max(ratios) - min(ratios) <= CONTRADICTION:
            continue
        kept = [i for i in members if said.get(runs[i].own.id) is Verdict.KEPT]
        for i in members:
            if i in kept:
                continue
            other = max(
                kept or members,
                key=lambda j: abs(runs[j].measured[0].log_ratio - runs[i].measured[0].log_ratio),
            )
            apart = runs[i].measured[0].log_ratio - runs[other].measured[0].log_ratio
            if abs(apart) > CONTRADICTION or not kept:
                result[i] = replace(
                    runs[i],
                    use=Use.CONTRADICTS,
                    reason=f"{np.expm1(apart):+.0%} against {runs[other].own.id} of the same "
                    "set-up; keep one or undo one",
                )
    return result


def _outliers(runs: Sequence[Examined], said: dict[str, Verdict]) -> list[Examined]:
    """Each run's surprise given the others, and those too surprising held back."""
    used = [i for i, run in enumerate(runs) if run.use is Use.USED]
    result = list(runs)
    for i in used:
        mine = runs[i].measured[0]
        others = [runs[j].measured[0] for j in used if j != i]
        sd = np.array([mine.log_sd or 1.0])
        belief = believe([mine.setup], sd, others)
        spread = float(np.sqrt(belief.variance[0] + MEASUREMENT_SD**2))
        surprise = (mine.log_ratio - float(belief.mean[0])) / spread
        run = replace(runs[i], surprise=surprise)
        if abs(surprise) > OUTLIER_SD and said.get(run.own.id) is not Verdict.KEPT:
            run = replace(
                run,
                use=Use.OUTLIER,
                reason=f"{abs(surprise):.1f} standard deviations "
                f"{'above' if surprise > 0 else 'below'} what is expected; keep it or undo it",
            )
        result[i] = run
    return result


def _device(own: OwnObservation, catalog: Catalog) -> Device | None:
    name = own.observation.accelerator
    if name == THIS_MACHINE:
        from launchers.hardware import describe_machine

        # Runs of another machine (a shared data folder) say nothing about this one's name.
        return this_machine() if describe_machine().fingerprint == own.machine else None
    try:
        return from_accelerator(catalog.accelerator(name))
    except UnknownName:
        return None
