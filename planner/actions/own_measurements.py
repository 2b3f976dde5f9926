"""The user's own runs, as the learner and the estimates see them."""

from __future__ import annotations

import re

import numpy as np

from catalog import Catalog, UnknownName
from catalog.accelerators import AcceleratorKind
from catalog.observations import Observation, OwnObservation, OwnObservations
from planner.candidates.configurations import doubling
from planner.performance.devices import Device, Machines, from_accelerator, usual_network
from planner.performance.efficiency import Measured
from planner.performance.throughput import log_ratio, setups_of, training_throughput
from planner.workload import Precision, VisionTraining

THIS_MACHINE = "this-machine"


def own_measurements(catalog: Catalog) -> list[Measured]:
    """Each own run that the model can be asked about, as log(measured / expected)."""
    found = []
    for own in OwnObservations().all():
        measured = _measured(own, catalog)
        if measured is not None:
            found.append(measured)
    return found


def this_machine() -> Device:
    """This machine's CPUs as one device; what could not be found out stays unknown."""
    from launchers.hardware import describe_machine

    machine = describe_machine()
    peak = machine.peak_fp32_tflops
    bandwidth = machine.memory_bandwidth_gb_per_s
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


def _measured(own: OwnObservation, catalog: Catalog) -> Measured | None:
    seen = own.observation
    if seen.task != "train" or seen.metric != "images_per_s_per_device" or seen.value is None:
        return None
    device = _device(own, catalog)
    if device is None:
        return None
    try:
        shape = catalog.model_shape(seen.model)
    except UnknownName:
        return None
    workload = VisionTraining(
        kind="vision-training",
        model=shape.name,
        samples=1,
        batch_size=int(seen.batch_per_device or 1),
        image_size=int(seen.img_size) if seen.img_size else None,
        precision=_precision(seen),
        framework=_framework_family(seen.framework),
        decode_images=False,
    )
    machines = one_machine(device)
    estimate = training_throughput(workload, shape, machines, catalog=catalog)
    ratio = log_ratio(estimate, seen.value)
    if ratio is None:
        return None
    sd = float(estimate.log_sd[0])
    return Measured(setups_of(workload, shape, machines)[0], ratio, own.id, sd)


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


def _precision(seen: Observation) -> Precision:
    plain = seen.precision.removeprefix("amp-")
    return Precision(plain) if plain in Precision._value2member_map_ else Precision.FP32


def _framework_family(name: str) -> str:
    """``pytorch2.13-eager`` is pytorch."""
    match = re.match(r"[a-zA-Z]+", name)
    return match[0].lower() if match else name
